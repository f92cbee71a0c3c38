"""Checks a generate request as the Developer API does.

First the form of the request, whichever model it is for; then what this model can do. Sentences without a remark were
seen, in recordings or quoted bodies.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from mockserver.catalog.base_model import BaseModel, Shape
from mockserver.catalog.ranges import Range
from mockserver.gemini import errors
from mockserver.gemini.targets import Target
from mockserver.gemini.versions import message_name
from mockserver.generation.numbers import FEATURES, THIRD_GENERATION, out_of_range, range_error
from mockserver.generation.prompt import count_if_too_long, declared_functions
from mockserver.generation.requests import check_request, file_uris, list_parts, searches_and_calls
from mockserver.generation.structured_output import ENUM, JSON, answer_schema
from mockserver.generation.turns import check_turns, is_single_turn
from mockserver.protojson import schema
from mockserver.rpc.errors import ApiError, invalid_argument
from mockserver.scripting.answers import Prompt

TUNED_INPUT_LENGTH = 40_000
"""The documented limit of a prompt to a tuned model, in characters."""

# Four were listed on 2023-12-28, five on 2024-08-28 [both seen]; the day between them is our choice.
FIVE_CATEGORIES_SINCE = date(2024, 8, 1)
RANGE_SENTENCES_SINCE = date(2024, 11, 1)  # about; before, errors began with `* GenerateContentRequest`

_MODEL = re.compile(r"(models|tunedModels)/[\w.-]+", re.ASCII)
_NO_INSTRUCTION = "gemini-2.5-flash-image"  # Google's tests, 2026-10
_FOREIGN_FILES = ("gs://", "https://storage.googleapis.com/")
_ROLES = {"", "user", "model", "function"}
_CATEGORIES = (
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_CIVIC_INTEGRITY",
)
# A thought without data is a part too [Google's tests], and so is a signature alone [seen: 2026-03].
_DATA = {"thought", "thoughtSignature", *schema.oneof_members(message_name("v1beta", "Part"), "data")}


def check_form(message: Mapping[str, Any], as_of: date | None) -> None:
    """Refuse a generate request that no model could answer on that day. Raises ApiError with every violation."""
    kind = "GenerateContentRequest"
    violations = [] if _MODEL.fullmatch(message["model"]) else [f"{kind}.model: unexpected model name format"]
    violations += content_violations(message.get("contents", ()), f"{kind}.contents")
    if "safetySettings" in message:
        violations += _safety_violations(message["safetySettings"], f"{kind}.safety_settings", as_of)
    if violations:
        raise errors.invalid_fields(*violations)
    for content in message["contents"]:
        if content.get("role", "") not in _ROLES:
            raise invalid_argument("Please use a valid role: user, model.")


def content_violations(contents: Sequence[Mapping[str, Any]], path: str) -> Iterator[str]:
    """Yield every violation of a conversation: no turns, a turn without parts, a part without data."""
    if not contents:
        yield f"{path}: contents is not specified"
    for index, content in enumerate(contents):
        parts = content.get("parts", ())
        if not parts:
            yield f"{path}[{index}].parts: contents.parts must not be empty."
        for number, part in enumerate(parts):
            if _DATA.isdisjoint(part):
                data = f"{path}[{index}].parts[{number}].data"
                yield f"{data}: required oneof field 'data' must have one initialized field"


def check_enabled(target: Target, message: Mapping[str, Any], as_of: date | None) -> None:
    """Refuse what this model cannot do, or could not on that day. Raises ApiError."""
    base, config = target.base, message.get("generationConfig", {})
    parts = list_parts(message)
    if not all(["text" in part for part in parts]):  # noqa: C419 - a list is faster than a generator
        _check_modalities(target, parts)
    check_files(parts)
    if searches_and_calls(message):
        raise invalid_argument("Tool use with function calling is unsupported")  # adk-python issue 53
    check_request(message, parts)
    _check_turns(target, message["contents"], parts)
    is_gemma = base.id.startswith("gemma")
    is_plain = target.is_tuned or base.shape is Shape.V1_0 or is_gemma
    if "systemInstruction" in message and (is_plain or base.id == _NO_INSTRUCTION):
        raise errors.not_enabled("Developer instruction", target.name)
    if is_plain and (config.get("responseMimeType") in {JSON, ENUM} or answer_schema(config) is not None):
        raise errors.not_enabled("Json mode", target.name)
    if message.get("tools") and (target.is_tuned or is_gemma):
        raise errors.not_enabled("Function calling", target.name)
    if base.shape is Shape.V1_0 and len(message.get("tools", ())) > 1:
        raise invalid_argument("At most one tool is supported.")  # seen of 1.0
    if "functionCallingConfig" in message.get("toolConfig", {}) and not any(declared_functions(message)):
        raise invalid_argument("Function calling config is set without function_declarations.")  # seen 2025-09
    length = sum([len(part.get("text", "")) for part in parts]) if target.is_tuned else 0
    if length > TUNED_INPUT_LENGTH:
        raise invalid_argument(  # our choice: not seen
            f"The input has {length} characters, and {target.name} takes {TUNED_INPUT_LENGTH} at most."
        )
    _check_numbers(target, config, as_of)


def check_length(prompt: Prompt, base: BaseModel) -> None:
    """Raise 400 for more tokens than the model accepts.

    2.0 Flash was recorded in 2025-07 to name its count, and a limit that is one below the listed one; 2.5 Flash from
    2026-04 on to name the listed limit only.
    """
    if base.shape is Shape.V2_5:
        limit, words = base.input_token_limit, "The input token count"
    else:  # of models before 2.0: our choice, not seen
        limit, words = base.input_token_limit - 1, "The input token count ({})"
    if count := count_if_too_long(prompt, limit):
        raise invalid_argument(f"{words.format(count)} exceeds the maximum number of tokens allowed ({limit}).")


def _check_modalities(target: Target, parts: Sequence[Mapping[str, Any]]) -> None:
    for name in sorted({modality for part in parts for modality in _modalities(part)}):
        if not _accepts(target, name):
            raise errors.not_enabled(f"{name} input modality", target.name)


def check_files(parts: Sequence[Mapping[str, Any]]) -> None:
    """Refuse files that cannot be this project's [Google's tests, 2026-10]. Raises ApiError.

    Files are not served: every other name is taken for one that exists, which is our choice.
    """
    for uri in file_uris(parts):
        if uri.startswith(_FOREIGN_FILES):
            raise invalid_argument(f"Invalid or unsupported file uri: {uri}")  # seen 2024 to 2026


def _check_turns(target: Target, contents: Sequence[Mapping[str, Any]], parts: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a conversation that this model could not have. Raises ApiError."""
    if is_single_turn(target.base):
        if len(contents) > 1:
            raise errors.not_enabled("Multiturn chat", target.name)  # seen 2024, and 2026 of 2.5 Flash TTS
        if target.base.shape is Shape.V1_0 and not any(name == "Image" for part in parts for name in _modalities(part)):
            raise invalid_argument(  # seen 2023-12 to 2024-06
                f"Add an image to use {target.name}, or switch your model to a text model."
            )
    check_turns(contents, target.base)


def _check_numbers(target: Target, config: Mapping[str, Any], as_of: date | None) -> None:
    """Refuse the first number out of range, in the words of the model's time or of the day. Raises ApiError."""
    base = target.base
    for limit, number in out_of_range(config, "developer", base, as_of):
        if limit.refusal == "enabled":
            whose = "this model" if base.id.startswith(THIRD_GENERATION) else target.name
            raise errors.not_enabled(FEATURES[limit.field], whose)
        if limit.refusal == "one":
            raise invalid_argument("Only one candidate can be specified")  # seen 2024-02 to 2024-05
        if limit.field == "thinking_budget":
            raise _wrong_budget(limit, number)
        is_old = base.shape is Shape.V1_0 if as_of is None else as_of < RANGE_SENTENCES_SINCE
        raise _out_of_old_range(limit, base) if is_old else range_error(limit, number)
    if config.get("logprobs") is not None and not config.get("responseLogprobs"):
        # Google's tests expect "response_logprobs is true"; the words before it are our choice.
        raise invalid_argument("logprobs can only be set when response_logprobs is true.")
    thinking = config.get("thinkingConfig", {})
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        raise invalid_argument("You can only set only one of thinking budget and thinking level.")  # seen 2026


def _wrong_budget(limit: Range, number: float) -> ApiError:
    """400 for a thinking budget [both seen, 2025 and 2026]."""
    if not number:
        return invalid_argument("Budget 0 is invalid. This model only works in thinking mode.")
    least, most = int(limit.least), int(limit.below or 0) - 1
    return invalid_argument(
        f"The thinking budget {int(number)} is invalid. Please choose a value between {least} and {most}."
    )


def _out_of_old_range(limit: Range, base: BaseModel) -> ApiError:
    """400 in the form until 2024-11, which was seen for temperature; the words for other fields are our choice."""
    path = f"GenerateContentRequest.generation_config.{limit.field}: {limit.field}"
    if limit.field == "temperature":
        return errors.invalid_fields(f"{path} must be in the range [0.0, {base.max_temperature or 1.0}].")
    if limit.below is None:
        return errors.invalid_fields(f"{path} must be positive.")
    return errors.invalid_fields(f"{path} must be in the range [{limit.least:g}, {limit.below:g}).")


def _safety_violations(settings: Sequence[Mapping[str, Any]], path: str, as_of: date | None) -> Iterator[str]:
    """Violations of the categories: one that the day does not know, or one that is set twice."""
    names = _CATEGORIES if as_of is None or as_of >= FIVE_CATEGORIES_SINCE else _CATEGORIES[:4]
    categories = ", ".join(f"HarmCategory.{name}" for name in names)
    earlier = set()
    for index, setting in enumerate(settings):
        category = setting.get("category")
        if category not in names:
            yield f"{path}[{index}]: element predicate failed: $.category in ({categories})"
        if category in earlier:
            # That it is refused was seen in 2024-11, the words are our choice.
            yield f"{path}[{index}]: duplicate safety setting for {category}"
        earlier.add(category)


def _modalities(part: Mapping[str, Any]) -> Iterator[str]:
    """Yield the modalities of a part that are not text: "Image", "Audio" ..."""
    for member in ("inlineData", "fileData"):
        if member in part:
            yield part[member].get("mimeType", "image").partition("/")[0].capitalize()


def _accepts(target: Target, modality: str) -> bool:
    """Tuned models accept text only; so did 1.0, but for its vision models, which accepted images."""
    if target.is_tuned:
        return False
    if target.base.shape is Shape.V1_0:
        return modality == "Image" and "vision" in target.base.id
    return not target.base.id.startswith("gemma")

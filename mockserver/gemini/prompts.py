"""What a client asks of a generating model: checked, then put into the simulation's neutral words.

The checks come in the order of the front end: the form of the request, before it matters whose model it
is; then what this model can do. Sentences without a remark were seen, in recordings or quoted bodies.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mockserver.catalog.base_model import Shape
from mockserver.gemini import errors
from mockserver.gemini.models import Subject
from mockserver.generation.structured_output import ENUM, JSON, answer_schema, declared_functions
from mockserver.rpc.errors import invalid_argument
from mockserver.scripting.answers import Prompt, Turn
from mockserver.simulation.tokens import IMAGE_TOKENS

Json = dict[str, Any]

TUNED_INPUT_LENGTH = 40_000
"""The documented limit of a prompt to a tuned model, in characters."""

_MODEL = re.compile(r"(models|tunedModels)/[\w.-]+", re.ASCII)
_ROLES = {"", "user", "model", "function"}
_CATEGORIES = (
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_CIVIC_INTEGRITY",
)
_DATA = {
    "text", "inlineData", "functionCall", "functionResponse", "fileData", "executableCode", "codeExecutionResult",
}  # fmt: skip


def check_form(message: Mapping[str, Any], kind: str = "GenerateContentRequest") -> None:
    """Refuse a generate request that no model could answer. Raises ApiError with everything found."""
    findings = [
        *_model_findings(message, kind),
        *content_findings(message.get("contents", ()), f"{kind}.contents"),
        *_safety_findings(message, kind),
        *_number_findings(message, kind),
    ]
    if findings:
        raise errors.invalid(*findings)
    if any(content.get("role", "") not in _ROLES for content in message["contents"]):
        raise invalid_argument("Please use a valid role: user, model.")


def content_findings(contents: Sequence[Mapping[str, Any]], place: str) -> Iterator[str]:
    """What is wrong with a conversation: nothing in it, a turn without parts, a part without data."""
    if not contents:
        yield f"{place}: contents is not specified"
    for index, content in enumerate(contents):
        parts = content.get("parts", ())
        if not parts:
            yield f"{place}[{index}].parts: contents.parts must not be empty."
        for number, part in enumerate(parts):
            if not _DATA & part.keys():
                data = f"{place}[{index}].parts[{number}].data"
                yield f"{data}: required oneof field 'data' must have one initialized field"


def check_enabled(subject: Subject, message: Mapping[str, Any]) -> None:
    """Refuse what other models can do and this one cannot."""
    config = message.get("generationConfig", {})
    parts = [part for content in message["contents"] for part in content["parts"]]
    for name in sorted({modality for part in parts for modality in _modalities(part)}):
        if not _takes(subject, name):
            raise errors.not_enabled(f"{name} input modality", subject.name)
    if _is_plain(subject):
        if "systemInstruction" in message:
            raise errors.not_enabled("Developer instruction", subject.name)
        if config.get("responseMimeType") in {JSON, ENUM} or answer_schema(config) is not None:
            raise errors.not_enabled("Json mode", subject.name)
    if message.get("tools") and (subject.is_tuned or subject.base.id.startswith("gemma")):
        raise errors.not_enabled("Function calling", subject.name)
    if "functionCallingConfig" in message.get("toolConfig", {}) and not any(declared_functions(message)):
        raise invalid_argument("Function calling config is set without function_declarations.")  # seen 2025-09
    _check_length(subject, parts)
    _check_temperature(subject, config)


def read_prompt(subject: Subject, message: Mapping[str, Any]) -> Prompt:
    """The conversation. A turn without a role is the user's, as in every old sample."""
    return Prompt(
        model=subject.name,
        base=subject.base.name,
        turns=tuple(_turn(content) for content in message.get("contents", ())),
        system=text_of(message.get("systemInstruction", {})),
    )


def text_of(content: Mapping[str, Any]) -> str:
    """The text of a content's parts."""
    return "".join(part.get("text", "") for part in content.get("parts", ()))


def _turn(content: Mapping[str, Any]) -> Turn:
    others = sum(IMAGE_TOKENS for part in content["parts"] if any(_modalities(part)))
    return Turn(content.get("role") or "user", text_of(content), others)


def _model_findings(message: Mapping[str, Any], kind: str) -> Iterator[str]:
    if not _MODEL.fullmatch(message["model"]):
        yield f"{kind}.model: unexpected model name format"


def _safety_findings(message: Mapping[str, Any], kind: str) -> Iterator[str]:
    known = ", ".join(f"HarmCategory.{name}" for name in _CATEGORIES)
    for index, setting in enumerate(message.get("safetySettings", ())):
        if setting.get("category") not in _CATEGORIES:
            yield f"{kind}.safety_settings[{index}]: element predicate failed: $.category in ({known})"


def _number_findings(message: Mapping[str, Any], kind: str) -> Iterator[str]:
    config, place = message.get("generationConfig", {}), f"{kind}.generation_config"
    if not 1 <= config.get("candidateCount", 1) <= 8:
        yield f"{place}.candidate_count: candidate_count must be in the range [1, 8]."  # our choice: not seen
    if config.get("maxOutputTokens", 1) < 1:
        yield f"{place}.max_output_tokens: max_output_tokens must be positive."  # our choice: not seen
    if not 0 <= config.get("topP", 0) <= 1:
        yield f"{place}.top_p: top_p must be in the range [0.0, 1.0]."  # our choice: not seen


def _modalities(part: Mapping[str, Any]) -> Iterator[str]:
    """What a part is, other than text: "Image", "Audio" ..."""
    for member in ("inlineData", "fileData"):
        if member in part:
            yield part[member].get("mimeType", "image").partition("/")[0].capitalize()


def _takes(subject: Subject, modality: str) -> bool:
    """Tuned models take text only, and so did 1.0 but for its vision models, which took images."""
    if subject.is_tuned:
        return False
    if subject.base.shape is Shape.V1_0:
        return modality == "Image" and "vision" in subject.base.id
    return not subject.base.id.startswith("gemma")


def _is_plain(subject: Subject) -> bool:
    """Whether it has neither developer instructions nor JSON mode: tuned models, 1.0, Gemma."""
    return subject.is_tuned or subject.base.shape is Shape.V1_0 or subject.base.id.startswith("gemma")


def _check_length(subject: Subject, parts: Sequence[Mapping[str, Any]]) -> None:
    length = sum(len(part.get("text", "")) for part in parts)
    if subject.is_tuned and length > TUNED_INPUT_LENGTH:
        raise invalid_argument(  # our choice: not seen
            f"The input has {length} characters, and {subject.name} takes {TUNED_INPUT_LENGTH} at most."
        )


def _check_temperature(subject: Subject, config: Mapping[str, Any]) -> None:
    highest = subject.base.max_temperature or 1.0
    if not 0 <= config.get("temperature", 0) <= highest:
        place = "GenerateContentRequest.generation_config.temperature"
        raise errors.invalid(f"{place}: temperature must be in the range [0.0, {highest}].")

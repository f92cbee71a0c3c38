"""What a generate request asks: checked as Vertex AI checks it, and put into neutral terms."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mockserver.catalog.base_model import BaseModel
from mockserver.generation.outcome import GenerationSettings, prompt_tokens
from mockserver.generation.structured_output import declared_functions
from mockserver.protojson.formatting import float32_text
from mockserver.rpc.errors import ApiError, Code
from mockserver.scripting.answers import Prompt, Turn
from mockserver.simulation.tokens import IMAGE_TOKENS, count_tokens

Json = dict[str, Any]

ROLES = frozenset({"user", "model"})

_LEARN = "Learn more: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/gemini"

# Seen in issues of 2025, word for word.
NO_CONTENTS = f"Unable to submit request because at least one contents field is required. {_LEARN}"
NO_PARTS = (
    "Unable to submit request because it must include at least one parts field, which describes the prompt input. "
    f"{_LEARN}"
)
EMPTY_TEXT = (
    "Unable to submit request because it has an empty text parameter. Add a value to the parameter and try again. "
    f"{_LEARN}"
)
BAD_ROLE = "Please use a valid role: user, model."  # recorded 2025-08


def read_prompt(message: Mapping[str, Any], model: str, base: str) -> Prompt:
    """The prompt of a request to `model`, which stands on `base`. Raises the real 400s."""
    contents: Sequence[Json] = message.get("contents", ())
    _check_contents(contents)
    system = "".join(part.get("text", "") for part in message.get("systemInstruction", {}).get("parts", ()))
    turns = tuple(
        Turn(
            "user" if content["role"] == "function" else content["role"],
            "".join(part.get("text", "") for part in content["parts"]),
            sum(_other_tokens(part) for part in content["parts"]),
        )
        for content in contents
    )
    return Prompt(model=model, base=base, turns=turns, system=system, tool_tokens=_tool_tokens(message))


def read_settings(message: Mapping[str, Any], base: BaseModel | None) -> GenerationSettings:
    """How the caller wants it. Raises the real 400s for numbers out of range."""
    config = message.get("generationConfig", {})
    _check_ranges(config, base)
    logprobs = config.get("logprobs", 0) if config.get("responseLogprobs") else None
    return GenerationSettings(
        candidates=config.get("candidateCount") or 1,
        max_tokens=config.get("maxOutputTokens"),
        stop=tuple(config.get("stopSequences", ())),
        thresholds={
            str(setting.get("category", "")).removeprefix("HARM_CATEGORY_"): str(setting.get("threshold", ""))
            for setting in message.get("safetySettings", ())
        },
        logprobs=logprobs,
    )


def check_length(prompt: Prompt, base: BaseModel | None) -> None:
    """400 for more tokens than the model takes [recorded 2026-08]."""
    count = prompt_tokens(prompt)
    if base is not None and count > base.input_token_limit:
        raise _invalid(
            f"The input token count ({count}) exceeds the maximum number of tokens allowed ({base.input_token_limit})."
        )


def billable_characters(message: Mapping[str, Any]) -> int:
    """The characters of all texts and declared functions, white space not counted [three recorded counts]."""
    texts = (part.get("text", "") for part in _all_parts(message))
    declared = (text for function in declared_functions(message) for text in _texts_of(function))
    return sum(not character.isspace() for text in (*texts, *declared) for character in text)


def asks_for_search(message: Mapping[str, Any]) -> bool:
    """Whether the answer is to be grounded in a search."""
    return any("googleSearch" in tool or "googleSearchRetrieval" in tool for tool in message.get("tools", ()))


def _all_parts(message: Mapping[str, Any]) -> Iterator[Json]:
    yield from message.get("systemInstruction", {}).get("parts", ())
    for content in message.get("contents", ()):
        yield from content.get("parts", ())


def _check_contents(contents: Sequence[Json]) -> None:
    if not contents:
        raise _invalid(NO_CONTENTS)
    for content in contents:
        parts = content.get("parts", ())
        answers = bool(parts) and all("functionResponse" in part for part in parts)
        if content.get("role", "") not in ROLES and not (answers and content.get("role") == "function"):
            raise _invalid(BAD_ROLE)
        if not parts:
            raise _invalid(NO_PARTS)
        if any(part.get("text") == "" for part in parts):
            raise _invalid(EMPTY_TEXT)


def _check_ranges(config: Mapping[str, Any], base: BaseModel | None) -> None:
    """Temperature is recorded (2025-08), maxOutputTokens quoted by many; the form of the others is our choice."""
    _check_range(config, "temperature", 0, 2.0001)
    _check_range(config, "topP", 0, 1.0001)
    _check_range(config, "candidateCount", 1, 9)
    _check_range(config, "maxOutputTokens", 1, (base.output_token_limit if base else 65536) + 1)


def _check_range(config: Mapping[str, Any], name: str, least: float, below: float) -> None:
    value = config.get(name)
    if value is not None and not least <= value < below:
        raise _invalid(
            f"Unable to submit request because it has a {name} value of {float32_text(value)} but the supported range "
            f"is from {least} (inclusive) to {below} (exclusive). Update the value and try again."
        )


def _texts_of(declared: Mapping[str, Any]) -> Iterator[str]:
    """The names and descriptions in a function's declaration or in a schema of its parameters."""
    yield from (declared.get("name", ""), declared.get("description", ""))
    if "parameters" in declared:
        yield from _texts_of(declared["parameters"])
    for name, inner in declared.get("properties", {}).items():
        yield name
        yield from _texts_of(inner)


def _tool_tokens(message: Mapping[str, Any]) -> int:
    """One more than its texts have, for each function.

    Recorded for one without parameters; that the names and descriptions of parameters count is our choice.
    """
    return sum(1 + sum(map(count_tokens, _texts_of(function))) for function in declared_functions(message))


def _other_tokens(part: Mapping[str, Any]) -> int:
    if "inlineData" in part or "fileData" in part:
        return IMAGE_TOKENS
    return sum(count_tokens(str(part[member])) for member in ("functionCall", "functionResponse") if member in part)


def _invalid(sentence: str) -> ApiError:
    return ApiError(Code.INVALID_ARGUMENT, sentence)

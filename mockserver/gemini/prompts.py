"""Checks a generate request as the Developer API does.

First the form of the request, whichever model it is for; then what this model can do. Sentences without a remark were
seen, in recordings or quoted bodies.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mockserver.catalog.base_model import Shape
from mockserver.gemini import errors
from mockserver.gemini.targets import Target
from mockserver.generation.prompt import declared_functions
from mockserver.generation.structured_output import ENUM, JSON, answer_schema
from mockserver.rpc.errors import invalid_argument

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


def check_form(message: Mapping[str, Any]) -> None:
    """Refuse a generate request that no model could answer. Raises ApiError with every violation."""
    kind = "GenerateContentRequest"
    violations = [] if _MODEL.fullmatch(message["model"]) else [f"{kind}.model: unexpected model name format"]
    violations += content_violations(message.get("contents", ()), f"{kind}.contents")
    if "safetySettings" in message:
        violations += _safety_violations(message["safetySettings"], f"{kind}.safety_settings")
    if "generationConfig" in message:
        violations += _number_violations(message["generationConfig"], f"{kind}.generation_config")
    if violations:
        raise errors.invalid_fields(*violations)
    for content in message["contents"]:
        if content.get("role", "") not in _ROLES:
            raise invalid_argument("Please use a valid role: user, model.")


def content_violations(contents: Sequence[Mapping[str, Any]], path: str) -> Iterator[str]:
    """Every violation of a conversation: no turns, a turn without parts, a part without data."""
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


def check_enabled(target: Target, message: Mapping[str, Any]) -> None:
    """Refuse what this model cannot do. Raises ApiError."""
    base, config = target.base, message.get("generationConfig", {})
    parts = [part for content in message["contents"] for part in content["parts"]]
    if any("text" not in part for part in parts):
        _check_modalities(target, parts)
    is_gemma = base.id.startswith("gemma")
    if target.is_tuned or base.shape is Shape.V1_0 or is_gemma:
        if "systemInstruction" in message:
            raise errors.not_enabled("Developer instruction", target.name)
        if config.get("responseMimeType") in {JSON, ENUM} or answer_schema(config) is not None:
            raise errors.not_enabled("Json mode", target.name)
    if message.get("tools") and (target.is_tuned or is_gemma):
        raise errors.not_enabled("Function calling", target.name)
    if "functionCallingConfig" in message.get("toolConfig", {}) and not any(declared_functions(message)):
        raise invalid_argument("Function calling config is set without function_declarations.")  # seen 2025-09
    length = sum([len(part.get("text", "")) for part in parts]) if target.is_tuned else 0
    if length > TUNED_INPUT_LENGTH:
        raise invalid_argument(  # our choice: not seen
            f"The input has {length} characters, and {target.name} takes {TUNED_INPUT_LENGTH} at most."
        )
    highest = base.max_temperature or 1.0
    if not 0 <= config.get("temperature", 0) <= highest:
        path = "GenerateContentRequest.generation_config.temperature"
        raise errors.invalid_fields(f"{path}: temperature must be in the range [0.0, {highest}].")


def _check_modalities(target: Target, parts: Sequence[Mapping[str, Any]]) -> None:
    for name in sorted({modality for part in parts for modality in _modalities(part)}):
        if not _accepts(target, name):
            raise errors.not_enabled(f"{name} input modality", target.name)


def _safety_violations(settings: Sequence[Mapping[str, Any]], path: str) -> Iterator[str]:
    categories = ", ".join(f"HarmCategory.{name}" for name in _CATEGORIES)
    for index, setting in enumerate(settings):
        if setting.get("category") not in _CATEGORIES:
            yield f"{path}[{index}]: element predicate failed: $.category in ({categories})"


def _number_violations(config: Mapping[str, Any], path: str) -> Iterator[str]:
    if not 1 <= config.get("candidateCount", 1) <= 8:
        yield f"{path}.candidate_count: candidate_count must be in the range [1, 8]."  # our choice: not seen
    if config.get("maxOutputTokens", 1) < 1:
        yield f"{path}.max_output_tokens: max_output_tokens must be positive."  # our choice: not seen
    if not 0 <= config.get("topP", 0) <= 1:
        yield f"{path}.top_p: top_p must be in the range [0.0, 1.0]."  # our choice: not seen


def _modalities(part: Mapping[str, Any]) -> Iterator[str]:
    """The modalities of a part that are not text: "Image", "Audio" ..."""
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

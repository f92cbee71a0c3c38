"""Checks a generate request as Vertex AI does, and counts the characters that it bills."""

from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.catalog.base_model import BaseModel
from mockserver.generation.prompt import content_text, count_prompt_tokens, declaration_texts, declared_functions
from mockserver.protojson.formatting import float32_text
from mockserver.rpc.errors import invalid_argument
from mockserver.scripting.answers import Prompt

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


def check_contents(contents: Sequence[Json]) -> None:
    """Raise 400 for a conversation without turns, a turn without parts or with a wrong role, an empty text."""
    if not contents:
        raise invalid_argument(NO_CONTENTS)
    for content in contents:
        parts = content.get("parts", ())
        role = content.get("role", "")
        is_function = role == "function" and parts and all("functionResponse" in part for part in parts)
        if role not in ROLES and not is_function:
            raise invalid_argument(BAD_ROLE)
        if not parts:
            raise invalid_argument(NO_PARTS)
        if any(part.get("text") == "" for part in parts):
            raise invalid_argument(EMPTY_TEXT)


def check_ranges(config: Mapping[str, Any], base: BaseModel | None) -> None:
    """Raise 400 for a number out of range.

    Temperature is recorded (2025-08), maxOutputTokens quoted by many; the form of the others is our choice.
    """
    for name, least, below in (
        ("temperature", 0, 2.0001),
        ("topP", 0, 1.0001),
        ("candidateCount", 1, 9),
        ("maxOutputTokens", 1, (base.output_token_limit if base else 65536) + 1),
    ):
        value = config.get(name)
        if value is not None and not least <= value < below:
            raise invalid_argument(
                f"Unable to submit request because it has a {name} value of {float32_text(value)} but the supported "
                f"range is from {least} (inclusive) to {below} (exclusive). Update the value and try again."
            )


def check_length(prompt: Prompt, base: BaseModel | None) -> None:
    """Raise 400 for more tokens than the model accepts [recorded 2026-08]."""
    if base is None:
        return
    limit = base.input_token_limit
    # A token has at least one character, so that most prompts need not be counted here.
    most = len(prompt.system) + prompt.tool_tokens + sum(len(turn.text) + turn.other_tokens for turn in prompt.turns)
    if most > limit and (count := count_prompt_tokens(prompt)) > limit:
        raise invalid_argument(
            f"The input token count ({count}) exceeds the maximum number of tokens allowed ({limit})."
        )


def billable_characters(message: Mapping[str, Any]) -> int:
    """The characters of all texts and declared functions, white space not counted [three recorded counts]."""
    texts = map(content_text, (message.get("systemInstruction", {}), *message.get("contents", ())))
    declarations = (text for function in declared_functions(message) for text in declaration_texts(function))
    return sum(not character.isspace() for text in (*texts, *declarations) for character in text)


def asks_for_search(message: Mapping[str, Any]) -> bool:
    """Whether the answer is to be grounded in a search."""
    return any("googleSearch" in tool or "googleSearchRetrieval" in tool for tool in message.get("tools", ()))

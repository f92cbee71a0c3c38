"""Checks a generate request as Vertex AI does, and counts the characters that it bills."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from mockserver.catalog.base_model import BaseModel, Shape
from mockserver.generation.numbers import out_of_range, range_error
from mockserver.generation.prompt import content_text, count_if_too_long, declaration_texts, declared_functions
from mockserver.generation.requests import file_uris
from mockserver.rpc.errors import ApiError, Code, invalid_argument
from mockserver.scripting.answers import Prompt

Json = dict[str, Any]

EMPTY_TEXT_SINCE = date(2025, 8, 1)
TOOL_KINDS_SINCE = date(2025, 12, 1)  # the day of the first sight

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
ONE_CANDIDATE = (  # seen 2024, of 1.5
    "Unable to submit request because candidateCount must be 1 but the entered value was {}. Update the candidateCount "
    "value and try again."
)
NO_THINKING = "Unable to submit request because thinking is not supported by this model."
NO_LOGPROBS = (  # Google's tests expect the end of it; the words before are our choice
    "Unable to submit request because logprobs requires setting response_logprobs to be true"
)
BAD_ROLE = "Please use a valid role: user, model."  # recorded 2025-08


FILES_OF_GEMINI = "https://generativelanguage.googleapis.com/"


def check_contents(contents: Sequence[Json], base: BaseModel | None, as_of: date | None) -> None:
    """Raise 400 for a conversation without turns, a turn without parts or with a wrong role, an empty text."""
    takes_empty_text = _takes_empty_text(base, as_of)
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
        if not takes_empty_text and any(part.get("text") == "" for part in parts):
            raise invalid_argument(EMPTY_TEXT)


def _takes_empty_text(base: BaseModel | None, as_of: date | None) -> bool:
    """Return whether an empty text is accepted: refused in issues of early 2025, accepted in a recording of 2025-08."""
    if as_of is None:
        return base is None or base.shape not in {Shape.V1_0, Shape.V1_5}
    return as_of >= EMPTY_TEXT_SINCE


def check_files(parts: Sequence[Mapping[str, Any]]) -> None:
    """Raise 403 for files that are not Vertex AI's [Google's tests, 2026-10]."""
    for uri in file_uris(parts):
        if uri.startswith(FILES_OF_GEMINI):
            raise ApiError(Code.PERMISSION_DENIED, f"The caller has no access to {uri}.")  # our choice: not seen


def check_numbers(config: Mapping[str, Any], base: BaseModel | None, as_of: date | None) -> None:
    """Raise 400 for the first number out of range. Of a model outside the catalog no range is known."""
    for limit, number in out_of_range(config, "vertex", base, as_of) if base else ():
        if limit.refusal == "one":
            raise invalid_argument(ONE_CANDIDATE.format(int(number)))
        if limit.refusal == "enabled":
            raise invalid_argument(f"{NO_THINKING} {_LEARN}")
        if limit.field == "thinking_budget":
            least, most = int(limit.least), int(limit.below or 0) - 1
            raise invalid_argument(
                f"Unable to submit request because thinking_budget is out of range; supported values are integers from "
                f"{least} to {most}. {_LEARN}"
            )
        raise range_error(limit, number)
    if config.get("logprobs") is not None and not config.get("responseLogprobs"):
        raise invalid_argument(NO_LOGPROBS)
    thinking = config.get("thinkingConfig", {})
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        raise invalid_argument("You can only set only one of thinking budget and thinking level.")  # seen 2026


def check_tools(tools: Sequence[Mapping[str, Any]], base: BaseModel | None, as_of: date | None) -> None:
    """Raise 400 for more than one tool of the 1.0 generation, and since 2025-12 for a tool of several kinds."""
    if base is not None and base.shape is Shape.V1_0 and len(tools) > 1:
        raise invalid_argument("At most one tool is supported.")  # seen of 1.0
    if as_of is not None and as_of < TOOL_KINDS_SINCE:
        return
    if any(not tool for tool in tools):
        # that it is refused is in Google's tests; the words are our choice: not seen
        raise invalid_argument("Unable to submit request because a tool is empty. Add a tool type and try again.")
    problems = [
        f" * tools[{index}].tool_type: one_of 'tool_type' has more than one initialized field: {', '.join(kinds)}"
        for index, tool in enumerate(tools)
        if len(kinds := sorted(map(_snake_case, tool))) > 1
    ]
    if problems:
        raise invalid_argument("\n".join(("The GenerateContentRequest proto is invalid:", *problems)))  # seen 2025-12


def _snake_case(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def check_length(prompt: Prompt, base: BaseModel | None) -> None:
    """Raise 400 for more tokens than the model accepts [recorded 2026-08]."""
    if base is None:
        return
    limit = base.input_token_limit
    if count := count_if_too_long(prompt, limit):
        raise invalid_argument(
            f"The input token count ({count}) exceeds the maximum number of tokens allowed ({limit})."
        )


def billable_characters(message: Mapping[str, Any]) -> int:
    """Return the characters of all texts and declared functions, white space not counted [three recorded counts]."""
    texts = map(content_text, (message.get("systemInstruction", {}), *message.get("contents", ())))
    declarations = (text for function in declared_functions(message) for text in declaration_texts(function))
    return sum(not character.isspace() for text in (*texts, *declarations) for character in text)


def asks_for_search(message: Mapping[str, Any]) -> bool:
    """Return whether the answer is to be grounded in a search."""
    return any("googleSearch" in tool or "googleSearchRetrieval" in tool for tool in message.get("tools", ()))

"""Reading a prompt, and its tokens: laws of `generation.prompt`."""

from typing import Any

import pytest

from mockserver.generation.prompt import count_prompt_tokens, read_prompt
from mockserver.scripting.answers import Prompt, Turn

Json = dict[str, Any]

LOOK: Json = {"name": "look", "description": "Looks up", "parameters": {"properties": {"what": {"description": "it"}}}}


def read(*contents: Json, count_functions: bool = False, **members: Any) -> Prompt:
    """The prompt of a request with these contents."""
    return read_prompt({"contents": list(contents), **members}, "a", "b", count_functions=count_functions)


@pytest.mark.parametrize(
    ("content", "role"),
    [({"role": "model"}, "model"), ({"role": "user"}, "user"), ({"role": "function"}, "user"), ({}, "user")],
)
def test_what_is_not_the_models_turn_is_the_users(content: Json, role: str) -> None:
    """Old samples send no role, and the result of a function comes from the user's side."""
    assert (Turn(role, "one two"),) == read({**content, "parts": [{"text": "one "}, {"text": "two"}]}).turns


def test_data_has_no_text_and_counts_as_an_image() -> None:
    """Whatever its kind; the text beside it stays."""
    parts = [{"inlineData": {"mimeType": "image/png"}}, {"text": "this"}, {"fileData": {"fileUri": "gs://b/x"}}]

    assert (Turn("user", "this", 2 * 258),) == read({"parts": parts}).turns


def test_functions_count_where_the_service_counts_them() -> None:
    """Calls by their text, declarations by the texts in them and one more; otherwise not at all."""
    call = {"parts": [{"functionCall": {"name": "look"}}]}
    counted = read(call, count_functions=True, tools=[{"functionDeclarations": [LOOK]}])
    ignored = read(call, tools=[{"functionDeclarations": [LOOK]}])

    assert 1 + len(("look", "Looks", " up", "what", "it")) == counted.tool_tokens
    assert 0 < counted.turns[0].other_tokens
    assert (0, 0) == (ignored.tool_tokens, ignored.turns[0].other_tokens)


def test_a_prompt_counts_its_turns_its_instruction_and_its_images() -> None:
    """As recorded: 13 for the question and the chatbot's instruction, without anything for turns and roles."""
    question = Turn("user", "What is the capital of France?")

    assert count_prompt_tokens(Prompt("m", turns=(question,), system="You are a helpful chatbot.")) == 13
    assert count_prompt_tokens(Prompt("m", turns=(Turn("user", "", other_tokens=258),))) == 258

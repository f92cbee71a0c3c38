"""Reads the prompt of a generate request: its turns, its text and what they count in tokens.

`GenerateContentRequest` is nearly one message in both services. What differs is handed in: whether calls of functions
and their declarations count.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.scripting.answers import Prompt, Turn
from mockserver.simulation.tokens import IMAGE_TOKENS, count_tokens

Json = dict[str, Any]


def read_prompt(message: Mapping[str, Any], model: str, base: str, *, count_functions: bool = False) -> Prompt:
    """The prompt of a request to `model`, which stands on `base`. What is not the model's turn is the user's."""
    return Prompt(
        model=model,
        base=base,
        turns=tuple(
            Turn(
                "model" if content.get("role") == "model" else "user",
                content_text(content),
                _other_tokens(content, count_functions=count_functions),
            )
            for content in message.get("contents", ())
        ),
        system=content_text(message["systemInstruction"]) if "systemInstruction" in message else "",
        tool_tokens=_declaration_tokens(message) if count_functions and "tools" in message else 0,
    )


def content_text(content: Mapping[str, Any]) -> str:
    """The text of a content's parts."""
    return "".join([part["text"] for part in content.get("parts", ()) if "text" in part])


def count_prompt_tokens(prompt: Prompt) -> int:
    """The tokens of every turn, of the system instruction and of the tools, as countTokens counts them."""
    turns = sum(count_tokens(turn.text) + turn.other_tokens for turn in prompt.turns)
    return count_tokens(prompt.system) + prompt.tool_tokens + turns


def declared_functions(message: Mapping[str, Any]) -> Iterator[Json]:
    """The functions that a request declares, of all its tools."""
    for tool in message.get("tools", ()):
        yield from tool.get("functionDeclarations", ())


def declaration_texts(declaration: Mapping[str, Any]) -> Iterator[str]:
    """The names and descriptions in a function's declaration or in a schema of its parameters."""
    yield from (declaration.get("name", ""), declaration.get("description", ""))
    if "parameters" in declaration:
        yield from declaration_texts(declaration["parameters"])
    for name, schema in declaration.get("properties", {}).items():
        yield name
        yield from declaration_texts(schema)


def _other_tokens(content: Mapping[str, Any], *, count_functions: bool) -> int:
    """The tokens of the parts that are not text."""
    count = 0
    for part in content.get("parts", ()):
        if "inlineData" in part or "fileData" in part:
            count += IMAGE_TOKENS
        elif count_functions:
            members = (member for member in ("functionCall", "functionResponse") if member in part)
            count += sum(count_tokens(str(part[member])) for member in members)
    return count


def _declaration_tokens(message: Mapping[str, Any]) -> int:
    """One more than its texts have, for each function.

    Recorded for one without parameters; that the names and descriptions of parameters count is our choice.
    """
    return sum(1 + sum(map(count_tokens, declaration_texts(each))) for each in declared_functions(message))

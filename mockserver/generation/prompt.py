"""Reads the prompt of a generate request: its turns, their text and their tokens.

`GenerateContentRequest` is nearly the same message in both services. `count_functions` is the difference: whether
function calls and declarations count as tokens.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.scripting.answers import Prompt, Turn
from mockserver.simulation.tokens import IMAGE_TOKENS, count_tokens

Json = dict[str, Any]


def read_prompt(message: Mapping[str, Any], model: str, base: str, *, count_functions: bool = False) -> Prompt:
    """Read the prompt of a request to `model`, whose base model is `base`.

    Turns that are not the model's are the user's.
    """
    return Prompt(
        model=model,
        base=base,
        turns=tuple(
            [
                Turn(
                    "model" if content.get("role") == "model" else "user",
                    content_text(content),
                    _other_tokens(content, count_functions=count_functions),
                )
                for content in message.get("contents", ())
            ]
        ),
        system=content_text(message["systemInstruction"]) if "systemInstruction" in message else "",
        tool_tokens=_declaration_tokens(message) if count_functions and "tools" in message else 0,
    )


def content_text(content: Mapping[str, Any]) -> str:
    """Return the text of a content's parts."""
    return "".join([part["text"] for part in content.get("parts", ()) if "text" in part])


def count_prompt_tokens(prompt: Prompt) -> int:
    """Count the tokens of the turns, the system instruction and the tools, as countTokens does."""
    count = prompt.tool_tokens + (count_tokens(prompt.system) if prompt.system else 0)
    for turn in prompt.turns:
        count += count_tokens(turn.text) + turn.other_tokens
    return count


def count_if_too_long(prompt: Prompt, limit: int) -> int:
    """Return how many tokens a prompt has if these are more than `limit`, else 0."""
    # A token has at least one character, so most prompts need not be counted.
    most = len(prompt.system) + prompt.tool_tokens + sum([len(turn.text) + turn.other_tokens for turn in prompt.turns])
    count = count_prompt_tokens(prompt) if most > limit else 0
    return count if count > limit else 0


def count_input_tokens(message: Mapping[str, Any]) -> int:
    """Count the tokens of any request to a model: a prompt, a text to complete, or contents to embed."""
    if "requests" in message:
        return sum(map(count_input_tokens, message["requests"]))
    contents = message.get("contents", [message["content"]] if "content" in message else [])
    prompt = read_prompt({**message, "contents": contents}, "", "", count_functions=True)
    return count_prompt_tokens(prompt) + count_tokens(message.get("prompt", {}).get("text", ""))


def declared_functions(message: Mapping[str, Any]) -> Iterator[Json]:
    """Yield the functions that a request declares in its tools."""
    for tool in message.get("tools", ()):
        yield from tool.get("functionDeclarations", ())


def declaration_texts(declaration: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names and descriptions in a function declaration or in a schema of its parameters."""
    yield from (declaration.get("name", ""), declaration.get("description", ""))
    if "parameters" in declaration:
        yield from declaration_texts(declaration["parameters"])
    for name, schema in declaration.get("properties", {}).items():
        yield name
        yield from declaration_texts(schema)


def _other_tokens(content: Mapping[str, Any], *, count_functions: bool) -> int:
    """Count the tokens of the parts that are not text."""
    count = 0
    for part in content.get("parts", ()):
        if "inlineData" in part or "fileData" in part:
            count += IMAGE_TOKENS
        elif count_functions:
            members = (member for member in ("functionCall", "functionResponse") if member in part)
            count += sum(count_tokens(str(part[member])) for member in members)
    return count


def _declaration_tokens(message: Mapping[str, Any]) -> int:
    """Count one token more than its texts have, for each function.

    Recorded for a function without parameters; that the names and descriptions of parameters count is our choice.
    """
    return sum(1 + sum(map(count_tokens, declaration_texts(each))) for each in declared_functions(message))

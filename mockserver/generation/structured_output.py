"""Structured output: calls of declared functions, JSON, or an enum value, as a request asks.

A program can parse such an answer although nobody scripted it. Its content is our choice: not seen.
"""

import json
from collections.abc import Mapping
from typing import Any

from mockserver.generation.answer_table import placeholder_text
from mockserver.generation.function_calls import function_call_answer, results_text
from mockserver.generation.schema_values import NoValueError, example_value
from mockserver.scripting.answers import Answer, Prompt

Json = dict[str, Any]

MOST_OBJECTS = 16
"""How many places of a prompt are tried for a schema."""

JSON = "application/json"
ENUM = "text/x.enum"

_DECODER = json.JSONDecoder()


def structured_answer(message: Mapping[str, Any], prompt: Prompt) -> Answer | None:
    """Return the structured answer to a generate request; None if the request does not ask for one."""
    if "tools" in message and (calls := function_call_answer(message)) is not None:
        return calls
    return _formatted(message, prompt) or _result_answer(message)


def _result_answer(message: Mapping[str, Any]) -> Answer | None:
    text = results_text(message.get("contents", ()))
    return Answer(text) if text else None


def _formatted(message: Mapping[str, Any], prompt: Prompt) -> Answer | None:
    """Return JSON or a word of an enum, if the request asks for it."""
    if "generationConfig" not in message:
        return None
    config = message["generationConfig"]
    mime_type, schema = config.get("responseMimeType", ""), answer_schema(config)
    if schema is None and mime_type == JSON:
        schema = _prompt_schema(f"{prompt.text}\n{prompt.system}")
    if schema is None:
        return Answer(_json({"answer": placeholder_text(prompt)})) if mime_type == JSON else None
    try:
        value = example_value(schema)
        return Answer(str(value) if mime_type == ENUM else _json(value))
    except NoValueError as error:
        text = placeholder_text(prompt)
        return Answer(text if mime_type == ENUM else _json({"answer": f"{text} It does not fit the schema: {error}."}))


def answer_schema(config: Mapping[str, Any]) -> Any:
    """Return the schema in a generation config, in either dialect; None if there is none."""
    schemas = (config.get(name) for name in ("responseJsonSchema", "_responseJsonSchema", "responseSchema"))
    return next((schema for schema in schemas if schema is not None), None)


def _prompt_schema(text: str) -> Json | None:
    """Return the last JSON schema of an object in a text; None if there is none.

    Frameworks write one into the prompt.
    """
    schema, start = None, text.find("{")
    for _ in range(MOST_OBJECTS):
        if start < 0:
            break
        try:
            value, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            schema = value if isinstance(value.get("properties"), dict) else schema
        start = text.find("{", end)
    return schema


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

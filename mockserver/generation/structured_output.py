"""Structured output: JSON, an enum value, or a call of a declared function, as a request asks.

A program can parse such an answer although nobody scripted it. Its content is our choice: not seen.
"""

import json
from collections.abc import Mapping
from typing import Any

from mockserver.generation.answer_table import placeholder_text
from mockserver.generation.prompt import declared_functions
from mockserver.generation.schema_values import NoValueError, example_value
from mockserver.scripting.answers import Answer, Prompt
from mockserver.simulation.tokens import count_tokens

Json = dict[str, Any]

JSON = "application/json"
ENUM = "text/x.enum"


def structured_answer(message: Mapping[str, Any], prompt: Prompt) -> Answer | None:
    """Return the structured answer to a generate request; None if the request does not ask for one."""
    if "toolConfig" in message and (function := _forced_function(message)) is not None:
        return _function_call(function)
    if "generationConfig" not in message:
        return None
    config = message["generationConfig"]
    mime_type, schema = config.get("responseMimeType", ""), answer_schema(config)
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


def _forced_function(message: Mapping[str, Any]) -> Json | None:
    """Return the function that the model must call: the first of the allowed ones."""
    config = message["toolConfig"].get("functionCallingConfig", {})
    if config.get("mode") != "ANY":
        return None
    allowed = frozenset(config.get("allowedFunctionNames", ()))
    functions = (each for each in declared_functions(message) if not allowed or each.get("name") in allowed)
    return next(functions, None)


def _function_call(function: Mapping[str, Any]) -> Answer:
    """Return a call as recorded on Vertex AI in 2026-08, without its thought signature. `args` is there even if empty."""
    schema = function.get("parametersJsonSchema", function.get("parameters", {"type": "object"}))
    try:
        arguments = example_value(schema)
    except NoValueError:
        arguments = {}
    call = {"name": function.get("name", ""), "args": arguments if isinstance(arguments, dict) else {}}
    return Answer(parts=[{"functionCall": call}], usage={"candidates": count_tokens(_json(call))})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

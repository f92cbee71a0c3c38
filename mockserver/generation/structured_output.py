"""The form a client asks an answer to have: JSON, a word of an enum, a call of one of its functions.

Nobody has to script such an answer before a program can read it. What is in it is our choice: not seen.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.generation.canned import sentence
from mockserver.generation.schema_values import Unfitting, fitting
from mockserver.scripting.answers import Answer, Prompt
from mockserver.simulation.tokens import count_tokens

Json = dict[str, Any]

JSON = "application/json"
ENUM = "text/x.enum"


def formal_answer(message: Mapping[str, Any], prompt: Prompt) -> Answer | None:
    """What answers a generate request that asks for a form; None if it asks for none."""
    function = _forced(message)
    if function is not None:
        return _call(function)
    config = message.get("generationConfig", {})
    kind, schema = config.get("responseMimeType", ""), answer_schema(config)
    if kind == ENUM and schema is not None:
        return Answer(_text(schema, prompt))
    if kind == JSON or (schema is not None and kind != ENUM):
        return Answer(_json({"answer": sentence(prompt)}) if schema is None else _json_text(schema, prompt))
    return None


def answer_schema(config: Mapping[str, Any]) -> Any:
    """The schema of a generation config, in whichever dialect; None if there is none."""
    named = (config.get(name) for name in ("responseJsonSchema", "_responseJsonSchema", "responseSchema"))
    return next((schema for schema in named if schema is not None), None)


def declared_functions(message: Mapping[str, Any]) -> Iterator[Json]:
    """The functions a request declares, of all its tools."""
    for tool in message.get("tools", ()):
        yield from tool.get("functionDeclarations", ())


def _forced(message: Mapping[str, Any]) -> Json | None:
    """The function that must be called: the first of those that may."""
    config = message.get("toolConfig", {}).get("functionCallingConfig", {})
    if config.get("mode") != "ANY":
        return None
    allowed = config.get("allowedFunctionNames", ())
    functions = (each for each in declared_functions(message) if not allowed or each.get("name") in allowed)
    return next(functions, None)


def _call(function: Mapping[str, Any]) -> Answer:
    """A call as recorded on Vertex AI in 2026-08, but for its thought signature: `args` is there if it is empty."""
    schema = function.get("parametersJsonSchema", function.get("parameters", {"type": "object"}))
    try:
        arguments = fitting(schema)
    except Unfitting:
        arguments = {}
    call = {"name": function.get("name", ""), "args": arguments if isinstance(arguments, dict) else {}}
    return Answer(parts=[{"functionCall": call}], usage={"candidates": count_tokens(_json(call))})


def _text(schema: Any, prompt: Prompt) -> str:
    try:
        return str(fitting(schema))
    except Unfitting:
        return sentence(prompt)


def _json_text(schema: Any, prompt: Prompt) -> str:
    try:
        return _json(fitting(schema))
    except Unfitting as error:
        return _json({"answer": f"{sentence(prompt)} It does not fit the schema: {error}."})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

"""Generates the OpenAPI document of the control API from the table of its operations."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from mockserver import __version__
from mockserver.control.operations import Json, Operation

_DESCRIPTION = """\
The tester's API: time, answers, faults, calls, runs, worlds. Programs on the server's own machine may use it. Requests
from other machines, and all requests if the server has a token, must send it in X-Mockserver-Token.
"""

_ERROR = {
    "description": "The error, in Google's format",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {
                    "error": {
                        "type": "object",
                        "properties": {
                            "code": {"type": "integer"},
                            "message": {"type": "string"},
                            "status": {"type": "string"},
                        },
                    }
                },
            }
        }
    },
}


def document(operations: Sequence[Operation]) -> Json:
    """Return the OpenAPI 3.1 document of these operations."""
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.verb.lower()] = _describe_operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Gemini tuning mock server: control", "version": __version__, "description": _DESCRIPTION},
        "servers": [{"url": "/_mock"}],
        "paths": paths,
        "components": {
            "schemas": _schemas(operations),
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Mockserver-Token"}},
        },
    }


def _describe_operation(operation: Operation) -> Json:
    description: Json = {
        "operationId": operation.handler.__name__,
        "summary": operation.summary,
        "parameters": list(_parameters(operation)),
        "responses": {"200": {"description": "Empty", **_content(operation.answer)}, "default": _ERROR},
        "security": [{}, {"token": []}],
    }
    if operation.body is not None:
        description["requestBody"] = _content(operation.body)
    return description


def _parameters(operation: Operation) -> Iterator[Json]:
    for name in re.findall(r"\{(\w+)\}", operation.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    for name, meaning in {"world": "the name of the world; the default world if missing", **operation.query}.items():
        yield {"name": name, "in": "query", "description": meaning, "schema": {"type": "string"}}


def _content(model: type[Any]) -> Json:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}}


def _schemas(operations: Sequence[Operation]) -> Json:
    bodies: list[tuple[type[Any], JsonSchemaMode]] = [(it.body, "validation") for it in operations if it.body]
    answers: list[tuple[type[Any], JsonSchemaMode]] = [(it.answer, "serialization") for it in operations]
    models = list(dict.fromkeys([*bodies, *answers]))
    _, definitions = models_json_schema(models, ref_template="#/components/schemas/{model}")
    schemas: Json = definitions["$defs"]
    return schemas

"""The control API described: an OpenAPI document made of the table of its operations."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from mockserver import __version__
from mockserver.control.operations import Json, Operation

_DESCRIPTION = """\
The tester's own API: time, answers, faults, calls, runs, worlds. It is open to programs on the server's own machine;
from others, and where the server was given a token, a request carries it in X-Mockserver-Token.
"""

_ERROR = {
    "description": "Why not, in the shape of Google's errors",
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
    """The OpenAPI 3.1 document of these operations."""
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.verb.lower()] = _described(operation)
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


def _described(operation: Operation) -> Json:
    described: Json = {
        "operationId": operation.handler.__name__,
        "summary": operation.summary,
        "parameters": list(_parameters(operation)),
        "responses": {"200": {"description": "Done", **_content(operation.answer)}, "default": _ERROR},
        "security": [{}, {"token": []}],
    }
    if operation.body is not None:
        described["requestBody"] = _content(operation.body)
    return described


def _parameters(operation: Operation) -> Iterator[Json]:
    for name in re.findall(r"\{(\w+)\}", operation.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    for name, meaning in {"world": "the world meant, if not the default one", **operation.query}.items():
        yield {"name": name, "in": "query", "description": meaning, "schema": {"type": "string"}}


def _content(model: type[Any]) -> Json:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}}


def _schemas(operations: Sequence[Operation]) -> Json:
    asked: list[tuple[type[Any], JsonSchemaMode]] = [(it.body, "validation") for it in operations if it.body]
    said: list[tuple[type[Any], JsonSchemaMode]] = [(it.answer, "serialization") for it in operations]
    _, described = models_json_schema(list(dict.fromkeys([*asked, *said])), ref_template="#/components/schemas/{model}")
    schemas: Json = described["$defs"]
    return schemas

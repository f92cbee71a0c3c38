"""All operations of the control API: finds one by verb and path, validates the request, calls the handler."""

import re
from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from mockserver.control import calls, evidence, resources, runs, scripting, time, worlds
from mockserver.control.openapi import document
from mockserver.control.operations import (
    ControlRequest,
    Operation,
    describe_validation_errors,
    invalid_argument,
    not_found,
)
from mockserver.dispatch.route_table import RouteTable
from mockserver.limits import CONTROL_DEPTH
from mockserver.state.world import World, Worlds

OPERATIONS = (
    *time.OPERATIONS,
    *scripting.OPERATIONS,
    *resources.OPERATIONS,
    *runs.OPERATIONS,
    *calls.OPERATIONS,
    *worlds.OPERATIONS,
    *evidence.OPERATIONS,
)


class Table:
    """Executes the operations on some worlds."""

    def __init__(self, worlds: Worlds, routes: RouteTable) -> None:
        self._worlds = worlds
        self._routes = routes
        self._patterns = [(_compile_path(operation.path), operation) for operation in OPERATIONS]

    def answer(self, verb: str, path: str, query: Mapping[str, str], body: bytes) -> bytes:
        """Return the response to a request, as JSON. Raises ApiError."""
        if (verb, path) == ("GET", "/openapi.json"):
            return orjson.dumps(document(OPERATIONS))
        operation, variables = self._find_operation(verb, path)
        request = ControlRequest(
            worlds=self._worlds,
            world=self._world(query),
            table=self._routes,
            path=variables,
            query=_check_query(operation, query),
            body=_parse_body(operation, body),
        )
        response: BaseModel = operation.handler(request)
        return response.model_dump_json().encode()

    def _find_operation(self, verb: str, path: str) -> tuple[Operation, Mapping[str, str]]:
        matches = [(match, operation) for pattern, operation in self._patterns if (match := pattern.fullmatch(path))]
        for match, operation in matches:
            if operation.verb == verb:
                return operation, match.groupdict()
        if matches:
            verbs = ", ".join(operation.verb for _, operation in matches)
            raise invalid_argument(f"/_mock{path} takes {verbs}, not {verb}")
        raise not_found(f"/_mock{path} does not exist; /_mock/openapi.json lists the operations")

    def _world(self, query: Mapping[str, str]) -> World:
        name = query.get("world", self._worlds.default.name)
        world = self._worlds.find(name)
        if world is None:
            raise not_found(f"there is no world {name!r}; GET /_mock/worlds lists them")
        return world


def _check_query(operation: Operation, query: Mapping[str, str]) -> Mapping[str, str]:
    """Return the parameters without the world; raise for an unknown one, because it is a mistake."""
    for name in query.keys() - operation.query.keys() - {"world"}:
        parameters = ", ".join(["world", *operation.query])
        raise invalid_argument(f"there is no parameter {name!r}; the parameters are {parameters}")
    return {name: value for name, value in query.items() if name != "world"}


def _parse_body(operation: Operation, body: bytes) -> Any:
    if operation.body is None:
        return None
    try:
        tree = orjson.loads(body or b"{}")
        if not _is_shallow(tree):
            raise invalid_argument(f"the body has more than {CONTROL_DEPTH} lists and objects inside each other")
        return operation.body.model_validate(tree)
    except orjson.JSONDecodeError as error:
        raise invalid_argument(f"the body is not JSON: {error}") from None
    except ValidationError as error:
        raise invalid_argument(describe_validation_errors(error)) from None


def _is_shallow(tree: Any) -> bool:
    """Whether all that is done with a tree later can go down to its end."""
    level = [tree]
    for _ in range(CONTROL_DEPTH + 1):
        level = [
            member
            for node in level
            if isinstance(node, dict | list)
            for member in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return True
    return False


def _compile_path(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[A-Za-z0-9_.-]{1,100})", path))

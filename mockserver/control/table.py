"""All operations of the control API, found by verb and path, and what is said of one that is asked for."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from mockserver.control import calls, evidence, runs, scripting, time, worlds
from mockserver.control.openapi import document
from mockserver.control.operations import Asked, Operation, invalid, missing, told
from mockserver.dispatch.route_table import RouteTable
from mockserver.limits import CONTROL_DEPTH
from mockserver.state.world import World, Worlds

OPERATIONS = (
    *time.OPERATIONS,
    *scripting.OPERATIONS,
    *runs.OPERATIONS,
    *calls.OPERATIONS,
    *worlds.OPERATIONS,
    *evidence.OPERATIONS,
)


class Table:
    """The operations over some worlds."""

    def __init__(self, worlds: Worlds, routes: RouteTable) -> None:
        self._worlds = worlds
        self._routes = routes
        self._patterns = [(_compiled(operation.path), operation) for operation in OPERATIONS]

    def answer(self, verb: str, path: str, query: Mapping[str, str], body: bytes) -> bytes:
        """What is said to a request, as JSON. Raises ApiError."""
        if (verb, path) == ("GET", "/openapi.json"):
            return orjson.dumps(document(OPERATIONS))
        operation, variables = self._found(verb, path)
        asked = Asked(
            worlds=self._worlds,
            world=self._world(query),
            table=self._routes,
            path=variables,
            query=_checked(operation, query),
            body=_parsed(operation, body),
        )
        said: BaseModel = operation.handler(asked)
        return said.model_dump_json().encode()

    def _found(self, verb: str, path: str) -> tuple[Operation, Mapping[str, str]]:
        fitting = list(self._fitting(path))
        for operation, variables in fitting:
            if operation.verb == verb:
                return operation, variables
        if fitting:
            verbs = ", ".join(operation.verb for operation, _ in fitting)
            raise invalid(f"/_mock{path} takes {verbs}, not {verb}")
        raise missing(f"there is nothing at /_mock{path}; /_mock/openapi.json says what there is")

    def _fitting(self, path: str) -> Iterator[tuple[Operation, Mapping[str, str]]]:
        for pattern, operation in self._patterns:
            if found := pattern.fullmatch(path):
                yield operation, found.groupdict()

    def _world(self, query: Mapping[str, str]) -> World:
        name = query.get("world", self._worlds.default.name)
        world = self._worlds.named(name)
        if world is None:
            raise missing(f"there is no world {name!r}; GET /_mock/worlds says which there are")
        return world


def _checked(operation: Operation, query: Mapping[str, str]) -> Mapping[str, str]:
    """The parameters beside the world's name; one that means nothing is a mistake somebody wants to hear of."""
    for name in query.keys() - operation.query.keys() - {"world"}:
        known = ", ".join(["world", *operation.query])
        raise invalid(f"there is no parameter {name!r}; there are {known}")
    return {name: value for name, value in query.items() if name != "world"}


def _parsed(operation: Operation, body: bytes) -> Any:
    if operation.body is None:
        return None
    try:
        tree = orjson.loads(body or b"{}")
        if not _is_shallow(tree):
            raise invalid(f"the body has more than {CONTROL_DEPTH} lists and objects inside each other")
        return operation.body.model_validate(tree)
    except orjson.JSONDecodeError as error:
        raise invalid(f"the body is not JSON: {error}") from None
    except ValidationError as refused:
        raise invalid(told(refused)) from None


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


def _compiled(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[A-Za-z0-9_.-]{1,100})", path))

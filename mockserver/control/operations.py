"""An operation of the control API: what it is called with, what it does, and what it says.

Handlers are small functions of an `Asked` that return what is to be said. What they cannot do they raise
as an ApiError: in the shape of Google's errors, which every client can read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from mockserver.dispatch.route_table import RouteTable
from mockserver.rpc.errors import ApiError, Code
from mockserver.state.world import World, Worlds

Json = dict[str, Any]


class Body(BaseModel):
    """What a request may hold. Anything else in it is a mistake somebody wants to hear of."""

    model_config = ConfigDict(extra="forbid")


class Done(BaseModel):
    """It was done, and there is no more to say."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to the control API: in which world, with what in its path, its query and its body."""

    worlds: Worlds
    world: World
    table: RouteTable
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


@dataclass(frozen=True, slots=True)
class Operation:
    """A way to control the server.

    `body` is the model of the request; without one the request may have none. `query` holds the
    parameters beside `world`, with what they mean. `answer` is the model of what is said.
    """

    verb: str
    path: str
    summary: str
    handler: Callable[[Asked], Any]
    body: type[BaseModel] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    answer: type[BaseModel] = Done


def invalid(message: str) -> ApiError:
    """400: the request cannot be understood, or asks for what cannot be."""
    return ApiError(Code.INVALID_ARGUMENT, message)


def missing(message: str) -> ApiError:
    """404: there is no such thing."""
    return ApiError(Code.NOT_FOUND, message)


def told(refused: ValidationError) -> str:
    """Every problem with a body, with its place."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in refused.errors()
    )

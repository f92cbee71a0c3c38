"""An operation of the control API: its request, its handler and its response.

A handler is a function that takes a `ControlRequest` and returns the response model, or raises an ApiError: errors
have Google's format, which every client can parse.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from mockserver.dispatch.route_table import RouteTable
from mockserver.rpc.errors import ApiError, Code
from mockserver.state.world import World, Worlds

Json = dict[str, Any]


class Body(BaseModel):
    """The base of request models. Unknown members are refused, because they are mistakes."""

    model_config = ConfigDict(extra="forbid")


class Empty(BaseModel):
    """The response of an operation without a result."""


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """A request to the control API: its world, path variables, query and body."""

    worlds: Worlds
    world: World
    table: RouteTable
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: its route, its handler and its models.

    `body` is the model of the request body; None means no body. `query` maps the parameters other than `world` to
    their descriptions. `answer` is the model of the response.
    """

    verb: str
    path: str
    summary: str
    handler: Callable[[ControlRequest], Any]
    body: type[BaseModel] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    answer: type[BaseModel] = Empty


def invalid_argument(message: str) -> ApiError:
    """400: the request is invalid or impossible."""
    return ApiError(Code.INVALID_ARGUMENT, message)


def not_found(message: str) -> ApiError:
    """404: the named thing does not exist."""
    return ApiError(Code.NOT_FOUND, message)


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise a 404 for a LookupError and a 400 for a ValueError, with the same message."""
    try:
        yield
    except LookupError as error:
        raise not_found(str(error)) from None
    except ValueError as error:
        raise invalid_argument(str(error)) from None


def describe_validation_errors(error: ValidationError) -> str:
    """Return every problem with a body, with its location."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'body'}: "
        + ("unknown field" if problem["type"] == "extra_forbidden" else problem["msg"].removeprefix("Value error, "))
        for problem in error.errors()
    )

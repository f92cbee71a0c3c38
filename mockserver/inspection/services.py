"""The route table of all services, and the ids of their methods."""

from functools import cache

from mockserver.datasets.object_store import METHODS
from mockserver.dispatch.route_table import RouteTable
from mockserver.gemini import service as gemini
from mockserver.protojson.schema import json_name
from mockserver.rpc.method_ids import check_method_pattern, matches_method
from mockserver.vertex import service as vertex


@cache
def route_table() -> RouteTable:
    """Return the routes of both services; the Developer API comes first, because its paths are narrower."""
    return RouteTable((gemini.SERVICE, vertex.SERVICE))


@cache
def method_ids() -> frozenset[str]:
    """Return the ids of all methods that are served on some day."""
    return METHODS | {route.id for route in route_table().routes}


def check_pattern(pattern: str) -> None:
    """Raise ValueError for a pattern of method ids that matches none; it may be the name of a call of a client."""
    __tracebackhide__ = True
    services = route_table().services.values()
    client_calls = [call for service in services for call in service.client_calls.items()]
    check_method_pattern(pattern, method_ids(), client_calls)


def matching_methods(pattern: str) -> list[str]:
    """Return the ids of the methods that a pattern matches."""
    return [method for method in method_ids() if matches_method(method, pattern)]


@cache
def _streaming_methods() -> frozenset[str]:
    return frozenset(route.id for route in route_table().routes if route.stream)


def streams(method: str) -> bool:
    """Return whether a method answers with a stream."""
    return method in _streaming_methods()


def job_creations() -> list[str]:
    """Return the patterns of the methods that begin to tune something."""
    return [pattern for service in route_table().services.values() for pattern in service.job_creations]


@cache
def body_fields(method: str) -> frozenset[str]:
    """Return the members of a method's request that are its JSON body, where the body is not the whole request."""
    bodies = {route.body for route in route_table().routes if route.id == method}
    return frozenset(map(json_name, bodies - {"", "*"}))

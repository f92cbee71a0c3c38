"""The route table of all services, and the ids of their methods."""

from functools import cache

from mockserver.datasets.object_store import METHODS
from mockserver.dispatch.route_table import RouteTable
from mockserver.gemini import service as gemini
from mockserver.protojson.schema import json_name
from mockserver.vertex import service as vertex


@cache
def route_table() -> RouteTable:
    """Return the routes of both services; the Developer API comes first, because its paths are narrower."""
    return RouteTable((gemini.SERVICE, vertex.SERVICE))


@cache
def method_ids() -> frozenset[str]:
    """Return the ids of all methods that are served on some day."""
    return METHODS | {route.id for route in route_table().routes}


@cache
def body_fields(method: str) -> frozenset[str]:
    """Return the members of a method's request that are its JSON body, where the body is not the whole request."""
    bodies = {route.body for route in route_table().routes if route.id == method}
    return frozenset(map(json_name, bodies - {"", "*"}))

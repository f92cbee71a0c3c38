"""The route table of all services."""

from functools import cache

from mockserver.dispatch.route_table import RouteTable
from mockserver.gemini import service as gemini
from mockserver.vertex import service as vertex


@cache
def route_table() -> RouteTable:
    """Return the routes of both services; the Developer API comes first, because its paths are narrower."""
    return RouteTable((gemini.SERVICE, vertex.SERVICE))

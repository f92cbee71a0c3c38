"""The services there are."""

from functools import cache

from mockserver.dispatch.route_table import RouteTable
from mockserver.gemini import service as gemini
from mockserver.vertex import service as vertex


@cache
def route_table() -> RouteTable:
    """Every method of both services, the Developer API's first: its paths are the narrower ones."""
    return RouteTable((gemini.SERVICE, vertex.SERVICE))

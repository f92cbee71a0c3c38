"""Diagnostics of calls without a route: why no method matches and what to change. For the log, not for the client."""

from mockserver.dispatch.route_table import RouteTable
from mockserver.dispatch.routing import Route
from mockserver.state.world import Settings


def diagnose_unrouted(table: RouteTable, verb: str, path: str, settings: Settings, host: str = "") -> str:
    """Describe why no route matches a path, or the nearest routes. `host` is the service whose host was called, if any."""
    for service in table.services.values():
        if path in service.path_hints:
            return service.path_hints[path]
    if host and (match := table.match(verb, path, settings.as_of)):
        return f"{match.route.id} is a method of {match.route.service}, and {host} serves only its own paths"
    if settings.as_of is not None and (match := table.match(verb, path)):
        return f"{match.route.id} is not served as of {settings.as_of}"
    if match := table.match(verb, path, lenient=True):
        return table.services[match.route.service].lenient_hint
    nearest = table.find_nearest(verb, path)
    if not nearest:
        return "no method has a path like it"
    return "nearest: " + ", ".join(_describe(route) for route in nearest[:3])


def diagnose_rpc(table: RouteTable, rpc: str, settings: Settings) -> str:
    """What is nearest to an rpc that no service has, or has on that day."""
    if routes := table.routes_of(rpc):
        return f"{routes[0].id} is not served as of {settings.as_of}"
    nearest = dict.fromkeys(
        route.rpc for route in table.routes if route.rpc.rpartition(".")[2] == rpc.rpartition(".")[2]
    )
    return f"nearest: {', '.join(list(nearest)[:3])}" if nearest else "no method has a name like it"


def _describe(route: Route) -> str:
    return f"{route.id} ({route.template})"

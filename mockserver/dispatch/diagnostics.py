"""Diagnostics of calls without a route: why no method matches and what to change. For the log, not for the client."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import orjson

from mockserver.dispatch.route_table import RouteTable
from mockserver.dispatch.routing import Route
from mockserver.state.world import Settings


def diagnose_unrouted(table: RouteTable, verb: str, path: str, settings: Settings, host: str = "") -> str:
    """Describe why no route matches a path, or the nearest routes. `host` is the service whose host was called, if any."""
    for service in table.services.values():
        if path in service.path_hints:
            return service.path_hints[path]
        for pattern, hint in service.pattern_hints.items():
            if re.fullmatch(pattern, path):
                return hint
    if host and (match := table.match(verb, path, settings.as_of)):
        return f"{match.route.id} is a method of {match.route.service}, and {host} serves only its own paths"
    if settings.as_of is not None and (match := table.match(verb, path)):
        return f"{match.route.id} is not served as of {settings.as_of}"
    if match := table.match(verb, path, lenient=True):
        return table.services[match.route.service].lenient_hint
    if reason := _left_out(table, path, host):
        return reason
    nearest = table.find_nearest(verb, path)
    if not nearest:
        return "no method has a path like it"
    return "nearest: " + ", ".join(_describe(route) for route in nearest[:3])


def _left_out(table: RouteTable, path: str, host: str) -> str:
    """Say what a path belongs to, and why it is not supported; "" if it is not left out on purpose.

    What is left out is known by a segment of its paths (`files`) or by an action after the colon (`:predict`).
    """
    *segments, last = path.split("/")
    name, colon, action = last.partition(":")
    words = [last, f"{colon}{action}", name, *segments]
    named = host or table.service(path)
    services = [table.services[named]] if named in table.services else [*table.services.values()]
    for service in services:
        entries = read_not_supported(service.not_supported) if service.not_supported else {}
        for word in words:
            if word in entries:
                return f"not supported by this server, on purpose: {entries[word]}"
    return ""


@cache
def read_not_supported(file: Path) -> Mapping[str, str]:
    """Return what a service leaves out, and why, by the word in a path that shows it."""
    rows = orjson.loads(file.read_bytes())
    return {word: f"{row['what']}. {row['reason']}" for row in rows for word in row.get("requests", ())}


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

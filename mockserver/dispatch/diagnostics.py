"""Diagnostics of calls without a route: why no method matches and what to change. For the log, not for the client."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import orjson

from mockserver.dispatch.route_table import RouteTable
from mockserver.dispatch.routing import Json, Route, text_at
from mockserver.rpc.errors import ApiError
from mockserver.rpc.redaction import redact
from mockserver.settings.reading import nearest
from mockserver.state.world import Settings

LONGEST_CORRECTED = 1000
"""Nobody means a path that is longer."""


LOST_PATH = ("", "/")
"""The paths of a person who looks at the address, and of clients that lost the path of their request."""


def diagnose_unrouted(
    table: RouteTable, verb: str, path: str, settings: Settings, host: str = "", agent: str = ""
) -> str:
    """Describe why no route matches a path, or the nearest routes; "" if there is nothing to mend.

    `host` is the service whose host was called, if any; `agent` is the User-Agent.
    """
    if verb == "GET" and path in LOST_PATH and not any(it.has_lost_path(agent) for it in table.services.values()):
        return ""
    return (
        _find_hint(table, path)
        or _describe_elsewhere(table, verb, path, settings, host)
        or _left_out(table, path, host)
        or _correct(table, verb, path)
        or _describe_nearest(table, verb, path)
    )


def _find_hint(table: RouteTable, path: str) -> str:
    """Return what a service says of this very path; "" for most paths."""
    for service in table.services.values():
        if path in service.path_hints:
            return service.path_hints[path]
        for pattern, hint in service.pattern_hints.items():
            if match := re.fullmatch(pattern, path):
                return match.expand(hint)
    return ""


def _describe_elsewhere(table: RouteTable, verb: str, path: str, settings: Settings, host: str) -> str:
    """Name the method that has this path on another host or day, or in a more lenient server; "" if none has."""
    if host and (match := table.match(verb, path, settings.as_of)):
        return f"{match.route.id} is a method of {match.route.service}, and {host} serves only its own paths"
    if settings.as_of is not None and (match := table.match(verb, path)):
        return f"{match.route.id} is not served as of {settings.as_of}"
    match = table.match(verb, path, lenient=True)
    return table.services[match.route.service].lenient_hint if match else ""


def _describe_nearest(table: RouteTable, verb: str, path: str) -> str:
    routes = table.find_nearest(verb, path)
    if not routes:
        return "no method has a path like it; docs/methods.md lists all"
    return "nearest: " + ", ".join(_describe(route) for route in routes[:3])


def _left_out(table: RouteTable, path: str, host: str) -> str:
    """Say what a path belongs to, and why it is not supported; "" if it is not left out on purpose.

    What is left out is known by a segment of its paths (`files`) or by an action after the colon (`:predict`).
    """
    *segments, last = path.split("/")
    name, colon, action = last.partition(":")
    words = [last, f"{colon}{action}", name, *segments]
    service_name = host or table.service(path)
    services = [table.services[service_name]] if service_name in table.services else [*table.services.values()]
    for service in services:
        entries = read_not_supported(service.not_supported) if service.not_supported else {}
        for word in words:
            if word in entries:
                return f"{_ON_PURPOSE}: {entries[word]}"
    return ""


def _left_out_rpc(table: RouteTable, rpc: str, host: str) -> str:
    """Say what an rpc belongs to, and why it is not supported; "" if it is not left out on purpose."""
    name = ".".join(rpc.split(".")[-2:])
    services = [table.services[host]] if host in table.services else [*table.services.values()]
    for service in services:
        for pattern, reason in _read_left_out_rpcs(service.not_supported).items() if service.not_supported else ():
            if fnmatchcase(name, pattern):
                return f"{_ON_PURPOSE}: {reason}"
    return ""


_ON_PURPOSE = "not supported by this server, on purpose"


@cache
def _read_left_out_rpcs(file: Path) -> Mapping[str, str]:
    """Return what a service leaves out, and why, by patterns for the names of methods and rpcs."""
    rows = orjson.loads(file.read_bytes())
    return {
        pattern: f"{row['what']}. {row['reason']}"
        for row in rows
        for pattern in (*row["methods"], *row.get("rpcs", ()))
    }


@cache
def read_not_supported(file: Path) -> Mapping[str, str]:
    """Return what a service leaves out, and why, by the word in a path that shows it."""
    rows = orjson.loads(file.read_bytes())
    return {word: f"{row['what']}. {row['reason']}" for row in rows for word in row.get("requests", ())}


def _correct(table: RouteTable, verb: str, path: str) -> str:
    """Name the path that somebody may have meant: another spelling, a slash or a version too many or too few."""
    if len(path) > LONGEST_CORRECTED:
        return ""
    names = {_fold(name): name for route in table.routes for name in re.split(r"[/:]", route.path) if name.isalpha()}
    resource, _, action = path.strip("/").partition(":")
    segments = [names.get(_fold(segment), segment) for segment in resource.split("/") if segment]
    versions = list(dict.fromkeys(route.version for route in table.routes))
    own_versions = [segment for segment in segments if segment in versions]
    rest = "/".join(segment for segment in segments if segment not in versions)
    tails = (
        [rest]
        if action.lower() in _STANDARD
        else [f"{rest}:{each}" if each else rest for each in _actions(table, action, names)]
    )
    for candidate in (f"/{version}/{tail}" for version in [*own_versions, *versions] for tail in tails):
        routes = table.find_on(candidate)
        action_routes = (
            [route for route in routes if route.id.endswith(f".{action}")] if action.lower() in _STANDARD else []
        )
        same = [route for route in action_routes or routes if route.verb == verb] or action_routes or routes
        if same and candidate != path:
            return f"did you mean {same[0].verb} {candidate}? That is {same[0].id}"
    return ""


def _actions(table: RouteTable, action: str, names: Mapping[str, str]) -> Sequence[str]:
    """Return the action as it is spelt, and the nearest one to it."""
    if not action:
        return [action]
    known = sorted({route.path.rpartition(":")[2] for route in table.routes if ":" in route.path})
    return [names.get(_fold(action), action), *filter(None, [nearest(action, known)])]


_STANDARD = frozenset({"create", "list", "get", "patch", "update", "delete"})
"""Methods that have no action in their path: their verb tells them apart."""


def _fold(name: str) -> str:
    """Make spellings equal: tunedModels, tuned_models, tuned-model, TunedModels."""
    return name.replace("_", "").replace("-", "").lower().rstrip("s")


def diagnose_misnamed(routes: Sequence[Route], message: Json) -> str:
    """Say which names the routes of an rpc take, instead of the one in the message."""
    rules = dict.fromkeys(rule for route in routes for rule in re.findall(r"\{([^{}]+=[^{}]*)\}", route.path))
    name = next(filter(None, (text_at(message, route.resource_field) for route in routes)), "")
    shown = str(redact(name))[:LONGEST_NAME]  # a part of a secret would not be known for one
    problem = f"the name {shown!r} does not fit" if name else "the request has no name"
    return f"{problem}: this method takes {' or '.join(rules)}"


LONGEST_NAME = 100
"""A hint shows no more of a name."""


def diagnose_rpc(table: RouteTable, rpc: str, settings: Settings, host: str = "") -> str:
    """Return what is nearest to an rpc that no service has on that day. `host` is the service that was called."""
    if routes := table.routes_of(rpc, host):
        return f"{routes[0].id} is not served as of {settings.as_of}"
    if routes := table.routes_of(rpc):
        return f"{routes[0].id} is a method of {routes[0].service}, and {host} serves only its own"
    if reason := _left_out_rpc(table, rpc, host):
        return reason
    near = dict.fromkeys(route.rpc for route in table.routes if route.rpc.rpartition(".")[2] == rpc.rpartition(".")[2])
    return f"nearest: {', '.join(list(near)[:3])}" if near else "no method has a name like it"


def explain(error: ApiError, note: str = "") -> str:
    """Return why a call was refused, for the access log: one line without secrets, and not all that a client sent."""
    text = f"{error.message} ({note})" if note else error.message
    return " ".join(str(redact(text)).split())[:LONGEST_REASON]


LONGEST_REASON = 300


def _describe(route: Route) -> str:
    return f"{route.id} ({route.template})"

"""Diagnostics of calls without a route: why no method matches and what to change. For the log, not for the client."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import TypedDict

import orjson

from mockserver.dispatch.route_table import RouteTable
from mockserver.dispatch.routing import Route
from mockserver.rpc.credentials import redact
from mockserver.rpc.errors import ApiError
from mockserver.state.world import Settings


class NotSupported(TypedDict, total=False):
    """What is not served on purpose, and why: globs over ids of methods, and over paths with {} for a variable part."""

    what: str
    reason: str
    methods: Sequence[str]
    paths: Sequence[str]


@lru_cache(maxsize=8)
def read_not_supported(file: Path | None) -> Sequence[NotSupported]:
    """Return what a service does not serve on purpose, from its file."""
    rows: Sequence[NotSupported] = orjson.loads(file.read_bytes()) if file else ()
    return rows


def diagnose_unrouted(table: RouteTable, verb: str, path: str, settings: Settings) -> str:
    """Describe why no route matches a path, or the nearest routes."""
    if verb == "GET" and path in {"", "/"}:
        return "the API has nothing here; a browser sees the dashboard"
    for service in table.services.values():
        if path in service.path_hints:
            return service.path_hints[path]
    if settings.as_of is not None and (match := table.match(verb, path)):
        return f"{match.route.id} is not served as of {settings.as_of}"
    if match := table.match(verb, path, lenient=True):
        return table.services[match.route.service].lenient_hint
    if excluded := _describe_excluded(table, path):
        return f"not supported on purpose: {excluded}"
    nearest = table.find_nearest(verb, path)
    if not nearest:
        return "no method has a path like it; docs/methods.md lists all"
    return "nearest: " + ", ".join(_describe(route) for route in nearest[:3])


def _describe_excluded(table: RouteTable, path: str) -> str:
    """Describe what a path belongs to that is not served on purpose: "Files: training examples ..."; "" if nothing."""
    match = _PATH.fullmatch(path)
    if match is None:
        return ""
    words, action = match["name"].split("/"), match["action"]
    methods = [f"{'.'.join(words[::2])}.{action or '*'}"]
    if words[::2][-1] == "operations":
        methods.append("Operations.*")
    name = "/".join("{}" if at % 2 else word for at, word in enumerate(words))
    shape = f"/{match['version']}/{name}" + (f":{action}" if action else "")
    host = table.service(path)
    for service in [table.services[host]] if host else table.services.values():
        for row in read_not_supported(service.not_supported):
            if _covers(row, methods, shape):
                return f"{row['what']}: {row['reason']}"
    return ""


_PATH = re.compile(r"(?:/upload)?/(?P<version>[^/]*)/(?P<name>[^:]*)(?::(?P<action>[^:]*))?")


def _covers(row: NotSupported, methods: Sequence[str], shape: str) -> bool:
    """Return whether a path is one of them. A path does not say which rpc it is, so globs of rpcs are left out."""
    globs = [glob for glob in row["methods"] if not glob[0].isupper() or glob.startswith("Operations.")]
    if globs and not any(fnmatchcase(method, glob) for method in methods for glob in globs):
        return False
    return any(fnmatchcase(shape, glob) for glob in row.get("paths", ["*"] if globs else []))


def diagnose_rpc(table: RouteTable, rpc: str, settings: Settings) -> str:
    """What is nearest to an rpc that no service has, or has on that day."""
    if routes := table.routes_of(rpc):
        return f"{routes[0].id} is not served as of {settings.as_of}"
    nearest = dict.fromkeys(
        route.rpc for route in table.routes if route.rpc.rpartition(".")[2] == rpc.rpartition(".")[2]
    )
    return f"nearest: {', '.join(list(nearest)[:3])}" if nearest else "no method has a name like it"


def explain(error: ApiError, hint: str = "") -> str:
    """Return why a call was refused, for the access log: one line without secrets, and not all that a client sent."""
    text = f"{error.message} ({hint})" if hint else error.message
    return " ".join(str(redact(text)).split())[:LONGEST_REASON]


LONGEST_REASON = 300


def _describe(route: Route) -> str:
    return f"{route.id} ({route.template})"

"""Routes in the spec's own words, and what a handler is given.

A template is the verb and the `google.api.http` rule as published:
`"POST /v1beta/{model=tunedModels/*}:generateContent"`. In a variable `*` stands for one segment
without a colon and `**` for any number of segments.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, Literal
from urllib.parse import unquote

from mockserver.dispatch.http_rules import method_id
from mockserver.protojson.schema import HttpRule, Rpc
from mockserver.rpc.credentials import Caller
from mockserver.scripting.faults import Fault
from mockserver.scripting.magic_words import job_directives
from mockserver.simulation.tuning import Run
from mockserver.state.clock import Nanos
from mockserver.state.world import World

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pause:
    """Inside a stream: wait this long, on the world's clock, before the next message."""

    seconds: float


class Cut:
    """Inside a reply: here the connection breaks."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, understood: who asks which method what, and when.

    Header names are lower case. `fault` is what befalls the call, for handlers that make a job.
    """

    world: World
    now: Nanos
    caller: Caller
    route: "Route"
    message: Json
    path: Mapping[str, str] = field(default_factory=dict)
    base_url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None

    @property
    def version(self) -> str:
        """The API version of the path: "v1", "v1beta", "v1beta1"."""
        return self.route.version

    def directed(self, run: Run, *texts: str) -> Run:
        """The run of a new job as magic words in its texts, and the fault that befalls the call, would have it."""
        if self.world.settings.magic:
            run = job_directives(*texts).direct(run)
        return self.fault.job.direct(run) if self.fault else run


Handler = Callable[[Call], Json | Iterator[Json | Pause]]


@dataclass(frozen=True, slots=True)
class Route:
    """A method of a service and the handler that answers it.

    `since` and `keys_since` (the day on which the method first took API keys) matter only to a world that
    is as of a date. `credentials` "bearer" answers a lone API key with 401, as the real service does; "own"
    leaves that to the handler, which takes keys in their own project. The real service does not have a
    `lenient` route. `service` is the host name. `blocks` tells whether the handler may have to wait, in a
    given world, for something outside of this process. `unpublished` is the reason why a route without a
    published rule is served.
    """

    id: str
    template: str
    handler: Handler
    request: str
    response: str
    body: str = ""
    rpc: str = ""
    stream: bool = False
    since: date | None = None
    credentials: Literal["any", "bearer", "own", "none"] = "any"
    keys_since: date | None = None
    lenient: bool = False
    service: str = ""
    blocks: Callable[[World], bool] | None = None
    unpublished: str = ""

    @classmethod
    def of(cls, rpc: Rpc, rule: HttpRule, **more: Any) -> "Route":
        """Returns the route of one HTTP rule of the rpc, with the rpc's messages."""
        return cls(
            id=method_id(rule),
            template=f"{rule.verb} {rule.path}",
            request=rpc.request,
            response=rpc.response,
            body=rule.body,
            rpc=rpc.full_name,
            stream=rpc.server_streaming,
            **more,
        )

    @property
    def verb(self) -> str:
        """The HTTP verb of the template."""
        return self.template.partition(" ")[0]

    @property
    def path(self) -> str:
        """The path rule of the template."""
        return self.template.partition(" ")[2]

    @property
    def version(self) -> str:
        """The first segment of the path."""
        return self.path.split("/", 2)[1]

    def takes_keys(self, as_of: date | None) -> bool:
        """Whether an API key alone is enough on that day; None is every day at once."""
        if self.credentials in {"bearer", "own"}:
            return False
        return as_of is None or self.keys_since is None or self.keys_since <= as_of

    def is_live(self, as_of: date | None, *, lenient: bool = False) -> bool:
        """Whether the service has the method on that day; None is every day at once."""
        if self.lenient and not lenient:
            return False
        return as_of is None or self.since is None or self.since <= as_of


@dataclass(frozen=True, slots=True)
class Match:
    """A route and the values of its path variables, by the names the rule gives them."""

    route: Route
    path: Mapping[str, str]


class RouteTable:
    """Finds routes by verb, version and action. Compiles a template when a path is first compared with it."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._services: dict[str, str] = {}
        self._speakers: dict[str, set[str]] = {}
        self._by_head: dict[tuple[str, str, str], list[Route]] = {}
        for route in self.routes:
            self._by_head.setdefault((route.verb, route.version, _action(route.path)), []).append(route)
            self._services.setdefault(_collection(route.path), route.service)
            self._speakers.setdefault(route.version, set()).add(route.service)

    def service(self, path: str) -> str:
        """Returns the service that a path belongs to, by its collection, else by its version; "" if unknown."""
        speakers = self._speakers.get(_version(path), set())
        return self._services.get(_collection(path)) or ("".join(speakers) if len(speakers) == 1 else "")

    def match(self, verb: str, path: str, as_of: date | None = None, *, lenient: bool = False) -> Match | None:
        """Returns the first live route that fits, or None. `path` is as on the wire, percent-encoded."""
        for route in self._candidates(verb, _version(path), _action(path)):
            pattern, names = _compile(route.path)
            found = pattern.fullmatch(path)
            if found and route.is_live(as_of, lenient=lenient):
                return Match(route, {name: unquote(value) for name, value in zip(names, found.groups(), strict=True)})
        return None

    def _candidates(self, verb: str, version: str, action: str) -> Iterator[Route]:
        """The routes of the action, then those without one: what looks like an action may be the end of a `**`."""
        yield from self._by_head.get((verb, version, action), ())
        if action:
            yield from self._by_head.get((verb, version, ""), ())

    def nearest(self, verb: str, path: str) -> list[Route]:
        """Returns routes near a path that none fits: of another verb or version, else of the same action."""
        tail = path.split("/", 2)[-1]
        same_path = [route for route in self.routes if _compile(route.path)[0].fullmatch(f"/{route.version}/{tail}")]
        action = _action(path)
        same_action = [route for route in self.routes if action and route.path.endswith(f":{action}")]
        versions = list(self._speakers)
        return sorted(same_path, key=lambda route: (route.verb != verb, versions.index(route.version))) or same_action


_VARIABLE = re.compile(r"\{([a-zA-Z0-9_.]+)(?:=([^}]*))?\}")


@cache
def _compile(path: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    names: list[str] = []
    out = ""
    position = 0
    for variable in _VARIABLE.finditer(path):
        out += re.escape(path[position : variable.start()])
        names.append(variable[1])
        out += f"({_wildcards(variable[2] or '*')})"
        position = variable.end()
    return re.compile(out + re.escape(path[position:])), tuple(names)


def _wildcards(rule: str) -> str:
    parts = re.split(r"(\*\*|\*)", rule)
    return "".join({"*": r"[^/:]+", "**": r".+"}.get(part, re.escape(part)) for part in parts)


def _version(path: str) -> str:
    """The first segment: "v1" of "/v1/tunedModels"."""
    return path.split("/", 2)[1] if path.startswith("/") else ""


def _action(path: str) -> str:
    """What follows the last colon: "generateContent" of "/v1/models/x:generateContent", else nothing."""
    return path.rpartition(":")[2] if ":" in path else ""


def _collection(path: str) -> str:
    """What follows the version: "tunedModels" of "/v1/tunedModels/x:generateContent"."""
    rest = path.split("/", 2)[-1]
    return re.split(r"[/:*}]", rest.partition("=")[2] if rest.startswith("{") else rest, maxsplit=1)[0]

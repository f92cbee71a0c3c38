"""Routes, written as Google publishes them, and the `Call` that a handler gets.

A template is the verb and the `google.api.http` rule as published:
`"POST /v1beta/{model=tunedModels/*}:generateContent"`. In a variable `*` stands for one segment
without a colon and `**` for any number of segments.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, lru_cache
from typing import Any, Literal

from mockserver.dispatch.http_rules import method_id
from mockserver.protojson.schema import HttpRule, Rpc, json_name
from mockserver.protojson.variations import Message
from mockserver.rpc.credentials import Caller
from mockserver.scripting.faults import Fault
from mockserver.scripting.magic_words import JobDirectives, job_directives
from mockserver.state.clock import Nanos, to_datetime
from mockserver.state.world import Settings, World

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pause:
    """An item of a stream: wait this long, on the world's clock, before the next message."""

    seconds: float


class Cut:
    """The last item of a stream: break the connection here."""


DAY: Nanos = 86_400 * 1_000_000_000


def day_of(settings: Settings, now: Nanos) -> date:
    """Return the as-of day of a world, else the day of its clock."""
    return settings.as_of or _date(now // DAY)


@lru_cache(maxsize=16)  # most requests of a run come on the same day
def _date(days: int) -> date:
    return to_datetime(days * DAY).date()


@dataclass(slots=True)  # frozen would cost more than the dispatcher's checks do
class Call:
    """A call of a method: its world, the settings of the world when the call came, time, caller and message.

    The message includes the values from the path. `options` is the metadata that the service's handlers may read.
    `fault` is the fault that is injected, for handlers that create a job.
    """

    world: World
    settings: Settings
    now: Nanos
    caller: Caller
    route: "Route"
    message: Json
    options: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None

    @property
    def version(self) -> str:
        """Return the API version of the method: "v1", "v1beta", "v1beta1"."""
        return self.route.version

    @property
    def day(self) -> date:
        """Return the as-of day of the world, else the day of its clock."""
        return day_of(self.settings, self.now)

    @property
    def resource(self) -> str:
        """Return the name of the resource as the client wrote it; "" if the method has none."""
        return text_at(self.message, self.route.resource_field)

    def job_directives(self, *texts: str) -> list[JobDirectives]:
        """Return the directives for a new job: from the magic words in its texts, then from the injected fault."""
        directives = [job_directives(*texts)] if self.settings.magic else []
        return [*directives, self.fault.job] if self.fault else directives


@dataclass(frozen=True, slots=True)
class Hinted:
    """A result with a hint for the tester, which is logged and not sent."""

    result: Message | Iterator[Message | Pause]
    hint: str


Handled = Message | Iterator[Message | Pause] | Hinted
"""The result of a handler: a message or a stream of messages, with or without a hint."""

Handler = Callable[[Call], Handled]


def with_hint(result: Message | Iterator[Message | Pause], hint: str) -> Handled:
    """Add a hint to a result, unless it is empty."""
    return Hinted(result, hint) if hint else result


_VARIABLE = re.compile(r"\{([a-zA-Z0-9_.]+)(?:=([^{}]*))?\}")


@dataclass(frozen=True, slots=True)
class Route:
    """A method of a service and the handler that answers it.

    `since` (the day on which the method appeared) and `keys_since` (the day on which it first accepted API keys) matter
    only in a world with an as-of day. `credentials` "bearer" refuses a lone API key with 401, as the real service does;
    "own" leaves that to the handler, which accepts keys in their own project; "none" accepts requests without
    credentials. The real service does not have a `lenient` route. `service` is the host name. `blocks` returns whether
    the handler may have to wait, in a given world, for something outside of this process; `computes` that it may take
    long without waiting. `unpublished` is the reason for serving a route without a published rule.
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
    computes: bool = False
    unpublished: str = ""
    verb: str = field(init=False, repr=False)
    """The HTTP verb of the template."""
    path: str = field(init=False, repr=False)
    """The path rule of the template."""
    version: str = field(init=False, repr=False)
    """The first segment of the path."""
    resource_field: tuple[str, ...] = field(init=False, repr=False)
    """The member of the message for the path's first variable: ("tunedModel", "name"); () if there is none."""

    def __post_init__(self) -> None:
        verb, _, path = self.template.partition(" ")
        put = object.__setattr__  # computed once, although the class is frozen
        put(self, "verb", verb)
        put(self, "path", path)
        put(self, "version", path.split("/", 2)[1])
        variable = _VARIABLE.search(path)
        put(self, "resource_field", tuple(map(json_name, variable[1].split("."))) if variable else ())

    @classmethod
    def of(cls, rpc: Rpc, rule: HttpRule, **more: Any) -> "Route":
        """Create the route of one HTTP rule of the rpc, with the rpc's messages."""
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

    def takes_keys(self, as_of: date | None) -> bool:
        """Return whether an API key alone is enough on that day; None means all days at once."""
        if self.credentials in {"bearer", "own"}:
            return False
        return as_of is None or self.keys_since is None or self.keys_since <= as_of

    def is_live(self, as_of: date | None, *, lenient: bool = False) -> bool:
        """Return whether the service has the method on that day; None means all days at once."""
        if self.lenient and not lenient:
            return False
        return as_of is None or self.since is None or self.since <= as_of


@cache
def compile_path(path: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """Compile a path rule to a pattern with a group for each variable, and the names of the variables."""
    names: list[str] = []
    out = ""
    position = 0
    for variable in _VARIABLE.finditer(path):
        out += re.escape(path[position : variable.start()])
        names.append(variable[1])
        out += f"({_wildcards(variable[2] or '*')})"
        position = variable.end()
    return re.compile(out + re.escape(path[position:])), tuple(names)


@cache
def path_variables(path: str) -> tuple[tuple[tuple[str, ...], re.Pattern[str]], ...]:
    """Return where the message holds each variable of a path rule, and the pattern of its value."""
    return tuple(
        (tuple(map(json_name, variable[1].split("."))), re.compile(_wildcards(variable[2] or "*")))
        for variable in _VARIABLE.finditer(path)
    )


def text_at(message: Json, place: tuple[str, ...]) -> str:
    """Return the text that a message holds in a field, or in a field of a field; "" if there is none."""
    value: Any = message
    for name in place:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def expand_path(path: str, message: Json) -> str:
    """Return the path that a path rule makes of a message."""
    return _VARIABLE.sub(lambda variable: text_at(message, tuple(map(json_name, variable[1].split(".")))), path)


def _wildcards(rule: str) -> str:
    parts = re.split(r"(\*\*|\*)", rule)
    return "".join({"*": r"[^/:]+", "**": r".+"}.get(part, re.escape(part)) for part in parts)

"""Routes in the spec's own words, and what a handler is given.

A template is the verb and the `google.api.http` rule as published:
`"POST /v1beta/{model=tunedModels/*}:generateContent"`. In a variable `*` stands for one segment
without a colon and `**` for any number of segments.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, Literal

from mockserver.dispatch.http_rules import method_id
from mockserver.protojson.schema import HttpRule, Rpc, json_name
from mockserver.rpc.credentials import Caller
from mockserver.scripting.faults import Fault
from mockserver.scripting.magic_words import JobDirectives, job_directives
from mockserver.state.clock import Nanos, to_datetime
from mockserver.state.world import World

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pause:
    """Inside a stream: wait this long, on the world's clock, before the next message."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """One request, understood: who asks which method what, and when.

    The message holds what the path said. `options` are the request's metadata that the service lets its handlers
    read. `fault` is what befalls the call, for handlers that make a job.
    """

    world: World
    now: Nanos
    caller: Caller
    route: "Route"
    message: Json
    options: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None

    @property
    def version(self) -> str:
        """The API version of the method: "v1", "v1beta", "v1beta1"."""
        return self.route.version

    @property
    def day(self) -> date:
        """The day the world is as of, else that of its clock."""
        return self.world.settings.as_of or to_datetime(self.now).date()

    @property
    def resource(self) -> str:
        """The name of the resource the call is about, as the client wrote it; "" where the method has none."""
        return text_at(self.message, self.route.resource_field)

    def job_directives(self, *texts: str) -> list[JobDirectives]:
        """What becomes of a new job: by the magic words in its texts, then by the fault that befalls the call."""
        found = [job_directives(*texts)] if self.world.settings.magic else []
        return [*found, self.fault.job] if self.fault else found


@dataclass(frozen=True, slots=True)
class Hinted:
    """An answer, and what its handler has to tell the tester beside it; nothing of that is sent."""

    result: Json | Iterator[Json | Pause]
    hint: str


Handled = Json | Iterator[Json | Pause] | Hinted
"""What a handler returns: a message, or a stream of messages, with a hint or without."""

Handler = Callable[[Call], Handled]


def with_hint(result: Json | Iterator[Json | Pause], hint: str) -> Handled:
    """The answer with a hint, if there is one."""
    return Hinted(result, hint) if hint else result


@dataclass(frozen=True, slots=True)
class Route:
    """A method of a service and the handler that answers it.

    `since` and `keys_since` (the day on which the method first took API keys) matter only to a world that
    is as of a date. `credentials` "bearer" answers a lone API key with 401, as the real service does; "own"
    leaves that to the handler, which takes keys in their own project. The real service does not have a
    `lenient` route. `service` is the host name. `blocks` tells whether the handler may have to wait, in a
    given world, for something outside of this process, and `computes` that it may take long without waiting. `unpublished` is the reason why a route without a
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
    computes: bool = False
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

    @property
    def resource_field(self) -> tuple[str, ...]:
        """Where the message holds the path's first variable: ("tunedModel", "name"); empty if there is none."""
        names = compile_path(self.path)[1]
        return tuple(map(json_name, names[0].split("."))) if names else ()

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


_VARIABLE = re.compile(r"\{([a-zA-Z0-9_.]+)(?:=([^{}]*))?\}")


@cache
def compile_path(path: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """The pattern of a path rule, with a group a variable, and the names of the variables."""
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
    """Where the message holds each variable of a path rule, and the pattern of its value."""
    return tuple(
        (tuple(map(json_name, variable[1].split("."))), re.compile(_wildcards(variable[2] or "*")))
        for variable in _VARIABLE.finditer(path)
    )


def text_at(message: Json, place: tuple[str, ...]) -> str:
    """The text that a message holds in a field, or in a field of a field; "" if there is none."""
    value: Any = message
    for name in place:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def expand_path(path: str, message: Json) -> str:
    """The path that a path rule makes of a message."""
    return _VARIABLE.sub(lambda variable: text_at(message, tuple(map(json_name, variable[1].split(".")))), path)


def _wildcards(rule: str) -> str:
    parts = re.split(r"(\*\*|\*)", rule)
    return "".join({"*": r"[^/:]+", "**": r".+"}.get(part, re.escape(part)) for part in parts)

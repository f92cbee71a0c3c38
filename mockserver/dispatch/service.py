"""What a service says of itself. Everything that only one of the services has, and that is no handler, stands in here.

The other rooms take a `Service` and name no host, method or resource of their own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from mockserver.dispatch.routing import Json, Route
from mockserver.rpc import errors, outages
from mockserver.rpc.errors import ApiError


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A call that a fault strikes: what the error that it gets may quote.

    `project` is the caller's, `resource` the name in the path, "" where there is none.
    """

    route: Route
    resource: str
    project: str
    day: date
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class HeaderProfile:
    """Which response headers tell one service from another.

    `server` makes the value of Server from the route; `timed` says whether Server-Timing is sent. Methods of the
    ids in `tiered` say X-Gemini-Service-Tier of a call that came as far as the model, from the day `tiered_since` on.
    """

    server: Callable[[Route], str]
    timed: bool = False
    tiered: frozenset[str] = frozenset()
    tiered_since: date = date.max


@dataclass(frozen=True, slots=True)
class Service:
    """One of the two services, described once.

    host              of its API, such as "library.googleapis.com"; regional hosts have it at their end
    title             as its own errors call it
    routes            its methods, narrowest paths first; `lenient_routes` only for worlds that ask for them
    headers           the response headers that differ
    empty_404         whether an unrouted path is answered with nothing, rather than the outermost server's page
    internal_error    its words for a failure of its own
    injected_error    its error for a status or reason that a fault names; None where the common words serve
    misnamed          its error for a call whose message names no resource, or one as no path could
    call_options      the request metadata (header names, lower case) that its handlers may read
    prompt_text       the text of a request in which magic words are looked for; "" where there is none
    polls             globs over the ids of methods that clients ask again and again while a job runs
    has_ended         whether an answer to such a method shows the end of the job
    refusal_hint      why a refused request of a known client was refused, for its developer; "" if unknown
    path_hints        the same for paths that no method has
    lenient_hint      what to do where only a lenient route would fit
    """

    host: str
    title: str
    routes: tuple[Route, ...]
    headers: HeaderProfile
    injected_error: Callable[[str, FailedCall], ApiError | None]
    internal_error: str = outages.INTERNAL
    misnamed: Callable[[Route, Json], ApiError] = lambda *_: errors.invalid_argument()  # our choice: not seen
    lenient_routes: tuple[Route, ...] = ()
    empty_404: bool = False
    call_options: frozenset[str] = frozenset()
    prompt_text: Callable[[Json], str] = lambda _: ""
    polls: tuple[str, ...] = ()
    has_ended: Callable[[Mapping[str, Any]], bool] = lambda _: False
    refusal_hint: Callable[[Route, Json], str] = lambda *_: ""
    path_hints: Mapping[str, str] = field(default_factory=dict)
    lenient_hint: str = ""

    def serves_host(self, host: str) -> bool:
        """Whether a host name, without a port, is this service's or one of its regions'."""
        return host == self.host or host.endswith(f"-{self.host}")

"""What a service says of itself. Everything that only one of the services has, and that is no handler, stands in here.

The other rooms take a `Service` and name no host, method or resource of their own.
"""

import re
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
class DiscoveryProfile:
    """What the discovery documents of a service say beside its methods.

    `versions` are those that mean this service where only a version is given, `default_version` the one that no
    version means. `scopes` are OAuth scopes with their descriptions. `short_names`: whether messages are named without
    their package.
    """

    canonical_name: str
    documentation: str
    versions: frozenset[str]
    default_version: str
    scopes: Mapping[str, str] = field(default_factory=dict)
    short_names: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """One of the two services, described once.

    host              of its API, such as "library.googleapis.com"; see `host_pattern` for those of regions
    title             as its own errors call it
    routes            its methods, narrowest paths first; `lenient_routes` only for worlds that ask for them
    headers           the response headers that differ
    discovery         what its discovery documents say beside the methods
    regional          whether its regions have hosts of their own
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
    discovery: DiscoveryProfile
    injected_error: Callable[[str, FailedCall], ApiError | None]
    internal_error: str = outages.INTERNAL
    regional: bool = False
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

    @property
    def name(self) -> str:
        """The first part of the host: "library" of "library.googleapis.com"."""
        return self.host.partition(".")[0]

    @property
    def host_pattern(self) -> str:
        """A regular expression of its host names: its own, and of regions and multi-regions where they have hosts.

        Those are `REGION-library.googleapis.com` and `library.REGION.rep.googleapis.com`.
        """
        own, domain = re.escape(self.host), re.escape(self.host.removeprefix(self.name))
        return rf"(?:[a-z0-9-]+-)?{own}|{self.name}\.[a-z0-9-]+\.rep{domain}" if self.regional else own

    def serves_host(self, host: str) -> bool:
        """Whether a host name, in lower case and without a port, is one of its own."""
        return re.fullmatch(self.host_pattern, host) is not None

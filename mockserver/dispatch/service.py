"""The description of a service: everything in which the services differ, apart from their handlers.

The other rooms use a `Service`, and name no host, method or resource themselves.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from mockserver.dispatch.routing import Call, Json, Route
from mockserver.rpc import errors, outages
from mockserver.rpc.errors import ApiError
from mockserver.rpc.outages import Violation
from mockserver.state.clock import Nanos
from mockserver.state.world import World


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A call into which a fault is injected: the values that its error may quote.

    `project` is the one that the call is billed to, `resource` the name in the path, "" if there is none.
    """

    route: Route
    resource: str
    project: str
    day: date
    world: World
    now: Nanos
    retry_after: float | None = None

    @property
    def version(self) -> str:
        """Return the API version of the method."""
        return self.route.version


@dataclass(frozen=True, slots=True)
class QuotaKey:
    """What a quota is counted for: a model of a project."""

    project: str
    model: str


@dataclass(frozen=True, slots=True)
class HeaderProfile:
    """The response headers in which the services differ.

    `server` returns the value of Server for a route. `has_timing` says whether Server-Timing is sent. The methods in
    `tiered_methods` send X-Gemini-Service-Tier if the call reached the model, from the day `tiered_since` on.
    """

    server: Callable[[Route], str]
    has_timing: bool = False
    tiered_methods: frozenset[str] = frozenset()
    tiered_since: date = date.max


@dataclass(frozen=True, slots=True)
class DiscoveryProfile:
    """The parts of a service's discovery documents other than its methods.

    A request that gives only a version means this service if the version is in `versions`; without a version it gets
    `default_version`. `scopes` are OAuth scopes with their descriptions. `short_names` says whether message names omit
    the package.
    """

    canonical_name: str
    documentation: str
    versions: frozenset[str]
    default_version: str
    scopes: Mapping[str, str] = field(default_factory=dict)
    short_names: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """The description of one service.

    host              the host of its API, such as "library.googleapis.com"; see `host_pattern` for regional hosts
    title             its name in its own errors
    routes            its methods, narrowest paths first
    lenient_routes    routes that the real service does not have, for worlds that enable them
    headers           the response headers that differ
    discovery         the parts of its discovery documents other than the methods
    regional          whether its regions have their own hosts
    empty_404         whether a path without a route gets an empty body instead of the outermost server's page
    internal_error    the message of its internal error
    injected_error    returns its error for the status or reason of a fault; None if the common error serves
    invalid_token     returns its error for a bearer token that is not listed (`auth: strict`)
    project_of        returns the project in a resource name; "" if there is none
    misnamed_error    returns its error for a message without a resource name, or with one that matches no path
    call_options      the request metadata (header names, lower case) that its handlers may read
    prompt_text       returns the text of a request that may contain magic words; "" if there is none
    polls             globs over the ids of methods that clients poll while a job runs
    has_ended         returns whether an answer to such a method shows that the job has ended
    metered_methods   globs over the ids of methods that count against quotas
    quota_key         returns what a call counts for
    quota_error       returns its error for a call that exceeds quotas
    creates           globs over the ids of methods that create something new each time
    job_creations     patterns of the methods that begin to tune something
    refusal_hint      returns a hint for the developer why a request was refused; "" if unknown
    path_hints        such hints for paths that no method has
    has_lost_path     returns whether a User-Agent is of a client that is known to ask for `/` instead of its path
    pattern_hints     the same by regular expressions that match the whole path, to whose groups a hint may refer
    client_calls      calls of client libraries, and the methods that they send: ("tunings.tune", "tuningJobs.create")
    not_supported     the file that lists what is left out on purpose, and why
    lenient_hint      the hint if only a lenient route matches
    """

    host: str
    title: str
    routes: tuple[Route, ...]
    headers: HeaderProfile
    discovery: DiscoveryProfile
    injected_error: Callable[[str, FailedCall], ApiError | None]
    quota_key: Callable[[Call], QuotaKey]
    quota_error: Callable[[Call, QuotaKey, Sequence[Violation]], ApiError]
    metered_methods: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()
    job_creations: tuple[str, ...] = ()
    internal_error: str = outages.INTERNAL
    regional: bool = False
    invalid_token: Callable[[Route], ApiError] = lambda _: errors.invalid_bearer()
    project_of: Callable[[str], str] = lambda _: ""
    misnamed_error: Callable[[Route, Json], ApiError] = lambda *_: errors.invalid_argument()  # our choice: not seen
    lenient_routes: tuple[Route, ...] = ()
    empty_404: bool = False
    call_options: frozenset[str] = frozenset()
    prompt_text: Callable[[Json], str] = lambda _: ""
    polls: tuple[str, ...] = ()
    has_ended: Callable[[Mapping[str, Any]], bool] = lambda _: False
    refusal_hint: Callable[[World, Route, Json, ApiError], str] = lambda *_: ""
    path_hints: Mapping[str, str] = field(default_factory=dict)
    has_lost_path: Callable[[str], bool] = lambda _: False
    pattern_hints: Mapping[str, str] = field(default_factory=dict)
    client_calls: Mapping[str, str] = field(default_factory=dict)
    not_supported: Path | None = None
    lenient_hint: str = ""

    @property
    def name(self) -> str:
        """Return the first part of the host: "library" of "library.googleapis.com"."""
        return self.host.partition(".")[0]

    @property
    def host_pattern(self) -> str:
        """Return a regular expression for its host names: its own, and those of regions and multi-regions, if any.

        The latter are `REGION-library.googleapis.com` and `library.REGION.rep.googleapis.com`.
        """
        own, domain = re.escape(self.host), re.escape(self.host.removeprefix(self.name))
        return rf"(?:[a-z0-9-]+-)?{own}|{self.name}\.[a-z0-9-]+\.rep{domain}" if self.regional else own

    def serves_host(self, host: str) -> bool:
        """Return whether a host name, in lower case and without a port, is one of its own."""
        return re.fullmatch(self.host_pattern, host) is not None

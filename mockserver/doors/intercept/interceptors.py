"""What an interceptor is: which hosts it answers for, and how it answers a request."""

import re
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mockserver.cloud_storage import HOST as STORAGE_HOST
from mockserver.doors.inprocess import App, AppRequest, AppResponse, send_request, send_request_in_thread
from mockserver.doors.intercept.library_threads import is_library_thread
from mockserver.http import identity
from mockserver.inspection.services import route_table
from mockserver.state.clock import SECOND, Clock, ManualClock, Nanos

if TYPE_CHECKING:
    from mockserver.grpc.face import GrpcFace


class TimedOut(Exception):
    """The client's timeout passed before the app answered, by the app's clock."""


class NotServed(RuntimeError):
    """The code under test is about to reach Google in a way that is not answered here.

    Not an OSError: clients would take that for a failure of the network, and try again.
    """

    __module__ = "mockserver"  # where users import it from


@dataclass(frozen=True, slots=True, eq=False)
class Interceptor:
    """The app that answers, the clock that the app uses, and what answers calls over gRPC, if anything does.

    `note` is told of each request before it is sent: what equal requests have in common, and the path of the URL if
    there is one. It may raise an error for the code that sends the request. `note_refusal` is told of each host of
    Google's that is refused, since it is not answered or not by the library that asks.
    """

    app: App
    clock: Clock
    grpc_face: "Callable[[], GrpcFace] | None" = None
    note: Callable[[Hashable, str], None] = lambda _, __: None
    note_refusal: Callable[[str], None] = lambda _: None

    def send(self, request: AppRequest, timeout: float | None = None) -> AppResponse:
        """Return the app's answer. TimedOut if it, or a piece of its body, takes longer than `timeout` seconds.

        The time that a manual clock skips counts too: a real client would have given up by then.
        """
        self.note_request(request.verb, urlsplit(request.url).path)
        if is_library_thread():
            request = replace(request, is_unrecorded=True)
        if not isinstance(self.clock, ManualClock):
            return send_request_in_thread(self.app, request)
        start = self.clock.now()
        response = send_request(self.app, request)
        self._check(start, timeout)
        return replace(response, pieces=self._in_time(response.pieces, timeout))

    def note_request(self, verb: str, path: str) -> None:
        """Tell `note` of a request that does not go through `send`."""
        self.note((verb, path), path)

    def _in_time(self, pieces: Iterator[bytes], timeout: float | None) -> Iterator[bytes]:
        start = self.clock.now()
        for piece in pieces:
            self._check(start, timeout)
            yield piece
            start = self.clock.now()

    def _check(self, start: Nanos, timeout: float | None) -> None:
        if timeout is not None and self.is_late(start, timeout):
            raise TimedOut

    def is_late(self, since: Nanos, timeout: float) -> bool:
        """Return whether a manual clock has skipped more than `timeout` seconds since then."""
        return isinstance(self.clock, ManualClock) and self.clock.now() - since > timeout * SECOND


Find = Callable[[str], Interceptor | None]
"""The interceptor that answers for a host, if it is one of Google's."""


@cache
def answered_hosts() -> re.Pattern[str]:
    """Return the names of the hosts that the app answers for."""
    patterns = [
        *map(re.escape, sorted(identity.HOSTS)),
        rf"(?:.+\.)?{re.escape(STORAGE_HOST)}",  # the name of a bucket may stand before it
        *(service.host_pattern for service in route_table().services.values()),
    ]
    return re.compile("|".join(patterns))


def is_answered(host: str) -> bool:
    """Return whether the app answers for this host."""
    return answered_hosts().fullmatch(host) is not None


def google_host(host: str) -> str:
    """Return the name of this host if it is one of Google's API hosts, else ""."""
    name = host.rstrip(".").lower()
    return name if name == "googleapis.com" or name.endswith(".googleapis.com") else ""


def refuse_google(host: str, note_refusal: Callable[[str], None] = lambda _: None) -> None:
    """Raise NotServed for Google's API hosts: whoever looks one up has not been intercepted."""
    name = google_host(host)
    if not name:
        return
    note_refusal(name)
    if is_answered(name):
        raise NotServed(
            f"mockserver: {name} was about to be reached over the network, by a library that is not intercepted;"
            " use one that is (docs/testing.md lists them), or serve on a socket (mockserver_live) and send it there"
        )
    raise NotServed(
        f"mockserver: {name} is not answered here, and Google is not reached while requests are intercepted;"
        " replace this call in the test"
    )

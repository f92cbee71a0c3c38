"""What an interceptor is: which hosts it answers for, and how it answers a request."""

import re
from collections.abc import AsyncGenerator, Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mockserver.cloud_storage import HOST as STORAGE_HOST
from mockserver.doors.inprocess import App, AppRequest, AppResponse, TimedOut, send_request, send_request_async
from mockserver.doors.intercept.library_threads import is_library_thread
from mockserver.http import identity
from mockserver.inspection.services import route_table
from mockserver.state.clock import SECOND, Clock, ManualClock, Nanos, machine_time

if TYPE_CHECKING:
    from mockserver.grpc.face import GrpcFace


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

    def send(self, request: AppRequest, timeout: float | None = None) -> AppResponse[Iterator[bytes]]:
        """Return the app's answer. TimedOut if it, or a piece of its body, takes longer than `timeout` seconds.

        The time that a manual clock skips counts too: a real client would have given up by then. With a clock that runs
        the machine's seconds count, as on a socket.
        """
        request = self._noted(request)
        now = self.clock.now if isinstance(self.clock, ManualClock) else machine_time
        start = now()
        response = send_request(self.app, request, timeout)
        _check(start, timeout, now)
        return replace(response, pieces=_in_time(response.pieces, timeout, now))

    async def send_async(
        self,
        request: AppRequest,
        timeout: float | None = None,  # noqa: ASYNC109 - as a timeout of the client's
    ) -> AppResponse[AsyncGenerator[bytes, None]]:
        """Return the app's answer with a clock that runs, while other tasks of the event loop go on. See `send`."""
        request = self._noted(request)
        start = machine_time()
        response = await send_request_async(self.app, request, timeout)
        _check(start, timeout, machine_time)
        return response

    def _noted(self, request: AppRequest) -> AppRequest:
        self.note_request(request.verb, urlsplit(request.url).path)
        return replace(request, is_unrecorded=True) if is_library_thread() else request

    def note_request(self, verb: str, path: str) -> None:
        """Tell `note` of a request that does not go through `send`."""
        self.note((verb, path), path)

    def is_late(self, since: Nanos, timeout: float) -> bool:
        """Return whether a manual clock has skipped more than `timeout` seconds since then."""
        return isinstance(self.clock, ManualClock) and self.clock.now() - since > timeout * SECOND


def _in_time(pieces: Iterator[bytes], timeout: float | None, now: Callable[[], Nanos]) -> Iterator[bytes]:
    start = now()
    for piece in pieces:
        _check(start, timeout, now)
        yield piece
        start = now()


def _check(start: Nanos, timeout: float | None, now: Callable[[], Nanos]) -> None:
    if timeout is not None and now() - start > timeout * SECOND:
        raise TimedOut


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

"""httpx, sync and async, by respx."""

import contextlib
from collections.abc import AsyncIterator, Iterator

import httpx
import respx
from respx.mocks import HTTPCoreMocker
from respx.models import AllMockedAssertionError

from mockserver.doors.inprocess import Aborted, Asked
from mockserver.doors.intercept import Net, TimedOut


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body as it comes, for either kind of client."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._pieces
        except Aborted:
            msg = "peer closed connection without sending complete message body (incomplete chunked read)"
            raise httpx.RemoteProtocolError(msg) from None
        except TimedOut:
            raise httpx.ReadTimeout("The read operation timed out") from None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


class _Router(respx.MockRouter):
    """One of ours, to be told apart from the tester's own routers, which go on answering for other hosts."""


@contextlib.contextmanager
def patched(net: Net) -> Iterator[None]:
    """While inside, httpx asks the net."""

    def answer(request: httpx.Request) -> httpx.Response | httpx.Request:
        if net.catches(str(request.url)):
            return _answer(net, request)
        if any(not isinstance(other, _Router) for other in HTTPCoreMocker.routers):
            # What a router says of a request that is not its own; respx then asks the next one.
            raise AllMockedAssertionError(f"RESPX: {request!r} not mocked!")
        return request  # respx takes it to mean: let it through

    router = _Router(assert_all_called=False)
    router.route().mock(side_effect=answer)
    with router:
        HTTPCoreMocker.routers.insert(0, HTTPCoreMocker.routers.pop())  # the innermost of ours answers
        yield


def _answer(net: Net, request: httpx.Request) -> httpx.Response:
    asked = Asked(request.method, str(request.url), request.headers.multi_items(), request.content)
    try:
        answered = net.ask(asked, request.extensions.get("timeout", {}).get("read"))
    except Aborted:
        raise httpx.ReadError("[Errno 104] Connection reset by peer", request=request) from None
    except TimedOut:
        raise httpx.ReadTimeout("The read operation timed out", request=request) from None
    return httpx.Response(answered.status, headers=answered.headers, stream=_Body(answered.pieces))

"""httpx2, sync and async, at its default transports: respx does not reach it."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from unittest import mock

import httpx2

from mockserver.doors.inprocess import Aborted, Asked
from mockserver.doors.intercept import Net, TimedOut


class _Body(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """The body as it comes, for either kind of client."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._pieces
        except Aborted:
            msg = "peer closed connection without sending complete message body (incomplete chunked read)"
            raise httpx2.RemoteProtocolError(msg) from None
        except TimedOut:
            raise httpx2.ReadTimeout("The read operation timed out") from None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


@contextlib.contextmanager
def patched(net: Net) -> Iterator[None]:
    """While inside, httpx2 asks the net. A transport the code under test made itself is left alone."""
    sync, later = httpx2.HTTPTransport.handle_request, httpx2.AsyncHTTPTransport.handle_async_request

    def handle_request(self: httpx2.HTTPTransport, request: httpx2.Request) -> httpx2.Response:
        if not net.catches(str(request.url)):
            return sync(self, request)
        request.read()
        return _answer(net, request)

    async def handle_async_request(self: httpx2.AsyncHTTPTransport, request: httpx2.Request) -> httpx2.Response:
        if not net.catches(str(request.url)):
            return await later(self, request)
        await request.aread()
        return _answer(net, request)

    with (
        mock.patch.object(httpx2.HTTPTransport, "handle_request", handle_request),
        mock.patch.object(httpx2.AsyncHTTPTransport, "handle_async_request", handle_async_request),
    ):
        yield


def _answer(net: Net, request: httpx2.Request) -> httpx2.Response:
    asked = Asked(request.method, str(request.url), request.headers.multi_items(), request.content)
    try:
        answered = net.ask(asked, request.extensions.get("timeout", {}).get("read"))
    except Aborted:
        raise httpx2.ReadError("[Errno 104] Connection reset by peer", request=request) from None
    except TimedOut:
        raise httpx2.ReadTimeout("The read operation timed out", request=request) from None
    return httpx2.Response(answered.status, headers=answered.headers, stream=_Body(answered.pieces))

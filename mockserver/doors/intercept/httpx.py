"""httpx and httpx2, sync and async, at their default transports.

That is below what users configure (transports that wrap the default one, event hooks, retries) and above the
connections, so that respx still answers for the other hosts. A transport of the user's own is left alone.
"""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from types import FunctionType
from typing import Any, cast

from mockserver.doors.inprocess import Aborted, AppRequest, AppResponse, TimedOut
from mockserver.doors.intercept.interceptors import Find, Interceptor
from mockserver.doors.patching import replaced
from mockserver.doors.redirection import code_replaced, original_of
from mockserver.state.clock import ManualClock


@contextlib.contextmanager
def patched(httpx: Any, find: Find) -> Iterator[None]:
    """While inside, `httpx` (one of the two modules) sends its requests to the interceptor."""
    sync_class, later_class = httpx.HTTPTransport, httpx.AsyncHTTPTransport
    sync, later = original_of(sync_class.handle_request), original_of(later_class.handle_async_request)
    answer, answer_later = answer_function(httpx), _async_answer_function(httpx)

    def handle_request(self: Any, request: Any) -> Any:
        interceptor = find(request.url.host)
        if interceptor is None:
            return sync(self, request)
        request.read()
        return answer(interceptor, request)

    async def handle_async_request(self: Any, request: Any) -> Any:
        interceptor = find(request.url.host)
        if interceptor is None:
            return await later(self, request)
        await request.aread()
        if isinstance(interceptor.clock, ManualClock):  # which never waits
            return answer(interceptor, request, silent=True)
        return await answer_later(interceptor, request)

    _handlers[httpx.__name__] = handle_request, handle_async_request
    with (
        _function_replaced(sync_class, "handle_request", _handle_request, handle_request),
        _function_replaced(later_class, "handle_async_request", _handle_async_request, handle_async_request),
    ):
        yield


_handlers: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {}
"""What answers, sync and async, by the name of the library."""


def _handle_request(self: Any, request: Any) -> Any:
    from mockserver.doors.intercept.httpx import _handlers  # the code runs in the library's module

    return _handlers[__name__.partition(".")[0]][0](self, request)


async def _handle_async_request(self: Any, request: Any) -> Any:
    from mockserver.doors.intercept.httpx import _handlers  # the code runs in the library's module

    return await _handlers[__name__.partition(".")[0]][1](self, request)


def _function_replaced(
    owner: Any, name: str, code: Callable[..., Any], function: Callable[..., Any]
) -> AbstractContextManager[None]:
    """Replace the library's own function for whoever keeps a reference to it, as vcrpy does; another's by its name."""
    current = vars(owner)[name]
    is_own = current.__module__.startswith(f"{owner.__module__.partition('.')[0]}.") and not current.__closure__
    return code_replaced(current, cast(FunctionType, code)) if is_own else replaced(owner, name, function)


def answer_function(httpx: Any) -> Callable[..., Any]:
    """Return a function that answers a request of `httpx`, whose content is loaded, with a response of `httpx`.

    With `silent` its errors have no words: those of async clients, which stand on anyio, have none.
    """
    body = _body_class(httpx)

    def answer(interceptor: Interceptor, request: Any, *, silent: bool = False) -> Any:
        app_request = _app_request(request)
        try:
            response = interceptor.send(app_request, request.extensions.get("timeout", {}).get("read"))
        except (Aborted, TimedOut) as cause:
            raise _error(httpx, cause, _NO_ANSWER, silent=silent) from None
        return httpx.Response(response.status, headers=_raw_headers(response), stream=body(response, silent=silent))

    return answer


def _app_request(request: Any) -> AppRequest:
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
    return AppRequest(request.method, str(request.url), headers, request.content)


def _raw_headers(response: AppResponse[Any]) -> list[tuple[bytes, bytes]]:
    """Return the headers as bytes, as httpx has them from a socket: it makes bytes of a text only if it is ASCII."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]


def _async_answer_function(httpx: Any) -> Callable[..., Any]:
    """Return a function that does the same with a clock that runs, while other tasks go on."""
    body = _async_body_class(httpx)

    async def answer(interceptor: Interceptor, request: Any) -> Any:
        app_request = _app_request(request)
        try:
            response = await interceptor.send_async(app_request, request.extensions.get("timeout", {}).get("read"))
        except (Aborted, TimedOut) as cause:
            raise _error(httpx, cause, _NO_ANSWER, silent=True) from None
        return httpx.Response(response.status, headers=_raw_headers(response), stream=body(response))

    return answer


def _body_class(httpx: Any) -> Any:
    class Body(httpx.SyncByteStream, httpx.AsyncByteStream):  # type: ignore[misc]  # a base class of either module
        """The body piece by piece, for either kind of client."""

        def __init__(self, response: AppResponse[Iterator[bytes]], *, silent: bool) -> None:
            self._pieces = response.pieces
            self._length = dict(response.headers).get("content-length")
            self._silent = silent

        def __iter__(self) -> Iterator[bytes]:
            size = 0
            try:
                for piece in self._pieces:
                    size += len(piece)
                    yield piece
            except (Aborted, TimedOut) as cause:
                raise _error(httpx, cause, _incomplete(size, self._length), silent=self._silent) from None

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for piece in self:
                yield piece

    return Body


def _async_body_class(httpx: Any) -> Any:
    class Body(httpx.AsyncByteStream):  # type: ignore[misc]  # a base class of either module
        """The body piece by piece, each when its time has come."""

        def __init__(self, response: AppResponse[AsyncGenerator[bytes, None]]) -> None:
            self._pieces = response.pieces
            self._length = dict(response.headers).get("content-length")

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            try:
                async for piece in self._pieces:
                    size += len(piece)
                    yield piece
            except (Aborted, TimedOut) as cause:
                raise _error(httpx, cause, _incomplete(size, self._length), silent=True) from None

        async def aclose(self) -> None:
            await self._pieces.aclose()

    return Body


_NO_ANSWER = "Server disconnected without sending a response."


def _incomplete(size: int, length: str | None) -> str:
    how = f"received {size} bytes, expected {length}" if length else "incomplete chunked read"
    return f"peer closed connection without sending complete message body ({how})"


def _error(httpx: Any, cause: Aborted | TimedOut, broken: str, *, silent: bool) -> Any:
    """Return the error that a socket would have led to, in the words of httpcore and h11."""
    if isinstance(cause, TimedOut):
        return httpx.ReadTimeout("" if silent else "The read operation timed out")
    if cause.reset:
        return httpx.ReadError("" if silent else "[Errno 104] Connection reset by peer")
    return httpx.RemoteProtocolError(broken)

"""httpx and httpx2, sync and async, at their default transports.

That is below what users configure (transports that wrap the default one, event hooks, retries) and above the
connections, so that respx still answers for the other hosts. A transport of the user's own is left alone.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from types import FunctionType
from typing import Any, cast

from mockserver.doors.inprocess import Aborted, AppRequest, AppResponse
from mockserver.doors.intercept.interceptors import Find, Interceptor, TimedOut
from mockserver.doors.patching import replaced
from mockserver.doors.redirection import code_replaced, original_of


@contextlib.contextmanager
def patched(httpx: Any, find: Find) -> Iterator[None]:
    """While inside, `httpx` (one of the two modules) sends its requests to the interceptor."""
    sync_class, later_class = httpx.HTTPTransport, httpx.AsyncHTTPTransport
    sync, later = original_of(sync_class.handle_request), original_of(later_class.handle_async_request)
    answer = answer_function(httpx)

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
        return answer(interceptor, request, silent=True)

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
        # As bytes, as httpx has them from a socket: it makes bytes of a text only if it is ASCII.
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
        app_request = AppRequest(request.method, str(request.url), headers, request.content)
        try:
            response = interceptor.send(app_request, request.extensions.get("timeout", {}).get("read"))
        except (Aborted, TimedOut) as cause:
            broken = "Server disconnected without sending a response."
            raise _error(httpx, cause, broken, silent=silent) from None
        answered = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        return httpx.Response(response.status, headers=answered, stream=body(response, silent=silent))

    return answer


def _body_class(httpx: Any) -> Any:
    class Body(httpx.SyncByteStream, httpx.AsyncByteStream):  # type: ignore[misc]  # a base class of either module
        """The body piece by piece, for either kind of client."""

        def __init__(self, response: AppResponse, *, silent: bool) -> None:
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
                how = f"received {size} bytes, expected {self._length}" if self._length else "incomplete chunked read"
                broken = f"peer closed connection without sending complete message body ({how})"
                raise _error(httpx, cause, broken, silent=self._silent) from None

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for piece in self:
                yield piece

    return Body


def _error(httpx: Any, cause: Aborted | TimedOut, broken: str, *, silent: bool) -> Any:
    """Return the error that a socket would have led to, in the words of httpcore and h11."""
    if isinstance(cause, TimedOut):
        return httpx.ReadTimeout("" if silent else "The read operation timed out")
    if cause.reset:
        return httpx.ReadError("" if silent else "[Errno 104] Connection reset by peer")
    return httpx.RemoteProtocolError(broken)

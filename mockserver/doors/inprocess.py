"""The door without a socket: an ASGI app is called directly with a request.

An app that awaits nothing but receive, send and its clock's sleep needs no event loop: its coroutine
is stepped here, and each message it sends is a step. Under a manual clock sleeping does not suspend,
so a stream with an hour between two chunks takes no time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from types import coroutine
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

from mockserver.doors.event_loop import EventLoop
from mockserver.http.request import UNRECORDED

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


@dataclass(slots=True)  # frozen would cost more than the door does
class AppRequest:
    """A request in a form that every HTTP library can make; the URL is absolute.

    One that is not recorded is no part of what the code under test does: see `UNRECORDED`.
    """

    verb: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    is_unrecorded: bool = False


@dataclass(slots=True)
class AppResponse:
    """A response whose body is made while it is read."""

    status: int
    headers: list[tuple[str, str]]
    pieces: Iterator[bytes]


class Aborted(ConnectionError):
    """The app closed the connection, or reset it."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("reset" if reset else "closed")
        self.reset = reset


@coroutine
def _send(message: Message) -> Generator[Message, None, None]:
    """Yield a message to the code that steps the coroutine."""
    yield message


def send_request(app: App, request: AppRequest) -> AppResponse:
    """Call the app without an event loop. RuntimeError if the app waits for real time."""
    steps = app(_scope(request), _receive(request.body), _send).__await__()
    start = next(steps)
    if not isinstance(start, dict):
        _refuse_to_wait(start)
    return AppResponse(start["status"], _text(start["headers"]), _step(steps))


def _step(steps: Generator[Any, None, None]) -> Iterator[bytes]:
    """Yield the pieces of the body, each when the app sends it."""
    try:
        for message in steps:
            if not isinstance(message, dict):
                _refuse_to_wait(message)
            if piece := message.get("body"):
                yield piece
    finally:
        steps.close()


def _refuse_to_wait(future: Any) -> NoReturn:
    future.cancel()
    raise RuntimeError("this clock waits for real time: give the in-process server a manual one, or use a live server")


def send_request_in_thread(app: App, request: AppRequest) -> AppResponse:
    """Call an app that may wait for real time, in a thread and an event loop of its own; returns the whole response."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    async def run() -> None:
        await app(_scope(request), _receive(request.body), send)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(_run, run()).result()
    pieces = filter(None, [message.get("body") for message in messages[1:]])
    return AppResponse(messages[0]["status"], _text(messages[0]["headers"]), pieces)


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=EventLoop) as runner:
        runner.run(coroutine)


def _receive(body: bytes) -> Callable[[], Awaitable[Message]]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _scope(request: AppRequest) -> Message:
    extensions: Message = {"mockserver.abort": _abort, "mockserver.no_event_loop": {}}
    if request.is_unrecorded:
        extensions[UNRECORDED] = {}
    url = urlsplit(request.url)
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers]
    if b"host" not in dict(headers):
        headers.insert(0, (b"host", url.netloc.encode("latin-1")))
    return {
        "type": "http",
        # 2.4: below it Starlette opens a task group around streams, which needs a loop.
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.verb.upper(),
        "scheme": url.scheme,
        "path": unquote(url.path) if "%" in url.path else url.path,
        "raw_path": url.path.encode("latin-1"),
        "query_string": url.query.encode("latin-1"),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 0),
        "server": _server(url.scheme, url.netloc),
        "state": {},
        "extensions": extensions,
    }


@lru_cache(maxsize=64)
def _server(scheme: str, netloc: str) -> tuple[str | None, int]:
    url = urlsplit(f"{scheme}://{netloc}")
    return url.hostname, url.port or (443 if url.scheme == "https" else 80)


def _abort(*, reset: bool) -> None:
    raise Aborted(reset=reset)


def _text(headers: list[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return list(map(_decode, headers))


@lru_cache(maxsize=256)
def _decode(header: tuple[bytes, bytes]) -> tuple[str, str]:
    """Decode a header of a response. Most are the same in all of them."""
    name, value = header
    return name.decode("latin-1"), value.decode("latin-1")

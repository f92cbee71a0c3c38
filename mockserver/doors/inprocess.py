"""The door without a socket: an ASGI app is called directly with a request.

An app that awaits nothing but receive, send and its clock's sleep needs no event loop: its coroutine
is stepped here. Each message it sends is a step, and so is each time that it has to wait for. Under a manual clock
sleeping does not suspend, so a stream with an hour between two chunks takes no time. Under a clock that runs, the time
passes here, between two steps: in the thread that asks, or in the event loop of an asynchronous client.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from types import coroutine
from typing import Any, Generic, NoReturn, TypeVar
from urllib.parse import unquote, urlsplit

from mockserver.http.request import NO_EVENT_LOOP, UNRECORDED
from mockserver.state.clock import Machine, countdown

Pieces = TypeVar("Pieces", Iterator[bytes], AsyncGenerator[bytes, None])
T = TypeVar("T")

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
class AppResponse(Generic[Pieces]):
    """A response whose body is made while it is read."""

    status: int
    headers: list[tuple[str, str]]
    pieces: Pieces


class Aborted(ConnectionError):
    """The app closed the connection, or reset it."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("reset" if reset else "closed")
        self.reset = reset


class TimedOut(Exception):
    """The client's timeout passed before the app answered."""


@coroutine
def _send(message: Message) -> Generator[Message, None, None]:
    """Yield a message to the code that steps the coroutine."""
    yield message


@coroutine
def _wait(seconds: float) -> Generator[float, None, None]:
    """Yield the time that has to pass to the code that steps the coroutine."""
    yield float(seconds)


def send_request(app: App, request: AppRequest, timeout: float | None = None) -> AppResponse[Iterator[bytes]]:
    """Call the app without an event loop. TimedOut if it waits for longer than `timeout` seconds, here or in a piece.

    RuntimeError if it awaits anything else than its clock.
    """
    steps = app(_scope(request), _receive(request.body), _send).__await__()
    start = next(steps)
    if not isinstance(start, dict):
        with _closed_if_broken(steps):
            start = _run(_pass_time(steps, start, timeout, _block))
    return AppResponse(start["status"], _text(start["headers"]), _step(steps, timeout))


def _step(steps: Generator[Any, None, None], timeout: float | None) -> Iterator[bytes]:
    """Yield the pieces of the body, each when the app sends it."""
    try:
        for step in steps:
            message = step if isinstance(step, dict) else _run(_pass_time(steps, step, timeout, _block))
            if piece := message.get("body"):
                yield piece
    finally:
        steps.close()


async def send_request_async(
    app: App,
    request: AppRequest,
    timeout: float | None = None,  # noqa: ASYNC109 - as a timeout of the client's
) -> AppResponse[AsyncGenerator[bytes, None]]:
    """Do the same, while other tasks of the event loop go on."""
    steps = app(_scope(request), _receive(request.body), _send).__await__()
    with _closed_if_broken(steps):
        start = await _pass_time(steps, next(steps), timeout, _let_others_run)
    return AppResponse(start["status"], _text(start["headers"]), _step_async(steps, timeout))


async def _step_async(steps: Generator[Any, None, None], timeout: float | None) -> AsyncGenerator[bytes, None]:  # noqa: ASYNC109 - see above
    try:
        for step in steps:
            message = await _pass_time(steps, step, timeout, _let_others_run)
            if piece := message.get("body"):
                yield piece
    finally:
        steps.close()


async def _pass_time(
    steps: Generator[Any, None, None],
    step: Any,
    timeout: float | None,  # noqa: ASYNC109 - see above
    sleep: Callable[[float], Awaitable[None]],
) -> Message:
    """Sleep for as long as the app waits, and return the message that it sends then, empty at its end."""
    seconds_left = None if timeout is None else countdown(timeout)
    while not isinstance(step, dict):
        if not isinstance(step, float):
            _refuse_to_wait(step)
        await sleep(step if seconds_left is None else max(min(step, seconds_left()), 0))
        if seconds_left is not None and seconds_left() <= 0:
            raise TimedOut
        step = next(steps, {})
    return step


def _refuse_to_wait(future: Any) -> NoReturn:
    future.cancel()
    raise RuntimeError(
        "what is asked for waits for more than a clock, which an app in process cannot: use a live server"
    )


@contextmanager
def _closed_if_broken(steps: Generator[Any, None, None]) -> Iterator[None]:
    """Close the app at once if there is no answer, so that the call is logged before the client sees an error."""
    try:
        yield
    except BaseException:  # whatever ends it, the app ends too
        steps.close()
        raise


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("a blocking sleep has suspended")


async def _block(seconds: float) -> None:
    Machine.sleep(seconds)


async def _let_others_run(seconds: float) -> None:
    """Sleep for the machine's seconds in the event loop that runs: asyncio's or trio's."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        from mockserver.doors.virtual_trio import real_sleep  # where trio runs, it can be imported

        await real_sleep(seconds)
    else:
        await Machine.async_sleep(seconds)


def _receive(body: bytes) -> Callable[[], Awaitable[Message]]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _scope(request: AppRequest) -> Message:
    extensions: Message = {"mockserver.abort": _abort, NO_EVENT_LOOP: _wait}
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

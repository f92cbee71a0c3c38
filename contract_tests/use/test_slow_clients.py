"""Clients that begin a request and do not go on with it, send headers without end, or do not read."""

import asyncio
import selectors
import socket
from collections.abc import Coroutine
from typing import Any
from urllib.parse import urlsplit

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from contract_tests.environment import HANGS
from mockserver import MockServer
from mockserver.doors.live import Breakable

HEAD = b"POST /v1beta/models/gemini-2.0-flash:generateContent HTTP/1.1\r\nHost: a\r\nx-goog-api-key: k\r\n"
BODY = b'{"contents":[{"parts":[{"text":"hello"}]}]}'
HIGH_WATER = 65_536
WHOLE = HEAD + b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY


class Leaps(selectors.SelectSelector):
    """Waits for nothing, and counts for how long it should have."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What there is to be done now."""
        self.seconds += timeout or 0
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """A loop whose time goes from one timer to the next, so that it does not matter how busy the machine is."""

    def __init__(self) -> None:
        self._leaps = Leaps()
        super().__init__(self._leaps)

    def time(self) -> float:
        """The seconds that were left out."""
        return self._leaps.seconds


class Connection(asyncio.Transport):
    """A client's side of a connection to a server: what it has heard, and when it was hung up on."""

    def __init__(self, server: MockServer) -> None:
        super().__init__()
        config = Config(server.app, log_config=None, lifespan="off")
        config.load()
        self._loop = asyncio.get_running_loop()
        self._server = Breakable(config, ServerState(), {}, self._loop)
        self._server.connection_made(self)
        self.heard = b""
        self._closing = False
        self.closed_at: float | None = None
        self.unread = 0
        self.reads = True
        self.kept = 0

    def tell(self, piece: bytes) -> None:
        """Send a piece."""
        self._server.data_received(piece)

    def parsed(self) -> int:
        """How many bytes of headers the server keeps."""
        url, headers = getattr(self._server, "url", b""), getattr(self._server, "headers", None) or []
        return len(url) + sum(len(name) + len(value) for name, value in headers)

    async def say(self, *pieces: bytes, rest: float) -> None:
        """Send one piece after the other, if they are still taken, and rest after each."""
        for piece in pieces:
            if not self.is_closing():
                self._server.data_received(piece)
            await asyncio.sleep(rest)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.heard += data
        if not self.reads:
            self.unread += len(data)
            if self.unread > HIGH_WATER:
                self._server.pause_writing()

    def read(self, size: int) -> None:
        """Take so many bytes of the answer."""
        self.unread = max(0, self.unread - size)
        if not self.unread:
            self._server.resume_writing()
            if self._closing:
                self.abort()

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Close the connection once all has been read."""
        self._closing = True
        if not self.unread:
            self.abort()

    def abort(self) -> None:
        """Close it now."""
        self._closing = True
        if self.closed_at is None:
            self.closed_at = self._loop.time()
            self._server.connection_lost(None)


@pytest.fixture
def server() -> MockServer:
    """A server as ours are."""
    return MockServer(seed=1)


def leap(visit: Coroutine[Any, Any, Connection]) -> Connection:
    """The connection of a visit that takes none of the machine's time."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(visit)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (b"", Breakable.header_seconds),
        (HEAD, Breakable.header_seconds),
        (HEAD + b"content-length: 99\r\n\r\n", Breakable.idle_seconds),
        (WHOLE[:-1], Breakable.idle_seconds),
    ],
    ids=["nothing", "half the headers", "no body", "half a body"],
)
def test_half_a_request_is_given_up(server: MockServer, said: bytes, seconds: float) -> None:
    """The connection is closed at the timeout, not sooner, and no request was handled."""

    async def visit() -> Connection:
        connection = Connection(server)
        await connection.say(said, rest=100)
        return connection

    connection = leap(visit())

    assert (seconds, b"") == (connection.closed_at, connection.heard)
    assert [] == list(server.calls)


def test_headers_have_one_deadline_however_they_trickle_in(server: MockServer) -> None:
    """Another line every now and then does not help."""

    async def visit() -> Connection:
        connection = Connection(server)
        await connection.say(HEAD, *[b"x-more: 1\r\n"] * 100, rest=3)
        return connection

    assert Breakable.header_seconds == leap(visit()).closed_at


def test_a_slow_body_is_waited_for(server: MockServer) -> None:
    """As long as something comes, and on a second request of the same connection too."""
    place = WHOLE.index(BODY)
    pieces = [BODY[start : start + 10] for start in range(0, len(BODY), 10)]

    async def visit() -> Connection:
        connection = Connection(server)
        for _ in range(2):
            await connection.say(WHOLE[:place], *pieces[:-1], rest=Breakable.idle_seconds - 1)
            await connection.say(pieces[-1], rest=1)
        return connection

    assert 2 == leap(visit()).heard.count(b"HTTP/1.1 200")


def test_a_connection_may_rest_between_two_requests(server: MockServer) -> None:
    """That is uvicorn's to end, after five seconds."""

    async def visit() -> Connection:
        connection = Connection(server)
        await connection.say(WHOLE, rest=4)
        await connection.say(WHOLE, rest=10)
        return connection

    connection = leap(visit())

    assert 2 == connection.heard.count(b"HTTP/1.1 200")
    assert 9 == connection.closed_at


def test_what_a_client_leaves_half_said_was_not_said(server: MockServer) -> None:
    """It hung up in the middle of the body."""

    async def visit() -> Connection:
        connection = Connection(server)
        await connection.say(WHOLE[:-5], rest=1)
        connection.close()
        await asyncio.sleep(1)
        return connection

    leap(visit())

    assert [] == list(server.calls)


def test_a_socket_is_hung_up_on_too(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is how the server serves, with shorter timeouts here so as not to wait for them."""
    monkeypatch.setattr(Breakable, "header_seconds", 0.1)
    with server.live():
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port), timeout=HANGS) as connection:
            assert b"" == connection.recv(1)


LIMIT = Breakable.header_bytes
COUNT = Breakable.header_count
CHUNKED = HEAD + b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [HEAD + b"x: " + b"a" * LIMIT + b"\r\n\r\n"],
        [HEAD + b"x: ", *[b"a" * 1000] * 16_000],
        [HEAD, *[b"x: a\r\n"] * 100_000],
        [HEAD + b"x: a\r\n" * COUNT + b"\r\n"],
        [b"GET /" + b"a" * LIMIT + b" HTTP/1.1\r\n\r\n"],
        [b"GET /", *[b"a" * 1000] * 16_000],
        [b"\r\n" * 1000] * 16_000,
        [CHUNKED + b"0\r\nx: ", *[b"a" * 1000] * 16_000],
        [CHUNKED + b"0\r\n", *[b"x: a\r\n"] * 100_000],
    ],
    ids=["one", "one in pieces", "many in pieces", "many", "path", "path in pieces", "lines", "trailer", "trailers"],
)
def test_headers_have_a_limit(server: MockServer, pieces: list[bytes]) -> None:
    """431 at the limit, where that can still be said; what comes after it is not kept, and the connection ends."""

    async def visit() -> Connection:
        connection = Connection(server)
        for piece in pieces:
            if not connection.is_closing():
                connection.tell(piece)
        connection.kept = connection.parsed()
        await asyncio.sleep(5)
        return connection

    connection = leap(visit())

    assert b"" == connection.heard or connection.heard.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert connection.heard or pieces[0].startswith(CHUNKED)
    assert connection.kept <= LIMIT + max(map(len, pieces))
    assert connection.closed_at is not None
    assert connection.closed_at <= 1
    assert [] == list(server.calls)


def test_headers_within_the_limit_are_read(server: MockServer) -> None:
    """One that is nearly as large as it may be, or nearly as many as there may be; each request counts anew."""
    large = WHOLE.replace(b"Host: a", b"Host: a\r\nx: " + b"a" * (LIMIT - 1000))
    many = WHOLE.replace(b"Host: a", b"Host: a" + b"\r\nx: a" * (COUNT - 10))

    async def visit() -> Connection:
        connection = Connection(server)
        await connection.say(large, many, large, many, rest=1)
        return connection

    assert 4 == leap(visit()).heard.count(b"HTTP/1.1 200")


def test_a_client_that_does_not_read_is_cut(server: MockServer) -> None:
    """As little as is left of the answer, or as much."""
    server.answer("a" * 100_000)

    async def visit(text: bytes) -> Connection:
        connection = Connection(server)
        connection.reads = False
        await connection.say(text, rest=100)
        return connection

    assert Breakable.read_seconds == leap(visit(WHOLE)).closed_at
    assert Breakable.read_seconds == leap(visit(b"GET /v1beta/models?key=k HTTP/1.1\r\nhost: a\r\n\r\n")).closed_at


def test_a_client_that_reads_slowly_is_waited_for(server: MockServer) -> None:
    """As long as it takes something worth its connection."""
    server.answer("a" * 500_000)

    async def visit(size: int) -> Connection:
        connection = Connection(server)
        connection.reads = False
        await connection.say(WHOLE.replace(b"Host: a", b"Host: a\r\nconnection: keep-alive"), rest=0.1)
        for _ in range(100):
            if connection.unread and connection.closed_at is None:
                connection.read(size)
                await asyncio.sleep(Breakable.read_seconds / 2)
        return connection

    patient, dripping = leap(visit(Breakable.read_bytes)), leap(visit(10))

    assert 0 == patient.unread
    assert dripping.unread
    assert dripping.closed_at is not None
    assert dripping.closed_at <= Breakable.read_seconds + 1

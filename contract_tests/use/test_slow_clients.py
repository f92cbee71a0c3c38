"""Clients that begin a request and do not go on with it."""

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
        self.closed_at: float | None = None

    async def say(self, *pieces: bytes, rest: float) -> None:
        """Send one piece after the other, if they are still taken, and rest after each."""
        for piece in pieces:
            if not self.is_closing():
                self._server.data_received(piece)
            await asyncio.sleep(rest)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.heard += data

    def is_closing(self) -> bool:
        return self.closed_at is not None

    def close(self) -> None:
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

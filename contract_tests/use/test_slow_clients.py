"""Clients that begin a request and do not go on with it."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from mockserver import MockServer
from mockserver.doors.live import Breakable

HEAD = b"POST /v1beta/models/gemini-2.0-flash:generateContent HTTP/1.1\r\nHost: a\r\nx-goog-api-key: k\r\n"
BODY = b'{"contents":[{"parts":[{"text":"hello"}]}]}'
WHOLE = HEAD + b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockServer]:
    """A live server that is forty times less patient than ours."""
    monkeypatch.setattr(Breakable, "header_seconds", 0.25)
    monkeypatch.setattr(Breakable, "idle_seconds", 0.3)
    with MockServer(seed=1).live() as server:
        yield server


def connected(server: MockServer) -> socket.socket:
    """A connection to it."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=5)


def rest(seconds: float) -> None:
    """Do nothing for a while: what is on the other side of a socket lives in the machine's time."""
    time.sleep(seconds)  # noqa: TID251 - see above


@pytest.mark.parametrize("said", [b"", HEAD, HEAD + b"content-length: 99\r\n\r\n", WHOLE[:-1]], ids=len)
def test_half_a_request_is_given_up(server: MockServer, said: bytes) -> None:
    """Nothing, half the headers, no body, half a body: the connection is closed, and nothing was asked."""
    with connected(server) as connection:
        connection.sendall(said)

        assert connection.recv(1) == b""
    assert [] == list(server.calls)


def test_headers_have_one_deadline_however_they_trickle_in(server: MockServer) -> None:
    """Another line every now and then does not help."""
    with connected(server) as connection:
        lines = 0
        with suppress(ConnectionError):
            for lines in range(100):
                connection.sendall(b"x-more: 1\r\n" if lines else HEAD)
                rest(0.05)

    assert 3 < lines < 50


def test_a_slow_body_is_waited_for(server: MockServer) -> None:
    """As long as something comes, and on a second request of the same connection too."""
    place = WHOLE.index(BODY)
    with connected(server) as connection:
        for _ in range(2):
            connection.sendall(WHOLE[:place])
            for start in range(0, len(BODY), 10):
                connection.sendall(BODY[start : start + 10])
                rest(0.1)

            assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_connection_may_rest_between_two_requests(server: MockServer) -> None:
    """That is uvicorn's to end, after five seconds."""
    with connected(server) as connection:
        for _ in range(2):
            connection.sendall(WHOLE)

            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            rest(0.5)


def test_what_a_client_leaves_half_said_was_not_said(server: MockServer) -> None:
    """It hung up in the middle of the body."""
    with connected(server) as connection:
        connection.sendall(WHOLE[:-5])
    rest(0.1)

    assert [] == list(server.calls)

"""Clients that hang up before their answer has come: the server forgets what it was about to say, and logs no error."""

import logging
import socket
import struct
import time
from urllib.parse import urlsplit

import pytest

from contract_tests.environment import HANGS
from contract_tests.use import test_slow_clients
from mockserver import Answer, Fault, MockServer
from mockserver.doors.live import Breakable

WHOLE = test_slow_clients.WHOLE.replace(b"Host: a", b"Host: localhost")
STREAM = WHOLE.replace(b":generateContent", b":streamGenerateContent?alt=sse")
SLOW = 0.3

FAULTS = {
    "large": Fault(chunk_delay_seconds=0.01),
    "latency": Fault(latency_seconds=SLOW),
    "delayed reset": Fault(latency_seconds=SLOW, reset=True),
    "delayed cut": Fault(latency_seconds=SLOW, cut_after_chunks=0),
    "delayed half": Fault(latency_seconds=SLOW, truncate=True),
    "slow cut": Fault(chunk_delay_seconds=SLOW / 2, cut_after_chunks=2),
}


def hang_up(connection: socket.socket, *, reset: bool) -> None:
    """Close it, politely or not."""
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def ask(server: MockServer, text: bytes) -> socket.socket:
    """A connection on which something was asked."""
    address = urlsplit(server.url)
    connection = socket.create_connection((address.hostname, address.port), timeout=HANGS)
    connection.sendall(text)
    return connection


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("text", [WHOLE, STREAM], ids=["whole", "stream"])
def test_no_error_is_logged(text: bytes, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whether it leaves at once, or in the middle of the answer."""
    with MockServer(clock="real", seed=1).live() as server:
        server.answer(Answer(chunks=["a" * 50_000] * 4))
        with ask(server, text) as connection:
            status = connection.recv(12)
        server.fault(FAULTS[fault])
        for rest in (0.0, 0.02, SLOW / 2):
            connections = [ask(server, text), ask(server, text)]
            time.sleep(rest)  # noqa: TID251 - the server's clock runs
            hang_up(connections[0], reset=False)
            hang_up(connections[1], reset=True)
        time.sleep(1.5 * SLOW)  # noqa: TID251 - see above

    assert status.endswith(b"200")
    assert [] == [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("text", [WHOLE, STREAM], ids=["latency", "chunk delay"])
def test_what_is_held_back_does_not_outlive_its_client(text: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """The server ends at once, with nothing to be cancelled."""
    with MockServer(clock="real", seed=1).live() as server:
        server.answer(Answer(chunks=["a", "b"]))
        server.fault(Fault(latency_seconds=3600) if text is WHOLE else Fault(chunk_delay_seconds=3600))
        connection = ask(server, text)
        time.sleep(0.1)  # noqa: TID251 - the server's clock runs
        connection.close()

    assert [] == [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("rest", [b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 300, b"GET /x HT"])
@pytest.mark.parametrize("text", [WHOLE, STREAM], ids=["whole", "stream"])
def test_a_request_has_its_own_answer_whatever_comes_behind_it(
    text: bytes, rest: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """All of it, then the connection is closed: neither a 400 nor a 431 takes its place, and no bug is logged."""
    monkeypatch.setattr(Breakable, "header_seconds", SLOW)
    with MockServer(clock="real", seed=1).live() as server:
        server.answer(Answer(chunks=["first", "last"], delays=[0, 2 * SLOW]))
        with ask(server, text + rest) as connection:
            heard = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert heard.startswith(b"HTTP/1.1 200 ")
    assert b"last" in heard
    assert 1 == heard.count(b"HTTP/1.1 ")
    assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR]

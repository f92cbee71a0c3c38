"""httplib2, which google-api-python-client goes through: it gets a connection that leads to the app."""

import contextlib
import http.client
import io
from collections.abc import Iterator, Mapping
from typing import Any
from unittest import mock

import httplib2

from mockserver.doors.inprocess import Aborted, Answered, Asked
from mockserver.doors.intercept import Net, TimedOut


class _Connection:
    """As much of one of http.client's connections as httplib2 has a use for."""

    sock = None

    def __init__(self, net: Net, origin: str, patience: float | None) -> None:
        self._net = net
        self._origin = origin
        self._patience = patience

    def connect(self) -> None:
        """There is nobody to be reached."""

    def close(self) -> None:
        """Nor to be left."""

    def request(self, verb: str, target: str, body: bytes | str | None, headers: Mapping[str, str]) -> None:
        """Ask the app."""
        content = body.encode() if isinstance(body, str) else body or b""
        counted = {"content-length": str(len(content)), **headers}
        self._asked = Asked(verb, self._origin + target, list(counted.items()), content)

    def getresponse(self) -> http.client.HTTPResponse:
        """What the app answers, or how it breaks off."""
        try:
            answered = self._net.ask(self._asked, self._patience)
        except Aborted:
            raise ConnectionResetError(104, "Connection reset by peer") from None
        except TimedOut:
            raise TimeoutError("The read operation timed out") from None
        response = http.client.HTTPResponse(_Socket(answered), method=self._asked.verb)  # type: ignore[arg-type]  # all it has a use for
        response.begin()
        return response


class _Socket:
    """What an answer would be read from."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(_Wire(self._answered))


class _Wire(io.RawIOBase):
    """An answer as HTTP/1.1 has it, its body as it comes."""

    def __init__(self, answered: Answered) -> None:
        self._pieces = _written(answered)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Some bytes; 0 at the end, which may be too early."""
        try:
            while not self._rest:
                self._rest = next(self._pieces)
        except (StopIteration, Aborted):
            return 0
        except TimedOut:
            raise TimeoutError("The read operation timed out") from None
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def _written(answered: Answered) -> Iterator[bytes]:
    lines = [f"HTTP/1.1 {answered.status} {http.client.responses.get(answered.status, '')}"]
    lines += [f"{name}: {value}" for name, value in answered.headers]
    yield "\r\n".join([*lines, "", ""]).encode("latin-1")
    if ("transfer-encoding", "chunked") not in answered.headers:
        yield from answered.pieces
        return
    for piece in answered.pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


@contextlib.contextmanager
def patched(net: Net) -> Iterator[None]:
    """While inside, httplib2 asks the net."""
    original = httplib2.Http._conn_request  # noqa: SLF001 - the one door to the network

    def conn_request(self: httplib2.Http, conn: http.client.HTTPConnection, *asked: Any) -> Any:
        scheme = "https" if isinstance(conn, http.client.HTTPSConnection) else "http"
        origin = f"{scheme}://{conn.host}"
        if net.catches(origin):
            patience = conn.timeout if httplib2.has_timeout(conn.timeout) else None
            return original(self, _Connection(net, origin, patience), *asked)
        return original(self, conn, *asked)

    with mock.patch.object(httplib2.Http, "_conn_request", conn_request):
        yield

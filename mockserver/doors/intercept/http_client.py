"""http.client, and what stands on it: urllib.request, and through their own files urllib3, requests and httplib2.

A connection to one of Google's hosts gets a socket that leads to the app. What libraries and users build above
a connection works as it does on a real one: pools, retries, timeouts, hooks, proxies, errors.
"""

import contextlib
import http.client
import io
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from mockserver.doors.inprocess import Aborted, AppRequest, AppResponse, TimedOut
from mockserver.doors.intercept.interceptors import Find, NotServed
from mockserver.doors.patching import replaced

try:
    from _socket import socketpair  # below `socket.socket`, which plugins replace that forbid sockets
except ImportError:  # Windows
    from socket import socketpair


@contextlib.contextmanager
def patched(library: Any, find: Find) -> Iterator[None]:
    """While inside, http.client connects to the interceptor, also for libraries that are built on it."""
    original = library.HTTPConnection.putrequest

    def putrequest(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        host = urlsplit(url).hostname  # of a whole URL, which only a proxy gets
        if host and find(host) is not None:
            raise NotServed(f"mockserver: {host} was about to be asked in plain HTTP through a proxy; use https")
        original(self, method, url, *args, **kwargs)

    with (
        replaced(library.HTTPConnection, "putrequest", putrequest),
        connections_patched(find, library.HTTPConnection, library.HTTPSConnection),
    ):
        yield


@contextlib.contextmanager
def connections_patched(find: Find, *classes: Any) -> Iterator[None]:
    """While inside, connections of these classes connect to the interceptor."""
    with contextlib.ExitStack() as stack:
        for each in classes:
            stack.enter_context(replaced(each, "connect", _connect_function(find, each.connect)))
        yield


def _connect_function(find: Find, original: Callable[..., None]) -> Callable[..., None]:
    def connect(self: Any) -> None:
        tunnel = getattr(self, "_tunnel_host", None)  # the host behind a proxy
        host = tunnel or self.host
        if find(host) is None:
            original(self)
            return
        port = self._tunnel_port if tunnel else self.port
        scheme, default = ("https", 443) if tunnel or self.default_port == 443 else ("http", 80)
        origin = f"{scheme}://{host}" if port in {None, default} else f"{scheme}://{host}:{port}"
        timeout = self.timeout if isinstance(self.timeout, int | float | None) else socket.getdefaulttimeout()
        self.sock = _Socket(find, host, origin, timeout)
        self.is_verified = True  # urllib3 warns of a connection that is not

    return connect


class _Socket:
    """What http.client and the libraries above it need of a socket: a request is written, its answer is read."""

    def __init__(self, find: Find, host: str, origin: str, timeout: float | None) -> None:
        self._find = find
        self._host = host
        self._origin = origin
        self._timeout = timeout
        self._written = bytearray()
        self._peer_has_closed: Any = None

    def settimeout(self, timeout: float | None) -> None:
        self._timeout = timeout

    def gettimeout(self) -> float | None:
        return self._timeout

    def setsockopt(self, *_: Any) -> None:
        """There is no network to be tuned."""

    def sendall(self, data: Any) -> None:
        self._written += data

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """Return the answer to what was written, to be read once. The app is asked when the reading begins."""
        message, self._written = bytes(self._written), bytearray()
        return io.BufferedReader(_Reader(self._bytes(message)))

    def _bytes(self, message: bytes) -> Iterator[bytes]:
        interceptor = self._find(self._host)
        if interceptor is None:  # a connection that was kept for longer than the interceptor
            raise ConnectionResetError(104, "Connection reset by peer")
        request = _parse(message, self._origin)
        try:
            yield from _serialize(interceptor.send(request, self._timeout), request.verb)
        except Aborted as aborted:
            if aborted.reset:
                raise ConnectionResetError(104, "Connection reset by peer") from None
        except TimedOut:
            raise TimeoutError("The read operation timed out") from None

    def fileno(self) -> int:
        """Of a connection that the peer has closed: a pool asks before it uses one again, and then makes another.

        So a client that outlives its test connects to the next test's server.
        """
        if self._peer_has_closed is None:
            self._peer_has_closed, peer = socketpair()
            peer.close()
        return int(self._peer_has_closed.fileno())

    def shutdown(self, _: int) -> None:
        """Nobody else holds this connection."""

    def close(self) -> None:
        if self._peer_has_closed is not None:
            self._peer_has_closed.close()


class _Reader(io.RawIOBase):
    """Pieces of bytes as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Some bytes; 0 at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def _parse(request: bytes, origin: str) -> AppRequest:
    """Return the request that a client wrote, which is well-formed: http.client checks what it sends."""
    head, _, body = request.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    verb, target, _ = line.split(" ")
    headers = [(name, value.strip()) for name, _, value in (field.partition(":") for field in fields)]
    if any(name.lower() == "transfer-encoding" and value.lower() == "chunked" for name, value in headers):
        body = _join_chunks(body)
    return AppRequest(verb, origin + target, headers, body)


def _join_chunks(body: bytes) -> bytes:
    content, rest = b"", body
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        content, rest = content + rest[:length], rest[length + 2 :]
    return content


def _serialize(response: AppResponse[Iterator[bytes]], verb: str) -> Iterator[bytes]:
    """Yield the answer as it goes over a connection in HTTP/1.1."""
    lines = [f"HTTP/1.1 {response.status} {http.client.responses.get(response.status, '')}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    yield "\r\n".join([*lines, "", ""]).encode("latin-1")
    if verb == "HEAD":
        return
    if ("transfer-encoding", "chunked") not in response.headers:
        yield from response.pieces
        return
    for piece in response.pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"

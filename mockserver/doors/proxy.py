"""A CONNECT proxy on loopback that ends TLS for Google's hosts and answers in their place.

    client --CONNECT--> proxy --plain bytes--> HTTP face (http/1.1) or gRPC face (h2)

It copies bytes and understands nothing but the first request. A host that is neither emulated nor passed is refused, so
nothing is looked up or connected outside of this machine unless the user names it.
"""

import asyncio
import contextlib
import logging
import re
import ssl
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from mockserver.doors.event_loop import EventLoop
from mockserver.doors.intercept.interceptors import is_answered
from mockserver.doors.live import reset_connection
from mockserver.http.identity import METADATA_HOST

log = logging.getLogger("mockserver")

Address = tuple[str, int]
_Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]

HEAD_BYTES = 65_536
HEAD_SECONDS = 10
PIECE_BYTES = 65_536

_HTTP, _HTTPS = 80, 443
_TARGET = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[\w.-]+)(?::(?P<port>\d{1,5}))?", re.ASCII | re.IGNORECASE)
_HOP_BY_HOP = (b"connection:", b"proxy-connection:", b"proxy-authorization:", b"keep-alive:")


@dataclass(frozen=True, slots=True)
class Upstreams:
    """Where the proxy sends what it receives.

    http   the address of the HTTP face
    grpc   returns the address of the gRPC face, starting it if need be; raises RuntimeError if there can be none
    tls    returns what is needed to be a host over TLS
    passed the hosts that are not emulated and may be reached
    """

    http: Address
    grpc: Callable[[], Address]
    tls: Callable[[str], ssl.SSLContext]
    passed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _FirstRequest:
    """The request that a client opens the connection with. `target` is what it wants of the host, over plain HTTP."""

    verb: str
    host: str
    port: int
    target: str
    headers: list[bytes]

    @property
    def opens_tunnel(self) -> bool:
        return self.verb == "CONNECT"

    def to_origin(self) -> bytes:
        """Return the head as the host itself expects it.

        It is told to close, since the next request may be for another.
        """
        lines = [line for line in self.headers if not line.lower().startswith(_HOP_BY_HOP)]
        first = f"{self.verb} {self.target} HTTP/1.1".encode("latin-1")
        return b"\r\n".join([first, *lines, b"connection: close", b"", b""])


class _BadRequest(ValueError):
    """It is not a request to a proxy; the message says what one is."""


class Proxy:
    """The proxy, served from a thread."""

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams
        self._warnings: set[str] = set()
        self._loop = EventLoop()
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself keeps no task alive
        self._thread = threading.Thread(target=self._loop.run_forever, name="mockserver-proxy", daemon=True)

    def start(self) -> str:
        """Start to serve on free ports and return the URL of the proxy."""
        self._thread.start()
        return f"http://127.0.0.1:{self._listen(self._answer)}"

    def listen_directly(self) -> int:
        """Serve clients that speak TLS from the first byte on, as if this were the host that they name.

        Returns the port.
        """
        context = self._upstreams.tls("localhost")

        def become(connection: ssl.SSLObject, host: str | None, _: ssl.SSLContext) -> None:
            if host and is_answered(host):
                connection.context = self._upstreams.tls(host)

        context.sni_callback = become
        return self._listen(self._answer_directly, ssl=context)

    def _listen(self, answer: _Answer, **options: Any) -> int:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = self._loop.create_task(answer(reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(lambda _: writer.close())  # also for a task that is cancelled before it begins

        serving = asyncio.start_server(accept, "127.0.0.1", 0, limit=HEAD_BYTES, **options)
        server = asyncio.run_coroutine_threadsafe(serving, self._loop).result()
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        """Break off what is under way and wait until the thread has ended."""
        asyncio.run_coroutine_threadsafe(self._end_tasks(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end_tasks(self) -> None:
        """Accept no more connections, and cancel tasks until there are none."""
        for server in self._servers:
            for listener in server.sockets:  # a server that is closed would leave what it has just accepted open
                self._loop.remove_reader(listener)
        await asyncio.sleep(0)  # asyncio's own tasks that have accepted connections begin, and so will close these
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0)  # a connection that was being accepted has a task only now
        for server in self._servers:
            server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection. A client that leaves, or does not trust our certificate, has ended it."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            try:
                async with asyncio.timeout(HEAD_SECONDS):
                    request = _parse(await reader.readuntil(b"\r\n\r\n"))
                await self._connect(request, reader, writer)
            except (_BadRequest, asyncio.LimitOverrunError) as error:
                await _refuse(writer, "400 Bad Request", f"mockserver: {error}")

    async def _answer_directly(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            upstream = await asyncio.open_connection(*await self._face(writer))
            await _copy_both((reader, writer), upstream)

    async def _connect(
        self, request: _FirstRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        host = request.host
        is_emulated = is_answered(host) or (host == METADATA_HOST and not request.opens_tunnel)
        if not is_emulated and host not in self._upstreams.passed:
            await _refuse(writer, "403 Forbidden", self._refusal(host))
            return
        address = self._upstreams.http if is_emulated else (host, request.port)
        head = b""
        if request.opens_tunnel:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            if is_emulated:
                await writer.start_tls(self._upstreams.tls(host))
                address = await self._face(writer)
        else:
            head = request.to_origin()
        try:
            upstream = await asyncio.open_connection(*address)
        except OSError as error:
            log.warning("mockserver run: cannot connect to %s: %s", host, error)
            return
        upstream[1].write(head)
        await _copy_both((reader, writer), upstream)

    async def _face(self, writer: asyncio.StreamWriter) -> Address:
        """Return the address of the face for the protocol that a client has chosen over TLS."""
        if writer.get_extra_info("ssl_object").selected_alpn_protocol() != "h2":
            return self._upstreams.http
        try:
            return await asyncio.to_thread(self._upstreams.grpc)
        except RuntimeError as error:
            self._warn_once(f"mockserver run: {error}")
            reset_connection(writer.transport)  # closing TLS waits for the client, and the client for its deadline
            raise ConnectionAbortedError from None

    def _refusal(self, host: str) -> str:
        sentence = (
            f"mockserver run: {host} is not emulated, so the connection was refused;"
            f" to let the program reach it, run it with --pass-host {host}"
        )
        self._warn_once(sentence)
        return sentence

    def _warn_once(self, sentence: str) -> None:
        """Log a warning, however often clients try again."""
        if sentence not in self._warnings:
            self._warnings.add(sentence)
            log.warning("%s", sentence)


def _parse(head: bytes) -> _FirstRequest:
    """Parse the head of a request to a proxy. Raises _BadRequest."""
    first, *headers = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    verb, _, rest = first.decode("latin-1").partition(" ")
    target, _, _ = rest.partition(" ")
    is_tunnel = verb == "CONNECT"
    authority, slash, path = target.removeprefix("http://").partition("/")
    match = _TARGET.fullmatch(authority)
    if match is None or (not is_tunnel and not target.startswith("http://")):
        raise _BadRequest("this is a proxy: send CONNECT host:port, or a request whose URL begins with http://")
    port = int(match["port"] or (_HTTPS if is_tunnel else _HTTP))
    return _FirstRequest(verb, match["host"].strip("[]").rstrip(".").lower(), port, slash + path or "/", headers)


async def _refuse(writer: asyncio.StreamWriter, status: str, sentence: str) -> None:
    body = f"{sentence}\n".encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}\r\n"
    writer.write(f"{head}connection: close\r\n\r\n".encode() + body)
    await writer.drain()


_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _copy_both(client: _Connection, upstream: _Connection) -> None:
    """Copy bytes both ways until upstream has no more; a reset on one side becomes one on the other."""
    sending = asyncio.ensure_future(_copy(client[0], upstream[1]))
    try:
        await _copy(upstream[0], client[1])
    finally:
        sending.cancel()
        upstream[1].close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        reset_connection(writer.transport)
        return
    if writer.can_write_eof():  # TLS cannot; its side is closed when all is done
        writer.write_eof()

"""The live door: an ASGI app on a socket, by uvicorn; in this thread or in one of its own."""

import contextlib
import errno
import gc
import itertools
import logging
import math
import os
import socket
import struct
import sys
import threading
from asyncio import CancelledError, TimerHandle, Transport, WriteTransport
from collections.abc import Callable, Iterable, Sequence
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mockserver.doors.event_loop import uvicorn_loop
from mockserver.rpc.hosts import reachable_host

BACKLOG = 2048
"""How many connections wait to be accepted; uvicorn's own number."""


class CannotListen(OSError):
    """The server cannot listen there: the port is in use, or the address is not this machine's."""

    def __str__(self) -> str:
        return f"cannot listen on {self.filename}: {self.strerror}"


SPARE_DESCRIPTORS = 4
"""With fewer left, the next connection may be the last one: then nobody is told, since libuv closes it unheard."""


def _descriptor_limit() -> float:
    """How many files this process may have open."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return math.inf
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if soft == resource.RLIM_INFINITY else soft


class TooManyHeaders(ValueError):
    """The request line and the headers are too large, or there are too many."""


class Breakable(HttpToolsProtocol):
    """Uvicorn's HTTP, with three additions: the app may abort a connection, slow clients time out, headers have limits.

    A client has `header_seconds` to send all its headers, and `idle_seconds` between two pieces of a body; uvicorn
    itself has no such timeouts (Kludex/uvicorn#157). After that the connection is closed without a response. A client
    that does not read has to take `read_bytes` of its answer, or what is left of it, every `read_seconds`; else the
    connection is reset.

    The request line and the headers have at most `header_bytes`, and there are at most `header_count` headers; a
    request with more is answered 431. Trailers count too.
    """

    header_seconds = 10.0
    idle_seconds = 30.0
    read_seconds = 30.0
    read_bytes = 65_536
    header_bytes = 65_536
    header_count = 200

    _seconds = 0.0
    """The timeout for what the client has to send next: one of the two, or 0 for none."""
    _timer: TimerHandle | None = None
    _read_timer: TimerHandle | None = None
    """Runs on when the client has read: an answer that takes part of a second does not start and stop a timer."""
    _read_deadline = math.inf
    """When the loop's time comes by which the client has to have read."""
    _unread = 0
    """How much of the answer the client had not taken when the deadline was set."""
    _count = 0
    """How many headers have been counted."""
    _untold = 0
    """The bytes that the parser was given since it last told of anything but headers."""
    _refused = False
    """Whether nothing more is read from the client."""
    _is_last = False
    """Whether the connection is closed after the answer that is under way."""
    _silent_until = 0.0
    """When the loop's time comes to which it may be said again, of all connections, that descriptors are short."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Start the timer for the headers."""
        super().connection_made(transport)
        self._start_timer(self.header_seconds)
        self._warn_of_descriptors(transport)

    def data_received(self, data: bytes) -> None:
        """Restart the timer for a body's next piece; all headers together have one deadline."""
        if self._refused:
            return
        seconds = self._seconds
        self._untold += len(data)
        super().data_received(data)
        if self._untold > self.header_bytes and not self._refused:
            self._refuse()
        if (seconds != self.header_seconds or self._seconds != seconds) and (seconds or self._seconds):
            self._start_timer(self._seconds)

    def on_message_begin(self) -> None:
        """Note that headers are to come."""
        super().on_message_begin()
        self._seconds = self.header_seconds
        if not self.flow.write_paused:  # it has read the answer before, or what it has not read is little
            self._read_deadline = math.inf

    def on_headers_complete(self) -> None:
        """Count the headers, and add the extension to the scope; the app runs in a later iteration of the loop."""
        self._check_headers()
        super().on_headers_complete()
        self._untold = 0
        self._seconds = self.idle_seconds
        extensions: dict[str, Any] = {"mockserver.abort": self._abort}
        self.scope["extensions"] = extensions

    def on_body(self, body: bytes) -> None:
        """Note that more of the body has come."""
        super().on_body(body)
        self._untold = 0

    def on_message_complete(self) -> None:
        """Note that the request is complete. Trailers, which come last, count as headers."""
        if len(self.headers) > self._count:
            self._check_headers()
        super().on_message_complete()
        self._untold = 0
        self._seconds = 0.0

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be parsed, which includes what we refused to."""
        if isinstance(getattr(sys.exception(), "__context__", None), TooManyHeaders):
            self._refuse()
        elif not self._leave_after_answer():
            super().send_400_response(msg)

    def pause_writing(self) -> None:
        """Set the deadline for the client to read."""
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        """Drop it: the client reads."""
        super().resume_writing()
        self._read_deadline = math.inf

    def on_response_complete(self) -> None:
        """Set the deadline for what the client has not read yet."""
        if self._is_last:
            self.pipeline.clear()
        super().on_response_complete()
        self._await_reader()
        if self._is_last:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        super().connection_lost(exc)
        self._start_timer(0.0)
        if self._read_timer is not None:
            self._read_timer.cancel()

    def _start_timer(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._seconds = seconds
        self._timer = self.loop.call_later(seconds, self._time_out) if seconds else None

    def _time_out(self) -> None:
        if not self._leave_after_answer():
            self.transport.close()

    def _leave_after_answer(self) -> bool:
        """Close the connection once the answer that is under way, if there is one, is complete.

        Whatever else a client sends behind a request, that request has its answer, and no other takes its place.
        """
        cycle: Any = self.cycle  # None before the first request
        is_complete = cycle is None or cycle.response_complete or cycle.more_body
        if is_complete and not self.pipeline:
            return False
        self._refused = self._is_last = True
        return True

    def _warn_of_descriptors(self, transport: Transport) -> None:
        connection, limit, now = transport.get_extra_info("socket"), _descriptor_limit(), self.loop.time()
        if connection is None or connection.fileno() < limit - SPARE_DESCRIPTORS or now < Breakable._silent_until:
            return
        Breakable._silent_until = now + 60
        self.logger.error(
            "Out of file descriptors: %d connections are open, and this process may have %d files (ulimit -n)."
            " Further clients are turned away.",
            len(self.connections),
            limit,
        )

    def _check_headers(self) -> None:
        self._count = len(self.headers)
        size = len(self.url) + sum(map(len, itertools.chain.from_iterable(self.headers)))
        if size > self.header_bytes or self._count > self.header_count:
            raise TooManyHeaders

    def _refuse(self) -> None:
        """Answer 431, and let the client send the rest of what it has for a second: it would not read the answer."""
        self._refused = True
        self.logger.warning(
            "Refused a request with headers of more than %d bytes, or more than %d headers.",
            self.header_bytes,
            self.header_count,
        )
        if self._leave_after_answer():
            return
        sentence = (
            f"The headers are larger than {self.header_bytes} bytes, or more than {self.header_count}.\n".encode()
        )
        head = "HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
        self.transport.write(f"{head}content-length: {len(sentence)}\r\nconnection: close\r\n\r\n".encode() + sentence)
        self._start_timer(1.0)

    def _await_reader(self) -> None:
        self._unread = self.transport.get_write_buffer_size()
        self._read_deadline = self.loop.time() + self.read_seconds if self._unread else math.inf
        if self._unread and self._read_timer is None:
            self._read_timer = self.loop.call_at(self._read_deadline, self._check_reader)

    def _check_reader(self) -> None:
        self._read_timer = None
        if self._read_deadline > self.loop.time():
            if self._read_deadline < math.inf:
                self._read_timer = self.loop.call_at(self._read_deadline, self._check_reader)
        elif self._unread - self.transport.get_write_buffer_size() >= min(self.read_bytes, self._unread):
            self._await_reader()
        else:
            self._abort(reset=True)

    def _abort(self, *, reset: bool) -> None:
        if not reset:
            self.transport.close()
            return
        reset_connection(self.transport)


def reset_connection(transport: WriteTransport) -> None:
    """Close a connection with a reset."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):  # the client has closed it already
            # Without lingering, closing sends a reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _config(app: Any, shutdown_seconds: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Breakable,
        loop=uvicorn_loop(),
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=shutdown_seconds,
        lifespan="off",
        ws="none",  # the app has no WebSockets
    )


def _is_error(record: logging.LogRecord) -> bool:
    """Whether the record is more than a request that the end of the server cancelled."""
    return record.exc_info is None or record.exc_info[0] is not CancelledError


class _Server(uvicorn.Server):
    """Uvicorn that calls `ready` when it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        logging.getLogger("uvicorn.error").addFilter(_is_error)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn passes them
        # Uvicorn's own would raise the signal again once it has stopped: a traceback after Ctrl-C.
        self.force_exit = self.should_exit
        self.should_exit = True


def open_sockets(host: str, port: int) -> list[socket.socket]:
    """Listen on each address of a host; port 0 is a free one, the same for all. Raises CannotListen.

    "::" is every address of this machine, those of IPv4 too.
    """
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise CannotListen(error.errno, f"{host!r} is not an address of this machine", place) from None
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
        chosen = sockets[0].getsockname()[1] if sockets and not port else port
        try:
            sockets.append(_listen(family, (address[0], chosen, *address[2:]), dual=host == "::"))
        except OSError as error:
            if error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:  # localhost, without IPv6
                missing = error
                continue
            _close(sockets)
            raise CannotListen(error.errno, error.strerror, place) from None
    if missing and not sockets:
        raise CannotListen(missing.errno, missing.strerror, place)
    return sockets


def _listen(family: int, address: tuple[Any, ...], *, dual: bool) -> socket.socket:
    # The protocol is named, because asyncio sets TCP_NODELAY only on sockets that name it: else a request takes 45 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not dual))
        listener.bind(address)
        listener.listen(BACKLOG)  # of several that were bound at once, only one can listen
    except OSError:
        listener.close()
        raise
    return listener


def _close(sockets: Iterable[socket.socket]) -> None:
    for each in sockets:
        each.close()


def base_url(host: str, sockets: Sequence[socket.socket]) -> str:
    """Return the URL under which this machine reaches a server that listens on a host with these sockets."""
    return f"http://{reachable_host(host)}:{sockets[0].getsockname()[1]}"


def serve(app: Any, host: str, port: int, ready: Callable[[str], None], *, shutdown_seconds: int = 1) -> None:
    """Serve in this thread until interrupted; `ready` is told the base URL.

    Then requests under way have `shutdown_seconds` to end. Raises CannotListen before anything is served.
    """
    sockets = open_sockets(host, port)
    server = _Server(_config(app, shutdown_seconds), lambda: ready(base_url(host, sockets)))
    gc.freeze()  # what is there now stays, so the collector need not look at it while requests wait
    server.run(sockets)


def serve_sockets(app: Any, sockets: Sequence[socket.socket], *, shutdown_seconds: int = 1) -> None:
    """Serve in this thread until interrupted, as `serve` does, on sockets that other processes serve on too."""
    gc.freeze()
    _Server(_config(app, shutdown_seconds), lambda: None).run(list(sockets))


class LiveServer:
    """An app served from a thread."""

    def __init__(self, app: Any, host: str = "127.0.0.1", port: int = 0) -> None:
        self._started = threading.Event()
        self._server = _Server(_config(app), self._started.set)
        self._host = host
        self._port = port
        self._thread: threading.Thread | None = None
        self.url = ""

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port."""
        return self._host, int(self.url.rpartition(":")[2])

    def start(self) -> str:
        """Start to serve and return the base URL, `http://host:port`. Raises CannotListen when it cannot."""
        sockets = open_sockets(self._host, self._port)
        self._thread = threading.Thread(target=self._server.run, args=(sockets,), name="mockserver", daemon=True)
        self._thread.start()
        while not self._started.wait(0.05):
            if not self._thread.is_alive():
                _close(sockets)
                msg = f"the server did not start on {self._host}"
                raise RuntimeError(msg)
        self.url = base_url(self._host, sockets)
        return self.url

    def stop(self) -> None:
        """Stop serving and wait until the thread has ended."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()

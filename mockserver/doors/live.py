"""The live door: an ASGI app on a socket, by uvicorn; in this thread or in one of its own."""

import logging
import socket
import struct
import threading
from asyncio import CancelledError, TimerHandle, Transport
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mockserver.doors.event_loop import uvicorn_loop

# Asking for the port's own socket and serving on one pre-bound costs 45 ms a request (no TCP_NODELAY
# on sockets asyncio did not make): so uvicorn binds, and the port is read back from it.


class CannotListen(OSError):
    """The server cannot listen there: the port is in use, or the address is not this machine's."""


class Breakable(HttpToolsProtocol):
    """Uvicorn's HTTP with two additions: the app may abort the connection, and a slow client times out.

    A client has `header_seconds` to send all its headers, and `idle_seconds` between two pieces of a body; uvicorn
    itself has no such timeouts (Kludex/uvicorn#157). After that the connection is closed without a response.
    """

    header_seconds = 10.0
    idle_seconds = 30.0

    _seconds = 0.0
    """The timeout for what the client has to send next: one of the two, or 0 for none."""
    _timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Start the timer for the headers."""
        super().connection_made(transport)
        self._start_timer(self.header_seconds)

    def data_received(self, data: bytes) -> None:
        """Restart the timer for a body's next piece; all headers together have one deadline."""
        seconds = self._seconds
        super().data_received(data)
        if seconds != self.header_seconds or self._seconds != seconds:
            self._start_timer(self._seconds)

    def on_message_begin(self) -> None:
        """Note that headers are to come."""
        super().on_message_begin()
        self._seconds = self.header_seconds

    def on_headers_complete(self) -> None:
        """Add the extension to the scope; the app runs in a later iteration of the loop."""
        super().on_headers_complete()
        self._seconds = self.idle_seconds
        extensions: dict[str, Any] = {"mockserver.abort": self._abort}
        self.scope["extensions"] = extensions

    def on_message_complete(self) -> None:
        """Note that the request is complete."""
        super().on_message_complete()
        self._seconds = 0.0

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        super().connection_lost(exc)
        self._start_timer(0.0)

    def _start_timer(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._seconds = seconds
        self._timer = self.loop.call_later(seconds, self.transport.close) if seconds else None

    def _abort(self, *, reset: bool) -> None:
        if not reset:
            self.transport.close()
            return
        connection = self.transport.get_extra_info("socket")
        if connection is not None:
            # Without lingering, closing sends a reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


def _config(app: Any, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Breakable,
        loop=uvicorn_loop(),
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
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


def _base_url(server: uvicorn.Server, host: str) -> str:
    port = server.servers[0].sockets[0].getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def check_port(host: str, port: int) -> None:
    """Raise CannotListen when the server could not listen on host:port now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotListen(error.errno, error.strerror) from None


def serve(app: Any, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve in this thread until interrupted; `ready` is told the base URL.

    Raises CannotListen before anything is served.
    """
    check_port(host, port)
    server = _Server(_config(app, host, port), lambda: ready(_base_url(server, host)))
    server.run()


class LiveServer:
    """An app served from a thread."""

    def __init__(self, app: Any, host: str = "127.0.0.1", port: int = 0) -> None:
        self._started = threading.Event()
        self._server = _Server(_config(app, host, port), self._started.set)
        self._thread = threading.Thread(target=self._server.run, name="mockserver", daemon=True)
        self._host = host

    def start(self) -> str:
        """Start to serve and return the base URL, `http://host:port`. RuntimeError when it cannot."""
        self._thread.start()
        while not self._started.wait(0.05):
            if not self._thread.is_alive():
                msg = f"the server did not start on {self._host}"
                raise RuntimeError(msg)
        return _base_url(self._server, self._host)

    def stop(self) -> None:
        """Stop serving and wait until the thread has ended."""
        self._server.should_exit = True
        self._thread.join()

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

# Asking for the port's own socket and serving on one pre-bound costs 45 ms a request (no TCP_NODELAY
# on sockets asyncio did not make): so uvicorn binds, and the port is read back from it.


class CannotListen(OSError):
    """Nobody can listen there: the port is taken, or the address is not this machine's."""


class Breakable(HttpToolsProtocol):
    """Uvicorn's HTTP, whose app may break the connection off, and which waits for no client for ever.

    A client has `header_seconds` to say all its headers, and `idle_seconds` between two pieces of a body; uvicorn
    itself gives it as long as it likes (Kludex/uvicorn#157). Then the connection is closed without a word.
    """

    header_seconds = 10.0
    idle_seconds = 30.0

    _due = 0.0
    """How long we wait for what the client owes us: one of the two, or 0 for nothing."""
    _patience: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Begin to wait for headers."""
        super().connection_made(transport)
        self._wait_for(self.header_seconds)

    def data_received(self, data: bytes) -> None:
        """Take what came, and begin to wait anew for a body's next piece; headers have one deadline for all of them."""
        due = self._due
        super().data_received(data)
        if due != self.header_seconds or self._due != due:
            self._wait_for(self._due)

    def on_message_begin(self) -> None:
        """Hear the first of a request."""
        super().on_message_begin()
        self._due = self.header_seconds

    def on_headers_complete(self) -> None:
        """Offer the extension with the request; the app runs in a later turn of the loop."""
        super().on_headers_complete()
        self._due = self.idle_seconds
        extensions: dict[str, Any] = {"mockserver.abort": self._abort}
        self.scope["extensions"] = extensions

    def on_message_complete(self) -> None:
        """Hear the last of a request."""
        super().on_message_complete()
        self._due = 0.0

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        super().connection_lost(exc)
        self._wait_for(0.0)

    def _wait_for(self, seconds: float) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._due = seconds
        self._patience = self.loop.call_later(seconds, self.transport.close) if seconds else None

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
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
        lifespan="off",
        ws="none",  # nor is there anything to speak of over a WebSocket
    )


def _tells_of_a_mistake(record: logging.LogRecord) -> bool:
    """Whether it is more than a request cut off by the end of the server."""
    return record.exc_info is None or record.exc_info[0] is not CancelledError


class _Server(uvicorn.Server):
    """Uvicorn that tells when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        logging.getLogger("uvicorn.error").addFilter(_tells_of_a_mistake)
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
    """Raise CannotListen when nobody could listen on host:port now."""
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
    """An app served from a thread on a port of its own choosing."""

    def __init__(self, app: Any, host: str = "127.0.0.1", port: int = 0) -> None:
        self._started = threading.Event()
        self._server = _Server(_config(app, host, port), self._started.set)
        self._thread = threading.Thread(target=self._server.run, name="mockserver", daemon=True)
        self._host = host

    def start(self) -> str:
        """Begin to serve; returns the base URL, `http://host:port`. RuntimeError when it cannot."""
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

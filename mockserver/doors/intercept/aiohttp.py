"""aiohttp, at its connector: it gets a connection to the app that never leaves the event loop.

The constructor of its responses changes between releases. So both sides use real HTTP, with aiohttp's own parser
and uvicorn's, over a pair of transports that are connected in memory.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from mockserver.doors.inprocess import App
from mockserver.doors.intercept.interceptors import Find, Interceptor
from mockserver.doors.live import Breakable
from mockserver.doors.patching import replaced
from mockserver.state.clock import SECOND

# How many iterations of the event loop pass before one end learns that the other is gone. On a network that arrives
# later than the data before it, which has been read by then.
ROUNDS = 10


class _Joined(asyncio.Transport):
    """One end of a connection in memory: what is written here, the other end's protocol receives."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol) -> None:
        super().__init__({"peername": ("127.0.0.1", 0), "sockname": ("127.0.0.1", 0)})
        self._loop = loop
        self._protocol = protocol
        self._closing = False
        self.peer: _Joined

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Hand the data over, in the loop's next turn."""
        self._loop.call_soon(self.peer.deliver, bytes(data))

    def deliver(self, data: bytes) -> None:
        """Take what the other end wrote."""
        if not self._closing:
            self._protocol.data_received(data)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Close both ends, after what was written before has arrived."""
        self._disconnect(None)

    def abort(self) -> None:
        """Reset the connection."""
        self._disconnect(ConnectionResetError(104, "Connection reset by peer"))

    def _disconnect(self, error: Exception | None) -> None:
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._protocol.connection_lost, None)
            self._notify_peer(error, ROUNDS)

    def _notify_peer(self, error: Exception | None, rounds: int) -> None:
        if rounds:
            self._loop.call_soon(self._notify_peer, error, rounds - 1)
        else:
            self.peer.lose(error)

    def lose(self, error: Exception | None) -> None:
        """Tell the client that the other end is gone."""
        if not self._closing:
            self._closing = True
            self._protocol.connection_lost(error)

    def pause_reading(self) -> None:
        """Whole messages fit into memory, so writing is never paused."""

    def resume_reading(self) -> None:
        """See above."""

    def get_write_buffer_size(self) -> int:
        """Return 0: what is written is delivered at once."""
        return 0

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast(asyncio.Protocol, protocol)


@contextlib.contextmanager
def patched(aiohttp: Any, find: Find) -> Iterator[None]:
    """While inside, aiohttp connects to the interceptor."""
    original = aiohttp.TCPConnector._create_connection  # noqa: SLF001 - the only way to the network

    async def create(self: Any, req: Any, traces: Any, timeout: Any) -> Any:  # noqa: ASYNC109 - as aiohttp has it
        interceptor = find(req.url.host or "")
        if interceptor is None:
            return await original(self, req, traces, timeout)
        interceptor.note_request(req.method, req.url.path)
        return _connect(interceptor, self._factory(), timeout, aiohttp.SocketTimeoutError)

    with replaced(aiohttp.TCPConnector, "_create_connection", create):
        yield


def _connect(interceptor: Interceptor, client: Any, timeout: Any, read_timeout: type[Exception]) -> Any:
    loop = asyncio.get_running_loop()
    config = Config(
        _in_time(interceptor, client, timeout, read_timeout),
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
    )
    config.load()
    server = Breakable(config, ServerState(), {}, loop)
    near, far = _Joined(loop, client), _Joined(loop, server)
    near.peer, far.peer = far, near
    server.connection_made(far)
    client.connection_made(near)
    client.force_close()  # not for another request: that may be made in another test, to another app
    return client


def _in_time(interceptor: Interceptor, client: Any, timeout: Any, read_timeout: type[Exception]) -> App:
    """Return the app, for a client that times out by the app's clock: aiohttp's own timers use the machine's time."""
    clock = interceptor.clock

    async def app(scope: Any, receive: Any, send: Any) -> None:
        start = last_message = clock.now()

        async def send_in_time(message: Any) -> None:
            nonlocal last_message
            if late := late_error():
                raise late
            await send(message)
            last_message = clock.now()

        def late_error() -> Exception | None:
            """Return what aiohttp raises if it has waited too long: for the whole answer, or for a piece of it."""
            waits = [
                (start, timeout.total, TimeoutError()),
                (last_message, timeout.sock_read, read_timeout("Timeout on reading data from socket")),
            ]
            late = [
                (since + seconds * SECOND, error)
                for since, seconds, error in waits
                if seconds and interceptor.is_late(since, seconds)
            ]
            return min(late, key=lambda each: each[0])[1] if late else None

        try:
            await interceptor.app(scope, receive, send_in_time)
        except TimeoutError as late:
            for _ in range(ROUNDS):
                await asyncio.sleep(0)  # the reader has read by then what came before
            client.set_exception(late)
            if client._payload is not None:  # noqa: SLF001 - as its own timer for reading does
                client._payload.set_exception(late)  # noqa: SLF001 - see above
            await receive()  # until the client has hung up

    return app

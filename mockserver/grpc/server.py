"""A gRPC server on a port or a Unix socket: calls of grpcio's to the face, and its replies back.

A call has a thread of its own as long as it lasts, so that what it waits for holds up nobody else.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NoReturn, Protocol

import grpc
from google.protobuf.message import DecodeError

from mockserver.dispatch.route_table import RouteTable
from mockserver.grpc import THREAD_NAMES
from mockserver.grpc.face import GrpcRequest
from mockserver.grpc.introspection import HEALTH, REFLECTION, Introspection
from mockserver.grpc.reply import GrpcReply, status_details
from mockserver.limits import REQUEST_BYTES
from mockserver.rpc import outages
from mockserver.rpc.errors import ApiError, Code
from mockserver.rpc.hosts import reachable_host
from mockserver.state.clock import SECOND, Clock, ManualClock
from mockserver.state.store import Unavailable

log = logging.getLogger("mockserver")

MOST_CALLS = 1000
"""How many calls are answered at once; others wait."""

LARGEST_MESSAGE = 4 * REQUEST_BYTES
"""Bytes of a message that is read at all, and refused in grpcio's words; the face's limit, in Google's, is lower."""

# Clients may ping as often as they like: a server that
# they use over a real network would tell them to "enhance their calm". A port that is in use is not shared.
_OPTIONS = (
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.so_reuseport", 0),
)

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class CannotBind(OSError):
    """The server cannot listen there."""


class Face(Protocol):
    """What answers the calls: a GrpcFace, or what chooses one."""

    @property
    def table(self) -> RouteTable:
        """The methods that there are."""

    def answer(self, grpc: GrpcRequest, /) -> GrpcReply:
        """Answer a request. Raises ApiError if nobody can."""


class GrpcServer:
    """A face served from threads of its own, at one or more addresses."""

    def __init__(self, face: Face) -> None:
        self._threads = ThreadPoolExecutor(MOST_CALLS, thread_name_prefix=THREAD_NAMES)
        self._server = grpc.server(self._threads, handlers=[_Handlers(face)], options=_OPTIONS)

    def listen(self, host: str, port: int, credentials: grpc.ServerCredentials | None = None) -> str:
        """Add an address, and return `host:port` to connect to. Port 0 is a free one. Raises CannotBind."""
        name = f"[{host}]" if ":" in host else host
        return f"{reachable_host(host)}:{self._add(f'{name}:{port}', credentials)}"

    def listen_on_socket(self, path: Path) -> str:
        """Add a Unix socket and return its address. Clients need local credentials for it."""
        self._add(f"unix:{path}", grpc.local_server_credentials(grpc.LocalConnectionType.UDS))
        return f"unix:{path}"

    def _add(self, address: str, credentials: grpc.ServerCredentials | None) -> int:
        try:
            if credentials is None:
                return int(self._server.add_insecure_port(address))
            return int(self._server.add_secure_port(address, credentials))
        except RuntimeError as error:
            raise CannotBind(str(error)) from None

    def start(self) -> None:
        """Start to serve."""
        self._server.start()

    def stop(self, seconds: float = 0) -> None:
        """Stop serving: calls that are being answered have so long to end. Returns when all has ended."""
        self._server.stop(seconds or None).wait()
        self._threads.shutdown()


def tls(certificate: bytes, key: bytes) -> grpc.ServerCredentials:
    """Return the credentials of a server with a certificate (chain) and its private key, both in PEM."""
    return grpc.ssl_server_credentials([(key, certificate)])


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpcio has no types
    """Finds the handler of an rpc by its name. There is one for every name: what is not served says so itself."""

    def __init__(self, face: Face) -> None:
        self._face = face
        self._introspection = Introspection(face.table)
        self._handler = lru_cache(maxsize=256)(self._new_handler)

    def service(self, details: Any) -> Any:
        """Return the handler of a call."""
        return self._handler(details.method)

    def _new_handler(self, name: str) -> Any:
        service, _, method = name.removeprefix("/").partition("/")
        if service in REFLECTION:
            return grpc.stream_stream_rpc_method_handler(self._reflect)
        if service == HEALTH and method == "Watch":
            return grpc.unary_stream_rpc_method_handler(self._watch_health)
        if service == HEALTH:
            return grpc.unary_unary_rpc_method_handler(self._check_health)
        if any(route.stream for route in self._face.table.routes_of(f"{service}.{method}")):
            return grpc.unary_stream_rpc_method_handler(partial(self._stream, name))
        return grpc.unary_unary_rpc_method_handler(partial(self._whole, name))

    def _whole(self, method: str, body: bytes, context: Any) -> bytes:
        """Return the one message of a reply."""
        try:
            reply = self._answer(method, body, context)
            if isinstance(reply.pieces, tuple):
                return reply.pieces[0]
            with contextlib.closing(reply):
                return next(_in_time(reply, context))
        except ApiError as error:
            _abort(context, error)
        except Unavailable as unavailable:
            log.error("%s", unavailable)  # noqa: TRY400 - the sentence says it all
            _abort(context, outages.overloaded())

    def _stream(self, method: str, body: bytes, context: Any) -> Iterator[bytes]:
        """Yield the messages of a reply, each when its time has come."""
        try:
            reply = self._answer(method, body, context)
            with contextlib.closing(reply):
                yield from _in_time(reply, context)
        except ApiError as error:
            _abort(context, error)

    def _answer(self, method: str, body: bytes, context: Any) -> GrpcReply:
        authority = context._rpc_event.call_details.host.decode(errors="replace")  # noqa: SLF001 - grpcio hides it
        return self._face.answer(GrpcRequest(method, context.invocation_metadata(), body, authority))

    def _check_health(self, body: bytes, context: Any) -> bytes:
        with _nonsense_refused(context):
            health = self._introspection.health(body)
        return health if health is not None else _abort(context, ApiError(Code.NOT_FOUND, "unknown service"))

    def _watch_health(self, body: bytes, context: Any) -> Iterator[bytes]:
        """Yield the health now, and then nothing more, since it does not change, until the client has seen enough."""
        yield self._check_health(body, context)
        end = threading.Event()
        if context.add_callback(end.set):
            end.wait()

    def _reflect(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        with _nonsense_refused(context):
            yield from self._introspection.reflect(requests)


def _in_time(reply: GrpcReply, context: Any) -> Iterator[bytes]:
    """Yield the messages of a reply after the pauses between them. Raises ApiError."""
    deadline: _Deadline | None = None
    for piece in reply.pieces:
        if isinstance(piece, bytes):
            yield piece
            continue
        deadline = deadline or _Deadline(reply.clock, context.time_remaining())
        asyncio.run(_sleep(reply.clock, piece.seconds, context))
        deadline.check()


class _Deadline:
    """When the client gives up. grpcio sees to that, except for the time that a manual clock skips."""

    def __init__(self, clock: Clock, seconds: float | None) -> None:
        self._clock = clock
        skips = isinstance(clock, ManualClock)
        self._end = clock.now() + int(seconds * SECOND) if skips and seconds is not None else None

    def check(self) -> None:
        """Raise ApiError if it has passed."""
        if self._end is not None and self._clock.now() > self._end:
            raise ApiError(Code.DEADLINE_EXCEEDED, "Deadline Exceeded")


async def _sleep(clock: Clock, seconds: float, context: Any) -> None:
    """Wait on the clock, no longer than the call lasts. Raises ApiError if the call has ended meanwhile."""
    sleeping = asyncio.ensure_future(clock.sleep(seconds))
    loop = asyncio.get_running_loop()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed: it has slept long since
            loop.call_soon_threadsafe(sleeping.cancel)

    if not context.add_callback(wake):
        sleeping.cancel()
    try:
        await sleeping
    except asyncio.CancelledError:
        raise outages.cancelled() from None


@contextlib.contextmanager
def _nonsense_refused(context: Any) -> Iterator[None]:
    try:
        yield
    except DecodeError:
        # our choice: not seen
        _abort(context, ApiError(Code.INVALID_ARGUMENT, "The message cannot be read."))


def _abort(context: Any, error: ApiError) -> NoReturn:
    """End the call with the status of an error, and its details in the trailers."""
    if details := status_details(error):
        context.set_trailing_metadata((("grpc-status-details-bin", details),))
    context.abort(_CODES[int(error.code)], error.message)
    raise AssertionError("grpcio's abort raises")

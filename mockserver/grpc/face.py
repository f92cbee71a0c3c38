"""The gRPC face: from the bytes of a call to a request of the dispatcher, and back. It knows messages, not sockets.

The dispatcher's order of checks holds: bytes that are no message are refused after the credentials were found good.
"""

import logging
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from mockserver.dispatch.access_log import LogCall, log_call
from mockserver.dispatch.credential_guard import find_secret, refusal
from mockserver.dispatch.diagnostics import diagnose_rpc, explain
from mockserver.dispatch.dispatcher import BUG, CallResult, dispatch, record_undispatched
from mockserver.dispatch.request import Request
from mockserver.dispatch.route_table import RouteTable
from mockserver.dispatch.routing import Json, Pause, Route, expand_path, text_at
from mockserver.grpc.codec import BadMessage, decode, encode
from mockserver.limits import REQUEST_BYTES
from mockserver.protojson import schema
from mockserver.protojson.field_mask import apply_fields_mask
from mockserver.protojson.reading import bind_tree
from mockserver.rpc import errors, outages
from mockserver.rpc.credentials import read_credentials
from mockserver.rpc.errors import ApiError, Code
from mockserver.scripting.faults import Fault
from mockserver.state.clock import Clock, Nanos, SystemClock, stopwatch
from mockserver.state.store import Unavailable
from mockserver.state.world import World, Worlds

log = logging.getLogger("mockserver")

VERB = "GRPC"
"""What the log of calls has where a call over HTTP has its verb."""

Piece = bytes | Pause
Pieces = Generator[Piece, None, None]


@dataclass(frozen=True, slots=True)
class GrpcRequest:
    """A call as it came: `/package.Service/Method`, the metadata by names in lower case, the bytes of the message.

    `host` is the name in `:authority`, in lower case and without a port.
    """

    method: str
    metadata: Mapping[str, str]
    body: bytes
    host: str = ""

    @property
    def rpc(self) -> str:
        """The full name of the rpc."""
        return self.method.removeprefix("/").replace("/", ".")

    def identifying_texts(self) -> Iterator[str]:
        """What of the metadata may carry a world's name, or a secret."""
        for name in ("authorization", "x-goog-api-key", "x-goog-user-project", "x-goog-request-params"):
            yield unquote(self.metadata.get(name, ""))


@dataclass(frozen=True, slots=True)
class GrpcReply:
    """The messages of an answer, each in bytes, and pauses on the clock before and between them.

    Where they end in an ApiError, the call ends with its status.
    """

    pieces: Pieces
    clock: Clock


class GrpcFace:
    """The services as rpcs: a call in, a reply out."""

    def __init__(self, worlds: Worlds, table: RouteTable, log_call: LogCall = log_call) -> None:
        self._worlds = worlds
        self._log_call = log_call
        self.table = table

    def answer(self, call: GrpcRequest) -> GrpcReply:
        """The reply to a call. Whatever is sent gets one; a handler's own failure is logged and INTERNAL."""
        watch = stopwatch()
        try:
            reply, label, refusal = self._answer_in_world(call)
        except Unavailable as error:
            log.error("%s", error)  # noqa: TRY400 - the sentence says it all
            refusal = outages.overloaded()
            reply, label = GrpcReply(_failing(refusal), SystemClock()), call.method
        status, reason = (refusal.code.name, f"  {explain(refusal)}") if refusal else ("OK", "")
        self._log_call(label, status, watch(), reason)
        return reply

    def _answer_in_world(self, call: GrpcRequest) -> tuple[GrpcReply, str, ApiError | None]:
        """Return the reply, what the access log calls the call, and why the call is refused."""
        routes = self.table.routes_of(call.rpc)
        message, refused = _decode(routes[0].request, call.body) if routes else ({}, None)
        texts = (*call.identifying_texts(), *self.table.resource_names(call.rpc, message))
        world = self._worlds.choose(texts)
        secret = find_secret(texts, call.body, self._worlds.warn_once)
        arrival = _Arrival(call, world, world.clock.now(), secret, message)
        label, pieces, error = self._answer(arrival, refused)
        return GrpcReply(pieces, world.clock), label, error

    def _answer(self, arrival: "_Arrival", refused: ApiError | None) -> tuple[str, Pieces, ApiError | None]:
        """What the access log calls the call, the reply's pieces, and why the call is refused."""
        call, world, settings = arrival.call, arrival.world, arrival.world.settings
        if arrival.secret and settings.refuse_real_credentials:
            secret = refusal(arrival.secret)
            return call.method, arrival.refuse(secret), secret
        host = self.table.service_of_host(call.host)  # "" for an address of our own, which has every rpc
        live = [route for route in self.table.routes_of(call.rpc, host) if route.is_live(settings.as_of)]
        if not live:
            hint = diagnose_rpc(self.table, call.rpc, settings, host)
            log.warning("%s was not found: %s", call.method, hint)
            unknown = _not_implemented(self.table, call)
            return call.method, arrival.refuse(unknown, hint), unknown
        route = self.table.match_rpc(call.rpc, arrival.message, settings.as_of, host)
        misnamed = route is None
        route = route or live[0]
        service = self.table.services[route.service]
        if misnamed and refused is None:
            refused = service.misnamed_error(route, arrival.message)
        request = Request(
            service=service,
            route=route,
            world=world,
            settings=settings,
            now=arrival.now,
            resource=text_at(arrival.message, route.resource_field),
            credentials=read_credentials(call.metadata, ()),
            bind=lambda: _bind(arrival, route, refused),
            options={name: call.metadata[name] for name in service.call_options if name in call.metadata},
            secret=arrival.secret,
            verb=VERB,
            path=expand_path(route.path, arrival.message),
        )
        answer = dispatch(request)
        error = answer.result if isinstance(answer.result, ApiError) else None
        return route.id, _pieces(answer, call.metadata.get("x-goog-fieldmask", "")), error


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A call in its world at its moment. `secret` says what looks like a real credential in it, "" if nothing."""

    call: GrpcRequest
    world: World
    now: Nanos
    secret: str
    message: Json

    def refuse(self, error: ApiError, hint: str = "") -> Pieces:
        """The reply for an error before any method was found."""
        record_undispatched(
            self.world,
            now=self.now,
            secret=self.secret,
            verb=VERB,
            path=self.call.method,
            status=error.code.http,
            response=error.status,
            hint=hint,
        )
        return _failing(error)


def _failing(error: ApiError) -> Pieces:
    yield from ()
    raise error


def _decode(request: str, body: bytes) -> tuple[Json, ApiError | None]:
    """The message, or an empty one and what is to be said of the bytes once the caller is known."""
    if len(body) > REQUEST_BYTES:
        return {}, errors.payload_too_large(REQUEST_BYTES)
    try:
        return decode(request, body), None
    except BadMessage:
        return {}, errors.invalid_argument()  # our choice: not seen


def _bind(arrival: _Arrival, route: Route, refused: ApiError | None) -> Json:
    """The message of a request. Raises ApiError."""
    if refused is not None:
        raise refused
    if mask := arrival.call.metadata.get("x-goog-fieldmask"):
        apply_fields_mask(route.response, {}, mask)  # before the method: what is refused must not have changed anything
    return arrival.message


def _not_implemented(table: RouteTable, call: GrpcRequest) -> ApiError:
    """What Google's front end says of a method that the host does not have [seen on two other hosts]."""
    package = schema.package(call.rpc)
    hosts = (route.service for route in table.routes if route.rpc and schema.package(route.rpc) == package)
    host = call.host if table.service_of_host(call.host) else next(hosts, next(iter(table.services)))
    return ApiError(
        Code.UNIMPLEMENTED,
        f"The GRPC target is not implemented on the server, host: {host}, method: {call.method}.",
    )


def _pieces(answer: CallResult, mask: str) -> Pieces:
    """The messages of an answer as far as its fault lets them through. The call is recorded as of HTTP."""
    entry = None if isinstance(answer.result, dict | ApiError) else answer.record()
    try:
        yield from _damaged(answer, _encoded(answer, mask))
    finally:
        if entry is not None:
            answer.record_stream_end(entry)
        else:
            _record(answer)


def _record(answer: CallResult) -> None:
    try:
        answer.record()
    except Unavailable as error:
        log.error("%s", error)  # noqa: TRY400 - the sentence says it all
        raise outages.overloaded() from None


def _encoded(answer: CallResult, mask: str) -> Iterator[Piece]:
    """The messages in bytes. Raises ApiError, the internal one for a bug of ours."""
    result, response = answer.result, answer.request.route.response
    if isinstance(result, ApiError):
        raise result
    try:
        for message in [result] if isinstance(result, dict) else result:
            if isinstance(message, Pause):
                yield message
            else:
                yield encode(response, apply_fields_mask(response, message, mask) if mask else message)
    except ApiError:
        raise
    except Exception:
        log.exception(BUG, answer.request.route.id)
        error = answer.request.internal_error
        if isinstance(result, dict):
            answer.result = error
        raise error from None


def _damaged(answer: CallResult, pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The pieces as the answer's fault lets them through: later, broken off or garbled."""
    fault = answer.fault
    if fault is None:
        yield from pieces
        return
    if fault.latency_seconds:
        yield Pause(fault.latency_seconds)
    if fault.reset:
        raise broken_off("Stream removed (recvmsg:Connection reset by peer (104))")
    if answer.request.route.stream:
        yield from _damaged_stream(fault, pieces)
        return
    if fault.truncate:
        raise broken_off()
    yield from (GARBLED if fault.garble else piece for piece in pieces)


def _damaged_stream(fault: Fault, pieces: Iterator[Piece]) -> Iterator[Piece]:
    sent = 0
    if fault.cut_after_chunks == 0:
        raise broken_off()
    for piece in pieces:
        if isinstance(piece, Pause):
            yield piece
            continue
        if fault.chunk_delay_seconds:
            yield Pause(fault.chunk_delay_seconds)
        yield piece
        sent += 1
        if sent == fault.cut_after_chunks:
            raise broken_off()


GARBLED = b"\xff" * 16
"""The bytes of no message."""


def broken_off(how: str = "Stream removed (Socket closed)") -> ApiError:
    """What a client of grpcio 1.85 makes of a connection that breaks; a server cannot break that of one call only."""
    return ApiError(Code.UNAVAILABLE, how)


def status_details(error: ApiError) -> bytes:
    """The google.rpc.Status for `grpc-status-details-bin`, of an error that has details; else nothing."""
    if not error.details:
        return b""
    return encode("google.rpc.Status", bind_tree("google.rpc.Status", error.status))

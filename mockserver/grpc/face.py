"""The gRPC face: turns gRPC requests into requests of the dispatcher, and answers into replies. It has no sockets.

The order of checks is the dispatcher's: bytes that are not a message are refused after the credentials have been
checked.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote

from mockserver.dispatch.access_log import LogCall, hints, log_call
from mockserver.dispatch.credential_guard import complete_secret, find_secret, refusal
from mockserver.dispatch.diagnostics import diagnose_misnamed, diagnose_rpc, explain
from mockserver.dispatch.dispatcher import dispatch, record_undispatched
from mockserver.dispatch.recorded_reply import FindRecorded
from mockserver.dispatch.request import Request, RequestHead
from mockserver.dispatch.route_table import RouteTable
from mockserver.dispatch.routing import Json, Route, expand_path, text_at
from mockserver.grpc.codec import BadMessage, decode
from mockserver.grpc.reply import GrpcReply, Pieces, Whole, encode_recording, print_answer, raise_error
from mockserver.limits import REQUEST_BYTES
from mockserver.protojson import schema
from mockserver.protojson.field_mask import apply_fields_mask
from mockserver.protojson.memoized import MemoizedMessage, Repetitions
from mockserver.rpc import errors, outages
from mockserver.rpc.credentials import read_credentials
from mockserver.rpc.errors import ApiError, Code
from mockserver.rpc.hosts import host_without_port
from mockserver.rpc.redaction import redact
from mockserver.state.clock import Nanos, SystemClock, stopwatch
from mockserver.state.store import Unavailable
from mockserver.state.world import Settings, World, Worlds

log = logging.getLogger("mockserver")

VERB = "GRPC"
"""The verb of such a call in the log of calls."""

K = TypeVar("K")
V = TypeVar("V")


class GrpcRequest(NamedTuple):
    """A gRPC request as it came, which is compared with those before it.

    `method` is "/package.Service/Method", `pairs` are the metadata, whose names are lower case, `body` is the message.
    """

    method: str
    pairs: tuple[tuple[str, str | bytes], ...]
    body: bytes
    authority: str = ""

    @property
    def rpc(self) -> str:
        """Return the full name of the rpc."""
        return self.method.removeprefix("/").replace("/", ".")

    @property
    def label(self) -> str:
        """Return the name of a request without a method in the access log."""
        return str(redact(self.method))

    @property
    def metadata(self) -> Mapping[str, str]:
        """Return the metadata that are texts."""
        return {name: value for name, value in self.pairs if isinstance(value, str)}

    @property
    def host(self) -> str:
        """Return the name in `:authority`, in lower case and without a port."""
        return host_without_port(self.authority)


@dataclass(slots=True)
class GrpcHead:
    """What a request says beside its message, with the resource names in that. Nobody changes it.

    `field_mask` narrows the answer, unless it is "". `texts` identify the client, and so may contain a world's name or
    a secret. `secret` describes what looks like a real credential in them, "" if nothing does.
    """

    metadata: Mapping[str, str]
    field_mask: str
    texts: tuple[str, ...]
    secret: str
    route: RequestHead | None = None
    """The route that was found last, with what the request says in a world with its settings."""


@dataclass(slots=True)
class DecodedRequest:
    """A request whose message has been decoded. Nobody changes it.

    `refused` is the error for a message that cannot be read: it is raised once the credentials have been checked.
    `secret` describes what looks like a real credential, "" if nothing does.
    """

    grpc: GrpcRequest
    head: GrpcHead
    message: Json
    refused: ApiError | None
    secret: str


KEPT_REQUESTS = 256
KEPT_BYTES = 4096
"""How many requests are kept, and as many heads; and how long messages and names may be."""


@dataclass(slots=True)
class ReceivedRequest:
    """A request, its world and its time. `note` is for the access log, beside the error."""

    decoded: DecodedRequest
    world: World
    now: Nanos
    note: str = ""

    @property
    def grpc(self) -> GrpcRequest:
        """Return the request."""
        return self.decoded.grpc

    @property
    def message(self) -> Json:
        """Return its message."""
        return self.decoded.message

    def refuse(self, error: ApiError, hint: str = "") -> Pieces:
        """Reply with an error, before a method was found."""
        self.record(error.code.http, error.status, hint)
        return raise_error(error)

    def record(self, status: int, response: Any, hint: str = "", route: Route | None = None) -> None:
        """Append the request to the log: one that no method has answered, but for a `route` a recording."""
        record_undispatched(
            self.world,
            now=self.now,
            secret=self.decoded.secret,
            verb=VERB,
            path=self.grpc.method if route is None else expand_path(route.path, self.message),
            status=status,
            response=response,
            hint=hint,
            method="" if route is None else route.id,
            request=None if route is None else self.message,
        )


class GrpcFace:
    """Answers gRPC requests to all services."""

    def __init__(
        self,
        worlds: Worlds,
        table: RouteTable,
        log_call: LogCall = log_call,
        find_recorded: FindRecorded = lambda *_: None,
    ) -> None:
        self._worlds = worlds
        self._is_shared = worlds.default.store.shared
        self._find_recorded = find_recorded
        self._log_call = log_call
        self.table = table
        self._requests: dict[GrpcRequest, DecodedRequest] = {}
        self._heads: dict[tuple[Any, ...], GrpcHead] = {}
        self._repetitions = Repetitions()

    def answer(self, grpc: GrpcRequest) -> GrpcReply:
        """Answer any request. A bug in a handler is logged, and answered with the service's internal error."""
        elapsed_ms = stopwatch()
        try:
            if self._is_shared:
                with self._worlds.check_version_once():
                    label, reply, error, note = self._answer_in_world(grpc)
            else:
                label, reply, error, note = self._answer_in_world(grpc)
        except Unavailable as unavailable:
            log.error("%s", unavailable)  # noqa: TRY400 - the sentence says it all
            error = outages.overloaded()
            label, reply, note = grpc.label, GrpcReply(raise_error(error), SystemClock()), ""
        status, reason = (error.code.name, f"  {explain(error, note)}") if error else ("OK", "")
        self._log_call(label, status, elapsed_ms(), reason)
        return reply

    def _answer_in_world(self, grpc: GrpcRequest) -> tuple[str, GrpcReply, ApiError | None, str]:
        """Return the name of the request for the access log, the reply, the error if it is refused, and a note."""
        decoded = self._decode(grpc)
        world = self._worlds.choose(decoded.head.texts)
        if decoded.secret:
            complete_secret(decoded.secret, b"", self._worlds.warn_once)
        received = ReceivedRequest(decoded, world, world.clock.now())
        label, pieces, error = self._answer(received)
        return label, GrpcReply(pieces, world.clock), error, received.note

    def _decode(self, grpc: GrpcRequest) -> DecodedRequest:
        """Decode a request. Those to methods that only read are kept, because clients send them again and again.

        So are others that come again. One with what looks like a real secret is not.
        """
        is_small = len(grpc.body) <= KEPT_BYTES
        decoded = self._requests.get(grpc) if is_small else None  # hashing a long one takes time
        if decoded is None:
            routes = self.table.routes_of(grpc.rpc)
            message, refused = _decode(routes[0].request, grpc.body) if routes else ({}, None)
            head = self._find_head(grpc, self.table.resource_names(grpc.rpc, message))
            secret = complete_secret(head.secret, grpc.body, lambda: False)
            is_read = bool(routes) and {"GET"} == {route.verb for route in routes}
            is_kept = is_small and (is_read or self._repetitions.comes_again(grpc))
            decoded = DecodedRequest(grpc, head, MemoizedMessage(message) if is_kept else message, refused, secret)
            if is_kept and not secret and refused is None:
                _keep(self._requests, grpc, decoded)
        return decoded

    def _find_head(self, grpc: GrpcRequest, names: tuple[str, ...]) -> GrpcHead:
        """Return the head of a request. It is kept for others that say the same, unless it has a secret or is long."""
        key = (grpc.method, grpc.pairs, grpc.authority, names)
        head = self._heads.get(key)
        if head is None:
            metadata = grpc.metadata
            texts = (*_identifying_texts(metadata), *names)
            secret = find_secret((*texts, grpc.method, *metadata.values()), b"", lambda: False)
            head = GrpcHead(metadata, metadata.get("x-goog-fieldmask", ""), texts, secret)
            if not secret and sum(map(len, names)) <= KEPT_BYTES:
                _keep(self._heads, key, head)
        return head

    def _answer(self, received: ReceivedRequest) -> tuple[str, Pieces | Whole, ApiError | None]:
        """Return the name of the request for the access log, the pieces of the reply, and the error if there is one."""
        decoded, settings = received.decoded, received.world.settings
        grpc = decoded.grpc
        if decoded.secret and settings.refuse_real_credentials:
            error = refusal(decoded.secret)
            return grpc.label, received.refuse(error), error
        if settings.recordings is not None and (recorded := self._answer_recorded(received)):
            return recorded
        head, refused = decoded.head.route, decoded.refused
        if head is None or head.settings is not settings:
            head, refused = self._find_route(decoded, settings)
            decoded.head.route = head if refused is None else None  # an error that is raised again grows
        if head is None:
            host = self.table.service_of_host(grpc.host)
            hint = diagnose_rpc(self.table, grpc.rpc, settings, host)
            hints.warning("%s was not found: %s", grpc.method, hint)
            error = _not_implemented(self.table, grpc)
            return grpc.label, received.refuse(error, hint), error
        bind = partial(_bind, decoded, head, refused)
        answer = dispatch(Request(head, received.world, received.now, bind, decoded.secret))
        pieces = print_answer(answer, decoded.head.field_mask)
        if not isinstance(answer.result, ApiError):
            return head.route.id, pieces, None
        received.note = answer.note
        return head.route.id, pieces, answer.result

    def _find_route(
        self, decoded: DecodedRequest, settings: Settings
    ) -> tuple[RequestHead, ApiError | None] | tuple[None, None]:
        """Find the method of a request, and the error to raise once the credentials have been checked."""
        grpc, message, refused, metadata = decoded.grpc, decoded.message, decoded.refused, decoded.head.metadata
        host = self.table.service_of_host(grpc.host)  # "" for an address of our own, which has every rpc
        live_routes = [route for route in self.table.routes_of(grpc.rpc, host) if route.is_live(settings.as_of)]
        if not live_routes:
            return None, None
        matching_route = self.table.match_rpc(grpc.rpc, message, settings.as_of, host)
        route = matching_route or live_routes[0]
        service = self.table.services[route.service]
        if matching_route is None and refused is None:
            hint = diagnose_misnamed(live_routes, message)
            refused = service.misnamed_error(route, message)
            refused.with_hint(". ".join(filter(None, (hint, refused.hint))))
        head = RequestHead(
            service=service,
            route=route,
            settings=settings,
            resource=text_at(message, route.resource_field),
            credentials=read_credentials(metadata, ()),
            options={name: metadata[name] for name in service.call_options if name in metadata},
            verb=VERB,
            path=expand_path(route.path, message),
        )
        return head, refused

    def _answer_recorded(self, received: ReceivedRequest) -> tuple[str, Pieces, ApiError | None] | None:
        """Return a recorded answer as `_answer` does; None if there is none. As over HTTP, it comes first."""
        routes = self.table.routes_of(received.grpc.rpc)
        if not routes:
            return None
        route = self.table.match_rpc(received.grpc.rpc, received.message) or routes[0]
        recorded = self._find_recorded(received.world, route, received.message)
        if recorded is None:
            return None
        if recorded.hint:
            hints.warning("%s", recorded.hint)
        status = 200 if recorded.error is None else recorded.error.code.http
        received.record(status, recorded.logged, recorded.hint, route)
        return route.id, encode_recording(recorded, route), recorded.error


def _keep(kept: dict[K, V], key: K, value: V) -> None:
    """Keep one more, or from now on only this one if there are too many."""
    if len(kept) >= KEPT_REQUESTS:
        kept.clear()
    kept[key] = value


def _identifying_texts(metadata: Mapping[str, str]) -> Iterator[str]:
    """Yield the texts that identify the client, and so may contain a world's name or a secret."""
    for name in ("authorization", "x-goog-api-key", "x-goog-user-project", "x-goog-request-params"):
        yield unquote(metadata.get(name, ""))


def _decode(request: str, body: bytes) -> tuple[Json, ApiError | None]:
    """Return the message; or an empty one, and the error to raise once the credentials have been checked."""
    if len(body) > REQUEST_BYTES:
        return {}, errors.payload_too_large(REQUEST_BYTES)
    try:
        return decode(request, body), None
    except BadMessage:
        hint = f"the bytes are not a {request}: the client's definitions differ from those of this server"
        return {}, errors.invalid_argument().with_hint(hint)  # our choice: not seen


def _bind(decoded: DecodedRequest, head: RequestHead, refused: ApiError | None) -> Json:
    """Bind the message of a request. Raises ApiError."""
    if refused is not None:
        raise refused
    if decoded.head.field_mask:
        # Before the handler: a refused request must not change anything.
        apply_fields_mask(head.route.response, {}, decoded.head.field_mask)
    return decoded.message


def _not_implemented(table: RouteTable, grpc: GrpcRequest) -> ApiError:
    """Return the error of Google's front end for a method that the host does not have [seen on two other hosts]."""
    package = schema.package(grpc.rpc)
    hosts = (route.service for route in table.routes if route.rpc and schema.package(route.rpc) == package)
    host = grpc.host if table.service_of_host(grpc.host) else next(hosts, next(iter(table.services)))
    return ApiError(
        Code.UNIMPLEMENTED,
        f"The GRPC target is not implemented on the server, host: {host}, method: {grpc.method}.",
    )

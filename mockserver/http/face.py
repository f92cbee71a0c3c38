"""The HTTP face: turns HTTP requests into requests of the dispatcher, and answers into replies.

The order of checks is the real front end's [seen and measured]: system parameters, route, malformed requests, then the
dispatcher's checks, with the format of the answer between credentials and binding.

The log of calls has what reaches the API. Preflights and malformed requests do not: the outermost server answers them.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from mockserver.dispatch.access_log import LogCall, hints, log_call
from mockserver.dispatch.credential_guard import complete_secret, refusal
from mockserver.dispatch.diagnostics import LOST_PATH, diagnose_unrouted, explain
from mockserver.dispatch.dispatcher import BUG, WouldBlock, dispatch, record_undispatched
from mockserver.dispatch.request import Request, RequestHead
from mockserver.dispatch.route_table import RouteTable
from mockserver.dispatch.routing import Json
from mockserver.http import error_pages
from mockserver.http.headers import ReplyHead, retry_after_seconds
from mockserver.http.parameters import NO_PARAMETERS, SystemParameters, unsupported_alt
from mockserver.http.recorded_answers import (
    RecordingKeys,
    Recordings,
    describe_response,
    identify,
    print_recorded,
    recordings_of,
)
from mockserver.http.reply import HttpReply, Printer
from mockserver.http.request import HttpHead, HttpRequest
from mockserver.limits import QUICK_BYTES, REQUEST_BYTES
from mockserver.protojson.field_mask import apply_fields_mask
from mockserver.protojson.memoized import MemoizedMessage
from mockserver.protojson.reading import is_form, read_request
from mockserver.rpc import errors, outages
from mockserver.rpc.credentials import read_credentials
from mockserver.rpc.errors import ApiError, Code
from mockserver.rpc.redaction import redact
from mockserver.state.clock import Nanos, SystemClock, machine_time, stopwatch
from mockserver.state.store import Unavailable
from mockserver.state.world import Settings, World, Worlds

log = logging.getLogger("mockserver")

_LOOK = "a browser sees the dashboard"


@dataclass(slots=True)
class RoutedHead:
    """The head of a request whose method is known, and what its service makes of it.

    `path` has the variables of the path. `reply` is the head of the replies.
    """

    request: RequestHead
    path: Mapping[str, str]
    reply: ReplyHead
    message: MemoizedMessage | None = None
    """The message of a GET, once it has been bound: there is nothing beside the head that could change it."""


@dataclass(slots=True)
class ReceivedRequest:
    """A request, its world and its time. `secret` describes what looks like a real credential, "" if nothing does.

    `reason` is for the access log: why the request was refused, "" if it was not.
    """

    http: HttpRequest
    world: World
    now: Nanos
    secret: str
    reason: str = ""

    @property
    def label(self) -> str:
        """Return the name of a request without a method in the access log."""
        return str(redact(f"{self.http.head.sent_verb} {self.http.head.path}"))

    def printer(self, parameters: SystemParameters = NO_PARAMETERS) -> Printer:
        """Return what prints the reply to a request without a method."""
        return Printer(self.http.head, parameters, self.http.head.reply, self.now, self.world.clock)

    def answer_recorded(self, recordings: Recordings, table: RouteTable) -> tuple[str, HttpReply] | None:
        """Reply with the recorded answer; None if there is none and another one may be given."""
        keys = identify(self.http, table)
        response = recordings.find_answer(keys, self.world.store)
        if response is not None:
            seconds = retry_after_seconds(response.headers)
            self._record(response.status, describe_response(response, keys.response), keys=keys, retry_after=seconds)
            return keys.method, print_recorded(response, self.now, self.world.clock)
        if self.world.settings.recordings_mode == "fallback":
            return None
        missing = recordings.describe_missing(keys)
        hints.warning("%s", missing)
        # our choice: 501, which clients do not repeat; the real service has no recordings
        error = ApiError(Code.UNIMPLEMENTED, f"mockserver: {missing}.")
        self._record(error.code.http, error.status, missing, keys=keys)
        return keys.method, self.printer().print_error(error)

    def refuse(self, error: ApiError, parameters: SystemParameters) -> HttpReply:
        """Reply with an error, before a method was found."""
        self.reason = explain(error)
        self._record(error.code.http, error.status)
        return self.printer(parameters).print_error(error)

    def answer_unrouted(self, table: RouteTable, host: str) -> HttpReply:
        """Reply with 404: an empty body or the outermost server's page [both seen].

        Which of them depends on the service of the `host` that was called, or else of the path.
        """
        http = self.http.head
        agent = http.headers.get("user-agent", "")
        hint = diagnose_unrouted(table, http.sent_verb, http.path, self.world.settings, host, agent)
        hints.warning("%s was not found: %s", self.label, hint or f"the API has nothing here; {_LOOK}")
        self._record(404, None, hint)
        service = table.services.get(host or table.service(http.path))
        empty = service is not None and service.empty_404
        page = b"" if empty else error_pages.not_found_page(http.target)
        if not host and http.path in LOST_PATH:  # the client shows its user the beginning of the page
            page = f"<!-- mockserver: {hint or _LOOK} -->\n".encode() + page
        return self.print_page(404, page)

    def print_page(self, status: int, page: bytes) -> HttpReply:
        """Reply with a page of the outermost server."""
        return self.printer().print_page(status, page)

    def _record(
        self,
        status: int,
        response: Any,
        hint: str = "",
        *,
        keys: RecordingKeys | None = None,
        retry_after: float = 0.0,
    ) -> None:
        record_undispatched(
            self.world,
            method="" if keys is None else keys.method_id,
            request=None if keys is None else keys.message,
            now=self.now,
            secret=self.secret,
            verb=self.http.head.sent_verb,
            path=self.http.head.path,
            status=status,
            response=response,
            hint=hint,
            retry_after=retry_after,
        )


class HttpFace:
    """Answers HTTP requests to all services."""

    def __init__(self, worlds: Worlds, table: RouteTable, log_call: LogCall = log_call) -> None:
        self._worlds = worlds
        self._is_shared = worlds.default.store.shared
        self._table = table
        self._log_call = log_call

    def answer(self, http: HttpRequest, *, may_block: bool = True) -> HttpReply:
        """Answer any request. A bug in a handler is logged, and answered with the real service's 500.

        Raises WouldBlock if the handler would have to wait, or takes long, and `may_block` is false.
        """
        if not may_block and len(http.body) > QUICK_BYTES:
            raise WouldBlock(outside=False)
        elapsed_ms = stopwatch()
        try:
            if self._is_shared:
                with self._worlds.check_version_once():
                    label, reply, reason = self._answer_in_world(http, may_block=may_block)
            else:
                label, reply, reason = self._answer_in_world(http, may_block=may_block)
        except Unavailable as error:
            log.error("%s", error)  # noqa: TRY400 - the sentence says it all
            label, reply, reason = redact(f"{http.head.sent_verb} {http.head.path}"), _print_unavailable(http), ""
        self._log_call(label, reply.status, elapsed_ms(), reason)
        return reply

    def _answer_in_world(self, http: HttpRequest, *, may_block: bool) -> tuple[str, HttpReply, str]:
        """Return the name of the request for the access log, the reply, and why the request is refused."""
        head = http.head
        world = self._worlds.choose(head.texts)
        secret = complete_secret(head.secret, http.body, self._worlds.warn_once) if http.body or head.secret else ""
        received = ReceivedRequest(http, world, world.clock.now(), secret)
        label, reply = self._answer(received, may_block=may_block)
        return label, reply, f"  {received.label}: {received.reason}" if received.reason else ""

    def _answer_early(self, received: ReceivedRequest, settings: Settings) -> tuple[str, HttpReply] | None:
        """Answer what is answered before a route is found: preflights, real credentials, what was recorded."""
        head, world = received.http.head, received.world
        if head.sent_verb == "OPTIONS" and "access-control-request-method" in head.headers:
            requested = head.headers.get("access-control-request-headers", "")
            return received.label, HttpReply(*head.reply.preflight(received.now, requested), b"", world.clock)
        if received.secret and settings.refuse_real_credentials:
            return received.label, received.refuse(refusal(received.secret), NO_PARAMETERS)
        if settings.recordings is not None:
            return received.answer_recorded(recordings_of(world, settings.recordings, self._table), self._table)
        return None

    def _answer(self, received: ReceivedRequest, *, may_block: bool) -> tuple[str, HttpReply]:
        """Return the name of the request for the access log, and the reply."""
        http, settings = received.http, received.world.settings
        if early := self._answer_early(received, settings):
            return early
        head = http.head
        if head.error is not None:
            return received.label, received.refuse(head.error, head.parameters)
        routed = self._find_route(head, settings)
        if routed is None:
            return received.label, received.answer_unrouted(self._table, self._table.service_of_host(head.host))
        route = routed.request.route
        if malformed := _malformed(http):
            received.reason = f"the request has {'a body' if http.body else 'neither a body nor a Content-Length'}"
            return route.id, received.print_page(*malformed)
        bind = partial(_bind, http, routed, received.secret)
        request = Request(routed.request, received.world, received.now, bind, received.secret)
        answer = dispatch(request, may_block=may_block)
        if isinstance(answer.result, ApiError):
            answer.hint = answer.hint or _refusal_hint(http, request, answer.result)
            received.reason = explain(answer.result, answer.note)
        printer = Printer(head, head.parameters, routed.reply, received.now, received.world.clock, answer)
        try:
            return route.id, printer.print(answer)
        except Unavailable:
            raise
        except Exception:  # a bug of ours, in the printer
            log.exception(BUG, route.id)
            answer.result = request.internal_error
            return route.id, printer.print(answer)

    def _find_route(self, head: HttpHead, settings: Settings) -> RoutedHead | None:
        """Find the method of a request. What was found last is kept, for a client that sends the same head again."""
        found: tuple[RouteTable, Settings, RoutedHead | None] | None = head.route
        if found is None or found[0] is not self._table or found[1] is not settings:
            found = head.route = self._table, settings, _route(head, self._table, settings)
        return found[2]


def _route(head: HttpHead, table: RouteTable, settings: Settings) -> RoutedHead | None:
    host = table.service_of_host(head.host)  # "" for an address of our own, which serves every path
    verb = "GET" if head.verb == "HEAD" else head.verb  # our choice: not seen
    match = table.match(verb, head.path, settings.as_of, lenient=settings.lenient_routes, service=host)
    if match is None:
        return None
    service, profile = table.services[match.route.service], table.services[match.route.service].headers
    request = RequestHead(
        service=service,
        route=match.route,
        settings=settings,
        resource=next(iter(match.path.values()), ""),
        credentials=read_credentials(head.headers, head.pairs),
        options={name: head.headers[name] for name in service.call_options if name in head.headers},
        verb=head.sent_verb,
        path=head.path,
    )
    reply = head.reply._replace(
        server=profile.server(match.route),
        timing_ms=1 if profile.has_timing else None,
        tiered_since=profile.tiered_since if match.route.id in profile.tiered_methods else None,
    )
    return RoutedHead(request, match.path, reply)


def _print_unavailable(http: HttpRequest) -> HttpReply:
    """Reply with 503 in the services' words. The world's clock cannot be read either."""
    return Printer(http.head, NO_PARAMETERS, http.head.reply, machine_time(), SystemClock()).print_error(
        outages.overloaded()
    )


def _bind(http: HttpRequest, routed: RoutedHead, secret: str) -> Json:
    """Bind the message of a request. Raises ApiError, also for an unsupported format of the answer.

    Nothing is kept that contains what looks like a real credential.
    """
    if routed.message is not None:
        return routed.message
    head, route = http.head, routed.request.route
    if head.parameters.alt in {"media", "proto"}:
        raise unsupported_alt(head.parameters.alt)
    if len(http.body) > REQUEST_BYTES:
        raise errors.payload_too_large(REQUEST_BYTES)
    message = read_request(
        route.request,
        body=http.body if route.body else None,
        body_field=route.body,
        path=routed.path,
        query=head.own_pairs,
        content_type=head.headers.get("content-type"),
        may_keep=not secret,
    )
    if head.mask:
        # Before the handler: a refused request must not change anything.
        apply_fields_mask(route.response, {}, head.mask)
    if head.sent_verb == "GET":  # its body is empty
        message = routed.message = MemoizedMessage(message)
    return message


def _refusal_hint(http: HttpRequest, request: Request, error: ApiError) -> str:
    """Return a hint for what a first request often lacks: credentials, or a Content-Type.

    The service has none either.
    """
    denied = error.code in {Code.PERMISSION_DENIED, Code.UNAUTHENTICATED}
    if denied and request.head.credentials.key is None and request.head.credentials.bearer is None:
        key = "KEY" if request.settings.auth == "strict" else "mockserver-key"
        return f"no credentials were sent: add ?key={key}, or -H 'Authorization: Bearer {key}'"
    if http.body[:1] in {b"{", b"["} and is_form(content_type := http.head.headers.get("content-type")):
        return f"the body is read as a form, because Content-Type is {content_type or 'missing'}: send application/json"
    return ""


def _malformed(http: HttpRequest) -> tuple[int, bytes] | None:
    """Return status and page for a malformed request, which never reaches the API [measured on live hosts]."""
    if http.body and http.head.sent_verb in {"GET", "HEAD"}:
        return 400, error_pages.malformed_request_page()
    if http.head.sent_verb == "POST" and not http.head.is_sized:
        return 411, error_pages.length_required_page()
    return None

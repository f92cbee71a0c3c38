"""The HTTP face: from bytes to a request of the dispatcher, and back. What no method is asked for ends here.

The order is the one the real front end was seen and measured to have: system parameters, route, malformed
requests, then the dispatcher's checks, with the format of the answer between credentials and binding.
"""

import logging
from dataclasses import dataclass
from typing import Any

from mockserver.dispatch.credential_guard import find_secret, refusal
from mockserver.dispatch.diagnostics import diagnose_unrouted
from mockserver.dispatch.dispatcher import BUG, Request, WouldBlock, dispatch, redact_call
from mockserver.dispatch.route_table import Match, RouteTable
from mockserver.dispatch.routing import Json
from mockserver.http import error_pages
from mockserver.http.headers import Head
from mockserver.http.parameters import RefusedParameters, SystemParameters, parse_query, split_query, unsupported_alt
from mockserver.http.reply import Printer, Reply, requested_mask
from mockserver.http.request import HttpRequest
from mockserver.limits import QUICK_BYTES, REQUEST_BYTES
from mockserver.protojson.field_mask import apply_fields_mask
from mockserver.protojson.reading import read_request
from mockserver.rpc import errors
from mockserver.rpc.credentials import read_credentials, redact
from mockserver.rpc.errors import ApiError
from mockserver.state.calls import RecordedCall
from mockserver.state.clock import Nanos, stopwatch
from mockserver.state.world import World, Worlds

log = logging.getLogger("mockserver")
access = logging.getLogger("mockserver.access")


@dataclass(slots=True)
class Arrival:
    """A request in its world at its moment. `secret` says what looks like a real credential in it, "" if nothing."""

    http: HttpRequest
    world: World
    now: Nanos
    secret: str

    @property
    def label(self) -> str:
        """What the access log calls a request that came to no method."""
        return f"{self.http.verb} {redact(self.http.path)}"

    def refuse(self, error: ApiError, parameters: SystemParameters) -> Reply:
        """The reply for an error before any method was found."""
        self._record(error.code.http, error.status)
        return Printer(self.http, parameters, self.now, self.world.clock).print_error(error)

    def answer_unrouted(self, table: RouteTable) -> Reply:
        """404: nothing, or the outermost server's page, by the service that the path is meant for [both seen]."""
        hint = diagnose_unrouted(table, self.http.verb, self.http.path, self.world.settings)
        log.warning("%s was not found: %s", self.label, hint)
        self._record(404, None, hint)
        service = table.services.get(table.service(self.http.path))
        empty = service is not None and service.empty_404
        return self.print_page(404, b"" if empty else error_pages.not_found_page(self.http.target))

    def print_page(self, status: int, page: bytes) -> Reply:
        """A page of the outermost server."""
        return Printer(self.http, SystemParameters(), self.now, self.world.clock).print_page(status, page)

    def _record(self, status: int, response: Any, hint: str = "") -> None:
        call = RecordedCall(
            method="",
            verb=self.http.verb,
            path=self.http.path,
            time=self.now,
            caller="",
            request=None,
            status=status,
            response=response,
            hint=hint,
            size=len(self.http.body),
        )
        self.world.calls.append(redact_call(call) if self.secret else call)


class HttpFace:
    """The services behind one front end: a request in, a reply out. It waits for nothing, unless it is let."""

    def __init__(self, worlds: Worlds, table: RouteTable) -> None:
        self._worlds = worlds
        self._table = table

    def answer(self, http: HttpRequest, *, may_block: bool = True) -> Reply:
        """The reply to a request. Whatever is sent gets one; a handler's own failure is logged and a real 500.

        Raises WouldBlock if it must not wait and would, or would take long.
        """
        if not may_block and len(http.body) > QUICK_BYTES:
            raise WouldBlock(outside=False)
        watch = stopwatch()
        texts = tuple(http.identifying_texts())
        world = self._worlds.choose(texts)
        secret = find_secret(texts, http.body, self._worlds.warn_once)
        label, reply = self._answer(Arrival(http, world, world.clock.now(), secret), may_block=may_block)
        access.info("%s %d %.1f ms", label, reply.status, watch())
        return reply

    def _answer(self, arrival: Arrival, *, may_block: bool) -> tuple[str, Reply]:
        """What the access log calls the request, and the reply."""
        http, world, settings = arrival.http, arrival.world, arrival.world.settings
        if http.verb == "OPTIONS" and "access-control-request-method" in http.headers:
            head = Head(now=arrival.now, origin=http.headers.get("origin"))
            requested = http.headers.get("access-control-request-headers", "")
            return arrival.label, Reply(*head.preflight(requested), b"", world.clock)
        if arrival.secret and settings.refuse_real_credentials:
            return arrival.label, arrival.refuse(refusal(arrival.secret), SystemParameters())
        try:
            parameters, query = split_query(http.parameters, verb=http.method)
        except RefusedParameters as error:
            return arrival.label, arrival.refuse(error, error.parameters)
        verb = "GET" if http.method == "HEAD" else http.method  # our choice: not seen
        match = self._table.match(verb, http.path, settings.as_of, lenient=settings.lenient_routes)
        if match is None:
            return arrival.label, arrival.answer_unrouted(self._table)
        route = match.route
        if malformed := _malformed(http):
            return route.id, arrival.print_page(*malformed)
        service = self._table.services[route.service]
        request = Request(
            service=service,
            route=route,
            world=world,
            settings=settings,
            now=arrival.now,
            resource=next(iter(match.path.values()), ""),
            credentials=read_credentials(http.headers, parse_query(http.parameters)),
            bind=lambda: _bind(http, match, query, parameters),
            options={name: http.headers[name] for name in service.call_options if name in http.headers},
            secret=arrival.secret,
            verb=http.verb,
            path=http.path,
            size=len(http.body),
        )
        answer = dispatch(request, may_block=may_block)
        printer = Printer(http, parameters, arrival.now, world.clock, answer)
        try:
            return route.id, printer.print(answer)
        except Exception:
            log.exception(BUG, route.id)
            answer.result = request.internal_error
            return route.id, printer.print(answer)


def _bind(http: HttpRequest, match: Match, query: list[tuple[str, str]], parameters: SystemParameters) -> Json:
    """The message of a request. Raises ApiError, for a form of the answer that cannot be had too."""
    if parameters.alt in {"media", "proto"}:
        raise unsupported_alt(parameters.alt)
    if len(http.body) > REQUEST_BYTES:
        raise errors.payload_too_large(REQUEST_BYTES)
    route = match.route
    message = read_request(
        route.request,
        body=http.body if route.body else None,
        body_field=route.body,
        path=match.path,
        query=query,
        content_type=http.headers.get("content-type"),
    )
    if mask := requested_mask(http, parameters):
        apply_fields_mask(route.response, {}, mask)  # before the method: what is refused must not have changed anything
    return message


def _malformed(http: HttpRequest) -> tuple[int, bytes] | None:
    """Status and page for what never reaches the API [measured on live hosts]."""
    if http.verb in {"GET", "HEAD"} and http.body:
        return 400, error_pages.malformed_request_page()
    if http.verb == "POST" and not http.headers.keys() & {"content-length", "transfer-encoding"}:
        return 411, error_pages.length_required_page()
    return None

"""The HTTP face: from bytes to a request of the dispatcher, and back. What no method is asked for ends here.

The order is the one the real front end was seen and measured to have: system parameters, route, malformed
requests, then the dispatcher's checks, with the format of the answer between credentials and binding.
"""

import logging
from dataclasses import replace
from functools import partial

from mockserver.dispatch.credential_guard import find_secret, refusal
from mockserver.dispatch.diagnostics import diagnose_unrouted
from mockserver.dispatch.dispatcher import BUG, Request, dispatch, write_down
from mockserver.dispatch.route_table import Match, RouteTable
from mockserver.dispatch.routing import Json
from mockserver.http import error_pages
from mockserver.http.headers import Head
from mockserver.http.parameters import RefusedParameters, SystemParameters, parse_query, split_query, unsupported_alt
from mockserver.http.reply import Printer, Reply, requested_mask
from mockserver.http.request import HttpRequest
from mockserver.protojson.field_mask import apply_fields_mask
from mockserver.protojson.reading import read_request
from mockserver.rpc import errors
from mockserver.rpc.credentials import read_credentials, redacted
from mockserver.rpc.errors import ApiError
from mockserver.state.clock import stopwatch
from mockserver.state.world import World, Worlds

log = logging.getLogger("mockserver")
access = logging.getLogger("mockserver.access")

# The newest of the limits seen in "Request payload size exceeds the limit: N bytes."
BODY_LIMIT = 20_971_520


class HttpFace:
    """The services behind one front end: a request in, a reply out. It waits for nothing, unless it is let."""

    def __init__(self, worlds: Worlds, table: RouteTable) -> None:
        self._worlds = worlds
        self._table = table

    def answer(self, http: HttpRequest, *, may_block: bool = True) -> Reply:
        """The reply to a request. Whatever is sent gets one; a handler's own failure is logged and a real 500.

        Raises WouldBlock if it must not wait and would.
        """
        watch = stopwatch()
        world = self._worlds.choose(http.identifying_texts())
        secret = find_secret(http.identifying_texts(), http.body, self._worlds.warn_once)
        label, reply = self._answer(http, world, secret, may_block=may_block)
        access.info("%s %d %.1f ms", label, reply.status, watch())
        return reply

    def _answer(self, http: HttpRequest, world: World, secret: str, *, may_block: bool) -> tuple[str, Reply]:
        """What the access log calls the request, and the reply."""
        settings, now = world.settings, world.clock.now()
        label = f"{http.verb} {redacted(http.path)}"
        printer = Printer(http, SystemParameters(), now, world.clock)
        if http.verb == "OPTIONS" and "access-control-request-method" in http.headers:
            head = Head(now=now, origin=http.headers.get("origin"))
            requested = http.headers.get("access-control-request-headers", "")
            return label, Reply(*head.preflight(requested), b"", world.clock)
        unresolved = partial(
            write_down, world, now=now, secret=secret, verb=http.verb, path=http.path, size=len(http.body)
        )
        try:
            if secret and settings.refuse_real_credentials:
                raise refusal(secret)
            parameters, query = split_query(http.parameters, verb=http.method)
        except ApiError as error:
            unresolved(status=error.code.http, response=error.status)
            if isinstance(error, RefusedParameters):
                printer = replace(printer, parameters=error.parameters)
            return label, printer.print_error(error)
        printer = replace(printer, parameters=parameters)
        verb = "GET" if http.method == "HEAD" else http.method  # our choice: not seen
        match = self._table.match(verb, http.path, settings.as_of, lenient=settings.lenient_routes)
        if match is None:
            hint = diagnose_unrouted(self._table, http.verb, http.path, settings)
            log.warning("%s was not found: %s", label, hint)
            unresolved(status=404, response=None, hint=hint)
            return label, printer.print_page(404, self._page_of_404(http))
        if malformed := _malformed(http):
            return match.route.id, printer.print_page(*malformed)
        service = self._table.services[match.route.service]
        request = Request(
            service=service,
            route=match.route,
            world=world,
            now=now,
            resource=next(iter(match.path.values()), ""),
            credentials=read_credentials(http.headers, parse_query(http.parameters)),
            bind=lambda: _bind(http, match, query, parameters),
            options={name: http.headers[name] for name in service.call_options if name in http.headers},
            secret=secret,
            verb=http.verb,
            path=http.path,
            size=len(http.body),
        )
        answer = dispatch(request, may_block=may_block)
        printer = replace(printer, answer=answer)
        try:
            return match.route.id, printer.print(answer)
        except Exception:
            log.exception(BUG, match.route.id)
            answer.result = request.internal_error
            return match.route.id, printer.print(answer)

    def _page_of_404(self, http: HttpRequest) -> bytes:
        """Nothing, or the outermost server's page, by the service that the path is meant for [both seen]."""
        service = self._table.services.get(self._table.service(http.path))
        return b"" if service is not None and service.empty_404 else error_pages.not_found_page(http.target)


def _bind(http: HttpRequest, match: Match, query: list[tuple[str, str]], parameters: SystemParameters) -> Json:
    """The message of a request. Raises ApiError, for a form of the answer that cannot be had too."""
    if parameters.alt in {"media", "proto"}:
        raise unsupported_alt(parameters.alt)
    if len(http.body) > BODY_LIMIT:
        raise errors.payload_too_large(BODY_LIMIT)
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

"""OpenTelemetry: a span for each request over HTTP and gRPC, sent as the standard variables say. Extra: [otel].

Times are the machine's, not those of a world's clock. Attributes have the names of the semantic conventions 1.44.
Headers, query strings and bodies are left out, and Google's secrets are taken out of paths.
"""

import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from mockserver import __version__
from mockserver.http.reply import TEMPLATE
from mockserver.rpc.errors import ApiError, Code
from mockserver.rpc.redaction import redact

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mockserver.dispatch.route_table import RouteTable
    from mockserver.grpc.face import GrpcRequest
    from mockserver.grpc.reply import GrpcReply, Pieces, Whole
    from mockserver.grpc.server import Face

CLOSING_SECONDS = 2.0
"""How long the end of the server waits for a collector; the exporter itself would wait for 30 seconds."""

_VERBS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
_OTHER = "_OTHER"  # the conventions' word for what is not in a closed list

_SERVER_FAULTS = frozenset(
    {
        Code.UNKNOWN,
        Code.DEADLINE_EXCEEDED,
        Code.UNIMPLEMENTED,
        Code.INTERNAL,
        Code.UNAVAILABLE,
        Code.DATA_LOSS,
    }
)
"""The statuses of gRPC that the conventions count as errors of a server; others are the client's."""


class Tracing:
    """Sends spans from this process. It has no thread before the first app or face is traced."""

    def trace_app(self, app: "ASGIApp") -> "ASGIApp":
        """Return the app with a span for each HTTP request."""
        return _TracedApp(app, self._provider.get_tracer("mockserver", __version__))

    def trace_face(self, face: "Face") -> "Face":
        """Return the face of gRPC with a span for each call."""
        return _TracedFace(face, self._provider.get_tracer("mockserver", __version__))

    def close(self) -> None:
        """Send the spans that wait, if the collector takes them in time."""
        if "_provider" in vars(self):
            # A thread, because the exporter's own time limits cannot be set.
            closing = threading.Thread(target=self._provider.shutdown, daemon=True)
            closing.start()
            closing.join(CLOSING_SECONDS)

    @cached_property
    def _provider(self) -> TracerProvider:
        resource = Resource.create({"service.name": "mockserver", "service.version": __version__})
        # Once more, so that OTEL_SERVICE_NAME wins over our name.
        provider = TracerProvider(resource=resource.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return provider


class _TracedApp:
    def __init__(self, app: "ASGIApp", tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with _server_span(self._tracer, *_describe(scope), _texts(scope["headers"])) as span:

            async def send_traced(message: "Message") -> None:
                if message["type"] == "http.response.start":
                    _end_http(span, message["status"])
                await send(message)

            await self._app(scope, receive, send_traced)
            if path := scope.get(TEMPLATE, "").partition(" ")[2]:
                span.set_attribute("http.route", path)
                span.update_name(f"{scope['method']} {path}")


def _describe(scope: "Scope") -> tuple[str, dict[str, Any]]:
    """Return name and attributes of the span of an HTTP request."""
    verb = scope["method"] if scope["method"] in _VERBS else _OTHER
    attributes = {
        "http.request.method": verb,
        "url.path": redact(scope["path"]),
        "url.scheme": scope["scheme"],
        "network.protocol.version": scope["http_version"],
    }
    if verb == _OTHER:
        attributes["http.request.method_original"] = redact(scope["method"])
    if server := scope.get("server"):
        attributes |= {"server.address": server[0], "server.port": server[1]}
    return "HTTP" if verb == _OTHER else verb, attributes


def _texts(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}


def _end_http(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        _mark_error(span, str(status))


class _TracedFace:
    def __init__(self, face: "Face", tracer: Tracer) -> None:
        self._face = face
        self._tracer = tracer

    @property
    def table(self) -> "RouteTable":
        """The methods that there are."""
        return self._face.table

    def answer(self, call: "GrpcRequest") -> "GrpcReply":
        """Return the reply to a call; its span ends with the last message."""
        routes = self.table.routes_of(call.rpc)
        method = call.method.removeprefix("/")
        attributes = {"rpc.system.name": "grpc", "rpc.method": method if routes else _OTHER}
        if not routes:
            attributes["rpc.method_original"] = redact(method)
        span = self._tracer.start_span(
            method if routes else "grpc",
            context=extract(call.metadata),
            kind=SpanKind.SERVER,
            attributes=attributes,
        )
        try:
            reply = self._face.answer(call)
        except ApiError as error:
            _end_grpc(span, error.code)
            raise
        return replace(reply, pieces=_traced(span, reply.pieces, is_stream=any(route.stream for route in routes)))


def _traced(span: Span, pieces: "Pieces | Whole", *, is_stream: bool) -> "Pieces":
    """Yield the pieces, and end the span with them. Nobody asks for more after the one message of a unary call."""
    code = Code.CANCELLED if is_stream else Code.OK
    try:
        yield from pieces
        code = Code.OK
    except ApiError as error:
        code = error.code
        raise
    finally:
        _end_grpc(span, code)


def _end_grpc(span: Span, code: Code) -> None:
    span.set_attribute("rpc.response.status_code", code.name)
    if code in _SERVER_FAULTS:
        _mark_error(span, code.name)
    span.end()


@contextmanager
def _server_span(
    tracer: Tracer, name: str, attributes: Mapping[str, Any], headers: Mapping[str, str]
) -> Generator[Span, None, None]:
    """Yield the span of a request, a child of the one that the headers name. It ends with the block."""
    span = tracer.start_span(name, context=extract(headers), kind=SpanKind.SERVER, attributes=attributes)
    try:
        yield span
    except BaseException as error:  # whatever ends the request, the span says so
        _mark_error(span, type(error).__name__)
        raise
    finally:
        span.end()


def _mark_error(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR))

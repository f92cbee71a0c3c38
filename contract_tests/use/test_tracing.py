"""OpenTelemetry: what a collector gets of a server that the standard variables lead to it."""

import contextlib
import gzip
import http.server
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from contract_tests.environment import HANGS
from contract_tests.use.serving import Served, serving
from mockserver.cli.traces import open_tracing

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
SECRET = "AIza" + "x" * 35
HEADERS = {"x-goog-api-key": "made-up-key", "traceparent": TRACEPARENT}
FAULTS = [{"method": "tunedModels.list", "status": 503, "times": 1}]


class Collector:
    """A stand-in for a collector: it keeps the requests of OTLP over HTTP."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                is_gzip = self.headers.get("content-encoding") == "gzip"
                assert ("/v1/traces", "application/x-protobuf") == (self.path, self.headers["content-type"])
                message = ExportTraceServiceRequest.FromString(gzip.decompress(body) if is_gzip else body)
                collector.requests.append(message)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def spans(self) -> list[Span]:
        """All spans, in the order of their start."""
        spans = [
            span
            for each in self.requests
            for of in each.resource_spans
            for scope in of.scope_spans
            for span in scope.spans
        ]
        return sorted(spans, key=lambda span: span.start_time_unix_nano)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector that the variables name."""
    collector = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    yield collector
    collector.close()


@contextlib.contextmanager
def client_of(folder: Path, *options: str) -> Iterator[httpx.Client]:
    """A client of a server. When it is closed, the server has stopped and its spans are sent."""
    with server_with_client(folder, *options) as (_, client):
        yield client


@contextlib.contextmanager
def server_with_client(folder: Path, *options: str) -> Iterator[tuple[Served, httpx.Client]]:
    """A server, and a client of it."""
    with (
        serving(folder / "log", "--clock", "manual", *options) as served,
        httpx.Client(base_url=served.base_url, headers=HEADERS, timeout=HANGS) as client,
    ):
        yield served, client


def attributes(values: Any) -> dict[str, str | int]:
    """Attributes by their names."""
    return {each.key: each.value.string_value or each.value.int_value for each in values}


def test_each_http_request_is_a_span(collector: Collector, tmp_path: Path) -> None:
    """With the names of the semantic conventions, below the client's span; only a fault of the server is an error."""
    with client_of(tmp_path) as client:
        client.post("/_mock/faults", json={"faults": FAULTS})
        client.get("/v1beta/tunedModels?pageSize=1")
        client.get("/v1beta/tunedModels/missing")
        client.get("/nothing")
        client.request("PROPFIND", "/v1beta/tunedModels")
    spans = collector.spans[1:]
    names = [span.name for span in spans]
    found = [attributes(span.attributes) for span in spans]

    assert ["GET /v1beta/tunedModels", "GET /v1beta/{name=tunedModels/*}", "GET", "HTTP"] == names
    assert [503, 404, 404] == [each["http.response.status_code"] for each in found[:3]]
    assert ["/v1beta/tunedModels", "/v1beta/tunedModels/missing", "/nothing"] == [
        each["url.path"] for each in found[:3]
    ]
    assert ("GET", "/v1beta/{name=tunedModels/*}") == (found[1]["http.request.method"], found[1]["http.route"])
    assert ("_OTHER", "PROPFIND") == (found[3]["http.request.method"], found[3]["http.request.method_original"])
    assert ["503", None, None] == [each.get("error.type") for each in found[:3]]
    assert [2, 0, 0] == [span.status.code for span in spans[:3]]
    assert {(TRACE, PARENT)} == {(span.trace_id.hex(), span.parent_span_id.hex()) for span in spans}
    assert {Span.SPAN_KIND_SERVER} == {span.kind for span in spans}
    assert all(span.end_time_unix_nano > span.start_time_unix_nano for span in spans)


def test_a_stream_is_one_span_until_its_end(collector: Collector, tmp_path: Path) -> None:
    """Also where a fault breaks the connection: then the span has no status."""
    body = {"contents": [{"parts": [{"text": "hello"}]}]}
    path = "/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse"
    with client_of(tmp_path) as client:
        client.post(
            "/_mock/faults", json={"faults": [{"method": "models.streamGenerateContent", "reset": True, "times": 1}]}
        )
        with pytest.raises(httpx.TransportError):
            client.post(path, json=body)
        client.post(path, json=body).raise_for_status()
    broken, whole = (attributes(span.attributes) for span in collector.spans[1:])

    assert "http.response.status_code" not in broken
    assert 200 == whole["http.response.status_code"]


def test_each_call_of_grpc_is_a_span(collector: Collector, tmp_path: Path) -> None:
    """With the names of the semantic conventions; an unknown method has no name of its own."""
    with server_with_client(tmp_path, "--grpc-port", "0") as (served, client):
        target = served.greeting.partition("gRPC ")[2].split()[0]
        metadata = tuple(HEADERS.items())
        client.post("/_mock/faults", json={"faults": FAULTS})
        with grpc.insecure_channel(target) as channel:
            for method in ("ListTunedModels", "ListTunedModels", "GetTunedModel", "Nothing"):
                call = channel.unary_unary(f"/google.ai.generativelanguage.v1beta.ModelService/{method}")
                with contextlib.suppress(grpc.RpcError):  # their statuses are in the spans
                    call(b"", metadata=metadata, timeout=HANGS)
    spans = collector.spans[1:]
    found = [attributes(span.attributes) for span in spans]

    service = "google.ai.generativelanguage.v1beta.ModelService"
    expected = [f"{service}/ListTunedModels"] * 2 + [f"{service}/GetTunedModel"]
    assert [*expected, "grpc"] == [span.name for span in spans]
    assert [*expected, "_OTHER"] == [each["rpc.method"] for each in found]
    assert {"grpc"} == {each["rpc.system.name"] for each in found}
    codes = [each["rpc.response.status_code"] for each in found]
    assert (["UNAVAILABLE", "OK"], "UNIMPLEMENTED") == (codes[:2], codes[3])
    assert ["UNAVAILABLE", None, None, "UNIMPLEMENTED"] == [each.get("error.type") for each in found]
    assert {TRACE} == {span.trace_id.hex() for span in spans}


def test_no_secret_is_in_a_span(collector: Collector, tmp_path: Path) -> None:
    """No query string, no header, no body; and what looks real is taken out of a path."""
    with client_of(tmp_path) as client:
        client.get(f"/v1beta/tunedModels/{SECRET}", params={"key": SECRET})
        client.get(f"/v1beta/tunedModels?access_token={SECRET}", headers={"authorization": f"Bearer {SECRET}"})
        client.request("PROPFIND", "/v1beta/tunedModels", headers={"x-goog-api-key": SECRET}, content=SECRET.encode())

    assert 3 == len(collector.spans)
    sent = b"".join(each.SerializeToString() for each in collector.requests)
    assert (False, False) == (SECRET.encode() in sent, b"made-up-key" in sent)


def test_variables_name_the_service(collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them it is `mockserver`; what they leave out, the sampler leaves out."""
    services = []
    for name in ("", "mine"):
        monkeypatch.setenv("OTEL_SERVICE_NAME", name)
        with client_of(tmp_path) as client:
            client.get("/v1beta/tunedModels")
        services.append(attributes(collector.requests[-1].resource_spans[0].resource.attributes)["service.name"])
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    before = len(collector.spans)
    with client_of(tmp_path) as client:
        client.get("/v1beta/tunedModels")

    assert ["mockserver", "mine"] == services
    assert before == len(collector.spans)


def test_workers_send_their_spans_before_they_end(collector: Collector, tmp_path: Path) -> None:
    """Each its own."""
    with client_of(tmp_path, "--workers", "2", "--data-dir", str(tmp_path)) as client:
        for _ in range(20):
            client.get("/v1beta/tunedModels", headers={"connection": "close"})

    assert 20 == len(collector.spans)


def test_a_collector_that_is_not_there_holds_up_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a request nor the end of the server."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    with client_of(tmp_path) as client:
        assert 200 == client.get("/v1beta/tunedModels").status_code
        started = time.monotonic()  # noqa: TID251 - the end of another process
    assert time.monotonic() - started < 10  # noqa: TID251 - as above


OTLP = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("variables", "traced", "warning"),
    [
        ({}, False, ""),
        (OTLP, True, ""),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True, ""),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True, ""),
        (OTLP | {"OTEL_TRACES_EXPORTER": "none"}, False, ""),
        (OTLP | {"OTEL_SDK_DISABLED": "true"}, False, ""),
        (OTLP | {"OTEL_TRACES_EXPORTER": "zipkin"}, False, "OTEL_TRACES_EXPORTER is zipkin, and only otlp is known"),
        (OTLP | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, False, "OTLP is spoken by http/protobuf only, not by grpc"),
        ({"OTEL_SERVICE_NAME": "mine"}, False, ""),
    ],
)
def test_variables_say_whether_there_are_traces(variables: dict[str, str], warning: str, *, traced: bool) -> None:
    """What cannot be done is said, and keeps no server from starting."""
    tracing, said = open_tracing(variables)

    assert traced is (tracing is not None)
    assert said == (f"no traces are sent: {warning}" if warning else "")


def test_without_the_extra_the_server_says_what_to_install(collector: Collector) -> None:
    """And serves without traces."""
    program = """
import sys
sys.modules["opentelemetry"] = None
from mockserver.cli.main import main
sys.exit(main(["run", "--", "true"]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=HANGS)

    sentence = (
        "is not installed. Run: pip install 'opentelemetry-exporter-otlp-proto-http>=1.27' 'opentelemetry-sdk>=1.27'"
        "  # the extra [otel]\n"
    )
    assert (0, True) == (done.returncode, sentence in done.stderr), done.stderr

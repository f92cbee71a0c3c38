"""`/_mock/metrics`: what Prometheus reads of a server."""

import subprocess
import sys

import httpx
from prometheus_client.parser import text_string_to_metric_families

from mockserver import Fault, MockServer


def read_metrics(url: str) -> dict[tuple[str, ...], float]:
    """The samples by name and the values of their labels."""
    answer = httpx.get(f"{url}/_mock/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics_count_what_happened() -> None:
    """Requests by method and status, latency, jobs by state, injected faults, the size of the log."""
    server = MockServer(clock="manual")
    server.fault(Fault(method="tunedModels.list", status=503, times=1))
    with server.live(), httpx.Client(base_url=server.url, params={"key": "any-key"}) as client:
        empty = read_metrics(server.url)
        for _ in range(3):
            client.get("/v1beta/tunedModels")
        for path in ("/v1beta/nothing", "/v1beta/nothing/else"):
            client.get(path)
        server.add_tuned_model("done")
        server.add_tuned_model("running", state="CREATING", step=1)
        client.get("/storage/v1/b?project=p")
        metrics = read_metrics(server.url)

    assert 1 == metrics["mockserver_requests_total", "tunedModels.list", "503"]
    assert 2 == metrics["mockserver_requests_total", "tunedModels.list", "200"]
    assert 2 == metrics["mockserver_requests_total", "none", "404"]
    assert 1 == metrics["mockserver_requests_total", "storage.buckets.list", "200"]
    assert 3 == metrics["mockserver_request_seconds_count", "tunedModels.list"]
    assert 3 == metrics["mockserver_request_seconds_bucket", "+Inf", "tunedModels.list"]
    assert 0 < metrics["mockserver_request_seconds_sum", "tunedModels.list"] < 60
    assert (1, 1, 0) == tuple(metrics["mockserver_jobs", state] for state in ("RUNNING", "SUCCEEDED", "FAILED"))
    assert 1 == metrics["mockserver_faults_injected_total", "tunedModels.list"]
    assert metrics["mockserver_call_log_bytes",] > empty["mockserver_call_log_bytes",]
    assert 1 == metrics["mockserver_worlds",]


def test_without_the_extra_metrics_say_what_to_install() -> None:
    """As an error of the control API."""
    program = """
import sys
sys.modules["prometheus_client"] = None
import httpx
from mockserver import MockServer
with MockServer().live() as server:
    answer = httpx.get(f"{server.url}/_mock/metrics")
    print(answer.status_code, answer.json()["error"]["message"])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    sentence = "metrics need prometheus-client, which is not installed. Run: pip install 'prometheus-client>=0.20'  # the extra [metrics]"
    assert f"501 {sentence}\n" == done.stdout

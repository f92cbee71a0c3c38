"""A store that is down: every part of the server says so, and takes it for no bug of its own."""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from contract_tests.grpc_client import GrpcLive
from mockserver.app import create_app
from mockserver.doors.inprocess import Aborted, AppRequest, send_request
from mockserver.scripting.answers import Rule
from mockserver.scripting.faults import Fault
from mockserver.scripting.scenario import Scenario
from mockserver.state.clock import ManualClock
from mockserver.state.memory import MemoryStore
from mockserver.state.store import Unavailable
from mockserver.state.world import World

START = datetime(2026, 1, 1, tzinfo=UTC)
STORAGE = "storage.googleapis.com"
PROMPT = json.dumps({"contents": [{"role": "user", "parts": [{"text": "x"}]}]}).encode()


class FailingStore(MemoryStore):
    """A store that goes down after some operations."""

    left = 1_000_000

    def take(self) -> None:
        """Count an operation. Raises Unavailable once the store is down."""
        if self.left == 0:
            raise Unavailable("the database of the store failed: locked")
        self.left -= 1


def failing(operation: Callable[..., Any]) -> Callable[..., Any]:
    """The operation of a store that may be down."""

    def operate(store: FailingStore, *args: Any, **kwargs: Any) -> Any:
        store.take()
        return operation(store, *args, **kwargs)

    return operate


for name in ("get", "page", "revision", "transact", "insert", "replace", "delete", "count"):
    setattr(FailingStore, name, failing(getattr(MemoryStore, name)))


def new_world(operations: int, fault: Fault | None = None) -> World:
    """A world with a rule, a fault and an object, whose store goes down after so many operations."""
    store = FailingStore()
    world = World(ManualClock(START), store=store)
    Scenario(store).add_rules(Rule("y", text="x"))
    Scenario(store).add_fault(fault or Fault("models.get", status=429), world.clock.now())
    put = AppRequest("POST", f"http://{STORAGE}/upload/storage/v1/b/bucket/o?uploadType=media&name=a", [], b"x")
    assert 200 == send_request(create_app(world), put).status
    store.left = operations
    return world


def status_of(request: AppRequest, operations: int) -> int:
    """The status of the answer, if the store goes down after so many operations."""
    return send_request(create_app(new_world(operations)), request).status


REQUESTS: Mapping[str, tuple[str, str, bytes]] = {
    "list": ("GET", "http://mock/v1beta/tunedModels?key=k", b""),
    "generate": ("POST", "http://mock/v1beta/models/gemini-2.5-flash:generateContent?key=k", PROMPT),
    "stream": ("POST", "http://mock/v1beta/models/gemini-2.5-flash:streamGenerateContent?key=k", PROMPT),
    "buckets": ("GET", f"http://{STORAGE}/storage/v1/b", b""),
    "object": ("GET", f"http://{STORAGE}/storage/v1/b/bucket/o/a", b""),
    "upload": ("POST", f"http://{STORAGE}/upload/storage/v1/b/bucket/o?uploadType=media&name=b", b"x"),
    "resumable upload": ("POST", f"http://{STORAGE}/upload/storage/v1/b/bucket/o?uploadType=resumable&name=b", b""),
    "deletion": ("DELETE", f"http://{STORAGE}/storage/v1/b/bucket/o/a", b""),
    "token": ("GET", "http://mock/oauth2/v3/tokeninfo?access_token=x", b""),
    "user": ("GET", "http://mock/oauth2/v3/userinfo?access_token=x", b""),
    "discovery": ("GET", "http://mock/$discovery/rest?version=v1beta", b""),
    "clock": ("GET", "http://127.0.0.1/_mock/clock", b""),
    "readiness": ("GET", "http://127.0.0.1/_mock/readyz", b""),
    "metrics": ("GET", "http://127.0.0.1/_mock/metrics", b""),
    "dashboard": ("GET", "http://127.0.0.1/_mock/ui/scenario", b""),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_store_that_is_down_is_unavailable_and_no_bug(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whenever it goes down: 503, which clients repeat, without a traceback; until all operations have succeeded."""
    verb, url, body = REQUESTS[name]
    headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
    statuses: list[int] = []
    with caplog.at_level(logging.ERROR, "mockserver"):
        while (status := status_of(AppRequest(verb, url, headers, body), len(statuses))) == 503:
            statuses.append(status)

    assert 200 <= status < 300
    assert statuses
    assert "bug in the mock server" not in caplog.text


def test_an_answer_that_is_held_back_is_broken_off(caplog: pytest.LogCaptureFixture) -> None:
    """If the clock that it waits for cannot be read: after the 503 of all that comes before."""
    request = AppRequest("GET", "http://mock/v1beta/models/gemini-2.5-flash?key=k", [])
    ends: list[int | str] = []
    while 200 not in ends:
        world = new_world(len(ends), Fault("models.get", latency_seconds=1))
        try:
            ends.append(send_request(create_app(world), request).status)
        except Aborted:
            ends.append("broken off")

    assert [503, "broken off", 200] == list(dict.fromkeys(ends))
    assert "the database of the store failed" in caplog.text


def test_the_sentence_is_the_services_own() -> None:
    """Cloud Storage has its own shape of errors."""
    answer = send_request(create_app(new_world(0)), AppRequest("GET", f"http://{STORAGE}/storage/v1/b", [], b""))
    error = json.loads(b"".join(answer.pieces))["error"]

    assert (503, "backendError") == (error["code"], error["errors"][0]["reason"])


def test_a_stream_over_grpc_ends_with_its_status() -> None:
    """Also if its call cannot be logged: no thread of grpcio's fails."""
    live = GrpcLive()
    rpc = "google.ai.generativelanguage.v1beta.GenerativeService.StreamGenerateContent"
    message = {"model": "models/gemini-2.5-flash", "contents": [{"role": "user", "parts": [{"text": "x"}]}]}
    statuses: list[str] = []
    while "OK" not in statuses:
        with live.serving(new_world(len(statuses))):
            statuses.append(live.call(rpc, message).status)

    assert ["UNAVAILABLE", "OK"] == list(dict.fromkeys(statuses))

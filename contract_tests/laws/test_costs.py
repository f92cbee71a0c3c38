"""What a request costs, in calls of Python functions: the same number on every machine, whatever else runs there.

Time is measured by `benchmarks/`. A limit is what a request was once brought down to, and a twentieth for changes that
are worth it. Newer versions of Python make fewer calls, because they inline comprehensions.
"""

import gc
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import FrameType
from typing import Any
from weakref import WeakSet

import pytest

from mockserver.app import create_app
from mockserver.doors.inprocess import AppRequest, send_request
from mockserver.grpc.codec import encode
from mockserver.grpc.face import GrpcFace, GrpcRequest
from mockserver.http.host_guard import HostGuard
from mockserver.inspection.services import route_table
from mockserver.protojson import schema
from mockserver.state import calls
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World, Worlds

BETA = "google.ai.generativelanguage.v1beta"
LOCATION = "/v1/projects/p/locations/us-central1"
PROMPT = "Explain to a colleague who has never seen it how this works, and what to do when it does not. " * 3
STORY = "once " * 950
"""An answer of 20 chunks."""


class Requests:
    """Sends requests to a world whose clock stands still; it has a tuned model and a tuning job that have ended."""

    def __init__(self) -> None:
        self._clock = ManualClock(datetime(2026, 10, 1, tzinfo=UTC))
        world = World(self._clock, Settings(seed=1))
        self._app = create_app(world)
        self._grpc_face = GrpcFace(Worlds(world), route_table())
        self.examples = [{"textInput": f"in {number}", "output": f"out {number}"} for number in range(500)]
        story = [{"textInput": "Tell a story.", "output": STORY}]
        self.operation = self.json("POST", "/v1beta/tunedModels", self.creation([*self.examples, *story]))["name"]
        self.job = self.json("POST", f"{LOCATION}/tuningJobs", self.job_creation())["name"]
        self._clock.advance(hours=2)
        self.running = self.json("POST", "/v1beta/tunedModels", self.creation(self.examples))["name"]
        self._clock.advance(seconds=150)
        self.model = self.operation.partition("/operations/")[0]
        self.endpoint = self.json("GET", f"/v1/{self.job}")["tunedModel"]["endpoint"]

    def creation(self, examples: list[dict[str, str]]) -> bytes:
        """A request for a tuned model whose run has 38 steps, or 39."""
        task = {
            "hyperparameters": {"batchSize": 66, "epochCount": 5},
            "trainingData": {"examples": {"examples": examples}},
        }
        model = {"displayName": "costs", "baseModel": "models/gemini-1.5-flash-001-tuning", "tuningTask": task}
        return json.dumps(model).encode()

    def job_creation(self) -> bytes:
        """A request for a tuning job of Vertex AI."""
        spec = {"trainingDatasetUri": "gs://b/t.jsonl"}
        return json.dumps({"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": spec}).encode()

    def json(self, verb: str, path: str, body: bytes = b"") -> Any:
        """Send a request and return the answer."""
        return json.loads(self.send(verb, path, body))

    def send(self, verb: str, path: str, body: bytes = b"") -> bytes:
        """Send a request and return the body of the answer, which must be a success."""
        headers = [("authorization", "Bearer me@example.com"), ("content-type", "application/json")]
        headers.append(("content-length", str(len(body))))
        reply = send_request(self._app, AppRequest(verb, f"http://127.0.0.1{path}", headers, body))
        answer = b"".join(reply.pieces)
        assert 200 == reply.status, answer
        return answer

    def call(self, request: GrpcRequest) -> bytes:
        """Call an rpc and return the messages of the answer, which must be a success."""
        return b"".join(piece for piece in self._grpc_face.answer(request).pieces if isinstance(piece, bytes))


@pytest.fixture(scope="module")
def requests() -> Iterator[Requests]:
    """A world to ask. Its log of calls is alone and never counted, which only one call in many would pay for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "_logs", WeakSet())
        patch.setattr(calls, "_COUNTED_EVERY", sys.maxsize)
        yield Requests()


def count_calls(function: Callable[[], object]) -> int:
    """Count the calls of Python functions by a third call of this one: the first two fill its caches.

    The garbage collector waits meanwhile: others have it call functions of theirs.
    """
    calls = 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal calls
        calls += event == "call"

    function()
    function()
    before = sys.getprofile()
    gc.disable()
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(before)
        gc.enable()
    return calls


def generate(text: str) -> bytes:
    """A request for an answer to this prompt."""
    return json.dumps({"contents": [{"role": "user", "parts": [{"text": text}]}]}).encode()


def grpc_request(rpc: str, message: dict[str, Any]) -> GrpcRequest:
    """A request over gRPC."""
    service, _, method = rpc.rpartition(".")
    metadata = (("authorization", "Bearer me@example.com"), ("user-agent", "grpc-python/1.85.3"))
    return GrpcRequest(f"/{service}/{method}", metadata, encode(schema.rpc(rpc).request, message), "127.0.0.1:8090")


def grpc_prompt(text: str, model: str = "models/gemini-2.0-flash", method: str = "GenerateContent") -> GrpcRequest:
    """A request over gRPC for an answer to this prompt."""
    contents = [{"role": "user", "parts": [{"text": text}]}]
    service = "google.cloud.aiplatform.v1.PredictionService" if "/endpoints/" in model else f"{BETA}.GenerativeService"
    return grpc_request(f"{service}.{method}", {"model": model, "contents": contents})


NUMBERS = itertools.count()


def new_prompt() -> bytes:
    """A request for an answer to a prompt that was never seen."""
    return generate(f"{PROMPT}{next(NUMBERS):09}")


COSTS: dict[str, tuple[int, Callable[[Requests], object]]] = {
    "generateContent of a base model": (
        245,
        lambda ask: ask.send("POST", "/v1beta/models/gemini-2.0-flash:generateContent", new_prompt()),
    ),
    "the same prompt to a base model again": (
        134,
        lambda ask: ask.send("POST", "/v1beta/models/gemini-2.0-flash:generateContent", generate(PROMPT)),
    ),
    "generateContent of a tuned model": (
        251,
        lambda ask: ask.send("POST", f"/v1beta/{ask.model}:generateContent", generate(f"in {next(NUMBERS)}")),
    ),
    "the same prompt to a tuned model again": (
        136,
        lambda ask: ask.send("POST", f"/v1beta/{ask.model}:generateContent", generate("in 7")),
    ),
    "streamGenerateContent, 20 events": (
        366,
        lambda ask: ask.send("POST", f"/v1beta/{ask.model}:streamGenerateContent?alt=sse", generate("Tell a story.")),
    ),
    "tunedModels.get": (94, lambda ask: ask.send("GET", f"/v1beta/{ask.model}")),
    "poll of an operation, running": (103, lambda ask: ask.send("GET", f"/v1beta/{ask.running}")),
    "poll of an operation, done": (96, lambda ask: ask.send("GET", f"/v1beta/{ask.operation}")),
    "tunedModels.create": (304, lambda ask: ask.send("POST", "/v1beta/tunedModels", ask.creation(ask.examples))),
    "tunedModels.create, trailing commas": (
        311,
        lambda ask: ask.send("POST", "/v1beta/tunedModels", ask.creation(ask.examples).replace(b'"}', b'",}')),
    ),
    "tuningJobs.create": (905, lambda ask: ask.send("POST", f"{LOCATION}/tuningJobs", ask.job_creation())),
    "tuningJobs.get, done": (108, lambda ask: ask.send("GET", f"/v1/{ask.job}")),
    "endpoints.generateContent": (
        312,
        lambda ask: ask.send("POST", f"/v1/{ask.endpoint}:generateContent", new_prompt()),
    ),
    "the same prompt to an endpoint again": (
        174,
        lambda ask: ask.send("POST", f"/v1/{ask.endpoint}:generateContent", generate(PROMPT)),
    ),
}


@pytest.mark.parametrize("name", COSTS)
def test_a_request_makes_no_more_calls_than_it_did(name: str, requests: Requests) -> None:
    """Whoever needs more calls says so here."""
    limit, send = COSTS[name]

    assert count_calls(lambda: send(requests)) <= limit


GRPC_COSTS: dict[str, tuple[int, Callable[[Requests], GrpcRequest]]] = {
    "GetModel": (55, lambda _: grpc_request(f"{BETA}.ModelService.GetModel", {"name": "models/gemini-2.0-flash"})),
    "GetTunedModel": (65, lambda ask: grpc_request(f"{BETA}.ModelService.GetTunedModel", {"name": ask.model})),
    "GenerateContent of a base model": (206, lambda _: grpc_prompt(f"{PROMPT}{next(NUMBERS):09}")),
    "the same prompt to a base model again": (87, lambda _: grpc_prompt(PROMPT)),
    "the same prompt to a tuned model again": (89, lambda ask: grpc_prompt("in 7", ask.model)),
    "StreamGenerateContent, 20 messages": (
        394,
        lambda ask: grpc_prompt("Tell a story.", ask.model, "StreamGenerateContent"),
    ),
    "GenerateContent of an endpoint": (263, lambda ask: grpc_prompt(f"{PROMPT}{next(NUMBERS):09}", ask.endpoint)),
    "the same prompt to an endpoint again": (131, lambda ask: grpc_prompt(PROMPT, ask.endpoint)),
}


@pytest.mark.parametrize("name", GRPC_COSTS)
def test_a_call_over_grpc_makes_no_more_calls_than_it_did(name: str, requests: Requests) -> None:
    """As over HTTP: of the face and what stands behind it, without grpcio."""
    limit, create = GRPC_COSTS[name]
    waiting = iter([create(requests) for _ in range(3)])

    assert count_calls(lambda: requests.call(next(waiting))) <= limit


def test_the_calls_of_a_create_do_not_grow_with_its_examples(requests: Requests) -> None:
    """500 examples cost no more calls than 100: they are bound, checked and kept without a call for each."""
    few, many = (requests.creation(requests.examples[:number]) for number in (100, 500))

    def calls(body: bytes) -> int:
        return count_calls(lambda: requests.send("POST", "/v1beta/tunedModels", body))

    assert calls(few) == calls(many)


def test_the_calls_of_an_answer_do_not_grow_with_its_tokens(requests: Requests) -> None:
    """Ten times the tokens are split, counted and rated by as many calls."""
    path = "/v1beta/models/gemini-2.0-flash:generateContent"

    def calls(text: str) -> int:
        return count_calls(lambda: requests.send("POST", path, generate(text)))

    assert calls("word " * 20) == calls("word " * 200)


def test_the_host_of_a_client_is_judged_once() -> None:
    """A server on loopback checks who asks: a client that asks again is looked up."""
    world = World(ManualClock(datetime(2026, 10, 1, tzinfo=UTC)), Settings(seed=1))
    headers = [("host", "127.0.0.1:8765"), ("x-goog-api-key", "any")]
    request = AppRequest("GET", "http://127.0.0.1/v1beta/models/gemini-2.0-flash", headers, b"")

    def calls(guard: HostGuard | None) -> int:
        app = create_app(world, host_guard=guard)
        return count_calls(lambda: send_request(app, request))

    assert calls(HostGuard()) <= calls(None) + 4

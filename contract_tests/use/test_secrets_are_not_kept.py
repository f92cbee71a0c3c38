"""Keys that look real: whatever place a client puts one into, no log has it."""

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from contract_tests.stores import STORES
from mockserver.app import create_app
from mockserver.doors.inprocess import AppRequest, send_request
from mockserver.grpc.codec import encode
from mockserver.grpc.face import GrpcFace, GrpcRequest
from mockserver.http.host_guard import HostGuard
from mockserver.inspection.script import add_answers
from mockserver.inspection.services import route_table
from mockserver.rpc.errors import ApiError
from mockserver.scripting.answers import Prompt
from mockserver.state.clock import ManualClock
from mockserver.state.sql import SqlStore
from mockserver.state.world import Settings, World, Worlds

WORD = "secretive"
KEY = "AIzaSy" + "Secretive" * 3 + "Secret"
ESCAPED = "".join(rf"\u{ord(letter):04x}" for letter in KEY)
QUOTED = "".join(f"%{ord(letter):02X}" for letter in KEY)

GL, VX, GCS = (f"https://{host}.googleapis.com" for host in ("generativelanguage", "us-central1-aiplatform", "storage"))
GENERATE = f"{GL}/v1beta/models/gemini-2.0-flash:generateContent"
VERTEX = f"{VX}/v1/projects/p/locations/us-central1"
PREDICT = f"{VERTEX}/publishers/google/models/gemini-2.5-flash:generateContent"
BETA = "google.ai.generativelanguage.v1beta"

Send = tuple[str, str, dict[str, str], Any]
"""Verb, URL, headers and body of a request: a text, or JSON."""


def prompt(text: str, **members: Any) -> Any:
    """A request to generate content."""
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **members}


HEADERS = [
    "authorization",
    "cookie",
    "origin",
    "referer",
    "user-agent",
    "content-type",
    "x-goog-api-client",
    "x-goog-fieldmask",
    "x-goog-request-params",
    "x-goog-user-project",
    "x-http-method-override",
    "access-control-request-method",
    "x-anything",
]

PLACES: dict[str, Send] = {
    **{f"header {name} of a get": ("GET", f"{GL}/v1beta/models", {name: KEY}, "") for name in HEADERS},
    **{f"header {name} of a post": ("POST", GENERATE, {name: KEY}, prompt("hi")) for name in HEADERS},
    "host": ("GET", f"{GL}/v1beta/models", {"host": f"{KEY}.example"}, ""),
    "page": ("GET", f"{GL}/v1beta/models", {"origin": f"https://{KEY}.example"}, ""),
    "path of nothing": ("GET", f"{GL}/v1beta/nothing/{KEY}", {}, ""),
    "path that is misspelt": ("GET", f"{GL}/v1beta/tunedmodels/{KEY}", {}, ""),
    "action": ("POST", f"{GL}/v1beta/models/gemini-2.0-flash:{KEY}", {}, ""),
    "version": ("GET", f"{GL}/{KEY}/models", {}, ""),
    "tuned model": ("GET", f"{GL}/v1beta/tunedModels/{KEY}", {}, ""),
    "quoted name": ("GET", f"{GL}/v1beta/tunedModels/{QUOTED}", {}, ""),
    "model": ("POST", f"{GL}/v1beta/models/{KEY}:generateContent", {}, prompt("hi")),
    "project": ("POST", PREDICT.replace("/p/", f"/{KEY}/"), {}, prompt("hi")),
    "location": ("POST", PREDICT.replace("us-central1/", f"{KEY}/"), {}, prompt("hi")),
    "publisher's model": ("POST", PREDICT.replace("gemini-2.5-flash", KEY), {}, prompt("hi")),
    "endpoint": ("POST", f"{VERTEX}/endpoints/{KEY}:generateContent", {}, prompt("hi")),
    "tuning job": ("GET", f"{VERTEX}/tuningJobs/{KEY}", {}, ""),
    "filter": ("GET", f"{VERTEX}/tuningJobs?filter={KEY}", {}, ""),
    "page token": ("GET", f"{GL}/v1beta/tunedModels?pageToken={KEY}", {}, ""),
    "parameter's name": ("GET", f"{GL}/v1beta/models?{KEY}=1", {}, ""),
    "quoted parameter": ("GET", f"{GL}/v1beta/models?pageSize={QUOTED}", {}, ""),
    "mask": ("GET", f"{GL}/v1beta/models?fields={KEY}", {}, ""),
    "alt": ("GET", f"{GL}/v1beta/models?alt={KEY}", {}, ""),
    "key": ("GET", f"{GL}/v1beta/models?key={KEY}", {}, ""),
    "callback": ("GET", f"{GL}/v1beta/models?callback={KEY}", {}, ""),
    "prompt": ("POST", GENERATE, {}, prompt(f"my key is {KEY}")),
    "prompt of Vertex AI": ("POST", PREDICT, {}, prompt(f"my key is {KEY}")),
    "stream": (
        "POST",
        GENERATE.replace(":generate", ":streamGenerate") + "?alt=sse",
        {},
        prompt(f"[mock: text={KEY}]"),
    ),
    "magic fault": ("POST", GENERATE, {}, prompt(f'[mock: error=503 message="{KEY}"]')),
    "magic word": ("POST", GENERATE, {}, prompt(f"[mock: {KEY}=1]")),
    "escaped prompt": ("POST", GENERATE, {}, json.dumps(prompt("my key is @")).replace("@", ESCAPED)),
    "member": ("POST", GENERATE, {}, prompt("hi", **{KEY: 1})),
    "enum": ("POST", GENERATE, {}, prompt("hi", safetySettings=[{"category": KEY}])),
    "label's name": ("POST", PREDICT, {}, prompt("hi", labels={KEY: "a"})),
    "label": ("POST", PREDICT, {}, prompt("hi", labels={"a": KEY})),
    "cached content": ("POST", GENERATE, {}, prompt("hi", cachedContent=f"cachedContents/{KEY}")),
    "data": ("POST", GENERATE, {}, {"contents": [{"parts": [{"inlineData": {"mimeType": KEY, "data": "AA=="}}]}]}),
    "name of an argument": (
        "POST",
        GENERATE,
        {},
        {"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f", "args": {KEY: 1}}}]}]},
    ),
    "base model": ("POST", f"{GL}/v1beta/tunedModels", {}, {"baseModel": f"models/{KEY}", "tuningTask": {}}),
    "dataset": (
        "POST",
        f"{VERTEX}/tuningJobs",
        {},
        {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": {"trainingDatasetUri": f"gs://{KEY}/{KEY}"}},
    ),
    "bucket": ("GET", f"{GCS}/storage/v1/b/{KEY}/o/x", {}, ""),
    "object": ("GET", f"{GCS}/storage/v1/b/bucket/o/{KEY}", {}, ""),
    "new bucket": ("POST", f"{GCS}/storage/v1/b?project=p", {}, {"name": KEY}),
    "nothing of Cloud Storage": ("POST", f"{GCS}/storage/v1/b/bucket/{KEY}", {}, ""),
    "uploaded name": ("POST", f"{GCS}/upload/storage/v1/b/bucket/o?uploadType=media&name={KEY}", {}, "text"),
    "metadata of an upload": (
        "POST",
        f"{GCS}/upload/storage/v1/b/bucket/o?uploadType=multipart",
        {"content-type": "multipart/related; boundary=cut"},
        f'--cut\r\n\r\n{{"name": "{KEY}", "metadata": {{"{KEY}": "{KEY}"}}}}\r\n--cut\r\n\r\ntext\r\n--cut--',
    ),
}

LATER: dict[str, tuple[Send, ...]] = {
    "tuned model": (
        (
            "POST",
            f"{GL}/v1beta/tunedModels",
            {},
            {
                "displayName": "days",
                "description": KEY,
                "baseModel": "models/gemini-1.5-flash-001-tuning",
                "tuningTask": {"trainingData": {"examples": {"examples": [{"textInput": "1", "output": KEY}] * 20}}},
            },
        ),
        ("GET", f"{GL}/v1beta/tunedModels", {}, ""),
    ),
    "tuning job": (
        (
            "POST",
            f"{VERTEX}/tuningJobs",
            {},
            {
                "baseModel": "gemini-2.5-flash",
                "tunedModelDisplayName": KEY,
                "supervisedTuningSpec": {"trainingDatasetUri": "gs://b/t.jsonl"},
            },
        ),
        ("GET", f"{VERTEX}/tuningJobs", {}, ""),
    ),
    "object": (PLACES["uploaded name"], ("GET", f"{GCS}/storage/v1/b/bucket/o", {}, "")),
}
"""What is stored has the client's texts: an answer to a later request has the key, which that request has not."""


class Clients:
    """Clients of a world with everything it can answer and explain; `said` is all that it keeps and logs of calls."""

    def __init__(self, store: str, log: pytest.LogCaptureFixture) -> None:
        log.set_level(logging.DEBUG)
        self._log = log
        self.world = World(ManualClock(), Settings(seed=1), store=STORES[store]())
        self._app = create_app(self.world)
        self._guarded = create_app(self.world, host_guard=HostGuard())
        self._grpc = GrpcFace(Worlds(self.world), route_table())

    def send(self, request: Send, *, guarded: bool = False) -> int:
        """Send a request, and read the whole answer. Returns its status."""
        verb, url, headers, body = request
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
        kind = {"content-type": "application/json"} if isinstance(body, dict) else {}
        sized = {"content-length": str(len(content))} if content or verb == "POST" else {}
        given = {"authorization": "Bearer token", **kind, **sized, **headers}
        app = self._guarded if guarded else self._app
        answer = send_request(app, AppRequest(verb, url, list(given.items()), content))
        b"".join(answer.pieces)
        return answer.status

    def ask(self, method: str, body: bytes, metadata: dict[str, str], host: str = "") -> None:
        """Call an rpc, and read the whole answer or its error."""
        with suppress(ApiError):
            list(self._grpc.answer(GrpcRequest(method, tuple(metadata.items()), body, host)).pieces)

    @property
    def kept(self) -> str:
        """The log of calls as it is in memory or in the database, in lower case."""
        assert self.world.calls  # which has all of them written
        store = self.world.store
        if not isinstance(store, SqlStore):
            return str(self.world.calls.packed()).lower()
        return str(store.database.run("SELECT calls FROM call_batches WHERE space = :space", space=store.space)).lower()

    @property
    def said(self) -> str:
        """Everything, in lower case: a hint may fold a name."""
        records = [record for record in self._log.records if record.name.startswith("mockserver")]
        lines = [f"{record.getMessage()} {record.args} {record.exc_text}" for record in records]
        calls = [str([(name, getattr(call, name)) for name in call.__slots__]) for call in self.world.calls]
        control = [AppRequest("GET", f"http://127.0.0.1/_mock/{path}", []) for path in ("calls", "misses", "metrics")]
        seen = [b"".join(send_request(self._app, each).pieces).decode() for each in control]
        return "\n".join([self._log.text, *lines, *calls, *seen]).lower()


@pytest.fixture(params=["memory", "sqlite"])
def clients(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Clients:
    """Of a new world in each kind of store."""
    return Clients(request.param, caplog)


@pytest.mark.parametrize("place", PLACES)
def test_a_key_in_a_request_is_not_kept(place: str, clients: Clients) -> None:
    """Whether it is answered or refused. The call is in the log, and that a key was sent is said."""
    for guarded in (False, True):
        clients.send(PLACES[place], guarded=guarded)

    assert WORD not in clients.said
    assert list(clients.world.calls) or place == "page" or "access-control" in place
    if place not in ("new bucket", "metadata of an upload"):  # what is in the body of an upload is not searched
        assert not clients.world.calls or WORD not in clients.kept
        assert "what looks like a real credential: an api key" in clients.said


@pytest.mark.parametrize("requests", LATER.values(), ids=LATER)
def test_a_key_in_an_answer_is_not_kept(requests: tuple[Send, ...], clients: Clients) -> None:
    """The answer has it, as its request had it."""
    assert [200] * len(requests) == [clients.send(request) for request in requests]
    assert len(requests) == len(list(clients.world.calls))
    assert WORD not in clients.said


METADATA = [
    "authorization",
    "x-goog-api-key",
    "x-goog-fieldmask",
    "x-goog-request-params",
    "x-goog-user-project",
    "user-agent",
]


def by_metadata(name: str) -> Callable[[Clients], None]:
    """A call with the key in its metadata."""
    body = encode(f"{BETA}.GetModelRequest", {"name": "models/gemini-2.0-flash"})
    return lambda clients: clients.ask(f"/{BETA}.ModelService/GetModel", body, {name: KEY})


RPCS: dict[str, Callable[[Clients], None]] = {
    **{name: by_metadata(name) for name in METADATA},
    "name": lambda clients: clients.ask(
        f"/{BETA}.ModelService/GetModel", encode(f"{BETA}.GetModelRequest", {"name": f"models/{KEY}"}), {}
    ),
    "name that does not fit": lambda clients: clients.ask(
        f"/{BETA}.ModelService/GetModel", encode(f"{BETA}.GetModelRequest", {"name": "x" * 80 + KEY}), {}
    ),
    "bytes that are no message": lambda clients: clients.ask(
        f"/{BETA}.ModelService/GetModel", b"\xff" + KEY.encode(), {}
    ),
    "method": lambda clients: clients.ask(f"/{BETA}.ModelService/{KEY}", b"", {}),
    "service": lambda clients: clients.ask(f"/{KEY}/Get", b"", {}, "generativelanguage.googleapis.com"),
    "prompt": lambda clients: clients.ask(
        f"/{BETA}.GenerativeService/StreamGenerateContent",
        encode(
            f"{BETA}.GenerateContentRequest",
            {"model": "models/gemini-2.0-flash", "contents": [{"parts": [{"text": f"[mock: text={KEY}]"}]}]},
        ),
        {"x-goog-api-key": "key"},
    ),
}


@pytest.mark.parametrize("call", RPCS.values(), ids=RPCS)
def test_a_key_in_an_rpc_is_not_kept(call: Callable[[Clients], None], clients: Clients) -> None:
    """And so it is over gRPC."""
    call(clients)

    assert list(clients.world.calls)
    assert WORD not in clients.said
    assert "what looks like a real credential: an api key" in clients.said


def test_a_key_in_a_hint_is_not_kept(clients: Clients) -> None:
    """It shows the prompt, or its beginning."""
    add_answers(clients.world, ["Yes."], text="Salad?")
    for before in ("", "x" * 50):
        clients.send(("POST", GENERATE, {}, prompt(f"{before} {KEY}")))

    assert all("Salad?" in call.hint for call in clients.world.calls)
    assert WORD not in clients.said


@pytest.mark.parametrize("clients", ["memory"], indirect=True)
def test_a_key_in_a_traceback_is_not_logged(clients: Clients) -> None:
    """A tester's function says what it was asked."""

    def fail(prompt: Prompt) -> str:
        raise LookupError(prompt.text)

    add_answers(clients.world, [fail])

    assert 500 == clients.send(PLACES["prompt"])
    assert "a function of the test failed" in clients.said
    assert "lookuperror: my key is aiza...(39 characters)" in clients.said
    assert WORD not in clients.said

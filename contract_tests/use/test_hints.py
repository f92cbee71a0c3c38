"""Hints: what log, report and `RecordedCall.hint` say of errors that do not explain themselves."""

import re
from collections.abc import Callable
from typing import Any

import grpc
import httpx
import pytest

from contract_tests.environment import HANGS, ROOT
from contract_tests.grpc_client import method
from mockserver import Fault, MockServer
from mockserver.grpc.codec import encode

BETA = "google.ai.generativelanguage.v1beta"
HOST = "https://generativelanguage.googleapis.com"
VERTEX = "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers/google/models"
NO_REASON = "Request contains an invalid argument."
EXAMPLES = {"examples": [{"textInput": "1", "output": "2"}] * 20}
KEY, TOKEN = {"x-goog-api-key": "any-key"}, {"authorization": "Bearer any-token"}

Ask = Callable[[], httpx.Response]


def create(**members: Any) -> httpx.Response:
    """Tune a model."""
    model = {
        "displayName": "days",
        "baseModel": "models/gemini-1.5-flash-001-tuning",
        "tuningTask": {"trainingData": {"examples": EXAMPLES}},
    }
    body = {name: value for name, value in (model | members).items() if value is not None}
    return httpx.post(f"{HOST}/v1beta/tunedModels", headers=KEY, json=body)


def further() -> httpx.Response:
    """Tune a tuned model of a generation that cannot be tuned further."""
    create(displayName="first")
    name = httpx.get(f"{HOST}/v1beta/tunedModels", headers=KEY).json()["tunedModels"][0]["name"]
    return create(baseModel=None, tunedModelSource={"tunedModel": name})


def cut() -> httpx.Response:
    """Send a body that is not JSON, with a character of two bytes where the service quotes it."""
    content = b'{"contents": x' + b"\xc3\xa4" * 20
    headers = {**KEY, "content-type": "application/json"}
    return httpx.post(f"{HOST}/v1beta/models/gemini-2.0-flash:generateContent", headers=headers, content=content)


def predict() -> httpx.Response:
    """Embed a text in many dimensions."""
    body = {"instances": [{"content": "x"}], "parameters": {"outputDimensionality": "many"}}
    return httpx.post(f"{VERTEX}/text-embedding-005:predict", headers=TOKEN, json=body)


@pytest.mark.parametrize(
    ("ask", "hint"),
    [
        (lambda: create(displayName="n" * 60), "display_name has 60 characters; the service takes at most 40"),
        (further, "only tuned models of PaLM and Gemini 1.0 can be tuned further"),
        (predict, "outputDimensionality is 'many', and not a whole number"),
        (cut, "the body is not valid JSON"),
        (lambda: httpx.get(f"{HOST}/v1beta/models?fields=bogus", headers=KEY), "bogus"),
    ],
)
def test_an_error_without_a_reason_has_a_hint(ask: Ask, hint: str) -> None:
    """Its message is the service's own, and the client gets no more."""
    with MockServer().intercepting() as server:
        answer = ask()

    assert (400, NO_REASON) == (answer.status_code, answer.json()["error"]["message"])
    assert hint in server.misses[-1].hint
    assert server.misses[-1].hint not in answer.text or "bogus" == hint  # its details have the sentence


def test_every_error_without_a_reason_has_a_hint() -> None:
    """Wherever it is raised; a tester who injects it knows why."""
    lines = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in (ROOT / "mockserver").rglob("*.py")
        for line in path.read_text().splitlines()
        if re.search(r"\binvalid_argument\(\)(?!\.with_hint)|invalid_argument\(details=(?!.*\.with_hint)", line)
    ]

    assert ["mockserver/dispatch/fault_injection.py", "mockserver/dispatch/service.py"] == sorted(
        line.partition(":")[0] for line in lines
    ), lines


def test_an_injected_error_has_none() -> None:
    """The report names the fault; it is no miss."""
    with MockServer().intercepting() as server:
        server.fault(Fault(status=400))
        assert 400 == create().status_code

    assert not server.misses


def call(rpc: str, message: str, request: dict[str, Any], *, metadata: dict[str, str]) -> str:
    """Call a method over gRPC, and return the sentence of its error."""
    host = "generativelanguage.googleapis.com"
    with grpc.secure_channel(host, grpc.ssl_channel_credentials()) as channel, pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary(method(rpc))(encode(message, request), metadata=tuple(metadata.items()), timeout=HANGS)
    return str(refused.value.details())


@pytest.mark.parametrize(
    ("rpc", "request_", "hint"),
    [
        (
            "GenerativeService.CountTokens",
            {"model": "tunedModels/days", "contents": [{"parts": [{"text": "x"}]}]},
            "the name 'tunedModels/days' does not fit: this method takes model=models/*",
        ),
        ("ModelService.GetTunedModel", {}, "the request has no name: this method takes name=tunedModels/*"),
    ],
)
def test_a_name_that_a_method_does_not_take_has_a_hint(rpc: str, request_: dict[str, Any], hint: str) -> None:
    """Over gRPC the service says nothing of it; over HTTP it is a path that does not exist."""
    message = f"{BETA}.{rpc.rpartition('.')[2]}Request"
    with MockServer().intercepting() as server:
        assert NO_REASON == call(f"{BETA}.{rpc}", message, request_, metadata=KEY)

    assert hint == server.misses[-1].hint


def test_operations_without_a_name_have_a_hint() -> None:
    """google-generativeai's list_operations() sends none."""
    with MockServer().intercepting() as server:
        call(
            "google.longrunning.Operations.ListOperations", "google.longrunning.ListOperationsRequest", {}, metadata=KEY
        )

    hint = server.misses[-1].hint
    assert hint.startswith("the request has no name: this method takes name=")
    assert hint.endswith("genai.get_operation(name) instead of genai.list_operations(), or operation.result()")


def test_the_store_of_experiments_names_the_keyword_to_leave_out() -> None:
    """Of vertexai.init(experiment=...)."""
    with (
        MockServer().intercepting() as server,
        grpc.secure_channel("us-central1-aiplatform.googleapis.com", grpc.ssl_channel_credentials()) as channel,
        pytest.raises(grpc.RpcError),
    ):
        channel.unary_unary(method("google.cloud.aiplatform.v1.MetadataService.GetMetadataStore"))(b"", timeout=HANGS)

    assert "Leave out experiment= of vertexai.init" in server.misses[-1].hint


def test_an_rpc_that_is_left_out_on_purpose_says_so() -> None:
    """As a path over HTTP does."""
    with (
        MockServer().intercepting() as server,
        grpc.secure_channel("generativelanguage.googleapis.com", grpc.ssl_channel_credentials()) as channel,
    ):
        with pytest.raises(grpc.RpcError):
            channel.unary_unary(method(f"{BETA}.FileService.ListFiles"))(
                b"", metadata=tuple(KEY.items()), timeout=HANGS
            )
        httpx.get(f"{HOST}/v1beta/files", headers=KEY)

    assert "not supported by this server, on purpose: Files. " == server.misses[0].hint[:49]
    assert server.misses[0].hint == server.misses[1].hint


@pytest.mark.parametrize(
    ("as_of", "base", "hint"),
    [
        ("today", "gemini-1.5-flash-001-tuning", "leave out --as-of (as_of)"),
        (None, "gemini-1.5-flash-001-tunin", "did you mean models/gemini-1.5-flash-001-tuning?"),
        ("2024-10-01", "gemini-2.0-flash", "can be tuned as of 2024-10-01: models/"),
    ],
)
def test_a_base_model_that_cannot_be_tuned_has_a_hint(as_of: str | None, base: str, hint: str) -> None:
    """With the day, or the models that can be."""
    with MockServer(as_of=as_of).intercepting() as server:
        assert 404 == create(baseModel=f"models/{base}").status_code

    assert hint in server.misses[-1].hint


VERTEX_LOCATION = VERTEX.removesuffix("/publishers/google/models")
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}


def tune_on_vertex(base: str) -> httpx.Response:
    """Tune a base model on Vertex AI."""
    body = {"baseModel": base, "supervisedTuningSpec": {"trainingDatasetUri": "gs://b/x.jsonl"}}
    return httpx.post(f"{VERTEX_LOCATION}/tuningJobs", headers=TOKEN, json=body)


def generate(name: str) -> httpx.Response:
    """Ask a model of Vertex AI."""
    return httpx.post(f"{VERTEX_LOCATION}/{name}:generateContent", headers=TOKEN, json=CONTENTS)


@pytest.mark.parametrize(
    ("ask", "status", "hint"),
    [
        (lambda: tune_on_vertex("gemini-9"), 400, "These can be tuned: gemini-"),
        (lambda: tune_on_vertex("gemini-2.5-flas"), 400, "did you mean gemini-2.5-flash? These can be tuned: "),
        (
            lambda: tune_on_vertex("projects/1/locations/us-central1/models/5@1"),
            400,
            "a tuned model is no base model. To tune it further, send it as preTunedModel.tunedModelName",
        ),
        (lambda: generate("publishers/google/models/gemini-2.5-flas"), 404, "did you mean gemini-2.5-flash? "),
        (lambda: generate("publishers/meta/models/x"), 404, "only Google's models are here"),
        (lambda: generate("endpoints/12"), 404, "has no endpoint: a tuning job makes one when it succeeds"),
        (
            lambda: httpx.get(
                f"{VERTEX.partition('/v1/')[0]}/v1beta1/publishers/google/models/gemini-2.5-flas", headers=TOKEN
            ),
            404,
            "did you mean gemini-2.5-flash? ",
        ),
    ],
)
def test_a_name_that_vertex_ai_does_not_know_has_a_hint(ask: Ask, status: int, hint: str) -> None:
    """It says what may be meant, and what there is."""
    with MockServer().intercepting() as server:
        answer = ask()

    assert status == answer.status_code
    assert hint in server.misses[-1].hint
    assert hint not in answer.text


def test_an_endpoint_that_does_not_exist_has_a_hint() -> None:
    """Of one that its job has not made yet, and of one whose name is in another location or misspelt."""
    with MockServer(clock="manual").intercepting() as server:
        running = server.add_tuning_job("1", state="RUNNING", endpoint="11", project="p")
        server.add_tuning_job("2", endpoint="2222", project="p")
        server.add_tuning_job("3", endpoint="3333", project="p", location="europe-west4")
        for id_ in ("11", "222", "3333"):
            generate(f"endpoints/{id_}")

    soon, misspelt, elsewhere = (call.hint for call in server.misses)
    assert f"wait for {running}" in soon
    assert misspelt.startswith("did you mean projects/")
    assert "/endpoints/2222? These are there: " in misspelt
    assert elsewhere.endswith("/locations/europe-west4/endpoints/3333?")


def test_a_key_for_a_method_that_takes_tokens_has_a_hint() -> None:
    """As of the permissions of a tuned model, and of Vertex AI on a day before it took keys."""
    with MockServer().intercepting() as server:
        server.add_tuned_model("days")
        refused = httpx.get(f"{HOST}/v1beta/tunedModels/days/permissions", headers=KEY)

    assert 401 == refused.status_code
    assert "this method takes OAuth tokens only" in server.misses[-1].hint
    assert 'Credentials(token="mockserver-token") instead of api_key=.' in server.misses[-1].hint


@pytest.mark.parametrize("headers", [KEY, TOKEN])
def test_credentials_that_are_not_listed_have_a_hint(headers: dict[str, str]) -> None:
    """It names the option of the server, and that of tests."""
    with MockServer(auth="strict", accepted_credentials="good").intercepting() as server:
        assert httpx.get(f"{HOST}/v1beta/models", headers=headers).status_code in {400, 401}

    assert (
        "--credential (`mockserver serve` and `mockserver run`) or accepted_credentials (tests)"
        in server.misses[-1].hint
    )

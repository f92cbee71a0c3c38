"""Embedding models of Vertex AI: embedContent, and predict as clients send it."""

import base64
import json
import math
from typing import Any

import httpx
import pytest

from contract_tests.api.aiplatform import Vertex, turn
from contract_tests.targets import Client
from mockserver.grpc.codec import encode
from mockserver.grpc.face import GrpcFace, GrpcRequest
from mockserver.inspection.services import route_table
from mockserver.rpc.errors import ApiError, Code
from mockserver.state.clock import ManualClock
from mockserver.state.world import World, Worlds

Json = dict[str, Any]

MODELS = {"text-embedding-004": 768, "text-embedding-005": 768, "gemini-embedding-001": 3072}


@pytest.fixture
def vertex(client: Client) -> Vertex:
    """Vertex AI."""
    return Vertex(client)


def predict(vertex: Vertex, *texts: Any, model: str = "text-embedding-005", **parameters: Any) -> Json:
    """What a model answers to instances with these contents."""
    body = {"instances": [{"content": text} for text in texts], "parameters": parameters}
    return vertex.post(f"publishers/google/models/{model}:predict", body)


@pytest.mark.parametrize(("model", "dimensions"), MODELS.items())
def test_predict_embeds_each_instance(vertex: Vertex, model: str, dimensions: int) -> None:
    """Unit vectors in the order of the texts, with their tokens [200 of text-embedding-004 recorded in 2025-10]."""
    answer = predict(vertex, "a cat", "a dog", model=model)
    vectors = [each["embeddings"]["values"] for each in answer["predictions"]]

    assert [dimensions, dimensions] == [len(vector) for vector in vectors]
    assert all(math.isclose(1, math.hypot(*vector), rel_tol=1e-5) for vector in vectors)
    assert vectors[0] != vectors[1]
    assert {"truncated": False, "token_count": 2} == answer["predictions"][0]["embeddings"]["statistics"]
    assert 8 == answer["metadata"]["billableCharacterCount"]


def test_embed_content_embeds_one_content(vertex: Vertex) -> None:
    """In as many dimensions as asked for, in either place, with its usage."""
    content = {"role": "user", "parts": [{"text": "a cat"}]}
    place = "publishers/google/models/gemini-embedding-001:embedContent"
    whole = vertex.post(place, {"content": content})
    short = vertex.post(place, {"content": content, "embedContentConfig": {"outputDimensionality": 10}})

    assert (3072, 10) == (len(whole["embedding"]["values"]), len(short["embedding"]["values"]))
    assert 2 == whole["usageMetadata"]["promptTokenCount"]
    assert short == vertex.post(place, {"content": content, "outputDimensionality": 10})


@pytest.mark.parametrize(
    ("texts", "parameters", "words"),
    [
        ([], {}, "batchSize value of 0 but the supported range is from 1 (inclusive) to 251 (exclusive)"),
        (["x"] * 251, {}, "batchSize value of 251"),
        ([""], {}, "The text content is empty."),
        ([1], {}, "The text content is empty."),
        (["x"], {"outputDimensionality": 769}, "outputDimensionality value of 769 but the supported range is from 1"),
        (["x"], {"outputDimensionality": 1e300}, "outputDimensionality value of 1000000"),
        (["x"], {"outputDimensionality": 1.5}, "Request contains an invalid argument."),
        (["x"], {"outputDimensionality": "many"}, "Request contains an invalid argument."),
    ],
)
def test_instances_that_cannot_be_embedded_are_refused(
    vertex: Vertex, texts: list[Any], parameters: Json, words: str
) -> None:
    """400, and what is wrong."""
    body = {"instances": [{"content": text} for text in texts], "parameters": parameters}
    error = vertex.refused("POST", "publishers/google/models/text-embedding-005:predict", json=body)

    assert 400 == error["code"]
    assert words in error["message"]


def test_gemini_models_refuse_predict_and_others_refuse_what_they_cannot(vertex: Vertex) -> None:
    """Predict is refused by Gemini models only."""
    gemini = "publishers/google/models/gemini-2.5-flash"
    refused = vertex.refused("POST", f"{gemini}:predict", json={"instances": [{"content": "x"}]})
    content = {"role": "user", "parts": [{"text": "x"}]}

    assert refused["message"].startswith("Gemini cannot be accessed through Vertex Predict/RawPredict API.")
    assert 400 == vertex.refused("POST", f"{gemini}:embedContent", json={"content": content})["code"]
    assert 400 == vertex.refused("POST", "publishers/google/models/gemini-embedding-001:embedContent", json={})["code"]


@pytest.mark.parametrize("model", ["text-embedding-004", "gemini-embedding-001"])
@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent"])
def test_embedding_models_do_not_generate(vertex: Vertex, model: str, method: str) -> None:
    """400 that names the method [seen of models that other methods ask]."""
    error = vertex.refused("POST", f"publishers/google/models/{model}:{method}?alt=sse", json=turn())

    assert {
        "code": 400,
        "message": f"{model} is not supported in the {method} API.",
        "status": "FAILED_PRECONDITION",
    } == error


@pytest.mark.parametrize("model", ["text-embedding-005", "gemini-2.5-flash"])
def test_gemini_embedding_models_alone_embed_contents(vertex: Vertex, model: str) -> None:
    """400 in the sentence that was seen; the name is as the client wrote it."""
    place = f"publishers/google/models/{model}"
    error = vertex.refused("POST", f"{place}:embedContent", json={"content": turn()["contents"][0]})

    sentence = f"Publisher Model `{vertex.parent}/{place}` is not supported in the embedContent API."
    assert {"code": 400, "message": sentence, "status": "INVALID_ARGUMENT"} == error


@pytest.mark.parametrize("method", ["predict", "rawPredict"])
def test_the_newest_embedding_models_do_not_predict(vertex: Vertex, method: str) -> None:
    """They serve embedContent only [seen 2026-03 to 2026-08]."""
    place = "publishers/google/models/gemini-embedding-2"
    error = vertex.refused("POST", f"{place}:{method}", json={"instances": [{"content": "x"}]})

    assert {"code": 400, "message": "Precondition check failed.", "status": "FAILED_PRECONDITION"} == error
    assert vertex.post(f"{place}:embedContent", {"content": turn()["contents"][0]})["embedding"]["values"]


def raw(vertex: Vertex, model: str, body: bytes, kind: str = "application/json") -> httpx.Response:
    """The answer to rawPredict with these bytes."""
    path = f"publishers/google/models/{model}:rawPredict"
    return vertex.ask("POST", path, content=body, headers={"content-type": kind})


def test_raw_predict_takes_and_gives_bytes(vertex: Vertex) -> None:
    """Of embedding models they are the JSON of predict; a generated client wraps them into an HttpBody."""
    body = {"instances": [{"content": "a cat"}], "parameters": {"outputDimensionality": 3}}
    data = json.dumps(body).encode()
    expected = vertex.post("publishers/google/models/text-embedding-005:predict", body)

    answer = raw(vertex, "text-embedding-005", data)

    assert (200, "application/json") == (answer.status_code, answer.headers["content-type"])
    assert expected == answer.json()
    wrapped = {"httpBody": {"contentType": "application/json", "data": base64.b64encode(data).decode()}}
    assert expected == raw(vertex, "text-embedding-005", json.dumps(wrapped).encode()).json()
    assert expected == raw(vertex, "text-embedding-005", data, "application/x-www-form-urlencoded").json()


@pytest.mark.parametrize("body", [b'{"messages": []}', b"not JSON", b'{"instances": [{}]}'])
def test_gemini_refuses_raw_predict_whatever_is_sent(vertex: Vertex, body: bytes) -> None:
    """In its sentence, not in one about the body."""
    answer = raw(vertex, "gemini-2.5-flash", body)

    assert 400 == answer.status_code
    assert answer.json()["error"]["message"].startswith("Gemini cannot be accessed through Vertex Predict/RawPredict")


@pytest.mark.parametrize("body", [b'{"messages": []}', b"not JSON", b'{"instances": [{}]}', b""])
def test_raw_predict_refuses_what_predict_refuses(vertex: Vertex, body: bytes) -> None:
    """400 for what is no request to an embedding model."""
    assert 400 == raw(vertex, "text-embedding-005", body).status_code


@pytest.mark.parametrize("size", [math.nan, math.inf, -math.inf, 1e300])
def test_numbers_that_json_does_not_have_are_refused(size: float) -> None:
    """Over gRPC a Value can hold them."""
    message = {
        "endpoint": "projects/p/locations/us-central1/publishers/google/models/text-embedding-005",
        "instances": [{"content": "x"}],
        "parameters": {"outputDimensionality": size},
    }
    body = encode("google.cloud.aiplatform.v1.PredictRequest", message)
    face = GrpcFace(Worlds(World(ManualClock())), route_table())
    method = "/google.cloud.aiplatform.v1.PredictionService/Predict"
    reply = face.answer(GrpcRequest(method, (("authorization", "Bearer t"),), body))

    with pytest.raises(ApiError) as refused:
        list(reply.pieces)
    assert Code.INVALID_ARGUMENT is refused.value.code

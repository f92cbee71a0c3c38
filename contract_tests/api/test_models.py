"""models: listing and reading the base models; counting tokens; embedding."""

from base64 import b64decode
from datetime import date

import pytest

from contract_tests.api.conftest import START
from contract_tests.api.generativelanguage import FLASH, PRO, Gemini, say
from contract_tests.targets import Client, in_process
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World


def test_a_tunable_model_reads_as_recorded(client: Client) -> None:
    """The entry of early 2025, member for member."""
    assert {
        "name": FLASH,
        "version": "001",
        "displayName": "Gemini 1.5 Flash 001 Tuning",
        "description": (
            "Version of Gemini 1.5 Flash that supports tuning, our fast and versatile multimodal model "
            "for scaling across diverse tasks, released in May of 2024."
        ),
        "inputTokenLimit": 16384,
        "outputTokenLimit": 8192,
        "supportedGenerationMethods": ["generateContent", "countTokens", "createTunedModel"],
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 2,
    } == Gemini(client, email=None).get(FLASH)


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha", "v1beta3"])
def test_models_are_listed_in_pages(client: Client, version: str) -> None:
    """The token is base64 of a message that holds the last name, as the recorded one."""
    gemini = Gemini(client, email=None, version=version)

    first = gemini.get("models", pageSize=3)
    rest = gemini.get("models", pageSize=1000, pageToken=first["nextPageToken"])

    last = first["models"][-1]["name"]
    assert b"\x0a" + bytes([len(last)]) + last.encode() == b64decode(first["nextPageToken"])
    assert gemini.get("models", pageSize=1000)["models"] == first["models"] + rest["models"]
    assert "nextPageToken" not in rest


def test_tuned_models_are_no_models(client: Client) -> None:
    """They are a collection of their own."""
    gemini = Gemini(client)
    name = gemini.trained()

    assert name not in str(gemini.get("models", pageSize=1000))
    assert PRO in str(gemini.get("models", pageSize=1000))


def test_an_unknown_model_is_not_found(client: Client) -> None:
    """In the words for reading about it [seen], which are not those for asking it something."""
    sentence = "Model is not found: models/no for api version v1beta"

    assert (404, "NOT_FOUND", sentence) == Gemini(client, email=None).refused("GET", "models/no")


@pytest.mark.parametrize(
    ("as_of", "there", "gone"),
    [
        (date(2023, 10, 1), "models/text-bison-001", PRO),
        (date(2024, 3, 14), PRO, FLASH),
        (date(2025, 5, 1), FLASH, PRO),
        (date(2026, 11, 1), "models/gemini-2.5-flash", FLASH),
    ],
)
def test_a_day_has_its_models(as_of: date, there: str, gone: str) -> None:
    """As of a date there are the models of that date."""
    gemini = Gemini(in_process(World(ManualClock(START), Settings(as_of=as_of))), email=None)

    names = [model["name"] for model in gemini.get("models", pageSize=1000)["models"]]

    assert there in names
    assert gone not in names


def test_the_list_of_a_recorded_day_is_as_long_as_that_of_the_service() -> None:
    """The first page of 2026-08-05 has 24,403 bytes and this token."""
    world = World(ManualClock(), Settings(as_of=date(2026, 8, 5)))
    with in_process(world) as client:
        answer = client.get("/v1beta/models")

    assert 24_403 == len(answer.content)
    assert answer.json()["nextPageToken"] == "Ch9tb2RlbHMvdmVvLTMuMS1nZW5lcmF0ZS1wcmV2aWV3"


@pytest.mark.parametrize(("as_of", "says"), [(date(2025, 5, 20), False), (date(2025, 7, 30), True), (None, True)])
def test_models_say_whether_they_think_since_the_summer_of_2025(as_of: date | None, says: bool) -> None:
    """No model of the list of 2025-05-20 did."""
    with in_process(World(ManualClock(), Settings(as_of=as_of))) as client:
        models = client.get("/v1beta/models?pageSize=1000").json()["models"]

    assert says is any(model.get("thinking", False) for model in models)


def test_tokens_are_counted(client: Client) -> None:
    """By modality since 2.0; a tuned model has no such method."""
    gemini = Gemini(client)

    assert {"totalTokens": 5} == gemini.post("models/gemini-1.5-flash:countTokens", say("Say this is a test"))
    assert {
        "totalTokens": 5,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
    } == gemini.post("models/gemini-2.0-flash:countTokens", say("Say this is a test"))
    assert 404 == gemini.ask("POST", f"{gemini.trained()}:countTokens", json=say("a")).status_code


def test_images_are_counted_apart(client: Client) -> None:
    """As in the usage of an answer to the same prompt."""
    gemini, model = Gemini(client), "models/gemini-2.0-flash"
    image = {"inlineData": {"mimeType": "image/png", "data": "eA=="}}
    body = {"contents": [{"parts": [{"text": "Say this is a test"}, image]}]}

    counted = gemini.post(f"{model}:countTokens", body)["promptTokensDetails"]

    assert [("TEXT", 5), ("IMAGE", 258)] == [(each["modality"], each["tokenCount"]) for each in counted]
    assert gemini.post(f"{model}:generateContent", body)["usageMetadata"]["promptTokensDetails"] == counted


def test_the_embedding_model_of_2026_counts_its_tokens(client: Client) -> None:
    """Recorded in August 2026 of gemini-embedding-2; gemini-embedding-001 counted none on the same day."""
    gemini, image = Gemini(client, email=None), {"inlineData": {"mimeType": "image/png", "data": "eA=="}}
    content = {"parts": [{"text": "Say this is a test"}, image]}
    new, old = "models/gemini-embedding-2", "models/gemini-embedding-001"

    answer = gemini.post(f"{new}:batchEmbedContents", {"requests": [{"model": new, "content": content}]})
    text = gemini.post(f"{new}:embedContent", {"content": {"parts": [{"text": "a b"}]}})

    assert ["embeddings", "usageMetadata"] == [*answer]
    assert {
        "promptTokenCount": 263,
        "promptTokenDetails": [{"modality": "TEXT", "tokenCount": 5}, {"modality": "IMAGE", "tokenCount": 258}],
    } == answer["usageMetadata"]
    assert [{"modality": "TEXT", "tokenCount": 2}] == text["usageMetadata"]["promptTokenDetails"]
    assert ["embedding"] == [*gemini.post(f"{old}:embedContent", {"content": {"parts": [{"text": "a b"}]}})]


def test_like_texts_have_like_vectors(client: Client) -> None:
    """Texts that share words lie nearer to each other than to others."""
    gemini = Gemini(client, email=None)
    model = "models/text-embedding-004"
    texts = ("a hat of felt", "a hat of straw", "quantum mechanics")
    requests = [{"model": model, "content": {"parts": [{"text": text}]}} for text in texts]

    answer = gemini.post(f"{model}:batchEmbedContents", {"requests": requests})

    felt, straw, quantum = ([*map(float, each["values"])] for each in answer["embeddings"])
    assert sum(a * b for a, b in zip(felt, straw, strict=True)) > sum(a * b for a, b in zip(felt, quantum, strict=True))


def test_a_model_that_cannot_embed_says_so(client: Client) -> None:
    """The sentence names the method that was asked for."""
    body = {"content": {"parts": [{"text": "a"}]}}

    refused = Gemini(client, email=None).refused("POST", "models/gemini-2.0-flash:embedContent", json=body)

    assert (404, "NOT_FOUND") == refused[:2]
    assert refused[2].startswith(
        "models/gemini-2.0-flash is not found for API version v1beta, or is not supported for embed"
    )

"""The emulator and the real services, side by side today. Never run by default: contract_tests/real.py says how.

Google has retired tuning on the Developer API: of its tuning methods these tests check what the real service answers
today, whatever that is, and that we answer it too when asked to be as of today.
"""

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from contract_tests.real import PREFIX, Access, Pair, error, of_environment, shape

Json = dict[str, Any]

TUNED_MODEL = {
    "baseModel": "models/gemini-1.5-flash-001-tuning",
    "tuningTask": {"trainingData": {"examples": {"examples": [{"textInput": "1", "output": "2"}]}}},
}
POLLS = 60


@pytest.fixture(scope="module", params=["real"])
def access() -> Access:
    """What the environment allows."""
    return of_environment()


@pytest.fixture(scope="module")
def gemini(access: Access) -> Iterator[Pair]:
    """The Developer API, twice."""
    if not access.key:
        pytest.skip("GOOGLE_API_KEY is not set")
    pair = Pair(access.gemini, {"x-goog-api-key": access.key})
    yield pair
    pair.close()


@pytest.fixture(scope="module")
def vertex(access: Access) -> Iterator[Pair]:
    """Vertex AI, twice."""
    if not access.project:
        pytest.skip("MOCKSERVER_REAL_PROJECT is not set")
    pair = Pair(access.vertex, {"authorization": f"Bearer {access.token}", "x-goog-user-project": access.project})
    yield pair
    pair.close()


def a_name() -> str:
    """A name of ours that nobody else has."""
    return f"{PREFIX}{uuid.uuid4().hex[:8]}"  # noqa: TID251 - in the real world, names must not repeat


@pytest.mark.parametrize(
    ("verb", "path", "options"),
    [
        ("GET", "/v1beta/tunedModels/mockserver-contract-of-nobody", {}),
        ("POST", "/v1/tunedModels", {"json": {}}),
        ("GET", "/v1beta/models", {"params": {"pageSize": "many"}}),
        ("GET", "/v1beta/models", {"params": {"foo": "1"}}),
        ("GET", "/v1beta/models", {"params": {"fields": "bogus"}}),
        ("GET", "/v1beta/models", {"params": {"alt": "bogus"}}),
        (
            "POST",
            "/v1beta/models/mockserver-contract:generateContent",
            {"json": {"contents": [{"parts": [{"text": "x"}]}]}},
        ),
        ("POST", "/v1beta/models/gemini-2.5-flash:generateContent", {"json": {}}),
        ("POST", "/v1beta/models/gemini-2.5-flash:generateContent", {"json": {"stream": True}}),
        (
            "POST",
            "/v1beta/models/gemini-2.5-flash:generateContent",
            {"content": b"{", "headers": {"content-type": "application/json"}},
        ),
    ],
)
def test_the_developer_api_refuses_as_we_do(gemini: Pair, verb: str, path: str, options: Json) -> None:
    """Agreement: error (status and words)."""
    real, ours = gemini.both(verb, path, **options)

    assert error(real) == error(ours)


def test_tuning_is_retired_as_we_say(gemini: Pair) -> None:
    """Agreement: error. Should Google tune again, the model is deleted, and this test says so."""
    name = a_name()
    options: Json = {"params": {"tunedModelId": name}, "json": {**TUNED_MODEL, "displayName": name}}
    try:
        real, ours = gemini.both("POST", "/v1beta/tunedModels", **options)
    finally:
        gemini.real("DELETE", f"/v1beta/tunedModels/{name}")

    assert real.status_code != 200, "the real service tunes again"
    assert error(real) == error(ours)


def test_tuned_models_are_still_listed(gemini: Pair) -> None:
    """Agreement: shape of the list, whoever has tuned models left; without any it is an empty object, as ours."""
    real, ours = gemini.both("GET", "/v1beta/tunedModels", params={"pageSize": 1})

    assert (200, 200) == (real.status_code, ours.status_code)
    assert real.content == ours.content or {"name", "state"} <= real.json()["tunedModels"][0].keys()


def test_tokens_are_counted_alike(gemini: Pair) -> None:
    """Agreement: shape, and about: within a third."""
    body = {"contents": [{"parts": [{"text": "The quick brown fox jumps over the lazy dog. " * 20}]}]}
    real, ours = gemini.both("POST", "/v1beta/models/gemini-2.5-flash:countTokens", json=body)

    assert shape(real.json()) == shape(ours.json())
    assert ours.json()["totalTokens"] == pytest.approx(real.json()["totalTokens"], rel=1 / 3)


@pytest.mark.parametrize(
    ("verb", "path", "options"),
    [
        ("GET", "tuningJobs/1", {}),
        ("POST", "tuningJobs/1:cancel", {}),
        ("POST", "endpoints/1:generateContent", {"json": {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}}),
        ("POST", "tuningJobs", {"json": {"baseModel": "gemini-2.5-flash", "foo": 1}}),
        (
            "POST",
            "tuningJobs",
            {"json": {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": {"trainingDatasetUri": "gs://x/y.csv"}}},
        ),
    ],
)
def test_vertex_refuses_as_we_do(vertex: Pair, access: Access, verb: str, path: str, options: Json) -> None:
    """Agreement: error (status and words). None of these makes anything."""
    real, ours = vertex.both(verb, f"/v1/{access.parent}/{path}", **options)

    assert error(real) == error(ours)


def test_a_job_is_created_and_cancelled_as_ours(vertex: Pair, access: Access) -> None:
    """Agreement: shape of a job that was made and of one that was cancelled. None is left running."""
    if not access.dataset:
        pytest.skip("MOCKSERVER_REAL_DATASET is not set")
    spec = {"trainingDatasetUri": access.dataset, "hyperParameters": {"epochCount": 1}}
    name = a_name()
    body = {"baseModel": "gemini-2.5-flash-lite", "tunedModelDisplayName": name, "supervisedTuningSpec": spec}
    try:
        real, ours = vertex.both("POST", f"/v1/{access.parent}/tuningJobs", json=body)
        assert real.status_code == 200, real.text
        assert shape(real.json()) == shape(ours.json())
    finally:  # whatever went wrong, and even if no answer said what was made
        made = jobs_called(vertex, access, name)
        cancelled = [vertex.real("POST", f"/v1/{job}:cancel") for job in made]
    assert [(200, b"{}\n")] == [(answer.status_code, answer.content) for answer in cancelled]

    [job] = made
    ended = ended_job(vertex, job)
    assert ("JOB_STATE_CANCELLED", {"code": 1, "message": "CANCELED"}) == (ended["state"], ended["error"])
    if model := ended.get("tunedModel", {}).get("model", "").partition("@")[0]:
        vertex.real("DELETE", f"/v1/{model}")


def jobs_called(vertex: Pair, access: Access, name: str) -> list[str]:
    """The jobs of that display name, newest first; of a hundred, which is more than change while a test runs."""
    listed: Json = vertex.real("GET", f"/v1/{access.parent}/tuningJobs", params={"pageSize": 100}).json()
    return [job["name"] for job in listed.get("tuningJobs", ()) if job.get("tunedModelDisplayName") == name]


def ended_job(vertex: Pair, name: str) -> Json:
    """The job once it has ended; the test fails, saying which job to look after, if it does not."""
    for _ in range(POLLS):
        job: Json = vertex.real("GET", f"/v1/{name}").json()
        if job["state"] in {"JOB_STATE_CANCELLED", "JOB_STATE_FAILED", "JOB_STATE_SUCCEEDED"}:
            return job
        time.sleep(5)  # noqa: TID251 - the real world's time
    pytest.fail(f"{name} was cancelled and has not ended: look after it")

"""The recorded flows of Vertex AI, played again.

Each request is sent at the moment it was recorded, to a world whose clock starts with the recording. Answers
have to be the same bytes once ids, times and etags are numbered in the order they appear. Where a recording
depends on what nobody can play again (a dataset, a loss), members, their order and their types are compared.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract_tests.api.aiplatform import Vertex, turn
from contract_tests.targets import Client, in_process
from mockserver.scripting.answers import Answer, Rule
from mockserver.scripting.scenario import Scenario
from mockserver.simulation import tuning
from mockserver.simulation.tuning import Failure, Run
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World
from mockserver.vertex.records import TUNING_JOBS

Json = dict[str, Any]

ID = re.compile(r"\b\d{17,19}\b")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
ETAG = re.compile(r"AMEw9y[\w=-]+")
PROJECT = re.compile(r"projects/[^/\"]+")


def numbered(body: object) -> bytes:
    """The body with projects, ids, times and etags replaced by their number in the order they appear."""
    text = json.dumps(body, indent=2)
    for pattern, kind in ((PROJECT, "project"), (ID, "id"), (TIME, "time"), (ETAG, "etag")):
        for place, found in enumerate(dict.fromkeys(match[0] for match in pattern.finditer(text))):
            text = text.replace(found, f"{kind}-{place}")
    return text.encode()


def shape(value: object) -> object:
    """Members in their order, and types of what they hold; of a list the shapes that occur."""
    if isinstance(value, dict):
        return [(name, shape(item)) for name, item in value.items()]
    if isinstance(value, list):
        shapes = [shape(item) for item in value]
        return [each for place, each in enumerate(shapes) if each not in shapes[:place]]
    return "number" if isinstance(value, int | float) else type(value).__name__


def at(moment: datetime | str, **settings: Any) -> Vertex:
    """A client of a world whose clock stands at this moment."""
    start = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
    return Vertex(in_process(World(ManualClock(start), Settings(seed=1, **settings))))


def catch_up(vertex: Vertex, date: str) -> None:
    """Move the clock into the second of a Date header, unless it is there."""
    moment = parsedate_to_datetime(date).astimezone(UTC) + timedelta(seconds=0.5)
    vertex.clock.advance(max((moment - now(vertex)).total_seconds(), 0))


def now(vertex: Vertex) -> datetime:
    """What the clock says."""
    return datetime.fromtimestamp(vertex.clock.now() / 1e9, UTC)


def change(vertex: Vertex, name: str, edit: Callable[[Run], Run]) -> None:
    """Decide something about a job's run, as the control API does."""
    vertex.client.world.store.change(TUNING_JOBS, name, lambda job: replace(job, run=edit(job.run)))


def load(transcripts: Path, name: str) -> Json:
    """A recording in JSON."""
    recording: Json = json.loads((transcripts / name).read_text())
    return recording


def path_of(url: str) -> str:
    """What follows the version and the project in a URL."""
    return url.partition("/locations/us-central1/")[2].partition("?")[0]


def test_a_job_is_created_and_cancelled_as_recorded(transcripts: Path) -> None:
    """create, cancel, CANCELLING four times, CANCELLED, and the refusal of a second cancel."""
    recorded = load(transcripts, "vertex-tuningjobs-cancel-flow.json")["exchanges"]
    vertex = at(recorded[0]["body"]["createTime"])
    old = recorded[0]["body"]["name"].rpartition("/")[2]
    new = old
    for exchange in recorded:
        if "request" not in exchange:
            continue  # a note between two exchanges
        catch_up(vertex, exchange["headers"]["date"])
        request = exchange["request"]
        answer = vertex.ask(request["method"], path_of(request["url"]).replace(old, new), json=request.get("body"))
        new = answer.json()["name"].rpartition("/")[2] if "body" in request else new

        assert exchange["status"] == answer.status_code
        assert numbered(exchange["body"]) == numbered(answer.json())
        assert json.dumps(answer.json(), indent=2).encode() + b"\n" == answer.content


@pytest.mark.parametrize("name", ["list-ordered-by-update", "list-terminal"])
def test_jobs_are_listed_as_recorded(transcripts: Path, name: str) -> None:
    """Jobs cancelled at all sorts of moments, failed ones and a running one, in their order and with their members.

    One difference: of two jobs that failed after 72 and 80 seconds only the second named a model, though one
    cancelled after 42 did; here both do.
    """
    recorded = load(transcripts, f"vertex-tuningjobs-{name}.json")
    jobs = recorded["body"]["tuningJobs"]
    events = sorted((event for job in jobs for event in _events(job)), key=lambda event: event[0])
    vertex = at(events[0][0])
    names: dict[str, str] = {}
    for moment, job, act in events:
        vertex.clock.move_to(max(moment, now(vertex)))
        act(vertex, job, names)
    catch_up(vertex, recorded["headers"]["date"])

    listed = vertex.get("tuningJobs")

    for job in [*jobs, *listed["tuningJobs"]]:
        if job.get("tunedModel") and job["createTime"].startswith("2026-10-01T19:35:44"):
            del job["tunedModel"]
    assert numbered(recorded["body"]) == numbered(listed)


Act = Callable[[Vertex, Json, dict[str, str]], None]


def _events(job: Json) -> Iterator[tuple[datetime, Json, Act]]:
    """What has to be done, and when, so that the job comes to look like this."""
    created = datetime.fromisoformat(job["createTime"])
    yield created, job, _create
    if "endTime" not in job:
        return
    ended = datetime.fromisoformat(job["endTime"])
    if job["state"] == "JOB_STATE_FAILED":
        yield ended, job, _fail
    elif "startTime" not in job:
        yield created, job, _cancel
    else:
        worked = (ended - created).total_seconds()
        yield created + timedelta(seconds=0.5 if worked > 60 else max(worked - 1, 1.1)), job, _cancel


def _create(vertex: Vertex, job: Json, names: dict[str, str]) -> None:
    given = ("tunedModelDisplayName", "baseModel", "supervisedTuningSpec", "labels", "serviceAccount")
    names[job["name"]] = vertex.post("tuningJobs", {member: job[member] for member in given if member in job})["name"]


def _cancel(vertex: Vertex, job: Json, names: dict[str, str]) -> None:
    vertex.post(f"{names[job['name']]}:cancel")


def _fail(vertex: Vertex, job: Json, names: dict[str, str]) -> None:
    change(vertex, names[job["name"]], lambda run: tuning.fail(run, vertex.clock.now()))


def test_a_denied_location_answers_as_recorded(transcripts: Path) -> None:
    """403, to the byte."""
    recorded = load(transcripts, "vertex-error-403-location-policy.json")
    url = recorded["request"]["url"].replace("projects/cloud-custodian", "projects/stkl-kody-mullins")
    client = at("2026-10-01T20:45:57Z").client

    answer = client.get(url.partition("googleapis.com")[2], headers={"authorization": "Bearer token"})

    assert recorded["status"] == answer.status_code
    assert int(recorded["headers"]["content-length"]) == len(answer.content)
    assert recorded["body"] == answer.json()


@pytest.mark.parametrize("name", ["image-2025-03-10", "summarization-2025-03-08"])
def test_a_job_is_created_as_in_a_notebook(transcripts: Path, name: str) -> None:
    """With a validation dataset and empty hyperparameters."""
    recorded = load(transcripts, f"vertex-nb-{name}.json")["items"][0]["value"]
    vertex = at(recorded["createTime"])
    given = ("tunedModelDisplayName", "baseModel", "supervisedTuningSpec")

    created = vertex.post("tuningJobs", {member: recorded[member] for member in given})

    assert numbered(recorded) == numbered(created)


def test_a_job_succeeds_as_in_a_notebook(transcripts: Path) -> None:
    """Every member of a job of 2025-03 that succeeded: no checkpoints then, all statistics."""
    recorded = load(transcripts, "vertex-nb-image-2025-03-10.json")["items"][1]["value"]
    vertex = at(recorded["createTime"])

    spec = recorded["supervisedTuningSpec"] | {"hyperParameters": {}}

    job = vertex.tuned("gemini-2.0-flash-001", tunedModelDisplayName="x", supervisedTuningSpec=spec)

    assert shape(recorded) == shape(job)


def test_a_job_fails_at_its_endpoint_as_recorded(transcripts: Path) -> None:
    """The model is in the registry, statistics and hyperparameters are there; only the endpoint is not."""
    text = (transcripts / "vertex-tuningjobs-rest-failed-2024-11.txt").read_text()
    recorded = json.loads(text[text.index("{") : text.rindex("}") + 1])
    vertex = at(recorded["createTime"])
    failure = Failure(recorded["error"]["code"], recorded["error"]["message"])
    spec = {"trainingDatasetUri": recorded["supervisedTuningSpec"]["trainingDatasetUri"]}
    name = vertex.tune(recorded["baseModel"], supervisedTuningSpec=spec)["name"]
    change(vertex, name, lambda run: replace(run, fail_at_step=run.total_steps, failure=failure))
    vertex.clock.advance(20000)

    job = vertex.get(name)

    assert shape(recorded) == shape(job)
    assert [recorded[it] for it in ("state", "error", "supervisedTuningSpec")] == [
        job[it] for it in ("state", "error", "supervisedTuningSpec")
    ]
    assert job["tunedModel"]["model"].startswith(vertex.get(job["tunedModel"]["model"])["name"])


def test_an_unknown_job_is_refused_as_its_siblings(transcripts: Path) -> None:
    """The same body, but for the kind of job."""
    recorded = load(transcripts, "vertex-sibling-custom-job-cancel-and-delete.json")["exchanges"][-1]["body"]

    error = at("2026-07-08T18:43:51Z").refused("GET", "tuningJobs/1")

    assert json.loads(json.dumps(recorded).replace("CustomJob", "TuningJob")) == {"error": error}


def test_an_endpoint_is_deleted_as_recorded(transcripts: Path) -> None:
    """A list of one, the operation of its deletion, an empty list."""
    listed, deleted, empty = load(transcripts, "vertex-sibling-endpoint-delete.json")["exchanges"]
    (recorded,) = listed["body"]["endpoints"]
    vertex = at(recorded["createTime"])
    body = {"displayName": recorded["displayName"], "labels": recorded["labels"]}
    vertex.post("endpoints", body, endpointId=recorded["displayName"])
    vertex.clock.move_to(datetime.fromisoformat(recorded["updateTime"]))
    vertex.patch(f"endpoints/{recorded['displayName']}", body)

    assert numbered(listed["body"]) == numbered(vertex.get("endpoints"))
    assert numbered(deleted["body"]) == numbered(vertex.delete(f"endpoints/{recorded['displayName']}"))
    assert empty["body"] == vertex.get("endpoints")


def test_a_model_is_deleted_as_recorded(transcripts: Path) -> None:
    """The operation is the model's."""
    exchanges = load(transcripts, "vertex-sibling-model-filtering.json")["exchanges"]
    recorded = next(exchange["body"] for exchange in exchanges if "/delete-" in exchange["file"])
    vertex = at(recorded["metadata"]["genericMetadata"]["createTime"])

    deleted = vertex.delete(vertex.tuned()["tunedModel"]["model"])

    assert numbered(recorded) == numbered(deleted)


def interactions(transcripts: Path, name: str) -> Json:
    """The last request and answer of a cassette."""
    text = (transcripts / name).read_text().partition("\n")[2]
    cassette = yaml.safe_load(text)
    found: Json = (cassette.get("interactions") or cassette["http_interactions"])[-1]
    return found


def text_of(body: Any) -> str:
    """A body of a cassette, however it is kept."""
    return str(body["string"] if isinstance(body, dict) else body)


def replayed(interaction: Json, answer: Answer) -> Any:
    """What we answer to the request of a cassette when the model says this."""
    client = at("2025-08-19T15:18:43.287437Z", safety_ratings="real").client
    Scenario(client.world.store).add_rules(Rule(answer))
    path = interaction["request"]["uri"].partition("googleapis.com")[2]
    return client.request(
        "POST",
        re.sub("<GOOGLE_CLOUD_LOCATION>|test-location", "us-central1", path).replace("<GOOGLE_CLOUD_PROJECT>", "p"),
        content=text_of(interaction["request"]["body"]),
        headers={"authorization": "Bearer token", "content-type": "application/json"},
    )


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("gapic-basic", Answer("This is a test.", usage={"prompt": 5, "candidates": 5, "thoughts": 294})),
        (
            "gapic-basic-extra-params",
            Answer("", finish="MAX_TOKENS", usage={"prompt": 5, "candidates": 0, "thoughts": 4}),
        ),
        ("ruby-basic", Answer("The capital of France is **Paris**.", usage={"thoughts": 25})),
    ],
)
def test_a_model_answers_as_recorded(transcripts: Path, name: str, answer: Answer) -> None:
    """The same members, in the same order; the same numbers but for probabilities, times and ids."""
    interaction = interactions(transcripts, f"vertex-gc-{name}.txt")
    recorded = json.loads(text_of(interaction["response"]["body"]))

    answered = replayed(interaction, answer).json()

    assert shape(recorded) == shape(answered)
    for member in ("usageMetadata", "modelVersion"):
        assert recorded[member] == answered[member]
    assert [each["content"] for each in recorded["candidates"]] == [each["content"] for each in answered["candidates"]]


@pytest.mark.parametrize("name", ["invalid-role", "invalid-temperature", "missing-model"])
def test_a_request_is_refused_as_recorded(transcripts: Path, name: str) -> None:
    """Code, sentence and status; the cassettes have lost their details."""
    interaction = interactions(transcripts, f"vertex-gc-gapic-basic-{name}.txt")
    recorded = json.loads(text_of(interaction["response"]["body"]))["error"]

    answered = replayed(interaction, Answer("never said"))

    assert interaction["response"]["status"]["code"] == answered.status_code
    assert {member: recorded[member] for member in ("code", "message", "status")} == answered.json()["error"]


def test_a_stream_runs_as_recorded(transcripts: Path) -> None:
    """Event by event to the byte, once time, id and counts are those of the recording."""
    interaction = interactions(transcripts, "vertex-gc-genai-streaming.txt")
    recorded = text_of(interaction["response"]["body"])
    messages = [json.loads(event.removeprefix("data: ")) for event in recorded.split("\r\n\r\n") if event]
    chunks = [message["candidates"][0]["content"]["parts"][0]["text"] for message in messages]
    usage = messages[-1]["usageMetadata"]
    counts = {"prompt": 8, "candidates": usage["candidatesTokenCount"], "thoughts": usage["thoughtsTokenCount"]}

    answered = replayed(interaction, Answer(chunks=chunks, usage=counts)).text

    for member in ("createTime", "responseId"):
        answered = re.sub(f'"{member}": "[^"]+"', f'"{member}": "{messages[0][member]}"', answered)
    assert recorded == answered


def test_a_response_id_is_made_as_recorded(client: Client) -> None:
    """Two answers of one moment differ in their random end only."""
    vertex = Vertex(client)
    path = "publishers/google/models/gemini-2.5-flash:generateContent"

    first, second = (vertex.post(path, turn())["responseId"] for _ in range(2))

    assert first[:5] == second[:5]
    assert first != second

"""What a request costs does not grow with what is stored: the same number of Python calls for few records and for many.

Time is measured by `benchmarks/growth.py`; a count is the same on every machine.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from mockserver.app import create_app
from mockserver.doors.inprocess import AppRequest, send_request
from mockserver.gemini.store import TUNED_MODELS, Permission, Role
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World
from mockserver.vertex.records import TUNING_JOBS, insert_tuning_job

FEW, MANY = 120, 1_200

MODEL = {
    "displayName": "first",
    "baseModel": "models/gemini-1.5-flash-001-tuning",
    "tuningTask": {"trainingData": {"examples": {"examples": [{"textInput": "1", "output": "2"}]}}},
}
JOB = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": {"trainingDatasetUri": "gs://b/train.jsonl"}}
LOCATION = "/v1/projects/p/locations/us-central1"


def send(world: World, verb: str, path: str, body: Any = None) -> dict[str, Any]:
    """Send a request in process; return the answer."""
    content = b"" if body is None else json.dumps(body).encode()
    headers = [("authorization", "Bearer me@example.com"), ("content-type", "application/json")]
    headers.append(("content-length", str(len(content))))
    reply = send_request(create_app(world), AppRequest(verb, f"http://mock{path}", headers, content))
    answer: dict[str, Any] = json.loads(b"".join(reply.pieces))
    assert 200 == reply.status, answer
    return answer


def new_world(**settings: Any) -> World:
    """A world whose clock stands still."""
    return World(ManualClock(datetime(2026, 10, 1, tzinfo=UTC)), Settings(seed=1, **settings))


def with_tuned_models(number: int) -> World:
    """A world with that many tuned models, of which the caller owns one and may read the others."""
    world = new_world()
    send(world, "POST", "/v1beta/tunedModels", MODEL)
    (entry,) = world.store.walk(TUNED_MODELS)
    first = entry.record
    reader = replace(first.permissions[0], id="2", role=Role.READER, place=1)
    owner = Permission("1", "user:other@example.com", Role.OWNER)
    for count in range(1, number):
        name = f"tunedModels/m{count}"
        run = replace(first.run, seed=count, created=first.run.created + count)
        copy = replace(first, name=name, run=run, permissions=(owner, reader))
        world.store.insert(TUNED_MODELS, name, copy)
    return world


def with_tuning_jobs(number: int, **settings: Any) -> World:
    """A world with that many tuning jobs, started a millisecond apart."""
    world = new_world(**settings)
    send(world, "POST", f"{LOCATION}/tuningJobs", JOB)
    (entry,) = world.store.walk(TUNING_JOBS)
    first, parent = entry.record, entry.name.rpartition("/tuningJobs/")[0]

    for count in range(1, number):
        copy = replace(
            first,
            name=f"{parent}/tuningJobs/{count}",
            model=f"{parent}/models/{count}",
            endpoint=f"{parent}/endpoints/{count}",
            checkpoints=(),
            run=replace(first.run, seed=count, created=first.run.created + count * 1_000_000),
        )
        world.store.transact(partial(insert_tuning_job, job=copy))
    return world


def count_calls(world: World, verb: str, path: str, body: Any = None) -> int:
    """Count the Python calls of a request; the first one, which fills caches, does not count."""
    send(world, verb, path, body)
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        send(world, verb, path, body)
    finally:
        sys.setprofile(None)
    return calls


def assert_flat(make: Callable[[int], World], verb: str, path: str, body: Any = None, *, hours: float = 1) -> None:
    """Assert that a request needs as many calls with many records as with few."""
    counts = []
    for number in (FEW, MANY):
        world = make(number)
        world.clock.advance(hours=hours)
        counts.append(count_calls(world, verb, path, body))

    assert counts[1] <= 1.1 * counts[0]


@pytest.mark.parametrize(
    "path",
    [
        "/v1beta/tunedModels?pageSize=20",
        "/v1beta/tunedModels?pageSize=20&filter=readers:me",
        "/v1beta/tunedModels?pageSize=20&filter=owner:me",
        "/v1beta/tunedModels?pageSize=20&filter=writers:me",
        "/v1beta/tunedModels?pageSize=20&filter=readers:everyone",
        "/v1beta/tunedModels?pageSize=20&filter=first%20owner:me",
        "/v1/operations?pageSize=20",
        "/v1/operations?pageSize=20&filter=done=true",
        "/v1beta/tunedModels/m7",
    ],
)
def test_a_page_of_tuned_models_costs_the_same_however_many_there_are(path: str) -> None:
    """Filters by role are served by an index."""
    assert_flat(with_tuned_models, "GET", path)


# While the jobs run, an hour later, and when all have ended.
@pytest.mark.parametrize("hours", [0.004, 0.1, 5])
@pytest.mark.parametrize(
    "collection",
    [
        "tuningJobs",
        "models",
        "endpoints",
        "operations",
        "metadataStores/default/contexts",
        "metadataStores/default/artifacts",
        "tensorboards",
    ],
)
def test_a_page_of_a_location_costs_the_same_however_many_jobs_there_are(collection: str, hours: float) -> None:
    """Whether the jobs run, have all ended, or have no model and no experiment yet."""
    assert_flat(with_tuning_jobs, "GET", f"{LOCATION}/{collection}?pageSize=20", hours=hours)


@pytest.mark.parametrize("over_quota", ["wait", "refuse"])
def test_a_create_under_a_quota_costs_the_same_however_many_jobs_there_were(over_quota: str) -> None:
    """All that matters are the runs that end last."""

    def make(number: int) -> World:
        return with_tuning_jobs(number, max_concurrent_jobs=2, over_quota=over_quota)

    assert_flat(make, "POST", f"{LOCATION}/tuningJobs", JOB, hours=20)

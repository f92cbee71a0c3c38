"""A quota of tuning jobs, and what a tester does to those that wait: they show and behave as waiting."""

from collections.abc import Iterator

import httpx
import pytest

from contract_tests.targets import InProcess
from mockserver.testing.mock_server import MockServer

BODY = {
    "baseModel": "gemini-2.0-flash-001",
    "supervisedTuningSpec": {"trainingDatasetUri": "gs://mockserver/train.jsonl"},
}


@pytest.fixture
def server() -> MockServer:
    """A server on whose clock nothing happens by itself, and where one job may run at a time."""
    return MockServer(seed=1, max_concurrent_jobs=1)


@pytest.fixture
def owner(server: MockServer) -> Iterator[httpx.Client]:
    """Somebody who tunes there."""
    headers = {"authorization": f"Bearer {server.credentials.token}"}
    with httpx.Client(transport=InProcess(server.app), base_url="http://localhost", headers=headers) as client:
        yield client


def started(owner: httpx.Client) -> str:
    """The name of a new job."""
    name: str = owner.post("/v1/projects/mine/locations/us-central1/tuningJobs", json=BODY).json()["name"]
    return name


def shown(server: MockServer, owner: httpx.Client) -> list[str]:
    """How the jobs stand, oldest first: for their owner, for the handle and for the control API alike."""
    named = {name: job["state"].removeprefix("JOB_STATE_") for name, job in server.tuning_jobs.items()}
    told = {run["name"]: run["state"] for run in owner.get("/_mock/runs").json()["runs"]}
    seen = {name: owner.get(f"/v1/{name}").json()["state"].removeprefix("JOB_STATE_") for name in named}
    assert named == told == seen
    return list(seen.values())


def test_a_job_that_waits_is_seen_waiting(server: MockServer, owner: httpx.Client) -> None:
    """By everybody, however long: a stalled job before it never ends."""
    first, second = started(owner), started(owner)
    server.stall(first, at_step=1)
    server.clock.advance(hours=10)

    assert ["RUNNING", "PENDING"] == shown(server, owner)
    assert {first, second} == set(server.leftovers.unfinished)


@pytest.mark.parametrize(("end", "state"), [("finish", "SUCCEEDED"), ("fail", "FAILED"), ("cancel", "CANCELLED")])
def test_to_end_a_job_lets_the_next_one_start(server: MockServer, owner: httpx.Client, end: str, state: str) -> None:
    """At the moment of its end, which a cancelled one reaches by and by."""
    first, second, _ = started(owner), started(owner), started(owner)
    server.clock.advance(minutes=1)
    getattr(server, end)(first)
    server.clock.advance(5)

    assert [state, "RUNNING", "PENDING"] == shown(server, owner)
    assert server.tuning_jobs[first]["endTime"] == server.tuning_jobs[second]["startTime"]


def test_a_job_that_waits_can_be_ended_long_after_its_own_time(server: MockServer, owner: httpx.Client) -> None:
    """It would have been done by then, had it not waited; those behind it go on waiting for the first."""
    first, second, _ = started(owner), started(owner), started(owner)
    server.stall(first, at_step=1)
    server.clock.advance(hours=10)
    server.finish(second)

    assert ["RUNNING", "SUCCEEDED", "PENDING"] == shown(server, owner)


def test_a_job_that_waits_may_be_told_how_far_to_come(server: MockServer, owner: httpx.Client) -> None:
    """It has done nothing yet, so every step lies before it."""
    first, second = started(owner), started(owner)
    server.stall(first, at_step=1)
    server.clock.advance(hours=10)
    server.fail(second, at_step=3)
    waiting = shown(server, owner)
    server.cancel(first)
    server.clock.advance(hours=10)

    assert ["RUNNING", "PENDING"] == waiting
    assert ["CANCELLED", "FAILED"] == shown(server, owner)


def test_a_job_that_has_ended_cannot_be_ended_otherwise(server: MockServer, owner: httpx.Client) -> None:
    """As without a quota."""
    first = started(owner)
    server.clock.advance(hours=10)

    with pytest.raises(ValueError, match="SUCCEEDED"):
        server.fail(first)


def test_a_job_put_there_does_not_wait_and_takes_a_place(server: MockServer, owner: httpx.Client) -> None:
    """It is in the state it was put there in, whatever else runs; who comes after it waits for it."""
    started(owner)
    server.clock.advance(minutes=1)
    for state in ("SUCCEEDED", "RUNNING", "PENDING"):
        server.add_tuning_job(state=state)
    started(owner)

    assert ["RUNNING", "SUCCEEDED", "RUNNING", "PENDING", "PENDING"] == shown(server, owner)

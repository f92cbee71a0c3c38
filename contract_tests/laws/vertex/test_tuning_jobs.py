"""Laws of tuning jobs on Vertex AI, whatever happens to them and whenever one looks."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.dispatch import runs
from mockserver.dispatch.routing import Call
from mockserver.protojson.version_trimming import trim_to_version
from mockserver.rpc.credentials import Caller
from mockserver.rpc.errors import ApiError
from mockserver.simulation import names as minting
from mockserver.simulation.tuning import find_places
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World
from mockserver.vertex.routes import ROUTES

Json = dict[str, Any]

CALLER = Caller("user:user@example.com", "user@example.com", "123456789012", "bearer")
PLACE = "projects/123456789012/locations/us-central1"

FOLLOW = {
    "JOB_STATE_PENDING": {"JOB_STATE_RUNNING", "JOB_STATE_CANCELLING", "JOB_STATE_CANCELLED"},
    "JOB_STATE_RUNNING": {"JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLING", "JOB_STATE_CANCELLED"},
    "JOB_STATE_CANCELLING": {"JOB_STATE_CANCELLED"},
}
"""What may follow a state at once."""

seconds = st.one_of(st.floats(0, 2), st.floats(0, 100), st.floats(0, 5000))
seeds = st.integers(0, 2**32)
names = st.sampled_from(["plain", "mock-fail-at-step-3", "mock-fail-at-step-0", "mock-never-finish", "mock-finish-now"])


def world(seed: int, **settings: Any) -> World:
    """A fresh world."""
    return World(ManualClock(datetime(2026, 10, 1, tzinfo=UTC)), Settings(seed=seed, **settings))


def invoke(of: World, method: str, path: Json, message: Json | None = None, version: str = "v1") -> Json:
    """Return the answer of a method, in its version."""
    route = next(each for each in ROUTES if (each.id, each.version) == (f"projects.locations.{method}", version))
    call = Call(of, of.settings, of.clock.now(), CALLER, route, path | (message or {}))
    answer = route.handler(call)
    assert isinstance(answer, dict)
    return trim_to_version(route.response, answer)


def create(of: World, name: str = "plain") -> str:
    """The name of a new job."""
    job = {
        "baseModel": "gemini-2.5-flash",
        "tunedModelDisplayName": name,
        "supervisedTuningSpec": {"trainingDatasetUri": "gs://b/train.jsonl"},
        "serviceAccount": "sa@p.iam.gserviceaccount.com",
    }
    created: str = invoke(of, "tuningJobs.create", {"parent": PLACE}, {"tuningJob": job})["name"]
    return created


def look(of: World, job: str, version: str = "v1") -> Json:
    """The job as it is now."""
    return invoke(of, "tuningJobs.get", {"name": job}, version=version)


def move(of: World, amount: float) -> None:
    """Let time pass."""
    assert isinstance(of.clock, ManualClock)
    of.clock.advance(amount)


def cancel(of: World, job: str) -> bool:
    """Whether the job could be cancelled."""
    try:
        invoke(of, "tuningJobs.cancel", {"name": job})
    except ApiError:
        return False
    return True


def life(seed: int, name: str, waits: list[float], cancelled: int) -> list[Json]:
    """A job as seen after each wait; somebody cancels it before one of them."""
    of = world(seed)
    job = create(of, name)
    seen = [look(of, job)]
    for place, wait in enumerate(waits):
        if place == cancelled:
            cancel(of, job)
        move(of, wait)
        seen.append(look(of, job))
    return seen


lives = st.builds(life, seeds, names, st.lists(seconds, max_size=8), st.integers(0, 12))


@given(lives)
def test_states_follow_each_other_lawfully(seen: list[Json]) -> None:
    """A job only goes forward, and what has ended stays."""
    states = [job["state"] for job in seen]
    reachable = {state: set(after) for state, after in FOLLOW.items()}
    reachable["JOB_STATE_PENDING"] |= FOLLOW["JOB_STATE_RUNNING"]  # a look may come too late for what lies between

    assert all(new == old or new in reachable.get(old, set()) for old, new in itertools.pairwise(states))


@given(lives)
def test_what_has_ended_changes_no_more(seen: list[Json]) -> None:
    """Every look after the end sees the same job."""
    ended = [job for job in seen if "endTime" in job]

    assert [ended[0]] * len(ended) == ended if ended else True


@given(lives)
def test_times_are_in_order(seen: list[Json]) -> None:
    """Create <= start <= end, the update after all of them, and no update before an earlier one."""
    for job in seen:
        times = [job[name] for name in ("createTime", "startTime", "endTime", "updateTime") if name in job]

        assert sorted(times) == times
    updates = [job["updateTime"] for job in seen]

    assert sorted(updates) == updates


@given(lives)
def test_nothing_a_job_has_shown_vanishes(seen: list[Json]) -> None:
    """Members come, none goes; checkpoints too."""
    for old, new in itertools.pairwise(seen):
        assert old.keys() <= new.keys()
        before, after = (len(job.get("tunedModel", {}).get("checkpoints", [])) for job in (old, new))
        assert before <= after


@given(seeds, names, st.lists(seconds, max_size=6), st.floats(0, 5000))
def test_looking_changes_nothing(seed: int, name: str, waits: list[float], rest: float) -> None:
    """Who looked on the way sees in the end what one sees who did not."""
    watched, unwatched = world(seed), world(seed)
    jobs = create(watched, name), create(unwatched, name)
    for wait in waits:
        move(watched, wait)
        look(watched, jobs[0])
        invoke(watched, "models.list", {"parent": PLACE})
        move(unwatched, wait)
    move(watched, rest)
    move(unwatched, rest)

    assert look(unwatched, jobs[1]) == look(watched, jobs[0])


@given(seeds, seconds)
def test_v1beta1_tells_all_that_v1_tells(seed: int, wait: float) -> None:
    """And a little more."""
    of = world(seed)
    job = create(of)
    move(of, wait)

    stable, beta = look(of, job), look(of, job, "v1beta1")

    assert stable.items() <= beta.items()
    assert beta.keys() - stable.keys() <= {"tuningJobState", "tuningJobMetadata"}


@given(seeds, st.lists(seconds, min_size=1, max_size=5), st.integers(1, 3))
def test_never_more_jobs_run_than_the_quota_has(seed: int, waits: list[float], limit: int) -> None:
    """The others are PENDING, the first come being the first served."""
    of = world(seed, max_concurrent_jobs=limit)
    jobs = [create(of) for _ in range(5)]
    move(of, 0.1)  # each takes 37 to 72 ms of its own to start, so two that need not wait may overtake each other
    for wait in waits:
        move(of, wait)
        states = [look(of, job)["state"] for job in jobs]
        waiting = [state == "JOB_STATE_PENDING" for state in states]

        assert states.count("JOB_STATE_RUNNING") <= limit
        assert sorted(waiting) == waiting


@given(seeds, st.lists(st.tuples(seconds, st.none() | st.integers(0, 9)), max_size=8), st.integers(1, 3))
def test_what_is_kept_of_a_queue_is_what_it_comes_to(
    seed: int, steps: list[tuple[float, int | None]], limit: int
) -> None:
    """Whatever was asked in between: jobs join, and some of them are cancelled."""
    of = world(seed, max_concurrent_jobs=limit)
    for wait, place in steps:
        move(of, wait)
        jobs = [held.name for held in runs.runs(of)]
        if place is None or place >= len(jobs):
            create(of)
        else:
            cancel(of, jobs[place])
        queue = [held.run for held in runs.runs(of)]

        assert queue == list(find_places(queue, limit, now=0))


@given(seeds, seconds)
def test_what_a_job_names_is_there(seed: int, wait: float) -> None:
    """Its endpoint, its checkpoints' endpoints, the model they serve and the experiment can be got."""
    of = world(seed)
    job = create(of)
    move(of, wait)
    seen = look(of, job)
    tuned = seen.get("tunedModel", {})
    endpoints = [each["endpoint"] for each in [tuned, *tuned.get("checkpoints", [])] if "endpoint" in each]

    assert endpoints == [invoke(of, "endpoints.get", {"name": name})["name"] for name in endpoints]
    if endpoints:
        assert invoke(of, "models.get", {"name": tuned["model"]})["deployedModels"]
    if "experiment" in seen:
        context = invoke(of, "metadataStores.contexts.get", {"name": seen["experiment"]})

        assert seen["experiment"] == context["name"]


def test_no_two_things_get_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real numbers are of so few bits that a thousand jobs throw one twice; here there are hardly enough for all."""
    monkeypatch.setattr(minting, "_multiple", lambda rng, zeros, bits: str(rng.randrange(260)))  # noqa: ARG005 - as the real one
    of = world(1)
    jobs = [create(of, "mock-finish-now") for _ in range(200)]
    move(of, 3600)
    endpoints = [look(of, job)["tunedModel"]["endpoint"] for job in jobs]
    made = [invoke(of, "endpoints.create", {"parent": PLACE}, {"endpoint": {"displayName": "x"}}) for _ in range(50)]

    assert 200 == len(set(jobs)) == len(set(endpoints))
    assert 250 == len({*endpoints, *(each["response"]["name"] for each in made)})
    assert 50 == len({each["name"] for each in made})

"""Worlds: many on one server, each with state, clock, faults, answers, calls and seed of its own."""

from typing import Any

import httpx
import pytest

from mockserver import Fault, MockServer
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World, Worlds

GEMINI = "https://generativelanguage.googleapis.com"
VERTEX = "https://us-central1-aiplatform.googleapis.com"
JOB = {"baseModel": "gemini-2.0-flash-001", "supervisedTuningSpec": {"trainingDatasetUri": "gs://b/train.jsonl"}}


def names(server: MockServer, **credentials: Any) -> list[str]:
    """The tuned models that somebody sees at the server's URL."""
    answer = httpx.get(f"{server.url}/v1beta/tunedModels", **credentials).raise_for_status().json()
    return [model["name"] for model in answer.get("tunedModels", ())]


def test_credentials_choose_the_world() -> None:
    """A key in header or query, a token, a user project, or the project in a path: whatever a client sends already."""
    with MockServer(seed=1).live() as server:
        fork = server.fork()
        fork.add_tuned_model("there")
        ours = fork.credentials
        ways: list[dict[str, Any]] = [
            {"headers": {"x-goog-api-key": ours.api_key}},
            {"params": {"key": ours.api_key}},
            {"headers": {"authorization": f"Bearer {ours.token}"}},
            {"headers": {"authorization": "Bearer any-token", "x-goog-user-project": ours.project}},
        ]
        seen = [names(server, **way) for way in ways]
        path = f"{server.url}/v1/projects/{ours.project}/locations/us-central1/tuningJobs"
        job = httpx.post(path, json=JOB, headers={"authorization": "Bearer any-token"}).json()["name"]
        elsewhere = names(server, headers={"x-goog-api-key": "any-key"})

    assert [["tunedModels/there"]] * 4 == seen
    assert [job] == list(fork.tuning_jobs)
    assert ([], {}) == (elsewhere, dict(server.tuning_jobs))


def test_names_that_a_world_gave_out_lead_back_to_it() -> None:
    """A job is named after its project's number; who asks for it by that name is in the same world."""
    with MockServer(seed=1).live() as server:
        fork = server.fork()
        job = fork.add_tuning_job()
        answer = httpx.get(f"{server.url}/v1/{job}", headers={"authorization": "Bearer any-token"})

    assert job == answer.json()["name"]


def test_fork_starts_from_here_and_goes_its_own_way() -> None:
    """Facts, moment, answers, faults and counters are the same; from then on nothing is shared. Calls begin anew."""
    server = MockServer(seed=1)
    server.add_tuned_model("mine", state="CREATING", step=0)
    server.answer("scripted")
    fork, other = server.fork(), server.fork()
    fork.clock.advance(hours=1)
    fork.fault(Fault(status=503))
    other.finish("mine")

    assert ["ACTIVE", "ACTIVE", "CREATING"] == [each.tuned_models["mine"]["state"] for each in (fork, other, server)]
    assert server.now == other.now != fork.now
    assert [1, 1, 1] == [len(each.answers) for each in (fork, other, server)]
    assert [1, 0, 0] == [len(each.faults) for each in (fork, other, server)]
    assert fork.add_tuned_model() == other.add_tuned_model() == server.add_tuned_model()
    assert server.credentials != fork.credentials != other.credentials


def test_whoever_is_inside_a_fork_is_in_its_world() -> None:
    """With nothing said about credentials: set up once, and test from there, as often as you like."""
    server = MockServer(seed=1)
    server.add_tuned_model("mine", state="CREATING", step=0)
    states = []
    for minutes in (0, 60):
        fork = server.fork()
        with fork.intercepting():
            fork.clock.advance(minutes=minutes)
            answer = httpx.get(f"{GEMINI}/v1beta/tunedModels/mine", headers={"x-goog-api-key": "any-key"})
            states.append(answer.json()["state"])
        fork.drop()

    assert ["CREATING", "ACTIVE"] == states
    assert 0 == len(server.calls)


def test_dropped_world_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    """Its credentials lead to the default one, which is logged the first time."""
    with MockServer().live() as server:
        fork = server.fork()
        fork.add_tuned_model("there")
        fork.drop()
        seen = [names(server, headers={"x-goog-api-key": fork.credentials.api_key}) for _ in range(2)]

    assert [[], []] == seen
    assert 1 == caplog.text.count("the world w1 was dropped, but a client uses it")


def test_worlds_are_capped() -> None:
    """The one longest unused goes first; one that is asked for stays."""
    worlds = Worlds(World(ManualClock(), Settings()), capacity=2)
    first, second, third = (World(ManualClock(), Settings(), name=name) for name in ("a", "b", "c"))
    worlds.add(first)
    worlds.add(second)
    used = worlds.choose([first.credentials.api_key])
    worlds.add(third)

    assert first is used
    assert [worlds.default, first, third] == list(worlds)
    assert worlds.default is worlds.choose([second.credentials.api_key])


@pytest.mark.parametrize("text", ["mockserver", "mockserver-key", "mockserver-token", "any-key", "mockserver-nobody"])
def test_default_world_serves_everybody_who_names_none(text: str) -> None:
    """Its own credentials too, and those of a world that is not there."""
    server = MockServer()
    server.fork()

    assert {"mockserver", "mockserver-key", "mockserver-token"} == {
        server.credentials.project,
        server.credentials.api_key,
        server.credentials.token,
    }
    assert server._worlds.default is server._worlds.choose([text])  # noqa: SLF001 - whom it would serve


def test_snapshot_can_be_put_back_to_again_and_again() -> None:
    """Facts, time, answers, calls and counters; what happened since is forgotten."""
    server = MockServer(seed=1)
    name = server.add_tuned_model("mine", state="CREATING", step=0)
    before = server.snapshot()
    made = []
    for _ in range(2):
        server.clock.advance(hours=1)
        made.append(server.add_tuned_model())
        server.answer("scripted")
        assert "ACTIVE" == server.tuned_models[name]["state"]
        server.restore(before)
        assert "CREATING" == server.tuned_models[name]["state"]
        assert [name] == list(server.tuned_models)
        assert () == server.answers

    assert made[0] == made[1]


def test_reset_forgets_all_but_time_and_settings() -> None:
    """A server for the next test."""
    server = MockServer(seed=3)
    first = server.add_tuned_model()
    server.answer("scripted")
    server.fault(Fault(status=503))
    server.clock.advance(hours=1)
    now = server.now
    server.reset()

    assert ({}, (), (), 0) == (dict(server.tuned_models), server.answers, server.faults, len(server.calls))
    assert (3, now) == (server.settings.seed, server.now)
    assert first == server.add_tuned_model()

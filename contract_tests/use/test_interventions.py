"""What a tester does to runs from outside, as their owner sees it: on the Developer API and on Vertex AI."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from contract_tests.targets import InProcess
from mockserver.testing.mock_server import MockServer

Json = dict[str, Any]

EXAMPLES = [{"textInput": str(number), "output": str(number + 1)} for number in range(20)]


class Owner:
    """Somebody who tunes on either surface, and looks at what becomes of it."""

    def __init__(self, server: MockServer) -> None:
        self._client = httpx.Client(
            transport=InProcess(server.app),
            base_url="http://mock",
            headers={"authorization": f"Bearer {server.credentials.token}"},
        )

    def close(self) -> None:
        self._client.close()

    def ask(self, verb: str, path: str, body: Json | None = None) -> httpx.Response:
        return self._client.request(verb, f"/{path}", json=body)

    def said(self, verb: str, path: str, body: Json | None = None) -> Json:
        answer: Json = self.ask(verb, path, body).raise_for_status().json()
        return answer

    def tune(self) -> str:
        """The path of a tuned model of 50 steps that is being made."""
        task = {
            "hyperparameters": {"epochCount": 5, "batchSize": 2},
            "trainingData": {"examples": {"examples": EXAMPLES}},
        }
        body = {"displayName": "next", "baseModel": "models/gemini-1.5-flash-001-tuning", "tuningTask": task}
        return f"v1beta/{self.said('POST', 'v1beta/tunedModels', body)['metadata']['tunedModel']}"

    def start_job(self) -> str:
        """The path of a tuning job that has just been made."""
        body = {
            "baseModel": "gemini-2.0-flash-001",
            "supervisedTuningSpec": {"trainingDatasetUri": "gs://mockserver/train.jsonl"},
        }
        return f"v1/{self.said('POST', 'v1/projects/mine/locations/us-central1/tuningJobs', body)['name']}"

    def state(self, path: str) -> str:
        """What a GET says, in the words both surfaces share."""
        said: str = self.said("GET", path)["state"].removeprefix("JOB_STATE_")
        return {"ACTIVE": "SUCCEEDED", "CREATING": "RUNNING", "PENDING": "RUNNING"}.get(said, said)

    def operation(self, path: str) -> Json:
        """The operation of a tuned model."""
        found: Json = self.said("GET", f"{path}/operations")["operations"][0]
        return found

    def steps(self, path: str) -> int:
        """How many snapshots a tuned model has."""
        return len(self.said("GET", path)["tuningTask"].get("snapshots", ()))


START: list[Callable[[Owner], str]] = [Owner.tune, Owner.start_job]


@pytest.fixture
def server() -> MockServer:
    """A server on whose clock nothing happens by itself."""
    return MockServer(seed=1)


@pytest.fixture
def owner(server: MockServer) -> Iterator[Owner]:
    """The owner of what runs there."""
    it = Owner(server)
    yield it
    it.close()


@pytest.fixture(params=START, ids=["tuned-model", "tuning-job"])
def path(request: pytest.FixtureRequest, owner: Owner) -> str:
    """The path of a run that has just begun: a tuned model's, then a tuning job's."""
    started: str = request.param(owner)
    return started


STEPS = {"v1beta": 50, "v1": 133}
"""How many steps a run has, by the version in its path."""


def name_of(path: str) -> str:
    """The resource name in a path."""
    return path.partition("/")[2]


def test_a_run_is_finished_without_waiting(server: MockServer, owner: Owner, path: str) -> None:
    """At once, and for good; to finish it again changes nothing."""
    before = owner.state(path)
    server.finish(name_of(path))
    done = owner.said("GET", path)
    server.clock.advance(hours=1)
    server.finish(name_of(path))

    assert ("RUNNING", "SUCCEEDED") == (before, owner.state(path))
    assert done == owner.said("GET", path)


def test_what_is_finished_can_be_used(server: MockServer, owner: Owner) -> None:
    """A tuned model generates, a job has its endpoint: nothing is half done."""
    model, job = owner.tune(), owner.start_job()
    body = {"contents": [{"role": "user", "parts": [{"text": "41"}]}]}
    refused = owner.ask("POST", f"{model}:generateContent", body).status_code
    for path in (model, job):
        server.finish(name_of(path))
    endpoint = owner.said("GET", job)["tunedModel"]["endpoint"]

    assert 400 == refused
    assert 200 == owner.ask("POST", f"{model}:generateContent", body).status_code
    assert 200 == owner.ask("POST", f"v1/{endpoint}:generateContent", body).status_code
    assert 50 == owner.steps(model)
    assert owner.operation(model)["done"]


def test_a_run_fails_at_once(server: MockServer, owner: Owner, path: str) -> None:
    """Time changes nothing about it."""
    server.fail(name_of(path))
    failed = owner.state(path)
    server.clock.advance(hours=10)

    assert ("FAILED", "FAILED") == (failed, owner.state(path))


def test_a_failure_has_the_words_it_was_given(server: MockServer, owner: Owner) -> None:
    """A sentence and a code, where each surface has its error; without, the surface's own sentence."""
    model, other, job = owner.tune(), owner.tune(), owner.start_job()
    server.fail(name_of(model), error="The training data was eaten.", code="FAILED_PRECONDITION")
    server.fail(name_of(other))
    server.fail(name_of(job), error="The training data was eaten.", code=9)

    eaten = {"code": 9, "message": "The training data was eaten."}
    assert eaten == owner.operation(model)["error"]
    assert eaten == owner.said("GET", job)["error"]
    assert owner.operation(other)["error"]["message"]


def test_a_run_fails_at_the_step_it_was_told(server: MockServer, owner: Owner) -> None:
    """It goes on as if nothing were until then, and does no step more."""
    path = owner.tune()
    server.fail(name_of(path), at_step=10, error="Out of memory.")
    under_way = owner.state(path)
    server.clock.advance(hours=1)

    assert ("RUNNING", "FAILED") == (under_way, owner.state(path))
    assert {"code": 13, "message": "Out of memory."} == owner.operation(path)["error"]
    assert 20 == owner.operation(path)["metadata"]["completedPercent"]


def test_a_run_that_has_done_the_step_already_fails_now(server: MockServer, owner: Owner) -> None:
    """Not when it did it, for it was seen under way since."""
    path = owner.tune()
    server.stall(name_of(path), at_step=3)
    server.clock.advance(hours=1)
    before = owner.state(path)
    server.fail(name_of(path), at_step=3)
    ended = datetime.fromisoformat(owner.said("GET", path)["updateTime"])

    assert ("RUNNING", "FAILED") == (before, owner.state(path))
    assert server.now == ended


def test_a_job_is_cancelled_as_its_owner_would(server: MockServer, owner: Owner) -> None:
    """On Vertex AI that takes a moment, in which nothing else can be decided."""
    path = owner.start_job()
    server.clock.advance(60)
    server.cancel(name_of(path))
    asked = owner.state(path)
    for decide in (server.finish, server.fail, server.cancel):
        with pytest.raises(ValueError, match="is being cancelled"):
            decide(name_of(path))
    server.clock.advance(hours=1)

    assert ("CANCELLING", "CANCELLED") == (asked, owner.state(path))


def test_a_tuned_model_is_cancelled_as_its_owner_would(server: MockServer, owner: Owner) -> None:
    """On the Developer API that takes no time."""
    by_owner, by_tester = owner.tune(), owner.tune()
    owner.said("POST", f"v1/{owner.operation(by_owner)['name']}:cancel", {})
    server.cancel(name_of(by_tester))
    said = [owner.operation(path) for path in (by_owner, by_tester)]

    assert said[0]["error"] == said[1]["error"]
    assert owner.state(by_owner) == owner.state(by_tester)


@pytest.mark.parametrize("end", [MockServer.finish, MockServer.fail, MockServer.cancel])
def test_what_has_ended_stays_as_it_is(
    server: MockServer, owner: Owner, path: str, end: Callable[[MockServer, str], None]
) -> None:
    """It is said how it ended; nothing is changed."""
    name = name_of(path)
    end(server, name)
    server.clock.advance(hours=1)
    ended = owner.ask("GET", path).text
    done = STEPS[path.partition("/")[0]] if end is MockServer.finish else 0
    decisions: list[Callable[[], None]] = [
        lambda: server.fail(name),
        lambda: server.cancel(name),
        lambda: server.fail(name, at_step=done),
        lambda: server.stall(name, at_step=done),
    ]
    if end is not MockServer.finish:
        decisions.append(lambda: server.finish(name))
    for decide in decisions:
        with pytest.raises(ValueError, match=f"{name} has already ended: its state is (SUCCEEDED|FAILED|CANCELLED)$"):
            decide()

    assert ended == owner.ask("GET", path).text


def test_a_stalled_run_never_ends_by_itself(server: MockServer, owner: Owner, path: str) -> None:
    """Until somebody ends it."""
    server.stall(name_of(path), at_step=1)
    server.clock.advance(hours=1000)
    waiting = owner.state(path)
    server.finish(name_of(path))

    assert ("RUNNING", "SUCCEEDED") == (waiting, owner.state(path))


@pytest.mark.parametrize("minutes", [0, 60], ids=["before it stands still", "long after"])
def test_a_run_that_was_to_stand_still_fails_when_told_to_later(server: MockServer, owner: Owner, minutes: int) -> None:
    """The later word counts, and the steps between are done by then."""
    path = owner.tune()
    server.stall(name_of(path), at_step=3)
    server.clock.advance(minutes=minutes)
    server.fail(name_of(path), at_step=8)
    server.clock.advance(hours=1)

    assert ("FAILED", 8) == (owner.state(path), owner.steps(path))


def test_a_run_that_was_to_fail_stands_still_when_told_to_later(server: MockServer, owner: Owner) -> None:
    """The later word counts here too."""
    path = owner.tune()
    server.fail(name_of(path), at_step=5)
    server.stall(name_of(path), at_step=7)
    server.clock.advance(hours=1)

    assert ("RUNNING", 7) == (owner.state(path), owner.steps(path))


def test_a_stalled_run_has_done_its_steps(server: MockServer, owner: Owner) -> None:
    """Those it was allowed, and none more."""
    path = owner.tune()
    server.stall(name_of(path), at_step=7)
    server.clock.advance(hours=1)

    assert 7 == owner.steps(path)


@pytest.mark.parametrize("step", [-1, 51])
def test_there_is_no_such_step(server: MockServer, owner: Owner, step: int) -> None:
    """Neither before the first nor after the last; one that is done is no place to end either."""
    name = name_of(owner.tune())

    for decide in (server.fail, server.stall):
        with pytest.raises(ValueError, match=f"has completed 0 of 50 steps: it cannot end at step {step}"):
            decide(name, at_step=step)
    server.stall(name, at_step=3)
    server.clock.advance(hours=1)
    with pytest.raises(ValueError, match="has completed 3 of 50 steps: it cannot end at step 2"):
        server.fail(name, at_step=2)


def test_the_last_part_of_a_name_is_enough(server: MockServer, owner: Owner, path: str) -> None:
    """Where no other run has the same."""
    server.finish(path.rpartition("/")[2])

    assert "SUCCEEDED" == owner.state(path)


def test_a_run_that_is_not_there_is_told_with_those_that_are(server: MockServer, owner: Owner) -> None:
    """Of both surfaces; also when there is none at all."""
    with pytest.raises(LookupError, match="no tuning job or tuned model is called 'next'; there are: none"):
        server.finish("next")
    paths = [owner.tune(), owner.start_job()]

    with pytest.raises(LookupError, match=f"there are: {', '.join(map(name_of, paths))}$"):
        server.cancel("tunedModels/next")


def test_one_run_is_reached_and_no_other(server: MockServer, owner: Owner) -> None:
    """Nor a fork's of the same name."""
    first, second = owner.tune(), owner.tune()
    fork = server.fork()
    server.finish(name_of(first))
    fork.fail(name_of(second))

    assert ("SUCCEEDED", "RUNNING") == (owner.state(first), owner.state(second))
    assert "CREATING" == fork.tuned_models[name_of(first)]["state"]


def test_a_decision_can_be_taken_back_with_a_snapshot(server: MockServer, owner: Owner, path: str) -> None:
    """As everything can."""
    before = server.snapshot()
    server.fail(name_of(path))
    server.restore(before)
    server.clock.advance(hours=10)

    assert "SUCCEEDED" == owner.state(path)


def test_a_job_that_waits_for_its_turn_can_be_ended() -> None:
    """Whoever is before it; those behind it move up."""
    crowded = Owner(server := MockServer(seed=1, max_concurrent_jobs=1))
    first, second, third = (crowded.start_job() for _ in range(3))
    server.stall(name_of(first), at_step=1)
    server.clock.advance(hours=10)
    server.finish(name_of(second))
    waiting = crowded.state(third)
    server.cancel(name_of(first))
    server.clock.advance(hours=10)
    states = [crowded.said("GET", path)["state"] for path in (first, second, third)]
    crowded.close()

    assert "RUNNING" == waiting
    assert ["JOB_STATE_CANCELLED", "JOB_STATE_SUCCEEDED", "JOB_STATE_SUCCEEDED"] == states

"""Two requests at once: what one decides on is not taken away by the other before it is done.

Nothing is left to luck. A rival request is sent, and answered whole, at the moment at which the request under test has
looked at the world and has not changed it yet.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from contract_tests.api.aiplatform import LONG, Vertex
from contract_tests.api.conftest import START
from contract_tests.api.generativelanguage import Gemini, say
from contract_tests.targets import Client, in_process
from mockserver.app import create_app
from mockserver.doors.inprocess import AppRequest, send_request
from mockserver.gemini import batches, permissions, tuned_models
from mockserver.scripting.answers import Answer, Rule
from mockserver.scripting.scenario import Scenario
from mockserver.simulation import names
from mockserver.state.calls import RecordedCall
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World, Worlds
from mockserver.vertex import endpoints, models, tuning_job_creation, tuning_jobs

Json = dict[str, Any]

CREATE_JOB = {
    "baseModel": "gemini-2.5-flash",
    "supervisedTuningSpec": {"trainingDatasetUri": "gs://bucket/train.jsonl"},
}


@pytest.fixture
def local() -> Iterator[Client]:
    """A fresh world in this process, where a request can be answered in the middle of another."""
    with in_process(World(ManualClock(START), Settings(seed=1))) as client:
        yield client


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str, Callable[[], object]], None]:
    """`between(module, function, rival)`: when the function has been called for the first time, the rival acts."""

    def install(module: Any, name: str, rival: Callable[[], object]) -> None:
        function = getattr(module, name)
        waiting = [rival]

        def interrupted(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            if waiting:
                waiting.pop()()
            return result

        monkeypatch.setattr(module, name, interrupted)

    return install


Between = Callable[[Any, str, Callable[[], object]], None]


# Endpoints


def an_endpoint(vertex: Vertex) -> tuple[str, str]:
    """An empty endpoint and a model."""
    model = vertex.tuned()["tunedModel"]["model"]
    return vertex.post("endpoints", {"displayName": "mine"})["response"]["name"], model


def test_of_two_deployments_none_is_lost(local: Client, between: Between) -> None:
    """Both are answered 200, and both are there."""
    vertex = Vertex(local)
    endpoint, model = an_endpoint(vertex)
    body = {"deployedModel": {"model": model}}
    between(endpoints, "find_endpoint", lambda: vertex.post(f"{endpoint}:deployModel", body))

    vertex.post(f"{endpoint}:deployModel", body)

    deployed = [each["id"] for each in vertex.get(endpoint)["deployedModels"]]
    assert 2 == len(deployed)
    assert "trafficSplit" not in vertex.get(endpoint)  # neither asked for any
    assert set(deployed) <= {each["deployedModelId"] for each in vertex.get(model)["deployedModels"]}


def test_of_two_deployments_with_one_id_the_second_is_refused(local: Client, between: Between) -> None:
    """The id is taken by the time that the request would take it."""
    vertex = Vertex(local)
    endpoint, model = an_endpoint(vertex)
    body = {"deployedModel": {"model": model, "id": "mine"}}
    between(endpoints, "find_endpoint", lambda: vertex.post(f"{endpoint}:deployModel", body))

    assert "INVALID_ARGUMENT" == vertex.refused("POST", f"{endpoint}:deployModel", json=body)["status"]
    assert ["mine"] == [each["id"] for each in vertex.get(endpoint)["deployedModels"]]


def test_a_traffic_split_names_what_is_deployed(local: Client, between: Between) -> None:
    """Not what was undeployed between the look and the change."""
    vertex = Vertex(local)
    endpoint, model = an_endpoint(vertex)
    for name in ("one", "two"):
        vertex.post(f"{endpoint}:deployModel", {"deployedModel": {"model": model, "id": name}})
    undeploy = {"deployedModelId": "two", "trafficSplit": {"one": 100}}
    between(endpoints, "find_endpoint", lambda: vertex.post(f"{endpoint}:undeployModel", undeploy))

    split = {"trafficSplit": {"one": 50, "two": 50}}
    refused = vertex.refused("PATCH", endpoint, json=split, params={"updateMask": "trafficSplit"})

    assert "INVALID_ARGUMENT" == refused["status"]
    assert {"one": 100} == vertex.get(endpoint)["trafficSplit"]


def test_what_is_undeployed_takes_nothing_else_along(local: Client, between: Between) -> None:
    """A model that was deployed meanwhile stays."""
    vertex = Vertex(local)
    endpoint, model = an_endpoint(vertex)
    vertex.post(f"{endpoint}:deployModel", {"deployedModel": {"model": model, "id": "one"}})
    deploy = {"deployedModel": {"model": model, "id": "two"}}
    between(endpoints, "find_endpoint", lambda: vertex.post(f"{endpoint}:deployModel", deploy))

    vertex.post(f"{endpoint}:undeployModel", {"deployedModelId": "one"})

    assert ["two"] == [each["id"] for each in vertex.get(endpoint)["deployedModels"]]


def test_of_two_changes_of_an_endpoint_none_is_lost(local: Client, between: Between) -> None:
    """Each changes what its mask names."""
    vertex = Vertex(local)
    endpoint, _ = an_endpoint(vertex)
    rival = {"labels": {"a": "b"}}
    between(endpoints, "find_endpoint", lambda: vertex.patch(endpoint, rival, updateMask="labels"))

    vertex.patch(endpoint, {"displayName": "new"}, updateMask="displayName")

    after = vertex.get(endpoint)
    assert ("new", {"a": "b"}) == (after["displayName"], after["labels"])


def test_a_change_of_what_an_etag_stands_for_is_refused(local: Client, between: Between) -> None:
    """The etag was right when the request came, and is not when it would change the endpoint."""
    vertex = Vertex(local)
    endpoint, _ = an_endpoint(vertex)
    body = {"displayName": "new", "etag": vertex.get(endpoint)["etag"]}
    between(endpoints, "find_endpoint", lambda: vertex.patch(endpoint, {"displayName": "rival"}))

    vertex.clock.advance(1)
    assert "ABORTED" == vertex.refused("PATCH", endpoint, json=body)["status"]
    assert "rival" == vertex.get(endpoint)["displayName"]


def test_of_two_endpoints_with_one_id_the_second_is_refused(local: Client, between: Between) -> None:
    """The id was free when it was looked at."""
    vertex = Vertex(local)
    body = {"displayName": "mine"}
    between(endpoints, "find_location", lambda: vertex.post("endpoints", body, endpointId="mine"))

    refused = vertex.refused("POST", "endpoints", json=body, params={"endpointId": "mine"})

    assert "already exists" in refused["message"]
    assert 1 == len(vertex.get("endpoints")["endpoints"])


# Models


def two_versions(vertex: Vertex) -> tuple[str, str]:
    """The two versions of a model, "default" being the first."""
    first = vertex.tuned()["tunedModel"]["model"]
    return first, vertex.tuned(None, preTunedModel={"tunedModelName": first})["tunedModel"]["model"]


def test_of_two_changes_of_a_model_none_is_lost(local: Client, between: Between) -> None:
    """Each changes what its mask names."""
    vertex = Vertex(local)
    model = vertex.tuned()["tunedModel"]["model"]
    rival = {"labels": {"a": "b"}}
    between(models, "find_version", lambda: vertex.patch(model, rival, updateMask="labels"))

    vertex.patch(model, {"displayName": "new"}, updateMask="displayName")

    after = vertex.get(model)
    assert ("new", {"a": "b"}) == (after["displayName"], after["labels"])


def test_no_alias_is_given_to_a_version_that_was_deleted(local: Client, between: Between) -> None:
    """Else the model would have no default version, and not be found."""
    vertex = Vertex(local)
    first, second = two_versions(vertex)
    between(models, "find_version", lambda: vertex.delete(f"{second}:deleteVersion"))

    refused = vertex.refused("POST", f"{second}:mergeVersionAliases", json={"versionAliases": ["default"]})

    assert "NOT_FOUND" == refused["status"]
    assert "1" == vertex.get(first.partition("@")[0])["versionId"]


def test_a_version_that_becomes_the_default_is_not_deleted(local: Client, between: Between) -> None:
    """It was not the default one when it was looked at."""
    vertex = Vertex(local)
    first, second = two_versions(vertex)
    aliases = {"versionAliases": ["default"]}
    between(models, "find_version", lambda: vertex.post(f"{second}:mergeVersionAliases", aliases))

    refused = vertex.refused("DELETE", f"{second}:deleteVersion")

    assert "FAILED_PRECONDITION" == refused["status"]
    assert "2" == vertex.get(first.partition("@")[0])["versionId"]


# Tuning jobs


def test_of_two_cancellations_the_second_is_refused(local: Client, between: Between) -> None:
    """The job was running when it was looked at."""
    vertex = Vertex(local)
    job = vertex.tune()["name"]
    vertex.clock.advance(60)
    between(tuning_jobs, "find_tuning_job", lambda: vertex.post(f"{job}:cancel"))

    assert "FAILED_PRECONDITION" == vertex.refused("POST", f"{job}:cancel")["status"]


def test_a_quota_holds_for_jobs_created_at_once(local: Client, between: Between) -> None:
    """One is taken, one refused, though both found the place free."""
    local.world.settings = replace(local.world.settings, max_concurrent_jobs=1, over_quota="refuse")
    vertex = Vertex(local)
    between(tuning_job_creation, "_choose_model", lambda: vertex.post("tuningJobs", CREATE_JOB))

    assert "RESOURCE_EXHAUSTED" == vertex.refused("POST", "tuningJobs", json=CREATE_JOB)["status"]
    assert 1 == len(vertex.get("tuningJobs")["tuningJobs"])


def test_jobs_created_at_once_have_names_of_their_own(
    local: Client, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that was free when it was minted may be taken when the job is kept: then another is minted."""
    vertex = Vertex(local)
    minted = iter(["1", "1", "2"])
    monkeypatch.setattr(names, "tuning_job_id", lambda _: next(minted))
    made = []
    rival = lambda: made.append(vertex.post("tuningJobs", CREATE_JOB)["name"])  # noqa: E731 - one line
    between(tuning_job_creation, "_choose_model", rival)

    made.append(vertex.post("tuningJobs", CREATE_JOB)["name"])

    assert ["1", "2"] == [name.rpartition("/")[2] for name in made]


# Tuned models and their permissions


def shared(alice: Gemini) -> tuple[str, str]:
    """A tuned model that Bob may change, and his permission."""
    model = alice.trained(id="shared-model")
    role = {"granteeType": "USER", "emailAddress": "bob@example.com", "role": "WRITER"}
    return model, alice.post(f"{model}/permissions", role)["name"]


def test_who_lost_a_role_changes_nothing_more(local: Client, between: Between) -> None:
    """Bob was a writer when he asked, and is not when the model would be changed."""
    alice, bob = Gemini(local), Gemini(local, email="bob@example.com")
    model, permission = shared(alice)
    between(tuned_models, "find_tuned_model", lambda: alice.good("DELETE", permission))

    status, _, _ = bob.refused("PATCH", model, json={"displayName": "bob's"})

    assert 403 == status
    assert "number generator" == alice.get(model)["displayName"]


def test_who_lost_a_role_shares_nothing_more(local: Client, between: Between) -> None:
    """The same of permissions."""
    alice, bob = Gemini(local), Gemini(local, email="bob@example.com")
    model, permission = shared(alice)
    between(permissions, "find_tuned_model", lambda: alice.good("DELETE", permission))
    role = {"granteeType": "USER", "emailAddress": "carol@example.com", "role": "READER"}

    status, _, _ = bob.refused("POST", f"{model}/permissions", json=role)

    assert 403 == status
    assert ["OWNER"] == [each["role"] for each in alice.get(f"{model}/permissions")["permissions"]]


def test_a_model_that_is_not_ones_own_any_more_is_not_deleted(local: Client, between: Between) -> None:
    """Its new owner keeps it."""
    alice, bob = Gemini(local), Gemini(local, email="bob@example.com")
    model, _ = shared(alice)
    heir = {"emailAddress": "bob@example.com"}
    between(tuned_models, "find_tuned_model", lambda: alice.post(f"{model}:transferOwnership", heir))

    assert 403 == alice.refused("DELETE", model)[0]
    assert model == bob.get(model)["name"]


def test_of_two_models_with_one_id_the_second_is_refused(local: Client, between: Between) -> None:
    """409, and the first one stays as it was."""
    alice = Gemini(local)
    between(tuned_models, "new_tuned_model", lambda: alice.tune(id="mine", displayName="the first"))
    data = [{"textInput": str(number), "output": str(number + 1)} for number in range(20)]
    body = {
        "displayName": "the second",
        "baseModel": "models/gemini-1.0-pro-001",
        "tuningTask": {"trainingData": {"examples": {"examples": data}}},
    }

    status, _, _ = alice.refused("POST", "tunedModels", json=body, params={"tunedModelId": "mine"})

    assert 409 == status
    assert "the first" == alice.get("tunedModels/mine")["displayName"]


def test_a_batch_that_was_deleted_is_not_cancelled(local: Client, between: Between) -> None:
    """404, not a failure of ours."""
    gemini = Gemini(local)
    request = {"request": say("x")}
    body = {"batch": {"displayName": "b", "inputConfig": {"requests": {"requests": [request]}}}}
    batch = gemini.post("models/gemini-2.0-flash:batchGenerateContent", body)["name"]
    between(batches, "find_batch", lambda: gemini.good("DELETE", batch))

    assert 404 == gemini.refused("POST", f"{batch}:cancel")[0]


# Lists


def test_lists_go_on_behind_what_was_deleted(local: Client) -> None:
    """A page token names the last item of its page. That this one is gone by then changes nothing for the reader."""
    gemini, vertex = Gemini(local, email=None), Vertex(local)
    for number in range(6):
        gemini.tune(id=f"model-{number}")
        gemini.post(
            "models/gemini-2.0-flash:batchGenerateContent",
            {"batch": {"displayName": "b", "inputConfig": {"requests": {"requests": [{"request": say("x")}]}}}},
        )
        vertex.tune()
        vertex.post("endpoints", {"displayName": f"e{number}"})
        local.clock.advance(1)
    local.clock.advance(LONG)
    operations = f"{vertex.parent}/operations"

    assert_goes_on(
        lambda **asked: gemini.get("tunedModels", **asked), "tunedModels", lambda it: gemini.good("DELETE", it)
    )
    assert_goes_on(lambda **asked: gemini.get("batches", **asked), "operations", lambda it: gemini.good("DELETE", it))
    for order in ("", "display_name desc", "create_time, display_name", "update_time desc"):
        ordered = {"orderBy": order} if order else {}
        assert_goes_on(lambda **asked: vertex.get("endpoints", **asked, **ordered), "endpoints", vertex.delete)  # noqa: B023 - called at once
        assert_goes_on(lambda **asked: vertex.get("models", **asked, **ordered), "models", vertex.delete)  # noqa: B023 - called at once
    assert_goes_on(lambda **asked: vertex.get(operations, **asked), "operations", vertex.delete)


def assert_goes_on(get: Callable[..., Json], member: str, delete: Callable[[str], object]) -> None:
    """Whether the second page has everything that the first one had not, though the last one there was deleted."""
    everything = [each["name"] for each in get(pageSize=1000)[member]]
    first = get(pageSize=1)
    (last,) = [each["name"] for each in first[member]]
    delete(last)
    rest = [each["name"] for each in get(pageSize=999, pageToken=first["nextPageToken"])[member]]

    assert everything[0] == last
    assert len(everything) > 2
    assert everything[1:] == rest


# The log of calls


def test_a_record_of_a_stream_does_not_change(local: Client) -> None:
    """What is read off the log while a stream is under way stays as it was; afterwards the log knows the whole."""
    scenario = Scenario(local.world.store)
    scenario.add_rules(Rule(Answer(chunks=["one ", "two ", "three"], delays=[0, 1, 1])))
    body = b'{"contents":[{"role":"user","parts":[{"text":"x"}]}]}'
    headers = [("x-goog-api-key", "k"), ("content-type", "application/json"), ("content-length", str(len(body)))]
    url = "http://mock/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse"
    pieces = iter(send_request(create_app(local.world), AppRequest("POST", url, headers, body)).pieces)
    next(pieces)
    before = list(local.world.calls)
    seen = [_sent(call) for call in before]
    list(pieces)

    assert [[]] == seen == [_sent(call) for call in before]
    assert [["one ", "two ", "three"]] == [_sent(call) for call in local.world.calls]


def _sent(call: RecordedCall) -> list[str]:
    return [message["candidates"][0]["content"]["parts"][0]["text"] for message in call.response]


# Worlds


def test_a_request_sees_one_set_of_worlds() -> None:
    """Even if all worlds are replaced while it is being found."""
    named = World(ManualClock(START), name="w1")
    worlds = Worlds(World(ManualClock(START)))
    worlds.add(named)
    replacement = worlds.replaced(World(ManualClock(START)))

    def texts() -> Iterator[str]:
        replacement.__enter__()
        yield "mockserver-w1-key"

    assert named is worlds.choose(texts())
    replacement.__exit__(None, None, None)


def test_replacements_that_overlap_leave_nothing_behind() -> None:
    """Whichever ends first, the one that goes on is in effect, and afterwards everything is as before."""
    before, one, other = (World(ManualClock(START)) for _ in range(3))
    worlds = Worlds(before)
    first, second = worlds.replaced(one), worlds.replaced(other)
    first.__enter__()
    second.__enter__()
    seen = [worlds.default]
    first.__exit__(None, None, None)
    seen.append(worlds.default)
    second.__exit__(None, None, None)
    seen.append(worlds.default)

    assert [other, other, before] == seen

"""projects.locations.endpoints: where tuned models answer, and for how long."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from contract_tests.api.aiplatform import LONG, NUMBER, Vertex, turn
from contract_tests.api.conftest import START
from contract_tests.targets import Client, in_process
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

Json = dict[str, Any]


def asked(vertex: Vertex, endpoint: str) -> int:
    """The status of asking an endpoint."""
    return vertex.ask("POST", f"{endpoint}:generateContent", json=turn()).status_code


def test_an_endpoint_answers_from_the_end_of_its_job_on(client: Client) -> None:
    """Looked at or not; until a microsecond before, it is not found."""
    vertex = Vertex(client)
    vertex.tune(epochs=1)
    vertex.clock.advance(LONG)
    (served,) = vertex.get("endpoints")["endpoints"]
    other = Vertex(in_process(World(ManualClock(START), Settings(seed=1))))
    other.tune(epochs=1)
    end = datetime.fromisoformat(served["createTime"])
    statuses = []
    for moment in (end - timedelta(microseconds=1), end + timedelta(microseconds=1)):
        other.clock.move_to(moment)
        statuses.append(asked(other, served["name"]))

    assert [404, 200] == statuses


def test_an_endpoint_has_what_clients_read(client: Client) -> None:
    """The job's name and labels, one deployed model, all the traffic."""
    vertex = Vertex(client)
    job = vertex.tuned(tunedModelDisplayName="mine", labels={"team": "a"})

    endpoint = vertex.get(job["tunedModel"]["endpoint"])

    model = vertex.get(job["tunedModel"]["model"])
    (deployed,) = endpoint["deployedModels"]
    assert ("mine", model["labels"]) == (endpoint["displayName"], endpoint["labels"])
    assert (model["name"], "1", "3") == (deployed["model"], deployed["modelVersionId"], deployed["checkpointId"])
    assert {deployed["id"]: 100} == endpoint["trafficSplit"]
    assert job["endTime"] == endpoint["createTime"]


@pytest.mark.parametrize(("base", "count"), [("gemini-2.5-flash", 3), ("gemini-2.5-pro", 0)])
def test_an_endpoint_is_found_by_its_base_model(client: Client, base: str, count: int) -> None:
    """As models are, by the name with dots, whatever its labels are."""
    vertex = Vertex(client)
    endpoint = vertex.tuned(epochs=3)["tunedModel"]["endpoint"]
    vertex.patch(endpoint, {"labels": {"a": "b"}}, updateMask="labels")

    assert count == len(vertex.get("endpoints", filter=f'base_model_name="{base}"').get("endpoints", []))


def test_an_endpoint_is_found_by_the_label_of_its_job(client: Client) -> None:
    """As programs do that wait for it; the default one comes first."""
    vertex = Vertex(client)
    job = vertex.tuned()
    vertex.tuned()
    number = job["name"].rpartition("/")[2]

    found = vertex.get("endpoints", filter=f"labels.google-vertex-llm-tuning-job-id={number}")["endpoints"]

    assert job["tunedModel"]["endpoint"] == found[0]["name"]
    assert {each["endpoint"] for each in job["tunedModel"]["checkpoints"]} == {each["name"] for each in found}


@pytest.mark.parametrize(
    "elsewhere", [("us-central1", "europe-west4"), (NUMBER, "other-project"), ("endpoints/", "endpoints/9")]
)
def test_an_endpoint_is_in_its_project_and_location_only(client: Client, elsewhere: tuple[str, str]) -> None:
    """The real 404, with the project's number and backticks [seen]."""
    vertex = Vertex(client)
    name = vertex.tuned()["tunedModel"]["endpoint"].replace(*elsewhere)

    error = vertex.refused("POST", f"{name}:generateContent", json=turn())

    assert (404, "NOT_FOUND") == (error["code"], error["status"])
    assert re.fullmatch(
        rf"Endpoint `projects/\d{{12}}/locations/{name.split('/')[3]}/endpoints/\d+` not found\.", error["message"]
    )


def test_an_undeployed_endpoint_answers_no_more(client: Client) -> None:
    """It is still there, empty; the operation is done at once."""
    vertex = Vertex(client)
    name = vertex.tuned()["tunedModel"]["endpoint"]
    deployed = vertex.get(name)["deployedModels"][0]["id"]

    operation = vertex.post(f"{name}:undeployModel", {"deployedModelId": deployed})

    assert operation["done"] is True
    assert (
        "type.googleapis.com/google.cloud.aiplatform.v1.UndeployModelOperationMetadata"
        == operation["metadata"]["@type"]
    )
    assert {"@type": "type.googleapis.com/google.cloud.aiplatform.v1.UndeployModelResponse"} == operation["response"]
    assert operation == vertex.get(operation["name"])
    assert not vertex.get(name).keys() & {"deployedModels", "trafficSplit"}
    assert 404 == asked(vertex, name)


def test_only_what_is_deployed_can_be_undeployed(client: Client) -> None:
    """Anything else is refused."""
    vertex = Vertex(client)
    name = vertex.tuned()["tunedModel"]["endpoint"]

    unknown = vertex.refused("POST", f"{name}:undeployModel", json={"deployedModelId": "555"})
    nothing = vertex.refused("POST", f"{name}:undeployModel", json={})

    assert ["NOT_FOUND", "INVALID_ARGUMENT"] == [unknown["status"], nothing["status"]]


def test_a_deleted_endpoint_is_gone(client: Client) -> None:
    """The operation is the location's, done in the first answer [seen]; an empty list is an empty object."""
    vertex = Vertex(client)
    name = vertex.tuned(epochs=1)["tunedModel"]["endpoint"]

    operation = vertex.delete(name)

    assert re.fullmatch(rf"{vertex.place}/operations/\d{{18,19}}", operation["name"])
    assert ["name", "metadata", "done", "response"] == list(operation)
    assert {} == vertex.get("endpoints")
    assert 404 == asked(vertex, name)
    assert 404 == vertex.ask("GET", name).status_code


def test_a_tuned_model_can_be_deployed_elsewhere(client: Client) -> None:
    """On an endpoint of one's own it answers as on the job's."""
    vertex = Vertex(client)
    job = vertex.tuned()
    created = vertex.post("endpoints", {"displayName": "second"}, endpointId="my-endpoint")
    empty = asked(vertex, "endpoints/my-endpoint")
    body = {"deployedModel": {"model": job["tunedModel"]["model"]}, "trafficSplit": {"0": 100}}
    operation = vertex.post("endpoints/my-endpoint:deployModel", body)

    endpoint = vertex.get("endpoints/my-endpoint")
    assert "second" == created["response"]["displayName"] == endpoint["displayName"]
    assert 404 == empty
    assert operation["response"]["deployedModel"] == endpoint["deployedModels"][0]
    assert {endpoint["deployedModels"][0]["id"]: 100} == endpoint["trafficSplit"]
    assert 200 == asked(vertex, "endpoints/my-endpoint")
    assert endpoint["name"] in [each["endpoint"] for each in vertex.get(job["tunedModel"]["model"])["deployedModels"]]


def test_traffic_goes_only_where_it_is_sent(client: Client) -> None:
    """Deploying alone sends none, and what has some is not undeployed but as the last one (endpoint_service.proto)."""
    vertex = Vertex(client)
    model = vertex.tuned()["tunedModel"]["model"]
    vertex.post("endpoints", {"displayName": "mine"}, endpointId="mine")
    splits = []
    for name, split in (("one", {}), ("two", {"0": 100}), ("three", {})):
        deployed = {"deployedModel": {"model": model, "id": name}}
        vertex.post("endpoints/mine:deployModel", deployed | ({"trafficSplit": split} if split else {}))
        splits.append(vertex.get("endpoints/mine").get("trafficSplit"))
    busy = vertex.refused("POST", "endpoints/mine:undeployModel", json={"deployedModelId": "two"})
    vertex.post("endpoints/mine:undeployModel", {"deployedModelId": "one"})
    vertex.post("endpoints/mine:undeployModel", {"deployedModelId": "two", "trafficSplit": {"three": 100}})
    moved = vertex.get("endpoints/mine")
    vertex.post("endpoints/mine:undeployModel", {"deployedModelId": "three"})

    assert [None, {"two": 100}, {"two": 100}] == splits
    assert "FAILED_PRECONDITION" == busy["status"]
    assert (["three"], {"three": 100}) == ([each["id"] for each in moved["deployedModels"]], moved["trafficSplit"])
    assert not vertex.get("endpoints/mine").keys() & {"deployedModels", "trafficSplit"}


def test_an_endpoint_id_is_taken_once(client: Client) -> None:
    """INVALID_ARGUMENT, as Vertex AI says such things [seen, for sessions]."""
    vertex = Vertex(client)
    vertex.post("endpoints", {"displayName": "a"}, endpointId="mine")

    error = vertex.refused("POST", "endpoints?endpointId=mine", json={"displayName": "b"})

    assert (400, f"Endpoint with user-provided ID '{vertex.place}/endpoints/mine' already exists.") == (
        error["code"],
        error["message"],
    )


def test_the_id_of_a_deleted_endpoint_is_free_again(client: Client) -> None:
    """What is made under it is new."""
    vertex = Vertex(client)
    for name in ("a", "b"):
        vertex.post("endpoints", {"displayName": name}, endpointId="mine")
        shown = vertex.get("endpoints/mine")["displayName"]
        vertex.delete("endpoints/mine")

        assert name == shown


@pytest.mark.parametrize("wished", ["a/b", "Mine", "1234567890", "012", "-a", "a-", "a" * 64, "ä"])
def test_an_endpoint_id_has_a_form(client: Client, wished: str) -> None:
    """Letters, digits and hyphens, or a short number (endpoint_service.proto)."""
    error = Vertex(client).refused("POST", "endpoints", json={"displayName": "a"}, params={"endpointId": wished})

    assert "INVALID_ARGUMENT" == error["status"]


@pytest.mark.parametrize("split", [{"0": 50}, {"0": 50, "555": 50}, {"555": 100}, {"0": 101}])
def test_traffic_goes_to_what_is_deployed(client: Client, split: Json) -> None:
    """All of it, whichever way it is split: else nothing is changed (endpoint.proto)."""
    vertex = Vertex(client)
    job = vertex.tuned()["tunedModel"]
    before = vertex.get(job["endpoint"])
    deployed = before["deployedModels"][0]["id"]
    body = {"deployedModel": {"model": job["model"]}, "trafficSplit": split}
    wrong = {deployed if key == "0" else key: share for key, share in split.items()}

    refusals = [
        vertex.refused("POST", f"{job['endpoint']}:deployModel", json=body),
        vertex.refused("PATCH", job["endpoint"], json={"trafficSplit": wrong}),
        vertex.refused(
            "POST", f"{job['endpoint']}:undeployModel", json={"deployedModelId": deployed, "trafficSplit": split}
        ),
    ]

    assert {"INVALID_ARGUMENT"} == {error["status"] for error in refusals}
    assert before == vertex.get(job["endpoint"])


def test_a_checkpoint_or_an_id_to_deploy_has_to_make_sense(client: Client) -> None:
    """The one has to be there, the other must not."""
    vertex = Vertex(client)
    job = vertex.tuned()["tunedModel"]
    taken = vertex.get(job["endpoint"])["deployedModels"][0]["id"]

    def refused(**deployed: str) -> str:
        body = {"deployedModel": {"model": job["model"], **deployed}}
        status: str = vertex.refused("POST", f"{job['endpoint']}:deployModel", json=body)["status"]
        return status

    assert ["NOT_FOUND", "INVALID_ARGUMENT"] == [refused(checkpointId="99"), refused(id=taken)]


@pytest.mark.parametrize("mask", [None, "display_name", "displayName"])
def test_an_endpoint_can_be_renamed(client: Client, mask: str | None) -> None:
    """With a mask in either spelling, or none; also as an operation."""
    vertex = Vertex(client)
    name = vertex.tuned()["tunedModel"]["endpoint"]

    renamed = vertex.patch(name, {"displayName": "renamed"}, **({"updateMask": mask} if mask else {}))
    operation = vertex.post(f"{name}:update", {"endpoint": {"displayName": "again"}})

    assert "renamed" == renamed["displayName"]
    assert "again" == operation["response"]["displayName"] == vertex.get(name)["displayName"]
    assert 200 == asked(vertex, name)


def test_gemini_3_is_served_on_the_multi_region(client: Client) -> None:
    """Tuned in a region, served in "us" or "eu" [documented]."""
    vertex = Vertex(client, location="europe-west4")

    endpoint = vertex.tuned("gemini-3.5-flash")["tunedModel"]["endpoint"]

    assert endpoint.startswith(f"projects/{NUMBER}/locations/eu/endpoints/")
    assert 200 == asked(vertex, endpoint)
    assert endpoint in [each["name"] for each in Vertex(client, location="eu").get("endpoints")["endpoints"]]


def test_a_failed_job_has_no_endpoint(client: Client) -> None:
    """Nor a model, unless its training was done."""
    vertex = Vertex(client)
    name = vertex.tune(tunedModelDisplayName="mock-fail-at-step-1")["name"]
    vertex.clock.advance(LONG)

    job = vertex.get(name)

    assert {"code": 13, "message": "Internal error occurred. Contact Vertex AI."} == job["error"]
    assert "endpoint" not in job["tunedModel"]
    assert {} == vertex.get("endpoints") == vertex.get("models")


def test_operations_are_listed_and_forgotten(client: Client) -> None:
    """Under what they are about and under their location; cancel and delete answer `{}`."""
    vertex = Vertex(client)
    name = vertex.tuned()["tunedModel"]["model"].partition("@")[0]
    operation = vertex.delete(name)

    assert {"operations": [operation]} == vertex.get(f"{name}/operations") == vertex.get("operations")
    assert operation == vertex.post(f"{operation['name']}:wait")
    assert {} == vertex.post(f"{operation['name']}:cancel")
    assert {} == vertex.delete(operation["name"])
    assert {} == vertex.get("operations")
    assert f"Operation {operation['name']} not found." == vertex.refused("GET", operation["name"])["message"]


@pytest.mark.parametrize(("version", "status"), [("v1", 200), ("v1beta1", 404)])
def test_operations_of_a_job_are_listed_in_v1_only(client: Client, version: str, status: int) -> None:
    """The other version has no such method; those of models and endpoints are in both."""
    vertex = Vertex(client, version=version)
    name = vertex.tune()["name"]

    assert status == vertex.ask("GET", f"{name}/operations").status_code
    assert [200, 200] == [vertex.ask("GET", f"{kind}/1/operations").status_code for kind in ("models", "endpoints")]

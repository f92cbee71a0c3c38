"""projects.locations.models: tuned models in the registry."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from contract_tests.api.aiplatform import LONG, Vertex, turn
from contract_tests.targets import Client

Json = dict[str, Any]


def test_a_model_is_there_when_its_job_ends_by_the_clock(client: Client) -> None:
    """Nobody has to look at the job first."""
    vertex = Vertex(client)
    vertex.tune(supervisedTuningSpec={"trainingDatasetUri": "gs://b/t.jsonl", "exportLastCheckpointOnly": True})
    before = vertex.get("models")
    vertex.clock.advance(LONG)
    after = vertex.get("models")

    assert {} == before
    assert 1 == len(after["models"])


def test_a_model_has_what_clients_read(client: Client) -> None:
    """Its labels say what it was tuned from, how and by which job; deployedModels say where it answers."""
    vertex = Vertex(client)
    job = vertex.tuned("gemini-2.5-flash-lite", tunedModelDisplayName="mine", labels={"team": "a"}, epochs=1)
    job_id = job["name"].rpartition("/")[2]

    model = vertex.get(job["tunedModel"]["model"])

    assert job["tunedModel"]["model"] == f"{model['name']}@{model['versionId']}"
    assert {
        "team": "a",
        "google-vertex-llm-tuning-base-model-id": "gemini-2_5-flash-lite",
        "google-vertex-llm-tuning-job-id": job_id,
        "tune-type": "sft",
    } == model["labels"]
    assert ("mine", "1", ["default"]) == (model["displayName"], model["versionId"], model["versionAliases"])
    assert [job["tunedModel"]["endpoint"]] == [each["endpoint"] for each in model["deployedModels"]]
    assert {"sourceType": "GENIE"} == model["modelSourceInfo"]
    assert re.fullmatch(r"AMEw9y[\w-]{62}", model["etag"])


@pytest.mark.parametrize("spelling", ["{}", "{}@1", "{}%401", "{}@default"])
def test_a_model_goes_by_several_names(client: Client, spelling: str) -> None:
    """With and without a version, `@` encoded or not, the answer is the same: named without it."""
    vertex = Vertex(client)
    name = vertex.tuned()["tunedModel"]["model"].partition("@")[0]

    assert name == vertex.get(spelling.format(name))["name"]


@pytest.mark.parametrize("path", ["models/1", "models/1@1", "models/{}@2", "models/{}@other"])
def test_an_unknown_model_or_version_is_not_found(client: Client, path: str) -> None:
    """The sentence names it, with the project's number."""
    vertex = Vertex(client)
    number = vertex.tuned()["tunedModel"]["model"].rpartition("/")[2].partition("@")[0]

    error = vertex.refused("GET", path.format(number))

    assert (404, "NOT_FOUND") == (error["code"], error["status"])
    assert f"Model {vertex.place}/{path.format(number)} not found." == error["message"]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("labels.tune-type:*", 2),
        ("labels.tune-type=sft", 2),
        ("labels:tune-type", 2),
        ('labels."tune-type"=sft', 2),
        ("display_name=one", 1),
        ('displayName!="one"', 1),
        ('display_name="one" OR display_name="two"', 2),
        ("base_model_name=gemini-2.5-flash", 2),
        ("base_model_name=gemini-1.5-pro", 0),
        ("display_name=one&filter=labels.tune-type:*", 1),
        ("labels.missing:*", 0),
    ],
)
def test_models_are_filtered(client: Client, text: str, count: int) -> None:
    """The documented grammar, and google-genai's own filter appended inside the value."""
    vertex = Vertex(client)
    vertex.tune(tunedModelDisplayName="one")
    vertex.tune(tunedModelDisplayName="two")
    vertex.clock.advance(LONG)

    assert count == len(vertex.get("models", filter=text).get("models", []))


@pytest.mark.parametrize("text", ["labels.x", "=", "display_name=", '"', "(display_name=x", "display_name=x)"])
def test_what_is_no_filter_is_refused(client: Client, text: str) -> None:
    """400, in words of our own."""
    error = Vertex(client).refused("GET", "models", params={"filter": text})

    assert (400, "INVALID_ARGUMENT") == (error["code"], error["status"])


def test_models_are_ordered(client: Client) -> None:
    """Newest first [seen], or as asked."""
    vertex = Vertex(client)
    for name in ("b", "c", "a"):
        vertex.tune(tunedModelDisplayName=name, epochs=1)
        vertex.clock.advance(60)
    vertex.clock.advance(LONG)

    def names(**order: str) -> list[str]:
        return [model["displayName"] for model in vertex.get("models", **order)["models"]]

    assert ["a", "c", "b"] == names()
    assert ["a", "b", "c"] == names(orderBy="display_name")
    assert ["b", "c", "a"] == names(orderBy="create_time")
    assert ["c", "b", "a"] == names(order_by="displayName desc")


def test_a_read_mask_narrows_a_list(client: Client) -> None:
    """What is not asked for is not there; the name always is."""
    vertex = Vertex(client)
    vertex.tuned()

    model = vertex.get("models", readMask="displayName")["models"][0]

    assert ["name", "displayName"] == list(model)


@pytest.mark.parametrize("mask", [None, "displayName", "display_name", "displayName,description", "*"])
def test_a_patch_takes_any_mask_or_none(client: Client, mask: str | None) -> None:
    """google-genai sends none, the Python client camelCase, the Node client snake_case."""
    vertex = Vertex(client)
    name = vertex.tuned()["tunedModel"]["model"]
    params = {} if mask is None else {"updateMask": mask}

    answer = vertex.patch(name, {"displayName": "renamed", "description": "d", "versionId": "9"}, **params)

    assert "renamed" == answer["displayName"] == vertex.get(name)["displayName"]
    assert ("d" if mask not in {"displayName", "display_name"} else None) == answer.get("description")
    assert "1" == answer["versionId"]


def test_a_changed_model_has_another_etag_and_update_time(client: Client) -> None:
    """A change made to an older state is refused with 409 (AIP-154)."""
    vertex = Vertex(client)
    name = vertex.tuned()["tunedModel"]["model"]
    old = vertex.get(name)
    vertex.clock.advance(5)

    new = vertex.patch(name, {"labels": {"a": "b"}, "etag": old["etag"]}, updateMask="labels")

    assert {"a": "b"} == new["labels"]
    assert old["etag"] != new["etag"]
    assert new["etag"] == vertex.patch(name, {"labels": {"a": "b"}, "etag": ""}, updateMask="labels")["etag"]
    assert old["updateTime"] < new["updateTime"]
    assert "ABORTED" == vertex.refused("PATCH", name, json={"displayName": "x", "etag": old["etag"]})["status"]


@pytest.mark.parametrize("member", ["model", "endpoint"])
def test_of_two_changes_at_one_moment_the_second_needs_the_new_etag(client: Client, member: str) -> None:
    """An etag stands for what there is, not for when it was changed: a test's clock may stand still."""
    vertex = Vertex(client)
    name = vertex.tuned()["tunedModel"][member]
    first = vertex.patch(name, {"displayName": "first"})

    second = vertex.patch(name, {"displayName": "second", "etag": first["etag"]})

    assert first["updateTime"] == second["updateTime"]
    assert "ABORTED" == vertex.refused("PATCH", name, json={"displayName": "x", "etag": first["etag"]})["status"]


def test_another_default_checkpoint_moves_the_endpoint_of_the_job(client: Client) -> None:
    """tunedModel.endpoint is the default checkpoint's [documented]."""
    vertex = Vertex(client)
    job = vertex.tuned()

    vertex.patch(job["tunedModel"]["model"], {"defaultCheckpointId": "1"})

    assert job["tunedModel"]["checkpoints"][0]["endpoint"] == vertex.get(job["name"])["tunedModel"]["endpoint"]


def test_checkpoints_are_listed(client: Client) -> None:
    """Of the version named; epoch and step are int64."""
    vertex = Vertex(client)
    job = vertex.tuned(epochs=2)

    listed = vertex.get(f"{job['tunedModel']['model']}:listCheckpoints")

    assert [
        {name: each[name] for name in ("checkpointId", "epoch", "step")} for each in job["tunedModel"]["checkpoints"]
    ] == listed["checkpoints"]


def test_checkpoints_are_those_of_the_latest_version(client: Client) -> None:
    """Unless another is named; the default version does not matter (model_service.proto)."""
    vertex = Vertex(client)
    first = vertex.tuned(epochs=2)["tunedModel"]["model"]
    vertex.tuned(None, epochs=5, preTunedModel={"tunedModelName": first})

    listed = [vertex.get(f"{name}:listCheckpoints") for name in (first, first.partition("@")[0])]

    assert [2, 5] == [len(each["checkpoints"]) for each in listed]


def test_versions_are_listed_newest_first(client: Client) -> None:
    """All of one model, each with its own job's labels."""
    vertex = Vertex(client)
    first = vertex.tuned()
    vertex.tuned(None, preTunedModel={"tunedModelName": first["tunedModel"]["model"]})

    versions = vertex.get(f"{first['tunedModel']['model']}:listVersions")["models"]

    assert ["2", "1"] == [version["versionId"] for version in versions]
    assert 2 == len({version["labels"]["google-vertex-llm-tuning-job-id"] for version in versions})


def test_versions_are_ordered_by_their_times_only(client: Client) -> None:
    """They have one display name (model_service.proto). These two have one time."""
    vertex = Vertex(client)
    model = vertex.tuned()["tunedModel"]["model"]
    vertex.tuned(None, preTunedModel={"tunedModelName": model})
    versions = f"{model.partition('@')[0]}:listVersions"

    def numbers(order: str) -> list[str]:
        return [version["versionId"] for version in vertex.get(versions, orderBy=order)["models"]]

    assert numbers("") == numbers("create_time") == numbers("update_time desc, create_time") == ["2", "1"]
    assert 400 == vertex.refused("GET", versions, params={"orderBy": "display_name"})["code"]


def test_another_default_version_moves_no_model_in_the_list(client: Client) -> None:
    """Nor do versions that go: a model was created with its first one."""
    vertex = Vertex(client)
    first = vertex.tuned()["tunedModel"]["model"].partition("@")[0]
    other = vertex.tuned()["tunedModel"]["model"].partition("@")[0]
    vertex.tuned(None, preTunedModel={"tunedModelName": first})
    before = vertex.get("models")["models"]
    vertex.post(f"{first}@2:mergeVersionAliases", {"versionAliases": ["default"]})
    vertex.delete(f"{first}@1:deleteVersion")
    after = vertex.get("models")["models"]

    assert [other, first] == [model["name"] for model in before] == [model["name"] for model in after]
    assert [model["createTime"] for model in before] == [model["createTime"] for model in after]


def test_aliases_move_between_versions(client: Client) -> None:
    """An alias belongs to one version; "default" can only be moved."""
    vertex = Vertex(client)
    first = vertex.tuned()["tunedModel"]["model"]
    second = vertex.tuned(None, preTunedModel={"tunedModelName": first})["tunedModel"]["model"]
    vertex.post(f"{first}:mergeVersionAliases", {"versionAliases": ["stable"]})
    vertex.post(f"{second}:mergeVersionAliases", {"versionAliases": ["default", "stable"]})
    vertex.post(f"{second}:mergeVersionAliases", {"versionAliases": ["-stable", "-default"]})

    assert ["default"] == vertex.get(second)["versionAliases"]
    assert "versionAliases" not in vertex.get(first)
    assert "2" == vertex.get(first.partition("@")[0])["versionId"]


def test_an_alias_is_taken_from_the_version_named_only(client: Client) -> None:
    """Nor is one that is given and taken in one request (model_service.proto)."""
    vertex = Vertex(client)
    first = vertex.tuned()["tunedModel"]["model"]
    second = vertex.tuned(None, preTunedModel={"tunedModelName": first})["tunedModel"]["model"]
    vertex.post(f"{first}:mergeVersionAliases", {"versionAliases": ["golden", "stable"]})
    vertex.post(f"{second}:mergeVersionAliases", {"versionAliases": ["-golden"]})
    vertex.post(f"{first}:mergeVersionAliases", {"versionAliases": ["stable", "-stable"]})

    assert ["default", "golden", "stable"] == vertex.get(first)["versionAliases"]


@pytest.mark.parametrize("alias", ["1st", "Golden", "a", "a b", "-", "a" * 129, ""])
def test_an_alias_is_told_from_a_version(client: Client, alias: str) -> None:
    """`[a-z][a-zA-Z0-9-]{0,126}[a-z0-9-]`, with or without the sign that takes it away (model_service.proto)."""
    vertex = Vertex(client)
    name = vertex.tuned()["tunedModel"]["model"]
    refused = [
        vertex.refused("POST", f"{name}:mergeVersionAliases", json={"versionAliases": ["golden", sign + alias]})
        for sign in ("", "-")
    ]

    assert [400, 400] == [error["code"] for error in refused]
    assert ["default"] == vertex.get(name)["versionAliases"]


def test_one_of_several_versions_can_be_deleted(client: Client) -> None:
    """Not the default one, not the only one."""
    vertex = Vertex(client)
    first = vertex.tuned()["tunedModel"]["model"]
    only = vertex.refused("DELETE", f"{first}:deleteVersion")
    second = vertex.tuned(None, preTunedModel={"tunedModelName": first})["tunedModel"]["model"]
    default = vertex.refused("DELETE", f"{first}:deleteVersion")
    deleted = vertex.delete(f"{second}:deleteVersion")

    assert "FAILED_PRECONDITION" == only["status"] == default["status"]
    assert deleted["done"] is True
    assert 404 == vertex.ask("GET", second).status_code
    assert 200 == vertex.ask("GET", first).status_code


def test_a_deleted_model_is_not_found(client: Client) -> None:
    """The operation is done in the first answer [seen], under the model's name, and found under /ui/ too."""
    vertex = Vertex(client)
    name = vertex.tuned()["tunedModel"]["model"]

    operation = vertex.delete(name)

    bare = name.partition("@")[0]
    assert re.fullmatch(rf"{bare}/operations/\d{{18,19}}", operation["name"])
    times = operation["metadata"]["genericMetadata"]
    assert {
        "name": operation["name"],
        "metadata": {
            "@type": "type.googleapis.com/google.cloud.aiplatform.v1.DeleteOperationMetadata",
            "genericMetadata": {"createTime": times["createTime"], "updateTime": times["createTime"]},
        },
        "done": True,
        "response": {"@type": "type.googleapis.com/google.protobuf.Empty"},
    } == operation
    polled = client.get(f"/ui/{operation['name']}", headers={"authorization": "Bearer token"})
    assert operation == polled.json() == vertex.get(operation["name"])
    assert 404 == vertex.ask("GET", name).status_code
    assert {} == vertex.get("models")


def test_asking_a_model_instead_of_its_endpoint_is_refused(client: Client) -> None:
    """In the words that were seen in 2025."""
    vertex = Vertex(client)

    error = vertex.refused("POST", "models/1:generateContent", json=turn())

    assert {
        "code": 400,
        "message": f"The Model name {vertex.parent}/models/1 is malformed and it should be in form of "
        "projects/{project}/locations/{location}/publishers/google/models/{model}",
        "status": "INVALID_ARGUMENT",
    } == error


def test_a_model_that_is_asked_is_not_found_since_2026(client: Client) -> None:
    """Google's own tests of 2026-10 expect 404."""
    client.world.clock.move_to(datetime(2026, 10, 1, tzinfo=UTC))
    vertex = Vertex(client)

    assert 404 == vertex.refused("POST", "models/gemini-2.5-flash:generateContent", json=turn())["code"]


@pytest.mark.parametrize("verb", ["GET", "DELETE"])
def test_an_id_that_no_model_can_have_is_refused(client: Client, verb: str) -> None:
    """A base model is none of the project's: 400, as Google's own tests of 2026-10 expect; a number is 404."""
    vertex = Vertex(client)

    assert [400, 404] == [vertex.refused(verb, f"models/{each}")["code"] for each in ("gemini-2.5-flash", "1")]

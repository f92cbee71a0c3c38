"""tunedModels.operations: following a run, and stopping it."""

from struct import pack

import pytest

from contract_tests.api.generativelanguage import LONG, Gemini
from contract_tests.targets import Client


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_a_run_is_followed_to_its_end(client: Client, version: str) -> None:
    """`done` is absent until it is true; then there are all steps, 100 percent and the model."""
    gemini = Gemini(client)
    operation = gemini.tune()
    path = f"/{version}/{operation['name']}"

    assert operation == gemini.get(path)
    client.clock.advance(LONG)
    done = gemini.get(path)

    assert ["name", "metadata", "done", "response"] == list(done)
    assert ["@type", "totalSteps", "completedSteps", "completedPercent", "snapshots", "tunedModel"] == list(
        done["metadata"]
    )
    assert (True, 19, 100) == (done["done"], done["metadata"]["completedSteps"], done["metadata"]["completedPercent"])
    model = gemini.get(operation["metadata"]["tunedModel"])
    assert {"@type": "type.googleapis.com/google.ai.generativelanguage.v1beta.TunedModel", **model} == done["response"]
    assert "ACTIVE" == model["state"]


def test_percent_is_a_float_of_32_bits(client: Client) -> None:
    """40 of 188 steps are 21.276596, as a recorded 21.28 was."""
    gemini = Gemini(client)
    operation = gemini.tune(epochs=50)
    client.clock.advance(61)

    metadata = gemini.get(operation["name"])["metadata"]

    assert 188 == metadata["totalSteps"]
    assert metadata["completedSteps"] == len(metadata["snapshots"])
    percent, exact = metadata["completedPercent"], 100 * metadata["completedSteps"] / 188
    assert pack("f", exact) == pack("f", percent)
    assert len(str(percent)) < len(str(exact))


def test_metadata_is_refreshed_about_once_a_minute(client: Client) -> None:
    """Polled every half minute it says everything twice, to the byte."""
    gemini = Gemini(client)
    name = gemini.tune(epochs=100)["name"]
    bodies = []
    for _ in range(9):
        bodies.append(gemini.ask("GET", name).content)
        client.clock.advance(30.5)

    assert 5 == len(dict.fromkeys(bodies))
    assert bodies[0] == bodies[1] != bodies[2] == bodies[3] != bodies[4]


@pytest.mark.parametrize("body", [b"", b"{}", None])
def test_cancel_is_on_v1(client: Client, body: bytes | None) -> None:
    """With any empty body; the operation is then done and says code 1. v1beta has no such method."""
    gemini = Gemini(client)
    name = gemini.tune(epochs=50)["name"]
    client.clock.advance(30)

    nowhere = gemini.ask("POST", f"/v1beta/{name}:cancel", content=body)
    cancelled = gemini.ask("POST", f"/v1/{name}:cancel", content=body)

    assert (404, b"") == (nowhere.status_code, nowhere.content)
    assert (200, b"{}\n") == (cancelled.status_code, cancelled.content)
    operation = gemini.get(f"/v1/{name}")
    assert operation["done"] is True
    assert {"code": 1, "message": "The operation was cancelled."} == operation["error"]


def test_a_failed_run_is_an_error_in_a_good_answer(client: Client) -> None:
    """GET of a failed operation is 200; its error is a google.rpc.Status, not the envelope of HTTP errors."""
    gemini = Gemini(client)
    operation = gemini.tune(description="mock-fail-at-step-7")
    client.clock.advance(LONG)

    failed = gemini.get(f"/v1/{operation['name']}")

    assert ["name", "metadata", "done", "error"] == list(failed)
    assert 7 == failed["metadata"]["completedSteps"]
    assert 13 == failed["error"]["code"]
    assert "FAILED" == gemini.get(operation["metadata"]["tunedModel"])["state"]


def test_operations_are_listed(client: Client) -> None:
    """Under their model, and on v1 all of the caller's; those done or not, if wanted."""
    gemini = Gemini(client)
    first = gemini.tune()
    client.clock.advance(LONG)
    second = gemini.tune()

    names = [first["name"], second["name"]]

    assert [names[0]] == _names(gemini, f"{first['metadata']['tunedModel']}/operations")
    assert names == _names(gemini, "/v1/operations")
    assert [names[0]] == _names(gemini, "/v1/operations", filter="done=true")
    assert [names[1]] == _names(gemini, "/v1/operations", filter="done=false")
    assert [names[0]] == _names(gemini, "/v1/operations", pageSize=1)
    assert 400 == gemini.refused("GET", "/v1/operations", params={"filter": "what"})[0]
    token = gemini.get("/v1/operations", pageSize=1)["nextPageToken"]
    assert [names[1]] == _names(gemini, "/v1/operations", pageToken=token)
    assert 400 == gemini.refused("GET", "/v1/operations", params={"filter": "done=true", "pageToken": token})[0]


def test_what_is_no_operation_is_not_found(client: Client) -> None:
    """Neither one of a model that is there, nor one of a model that is not."""
    gemini = Gemini(client)
    name = gemini.tune()["metadata"]["tunedModel"]

    assert 404 == gemini.refused("GET", f"{name}/operations/nothing")[0]
    sentence = "Tuned model tunedModels/no does not exist."
    assert (404, "NOT_FOUND", sentence) == gemini.refused("GET", "tunedModels/no/operations/nothing")


def test_operations_cannot_be_deleted(client: Client) -> None:
    """There is a route and nothing behind it; for those of tuned models there is not even a route."""
    gemini = Gemini(client)
    name = gemini.tune()["name"]

    assert (501, "UNIMPLEMENTED") == gemini.refused("DELETE", "/v1/operations/x")[:2]
    assert 404 == gemini.ask("DELETE", f"/v1/{name}").status_code


def _names(gemini: Gemini, path: str, **params: object) -> list[str]:
    return [operation["name"] for operation in gemini.get(path, **params)["operations"]]

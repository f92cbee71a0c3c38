"""Discovery documents: in Google's form, out of our own routes, wherever the client found us."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contract_tests.environment import client_python
from contract_tests.targets import Client, in_process
from mockserver.inspection.services import route_table
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

Json = dict[str, Any]

PATH = "/$discovery/rest"
RECORDED = ("20240411", "20240713", "20241031", "20260325")

# What Google's documents say of a type that no package tells, and words for people.
UNTOLD = {"description", "enumDescriptions", "enumDeprecated", "deprecated", "enum", "readOnly", "scopes"}

# Types of 2026 that Google names by chance of its own, and messages the packages still have and the document has not.
RENAMED = {"GroundingSupport": "GoogleAiGenerativelanguageV1alphaGroundingSupport"}


def methods(document: Json) -> dict[str, Json]:
    """Every method of a document, by id."""
    own = {method["id"]: method for method in document.get("methods", {}).values()}
    for resource in document.get("resources", {}).values():
        own |= methods(resource)
    return own


def told(tree: Any) -> Any:
    """A document's tree without what only Google's authors know."""
    if isinstance(tree, dict):
        return {name: told(value) for name, value in tree.items() if name not in UNTOLD}
    return [told(item) for item in tree] if isinstance(tree, list) else tree


def document(client: Client, query: str, **headers: str) -> Json:
    """The document at a query."""
    answer = client.get(f"{PATH}?{query}", headers=headers)
    assert 200 == answer.status_code
    found: Json = answer.json()
    return found


@pytest.fixture
def recorded(transcripts: Path, request: pytest.FixtureRequest) -> Json:
    """A document that Google served on the day of its revision."""
    found: Json = json.loads((transcripts / f"gemini-discovery-v1beta-{request.param}.json").read_text())
    return found


@pytest.mark.parametrize("recorded", RECORDED, indirect=True)
def test_methods_are_described_as_google_describes_them(client: Client, recorded: Json) -> None:
    """Path, verb, parameters with patterns and formats, and messages of every method that both have."""
    ours, theirs = methods(document(client, "version=v1beta")), methods(recorded)
    common = ours.keys() & theirs.keys() - {
        "generativelanguage.batches.cancel"
    }  # its document has no body, its proto has
    if recorded["revision"] < "2025":
        ours["generativelanguage.tunedModels.operations.list"]["parameters"].pop("returnPartialSuccess")

    assert {"generativelanguage.tunedModels.create", "generativelanguage.models.list"} <= common
    assert {name: told(theirs[name]) for name in common} == {name: told(ours[name]) for name in common}


@pytest.mark.parametrize("recorded", ["20260325"], indirect=True)
def test_schemas_are_those_google_describes(client: Client, recorded: Json) -> None:
    """Every member that Google's document has of a message of ours is there, with its type and format."""
    ours, theirs = document(client, "version=v1beta")["schemas"], recorded["schemas"]
    common = ours.keys() & theirs.keys()
    expected = {
        (name, member): told(type_)
        for name in common
        for member, type_ in theirs[name]["properties"].items()
        if type_.get("items", {}).get("$ref") not in {*RENAMED.values(), "GroundingChunkCustomMetadata"}
    }

    assert {"TunedModel", "TuningTask", "Hyperparameters", "Operation", "Permission"} <= common
    assert expected == {place: told(ours[place[0]]["properties"].get(place[1])) for place in expected}


@pytest.mark.parametrize("recorded", RECORDED, indirect=True)
def test_a_day_has_no_method_its_document_lacks(recorded: Json) -> None:
    """As of the day of a document, the server offers nothing of tuning that the document does not."""
    revision = recorded["revision"]
    day = datetime.strptime(revision, "%Y%m%d").replace(tzinfo=UTC).date()
    world = World(ManualClock(datetime(day.year, day.month, day.day, tzinfo=UTC)), Settings(as_of=day))
    with in_process(world) as client:
        ours = methods(client.get(f"{PATH}?version=v1beta").json())
    tuning = {name for name in ours if "tunedModels" in name}

    assert tuning
    assert set() == tuning - methods(recorded).keys()


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_vertex_methods_are_those_of_the_document_google_ships(client: Client, version: str) -> None:
    """google-api-python-client carries the documents of Vertex AI; ours agrees with both."""
    documents = sorted(
        client_python("google").parent.parent.glob("lib/*/site-packages/googleapiclient/discovery_cache")
    )
    shipped = json.loads((documents[0] / "documents" / f"aiplatform.{version}.json").read_text())
    ours, theirs = methods(document(client, f"version={version}&service=aiplatform")), methods(shipped)
    common = ours.keys() & theirs.keys()
    for name in common:
        theirs[name]["parameters"].pop("gdcZone", None)  # of Google's own data centres; no package has it

    assert "aiplatform.projects.locations.tuningJobs.rebaseTunedModel" in common
    assert {name: told(theirs[name]) for name in common} == {name: told(ours[name]) for name in common}


def test_every_method_of_ours_is_in_a_document(client: Client) -> None:
    """What is served is discoverable, under its own id; `ui` is a path of consoles, not a version."""
    served = {
        (route.service.partition(".")[0], route.version, route.id)
        for route in route_table().routes
        if route.version != "ui" and not route.lenient
    }
    described = {
        (service, version, name.partition(".")[2])
        for service, version in {(service, version) for service, version, _ in served}
        for name in methods(document(client, f"version={version}&service={service}"))
    }

    assert served == described


def test_a_document_leads_back_to_where_it_was_found(client: Client) -> None:
    """Its root is the host the client asked, whichever that was, and there is no other way in."""
    found = document(client, "version=v1beta", host="mock.example:8765")

    assert "http://mock.example:8765/" == found["rootUrl"] == found["baseUrl"]
    assert "mtlsRootUrl" not in found


@pytest.mark.parametrize(
    ("query", "host", "expected"),
    [
        ("version=v1beta", "127.0.0.1:8765", "generativelanguage:v1beta"),
        ("version=v1", "127.0.0.1:8765", "generativelanguage:v1"),
        ("version=v1beta1", "127.0.0.1:8765", "aiplatform:v1beta1"),
        ("version=v1&service=aiplatform", "127.0.0.1:8765", "aiplatform:v1"),
        ("version=v1", "us-central1-aiplatform.googleapis.com", "aiplatform:v1"),
        ("version=v1", "generativelanguage.googleapis.com", "generativelanguage:v1"),
        ("key=some-key", "generativelanguage.googleapis.com", "generativelanguage:v1beta"),
        ("key=some-key", "aiplatform.googleapis.com", "aiplatform:v1"),
    ],
)
def test_a_service_is_known_by_its_host_or_its_version(client: Client, query: str, host: str, expected: str) -> None:
    """Google's hosts serve one service each; ours serves both, and takes the version's word or `service`."""
    assert expected == document(client, query, host=host)["id"]


@pytest.mark.parametrize("query", ["version=v9", "version=v1beta1&service=generativelanguage"])
def test_a_version_that_is_not_served_is_not_found(client: Client, query: str) -> None:
    """404, with the outermost server's page."""
    answer = client.get(f"{PATH}?{query}")

    assert (404, "text/html; charset=UTF-8") == (answer.status_code, answer.headers["content-type"])


def test_a_model_may_be_called_like_discovery(client: Client) -> None:
    """Only the exact path is the document's."""
    assert 404 == client.get("/v1beta/models/$discovery").status_code


def test_the_dollar_may_be_encoded(client: Client) -> None:
    """A path is the same however it is spelt."""
    assert client.get("/%24discovery/rest?version=v1").content == client.get(f"{PATH}?version=v1").content

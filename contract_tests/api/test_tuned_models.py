"""tunedModels: creating, reading, listing, changing and deleting tuned models, as bytes go over the wire."""

import re
from datetime import date
from typing import Any

import pytest

from contract_tests.api.conftest import START
from contract_tests.api.generativelanguage import FLASH, LONG, PRO, Gemini, say
from contract_tests.targets import Client, in_process
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

Json = dict[str, Any]

# A request in the style of the official curl samples: snake_case, and a comma after every last member.
SLOPPY = b"""
{
  "display_name": "sentiment of reviews",
  "base_model": "models/gemini-1.0-pro-001",
  "tuning_task": {
    "hyperparameters": {"batch_size": 2, "learning_rate": 0.001, "epoch_count":3,},
    "training_data": {"examples": {"examples": [
      {"text_input": "Lovely!", "output": "good",},
      {"text_input": "Never again.", "output": "bad",},
      {"text_input": "It is a hat.", "output": "neutral",},
    ]}}
  },
}
"""


def test_create_answers_an_operation_to_the_byte(client: Client) -> None:
    """Pretty, with its members in the order of their numbers, without `done` and without steps that are none yet."""
    gemini = Gemini(client)

    answer = gemini.ask("POST", "tunedModels", content=SLOPPY)

    found = re.search(r"tunedModels/(sentiment-of-reviews-[a-z0-9]{12})/operations/([a-z0-9]{12})", answer.text)
    assert found is not None
    assert answer.text == (
        "{\n"
        f'  "name": "{found[0]}",\n'
        '  "metadata": {\n'
        '    "@type": "type.googleapis.com/google.ai.generativelanguage.v1beta.CreateTunedModelMetadata",\n'
        '    "totalSteps": 5,\n'
        f'    "tunedModel": "tunedModels/{found[1]}"\n'
        "  }\n"
        "}\n"
    )


def test_a_new_model_reads_as_it_did_in_2024(client: Client) -> None:
    """State CREATING, no snapshots, floats as short as they go, nothing of the training data."""
    gemini = Gemini(client)
    name = gemini.tune(id="numbers", displayName=None)["metadata"]["tunedModel"]

    answer = gemini.ask("GET", name)

    assert answer.text == (
        "{\n"
        '  "name": "tunedModels/numbers",\n'
        '  "baseModel": "models/gemini-1.0-pro-001",\n'
        '  "state": "CREATING",\n'
        '  "createTime": "2024-03-14T15:00:00Z",\n'
        '  "updateTime": "2024-03-14T15:00:00Z",\n'
        '  "tuningTask": {\n'
        '    "hyperparameters": {\n'
        '      "epochCount": 5,\n'
        '      "batchSize": 4,\n'
        '      "learningRate": 0.001\n'
        "    }\n"
        "  },\n"
        '  "temperature": 0.9,\n'
        '  "topP": 1,\n'
        '  "topK": 1\n'
        "}\n"
    )


def test_a_finished_model_has_its_snapshots(client: Client) -> None:
    """The epoch of a snapshot is left out while it is 0; times have as many digits as they need."""
    gemini = Gemini(client)

    model = gemini.get(gemini.trained())

    snapshots = model["tuningTask"]["snapshots"]
    assert list(model["tuningTask"]) == ["startTime", "completeTime", "snapshots", "hyperparameters"]
    assert [{"step", "meanLoss", "computeTime"}] * 3 == [set(snapshot) for snapshot in snapshots[:3]]
    assert {"step": 19, "epoch": 5} == {key: snapshots[-1][key] for key in ("step", "epoch")}
    assert re.fullmatch(r"2024-03-14T15:\d\d:\d\d\.\d{9}Z", snapshots[0]["computeTime"])
    assert re.fullmatch(r"2024-03-14T15:\d\d:\d\d\.\d{6}Z", model["tuningTask"]["completeTime"])


def test_nothing_is_an_empty_object(client: Client) -> None:
    """A list of no models and the answer to DELETE are `{}` and a newline: three bytes."""
    gemini = Gemini(client)
    empty = gemini.ask("GET", "tunedModels")
    name = gemini.tune()["metadata"]["tunedModel"]

    deleted = gemini.ask("DELETE", name)

    assert b"{}\n" == empty.content == deleted.content


def test_what_is_deleted_is_not_found(client: Client) -> None:
    """The whole body, which has no details [seen 2023 to 2025]."""
    gemini = Gemini(client)
    name = gemini.tune(id="generate-num-1")["metadata"]["tunedModel"]
    gemini.good("DELETE", name)

    answer = gemini.ask("GET", name)

    assert 404 == answer.status_code
    assert answer.text == (
        "{\n"
        '  "error": {\n'
        '    "code": 404,\n'
        '    "message": "Tuned model tunedModels/generate-num-1 does not exist.",\n'
        '    "status": "NOT_FOUND"\n'
        "  }\n"
        "}\n"
    )


def test_a_list_comes_in_pages(client: Client) -> None:
    """Ten by default, whole resources, oldest first; both spellings of the parameters."""
    gemini = Gemini(client)
    names = [gemini.tune()["metadata"]["tunedModel"] for _ in range(12)]

    first = gemini.get("tunedModels")
    rest = gemini.get("tunedModels", page_size=50, page_token=first["nextPageToken"])

    assert 10 == len(first["tunedModels"])
    assert "nextPageToken" not in rest
    assert sorted(names) == sorted(model["name"] for page in (first, rest) for model in page["tunedModels"])
    assert gemini.get(names[0]) in first["tunedModels"] + rest["tunedModels"]


@pytest.mark.parametrize("mask", ["displayName,description", "display_name,description"])
def test_a_patch_as_google_generativeai_sends_it(client: Client, mask: str) -> None:
    """A GET, then the whole object back with a mask: output-only members and numbers of enums are ignored."""
    gemini = Gemini(client)
    name = gemini.trained()
    before = gemini.get(name)
    body = before | {"state": 2, "displayName": "new", "description": "words"}

    after = gemini.good("PATCH", name, json=body, params={"updateMask": mask})

    assert after == before | {"displayName": "new", "description": "words"} == gemini.get(name)


def test_a_patch_as_google_genai_sends_it(client: Client) -> None:
    """Without a mask, what is in the body changes."""
    gemini = Gemini(client)
    name = gemini.trained()

    after = gemini.good("PATCH", name, json={"displayName": "new"})

    assert after == gemini.get(name)
    assert "new" == after["displayName"]


def test_an_explicit_zero_is_kept(client: Client) -> None:
    """A temperature of 0 is one that was set, and is printed."""
    gemini = Gemini(client)

    assert 0 == gemini.get(gemini.trained(temperature=0))["temperature"]


def test_reader_projects_are_strings(client: Client) -> None:
    """As int64 always is."""
    gemini = Gemini(client)

    assert ["12"] == gemini.get(gemini.trained(readerProjectNumbers=[12]))["readerProjectNumbers"]


def test_another_users_model_is_forbidden(client: Client) -> None:
    """Models belong to who made them; their ids are everybody's."""
    Gemini(client).tune(id="taken")
    bob = Gemini(client, email="bob@example.com")
    sentence = "You do not have permission to access tuned model"

    assert (403, "PERMISSION_DENIED", f"{sentence} taken") == bob.refused("GET", "tunedModels/taken")
    assert {} == bob.get("tunedModels")
    answer = bob.ask("POST", "tunedModels?tunedModelId=taken", content=SLOPPY)
    assert f"{sentence} taken." == answer.json()["error"]["message"]


def test_a_key_owns_what_it_made(client: Client) -> None:
    """A caller without a token is its key, and sees its own."""
    by_key = Gemini(client, email=None)
    name = by_key.tune()["metadata"]["tunedModel"]

    assert [name] == [model["name"] for model in by_key.get("tunedModels")["tunedModels"]]
    assert 403 == Gemini(client).refused("GET", name)[0]


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({}, (400, "INVALID_ARGUMENT", "Either tuned_model_id or display_name must be set.")),
        ({"displayName": "n" * 41}, (400, "INVALID_ARGUMENT", "Request contains an invalid argument.")),
        (
            {"displayName": "n", "baseModel": "models/gemini-1.5-pro-002"},
            (
                404,
                "NOT_FOUND",
                "models/gemini-1.5-pro-002 is not found for CREATE TUNED MODEL at API version v1beta.",
            ),
        ),
        (
            # what google-genai sends since 1.47.0: no training data
            {"displayName": "n", "baseModel": FLASH, "tuningTask": {"hyperparameters": {"epochCount": 5}}},
            (
                400,
                "INVALID_ARGUMENT",
                "* CreateTunedModelRequest.tuned_model.tuning_task.training_data: training_data is not specified\n",
            ),
        ),
    ],
)
def test_what_cannot_be_tuned_is_refused(client: Client, body: Json, refusal: tuple[int, str, str]) -> None:
    """In the words that were seen, where they were."""
    assert refusal == Gemini(client).refused("POST", "tunedModels", json=body)


def test_both_rates_are_one_too_many(client: Client) -> None:
    """The oneof is the front end's to refuse, with the whole path."""
    body = {"tuningTask": {"hyperparameters": {"learningRateMultiplier": 1, "learningRate": 0.1}}}

    error = Gemini(client).ask("POST", "tunedModels", json=body).json()["error"]

    assert error["message"] == (
        "Invalid value at 'tuned_model.tuning_task.hyperparameters' (oneof), "
        "oneof field 'learning_rate_option' is already set. Cannot set 'learningRate'"
    )


def test_enums_may_be_numbers(client: Client) -> None:
    """`$alt=json;enum-encoding=int`, which Google's generated clients always send."""
    gemini = Gemini(client)
    name = gemini.tune()["metadata"]["tunedModel"]

    assert 1 == gemini.get(name, **{"$alt": "json;enum-encoding=int"})["state"]


def test_v1_is_lenient_if_told(client: Client) -> None:
    """By default v1 has no tuned models; with the setting it has, in the messages of v1beta."""
    lenient = Gemini(in_process(World(ManualClock(START), Settings(lenient_routes=True))), version="v1")

    assert 404 == Gemini(client, version="v1").ask("GET", "tunedModels").status_code
    operation = lenient.tune()
    assert operation["metadata"]["@type"].endswith("v1beta.CreateTunedModelMetadata")
    assert "CREATING" == lenient.get(operation["metadata"]["tunedModel"])["state"]


def test_tuned_models_took_no_keys_before_october_2024() -> None:
    """A lone key was the 401 that asks for OAuth."""
    client = in_process(World(ManualClock(START), Settings(as_of=date(2024, 5, 1))))

    answer = Gemini(client, email=None).ask("GET", "tunedModels")

    assert (401, "UNAUTHENTICATED") == (answer.status_code, answer.json()["error"]["status"])
    assert {} == Gemini(client).get("tunedModels")


def test_palm_was_tuned_on_v1beta3(client: Client) -> None:
    """The operation speaks in v1beta3's types, 297 bytes when the names are as long as the recorded ones."""
    gemini = Gemini(client, version="v1beta3")

    answer = gemini.ask(
        "POST", "tunedModels", content=SLOPPY.replace(PRO.encode(), b"models/text-bison-001").replace(b"reviews", b"x")
    )

    operation = answer.json()
    assert operation["metadata"]["@type"].endswith("v1beta3.CreateTunedModelMetadata")
    client.clock.advance(LONG)
    name = operation["metadata"]["tunedModel"]
    assert (0.7, 0.95, 40) == tuple(gemini.get(name)[key] for key in ("temperature", "topP", "topK"))
    said = gemini.post(f"{name}:generateText", {"prompt": {"text": "Lovely!"}})
    assert "good" == said["candidates"][0]["output"]
    assert 404 == Gemini(client).refused("POST", f"{name}:generateContent", json=say("Lovely!"))[0]

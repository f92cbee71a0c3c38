"""Tuned models of the Developer API: made, seen, changed, forgotten. No HTTP."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.laws.gemini.calls import (
    ALICE,
    BISON,
    BOB,
    FLASH,
    PRO,
    advance,
    get,
    invoke,
    new_world,
    operation_of,
    refusal,
    request,
    trained,
    tune,
)
from mockserver.gemini.store import TUNED_MODELS

Json = dict[str, Any]

CREATE = "tunedModels.create"


def test_a_new_model_is_there_at_once() -> None:
    """While it is made it can be read: state CREATING, updated when created, no snapshots, no training data."""
    world = new_world()
    name = tune(world, hyperparameters={"epochCount": 5, "batchSize": 2, "learningRate": 0.001})
    model = get(world, name)

    assert "CREATING" == model["state"]
    assert model["createTime"] == model["updateTime"] == world.clock.now()
    assert model["tuningTask"] == {
        "snapshots": [],
        "hyperparameters": {"epochCount": 5, "batchSize": 2, "learningRate": 0.001},
    }


def test_a_finished_model_is_active() -> None:
    """It is ACTIVE, completed when last updated, with a snapshot a step and the operation's response the same."""
    world = new_world()
    name = trained(world, hyperparameters={"epochCount": 5, "batchSize": 2})
    model, operation = get(world, name), operation_of(world, name)
    task = model["tuningTask"]

    assert ("ACTIVE", True) == (model["state"], operation["done"])
    assert task["completeTime"] == model["updateTime"] > task["snapshots"][-1]["computeTime"] > task["startTime"]
    assert [snapshot["step"] for snapshot in task["snapshots"]] == list(range(1, 39))
    assert operation["metadata"]["snapshots"] == task["snapshots"]
    assert 100 == operation["metadata"]["completedPercent"]
    assert {k: v for k, v in operation["response"].items() if k != "@type"} == model


def test_the_operation_lags_behind_the_model() -> None:
    """A model shows each step when it is done; its operation's metadata is refreshed about once a minute."""
    world = new_world()
    name = tune(world, hyperparameters={"epochCount": 50, "batchSize": 4})
    seen = []
    for _ in range(5):
        advance(world, 31)
        seen.append((len(get(world, name)["tuningTask"]["snapshots"]), operation_of(world, name)["metadata"]))
    steps = [metadata["completedSteps"] for _, metadata in seen]

    assert 0 == steps[0]
    assert steps[1] == steps[2] > 0
    assert seen[1][1] == seen[2][1]
    assert all(own >= reported for (own, _), reported in zip(seen, steps, strict=True))
    assert seen[0][0] > 0


def test_a_refresh_of_no_time_hides_nothing() -> None:
    """`metadata_refresh_seconds=0` shows every step in the operation too."""
    world = new_world(metadata_refresh_seconds=0)
    name = tune(world, hyperparameters={"epochCount": 50, "batchSize": 4})
    advance(world, 20)

    assert operation_of(world, name)["metadata"]["snapshots"] == get(world, name)["tuningTask"]["snapshots"] != []


@pytest.mark.parametrize(
    ("base", "sampling", "hyperparameters"),
    [
        (BISON, (0.7, 0.95, 40), (10, 16, 0.002)),
        (PRO, (0.9, 1, 1), (5, 4, 0.001)),
        (FLASH, (1, 0.95, 64), (5, 4, 0.001)),
    ],
)
def test_defaults_are_the_base_models(base: str, sampling: tuple[Any, ...], hyperparameters: tuple[Any, ...]) -> None:
    """What a caller leaves out is the base model's, and the resource says what is in effect."""
    world = new_world()
    model = get(world, tune(world, base))

    assert (model["temperature"], model["topP"], model["topK"]) == sampling
    assert tuple(model["tuningTask"]["hyperparameters"].values()) == hyperparameters


def test_a_multiplier_is_echoed() -> None:
    """Of the oneof the arm that was sent comes back, and it moves the rate of the run."""
    world = new_world()
    name = tune(world, FLASH, hyperparameters={"learningRateMultiplier": 2.0})

    assert 2.0 == get(world, name)["tuningTask"]["hyperparameters"]["learningRateMultiplier"]
    assert 0.002 == world.store.get(TUNED_MODELS, name).run.learning_rate


@pytest.mark.parametrize(
    ("base", "as_of", "length"),
    [(PRO, None, 29), (FLASH, None, 40), (FLASH, date(2024, 12, 1), 29), (FLASH, date(2025, 5, 22), 40)],
)
def test_minted_ids_are_those_of_their_time(base: str, as_of: date | None, length: int) -> None:
    """A slug and twelve random characters until early 2025, then as many as fit 40."""
    name = tune(new_world(as_of=as_of), base)

    assert name.startswith("tunedModels/number-generator-")
    assert len(name.removeprefix("tunedModels/")) == length


def test_a_chosen_id_leaves_the_display_name_absent() -> None:
    """Nothing is made up for a model that has an id."""
    world = new_world()
    name = tune(world, id="my-model", displayName="")

    assert "tunedModels/my-model" == name
    assert "" == get(world, name)["displayName"]


@pytest.mark.parametrize(
    ("members", "status", "sentence"),
    [
        ({"displayName": ""}, "INVALID_ARGUMENT", "Either tuned_model_id or display_name must be set."),
        ({"displayName": "x" * 41}, "INVALID_ARGUMENT", "Request contains an invalid argument."),
        (
            {"baseModel": "models/gemini-1.5-pro-002"},
            "NOT_FOUND",
            "models/gemini-1.5-pro-002 is not found for CREATE TUNED MODEL at API version v1beta.",
        ),
        (
            {"examples": 0},
            "INVALID_ARGUMENT",
            "* CreateTunedModelRequest.tuned_model.tuning_task.training_data: training_data is not specified\n",
        ),
    ],
)
def test_what_cannot_be_made_is_refused(members: dict[str, Any], status: str, sentence: str) -> None:
    """A name of its own, a tunable base model and training data are what it takes."""
    base = members.pop("baseModel", PRO)

    assert (status, sentence) == refusal(new_world(), CREATE, request(base, **members))


@pytest.mark.parametrize(
    "members",
    [
        {"id": "Upper"},
        {"id": "1digit"},
        {"id": "a" * 41},
        {"temperature": -0.1},
        {"temperature": 1.5},
        {"topP": 1.1},
        {"topK": 0},
        {"hyperparameters": {"epochCount": 0}},
        {"hyperparameters": {"batchSize": -4}},
        {"hyperparameters": {"learningRate": 0.0}},
        {"hyperparameters": {"epochCount": 10**9}},
        {"tuningTask": {"trainingData": {"examples": {"examples": [{"textInput": "", "output": "b"}]}}}},
        {"tuningTask": {"trainingData": {"examples": {"examples": [{"textInput": "a" * 40_001, "output": "b"}]}}}},
    ],
)
def test_numbers_and_examples_have_bounds(members: dict[str, Any]) -> None:
    """What makes no sense is a 400, whatever its words."""
    assert "INVALID_ARGUMENT" == refusal(new_world(), CREATE, request(**members))[0]


def test_ids_are_everybodys() -> None:
    """An id of one's own that is taken is a conflict; another's is forbidden, in the words seen of 2025-03."""
    world = new_world()
    tune(world, id="taken")

    assert refusal(world, CREATE, request(id="taken")) == (
        "ALREADY_EXISTS",
        "Tuned model tunedModels/taken already exists.",
    )
    assert refusal(world, CREATE, request(id="taken"), bearer=BOB) == (
        "PERMISSION_DENIED",
        "You do not have permission to access tuned model taken.",
    )


def test_going_on_from_a_tuned_model() -> None:
    """What worked with text-bison and 1.0 names both models; with 1.5 it is refused."""
    world = new_world()
    bison, flash = trained(world, BISON), trained(world, FLASH)
    model = get(world, tune(world, baseModel="", tunedModelSource={"tunedModel": bison}))

    assert "baseModel" not in model
    assert {"tunedModel": bison, "baseModel": BISON} == model["tunedModelSource"]
    refused = request(baseModel="", tunedModelSource={"tunedModel": flash})
    assert ("INVALID_ARGUMENT", "Request contains an invalid argument.") == refusal(world, CREATE, refused)


def test_a_patch_changes_what_the_mask_names() -> None:
    """The rest of the body is ignored, output-only members of the mask too; the update time stays."""
    world = new_world()
    name = trained(world)
    before = get(world, name)
    body = {"name": name, "description": "new", "displayName": "ignored", "state": "FAILED", "createTime": 5}
    message = {"tunedModel": body, "updateMask": ["description", "state"]}
    after = invoke(world, "tunedModels.patch", message)

    assert after == {**before, "description": "new"} == get(world, name)


def test_a_patch_without_a_mask_changes_what_it_holds() -> None:
    """As google-genai sends it; what may not change keeps what it has."""
    world = new_world()
    name = trained(world)
    body = {"name": name, "displayName": "n", "temperature": 0.0, "baseModel": FLASH, "readerProjectNumbers": [5]}
    after = invoke(world, "tunedModels.patch", {"tunedModel": body})

    assert ("n", 0.0, [5]) == (after["displayName"], after["temperature"], after["readerProjectNumbers"])
    assert after["baseModel"] == PRO


def test_a_cleared_temperature_is_the_base_models_again() -> None:
    """What the mask names and the body leaves out goes back to its default."""
    world = new_world()
    name = tune(world, temperature=0.1, description="d")
    message = {"tunedModel": {"name": name}, "updateMask": ["temperature", "description"]}
    after = invoke(world, "tunedModels.patch", message)

    assert (0.9, "") == (after["temperature"], after["description"])


@pytest.mark.parametrize("path", ["base_model", "tuning_task.hyperparameters.epoch_count", "no_such_field"])
def test_a_mask_cannot_name_what_is_fixed(path: str) -> None:
    """An immutable field that would change and an unknown one are refused."""
    world = new_world()
    name = tune(world)
    body = {"name": name, "baseModel": FLASH, "tuningTask": {"hyperparameters": {"epochCount": 7}}}

    assert "INVALID_ARGUMENT" == refusal(world, "tunedModels.patch", {"tunedModel": body, "updateMask": [path]})[0]


def test_v1beta3_answered_a_patch_with_the_masked_members_only() -> None:
    """`{"description":"This is my model."}` was all of the answer in 2023."""
    world = new_world()
    name = trained(world, BISON, version="v1beta3")
    message = {"tunedModel": {"name": name, "description": "This is my model."}, "updateMask": ["description"]}

    assert {"description": "This is my model."} == invoke(world, "tunedModels.patch", message, "v1beta3")
    assert "This is my model." == get(world, name)["description"]


def test_what_is_deleted_does_not_exist() -> None:
    """Neither the model, nor its operation; and its id is free again."""
    world = new_world()
    name = tune(world, id="gone")
    operation = operation_of(world, name)["name"]
    sentence = ("NOT_FOUND", "Tuned model tunedModels/gone does not exist.")

    assert {} == invoke(world, "tunedModels.delete", {"name": name})
    assert refusal(world, "tunedModels.get", {"name": name}) == sentence
    assert refusal(world, "tunedModels.delete", {"name": name}) == sentence
    assert refusal(world, "tunedModels.operations.get", {"name": operation}) == sentence
    assert tune(world, id="gone") == name


def test_the_operation_speaks_the_version_it_was_made_in() -> None:
    """Whichever version asks: the Any was stored in 2023, in the words of 2023."""
    world = new_world()
    name = trained(world, BISON, version="v1beta3")
    operation = operation_of(world, name, "v1")

    assert operation["metadata"]["@type"].endswith(".v1beta3.CreateTunedModelMetadata")
    assert operation["response"]["@type"].endswith(".v1beta3.TunedModel")
    assert "readerProjectNumbers" not in operation["response"]


def test_a_cancelled_run_ends_in_an_error() -> None:
    """The operation is done, with code 1; the model stays listed. Cancelling again, or later, changes nothing."""
    world = new_world()
    name = tune(world, hyperparameters={"epochCount": 50})
    advance(world, 30)
    operation = operation_of(world, name)["name"]

    assert {} == invoke(world, "tunedModels.operations.cancel", {"name": operation})
    cancelled = operation_of(world, name)
    assert (True, 1) == (cancelled["done"], cancelled["error"]["code"])
    assert "FAILED" == get(world, name)["state"]
    advance(world, 3600)
    invoke(world, "tunedModels.operations.cancel", {"name": operation})
    assert operation_of(world, name) == cancelled


def test_cancelling_what_has_ended_changes_nothing() -> None:
    """A finished model stays finished."""
    world = new_world()
    name = trained(world)
    before = operation_of(world, name)

    assert {} == invoke(world, "tunedModels.operations.cancel", {"name": before["name"]})
    assert operation_of(world, name) == before


def test_magic_words_decide_a_run() -> None:
    """`mock-fail-at-step-N` in the name or the description lets the run fail there, if magic is on."""
    world, plain = new_world(), new_world(magic=False)
    words = "mock-fail-at-step-3"
    name, other = trained(world, description=words), trained(plain, description=words)
    operation = operation_of(world, name)

    assert "FAILED" == get(world, name)["state"]
    assert 3 == operation["metadata"]["completedSteps"]
    assert operation["error"]["message"]
    assert "ACTIVE" == get(plain, other)["state"]


def test_the_same_seed_makes_the_same_model() -> None:
    """Ids, losses and times repeat exactly; the same data has the same first loss."""
    first, second = new_world(), new_world()
    name = trained(first)

    assert get(first, name) == get(second, trained(second))
    again = get(first, trained(first))
    losses = [get(first, name)["tuningTask"]["snapshots"], again["tuningTask"]["snapshots"]]
    assert losses[0][0]["meanLoss"] == losses[1][0]["meanLoss"]
    assert losses[0][1]["meanLoss"] != losses[1][1]["meanLoss"]


@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 20), st.lists(st.integers(0, 90), max_size=6))
def test_progress_never_goes_back(examples: int, epochs: int, batch: int, waits: list[int]) -> None:
    """Steps grow, snapshots are prefixes of later ones, and what has ended stays as it is."""
    world = new_world()
    name = tune(world, examples=examples, hyperparameters={"epochCount": epochs, "batchSize": batch})
    steps = 0
    snapshots: list[Json] = []
    ended = None
    for wait in waits:
        advance(world, wait)
        operation = operation_of(world, name)
        metadata = operation["metadata"]

        assert metadata["completedSteps"] >= steps
        assert metadata["snapshots"][: len(snapshots)] == snapshots
        assert ended in (None, operation)
        steps, snapshots = metadata["completedSteps"], metadata["snapshots"]
        ended = operation if "done" in operation else None
    assert operation_of(world, name)["metadata"]["totalSteps"] == -(-examples * epochs // batch)


def test_retired_models_are_there_and_silent() -> None:
    """After June 2025 nothing can be tuned; what was is listed and gettable, and does not answer [seen]."""
    world = new_world()
    name = trained(world, FLASH)
    world.settings = replace(world.settings, as_of=date(2025, 6, 13))
    message = {"model": name, "contents": [{"parts": [{"text": "1"}]}]}

    assert get(world, name)["name"] == name
    assert invoke(world, "tunedModels.list", {})["tunedModels"][0]["name"] == name
    sentence = (
        "models/gemini-1.5-flash-001-tuning is not found for API version v1beta, or is not supported for "
        "generateContent. Call ListModels to see the list of available models and their supported methods."
    )
    assert refusal(world, "tunedModels.generateContent", message) == ("NOT_FOUND", sentence)
    assert "NOT_FOUND" == refusal(world, CREATE, request(FLASH))[0]


def test_started_after_created() -> None:
    """The start is a little later than the creation, and finer than microseconds."""
    world = new_world()
    name = tune(world, bearer=ALICE)
    advance(world, 2)
    started = get(world, name)["tuningTask"]["startTime"]

    assert 0 < started - get(world, name)["createTime"] < 1.2e9
    assert started % 1000 != 0

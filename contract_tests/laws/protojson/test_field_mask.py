"""Laws of field masks: the selected part of a response, and the changes of a PATCH."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.http.error_body import error_body
from mockserver.protojson.field_mask import apply_fields_mask, merge
from mockserver.rpc.errors import ApiError, Code

GL = "google.ai.generativelanguage.v1beta"
MODEL = f"{GL}.TunedModel"
OPERATION = "google.longrunning.Operation"
METADATA = {"@type": f"type.googleapis.com/{GL}.CreateTunedModelMetadata", "totalSteps": 38, "completedSteps": 1}
JOB = "google.cloud.aiplatform.v1.TuningJob"

STORED: dict[str, Any] = {
    "name": "tunedModels/a",
    "baseModel": "models/b",
    "displayName": "old",
    "description": "words",
    "state": "ACTIVE",
    "tuningTask": {"startTime": 1, "snapshots": [{"step": 1, "meanLoss": 2.0}, {"step": 2, "meanLoss": 1.0}]},
}


@pytest.mark.parametrize(
    ("mask", "selected"),
    [
        ("name", {"name": "tunedModels/a"}),
        ("name,state", {"name": "tunedModels/a", "state": "ACTIVE"}),
        ("name,", {"name": "tunedModels/a"}),
        ("tuningTask/startTime", {"tuningTask": {"startTime": 1}}),
        ("tuningTask.startTime", {"tuningTask": {"startTime": 1}}),
        ("tuning_task/start_time,display_name", {"tuningTask": {"startTime": 1}, "displayName": "old"}),
        (
            "tuningTask(startTime,snapshots/step)",
            {"tuningTask": {"startTime": 1, "snapshots": [{"step": 1}, {"step": 2}]}},
        ),
        ("tuningTask(snapshots(step))", {"tuningTask": {"snapshots": [{"step": 1}, {"step": 2}]}}),
        ("tuningTask,tuningTask/startTime", {"tuningTask": STORED["tuningTask"]}),
        ("tuningTask/*", {"tuningTask": STORED["tuningTask"]}),
        ("temperature", {}),
        ("tuningTask/completeTime", {"tuningTask": {}}),
        ("*", STORED),
        ("name,*", STORED),
    ],
)
def test_a_mask_selects_members_at_any_depth(mask: str, selected: dict[str, Any]) -> None:
    """Paths, groups and the star select members; unset members stay absent."""
    assert selected == apply_fields_mask(MODEL, STORED, mask)


@pytest.mark.parametrize(
    ("mask", "path"),
    [
        ("bogus", "bogus"),
        ("name,bogus", "bogus"),
        (" name", " name"),
        ("Name", "Name"),
        ("tuningTask/bogus", "tuningTask.bogus"),
        ("tuningTask(startTime,snapshots(step,loss))", "tuningTask.snapshots.loss"),
        ("name/first", "name.first"),
        ("createTime/seconds", "createTime.seconds"),
        ("bogus,alsoBogus", "bogus"),
        ("tuningTask(startTime", "tuningTask(startTime"),
        ("name)", "name)"),
    ],
)
def test_the_first_unknown_path_is_refused_by_name(mask: str, path: str) -> None:
    """The violation's field is the whole mask, its description names the path."""
    with pytest.raises(ApiError) as caught:
        apply_fields_mask(MODEL, STORED, mask)

    violation = {
        "field": mask,
        "description": f"Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'.",
    }
    assert [violation] == caught.value.details[0]["fieldViolations"]
    assert (Code.INVALID_ARGUMENT, "Request contains an invalid argument.") == (caught.value.code, caught.value.message)


def test_a_mask_reaches_into_maps_anys_and_free_json() -> None:
    """Of an Any its type is kept, because without it nothing can be read."""
    job = {"labels": {"a": "1", "b": "2"}}
    operation = {"name": "o", "metadata": METADATA}
    call = {"name": "f", "args": {"a": [{"x": 1, "y": 2}], "b": 3}}

    assert {"labels": {"a": "1"}} == apply_fields_mask(JOB, job, "labels/a")
    assert {"metadata": {"@type": METADATA["@type"], "totalSteps": 38}} == apply_fields_mask(
        OPERATION, operation, "metadata/totalSteps"
    )
    assert {"args": {"a": [{"x": 1}]}} == apply_fields_mask(f"{GL}.FunctionCall", call, "args/a/x")


def test_the_recorded_refusal_is_reproduced(transcripts: Path) -> None:
    """Byte for byte, as another service of the same front end answers `fields=bogus`."""
    records = {row["id"]: row for row in json.loads((transcripts / "wire-errors.json").read_text())}
    with pytest.raises(ApiError) as caught:
        apply_fields_mask(MODEL, STORED, "bogus")

    assert records["fields-bad"]["body"] == error_body(caught.value).decode()


MUTABLE = {"display_name", "description", "temperature", "top_p", "top_k", "reader_project_numbers"}


@pytest.mark.parametrize(
    ("paths", "patch", "changed"),
    [
        (["display_name"], {"displayName": "new", "description": "not this"}, {"displayName": "new"}),
        (["displayName"], {"displayName": "new"}, {"displayName": "new"}),
        (["description"], {}, {"description": None}),
        (None, {"displayName": "new", "state": "FAILED"}, {"displayName": "new"}),
        (None, {"displayName": ""}, {}),
        (None, {"temperature": 0.0}, {"temperature": 0.0}),
        (None, {}, {}),
        (["*"], {"displayName": "new", "name": "tunedModels/z"}, {"displayName": "new", "description": None}),
        (["state", "description"], {"state": "FAILED", "description": "d"}, {"description": "d"}),
        (["name"], {"name": "tunedModels/a"}, {}),
        ([], {"displayName": "new"}, {}),
    ],
)
def test_a_patch_changes_what_the_mask_names(
    paths: list[str] | None, patch: dict[str, Any], changed: dict[str, Any]
) -> None:
    """No mask means every populated field, the star means every mutable field; None marks a cleared field."""
    expected = {name: value for name, value in (STORED | changed).items() if value is not None}

    assert expected == merge(MODEL, STORED, patch, paths, mutable=MUTABLE)


@pytest.mark.parametrize(
    "path", ["bogus", "display_name.x", "tuning_task.bogus", "tuning_task.snapshots.step", "base_model"]
)
def test_a_path_that_is_not_there_or_not_to_be_changed_is_refused(path: str) -> None:
    """Also where neither side has a value."""
    with pytest.raises(ApiError) as caught:
        merge(MODEL, STORED, {"displayName": "new", "baseModel": "models/c"}, [path], mutable=MUTABLE)

    assert (Code.INVALID_ARGUMENT, f"Invalid mask for TunedModel: {path}") == (caught.value.code, caught.value.message)


def test_a_path_changes_one_member_of_a_message_or_map() -> None:
    """Its neighbours stay."""
    stored = {"labels": {"a": "1", "b": "2"}, "encryptionSpec": {"kmsKeyName": "k"}}
    patch = {"labels": {"a": "9", "c": "3"}}

    assert {"a": "9", "b": "2"} == merge(JOB, stored, patch, ["labels.a"])["labels"]
    assert {"a": "1"} == merge(JOB, stored, patch, ["labels.b"])["labels"]
    assert {"labels": stored["labels"], "encryptionSpec": {}} == merge(
        JOB, stored, patch, ["encryption_spec.kms_key_name"]
    )
    assert stored == merge(JOB, stored, patch, ["supervised_tuning_spec.training_dataset_uri"])


def test_setting_an_arm_of_a_oneof_clears_the_others() -> None:
    """A tuned model has one source."""
    patch = {"tunedModelSource": {"tunedModel": "tunedModels/c"}}
    merged = merge(MODEL, STORED, patch, ["tuned_model_source"])

    assert {**patch, **{name: STORED[name] for name in STORED if name != "baseModel"}} == merged


@given(st.sets(st.sampled_from(sorted(STORED))), st.sets(st.sampled_from(sorted(STORED))))
def test_masks_add_up(one: set[str], other: set[str]) -> None:
    """Two masks joined select the union of their selections."""
    both = apply_fields_mask(MODEL, STORED, ",".join([*one, *other]))

    assert both == apply_fields_mask(MODEL, STORED, ",".join(one)) | apply_fields_mask(MODEL, STORED, ",".join(other))


@given(st.dictionaries(st.sampled_from(["displayName", "description"]), st.text(min_size=1)))
def test_a_patch_leaves_the_stored_message_alone(patch: dict[str, Any]) -> None:
    """Merging makes a new message, twice the same one."""
    before = json.dumps(STORED)
    once = merge(MODEL, STORED, patch, None)

    assert once == merge(MODEL, once, patch, None)
    assert before == json.dumps(STORED)


DEEP = "tools.functionDeclarations.parameters"


@pytest.mark.parametrize(
    "mask",
    [
        DEEP + ".items" * 2000,
        (DEEP + ".items" * 2000).replace(".", "/"),
        f"cachedContents({DEEP}{'.items' * 97})",
        f"{DEEP}{'.items' * 60}({'items.' * 60}type)",
        "a." * 100_000,
    ],
)
def test_a_mask_that_descends_too_far_is_refused(mask: str) -> None:
    """However its levels are written, and whatever has so many."""
    with pytest.raises(ApiError) as refused:
        apply_fields_mask(f"{GL}.ListCachedContentsResponse" if "(" in mask[:15] else f"{GL}.CachedContent", {}, mask)

    assert Code.INVALID_ARGUMENT is refused.value.code
    assert "Cannot find matching fields" in refused.value.hint


@pytest.mark.parametrize("mask", [DEEP + ".items" * 97, f"cachedContents({DEEP}{'.items' * 95}.type)"])
def test_a_mask_may_descend_as_far_as_a_message_does(mask: str) -> None:
    """A hundred levels."""
    message = f"{GL}.ListCachedContentsResponse" if "(" in mask else f"{GL}.CachedContent"

    assert {} == apply_fields_mask(message, {}, mask)


def test_an_update_mask_that_descends_too_far_is_refused() -> None:
    """It cannot name anything."""
    with pytest.raises(ApiError) as refused:
        merge(f"{GL}.Schema", {}, {}, ["items" + ".items" * 2000])

    assert Code.INVALID_ARGUMENT is refused.value.code

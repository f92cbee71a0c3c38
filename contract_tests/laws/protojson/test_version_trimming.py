"""An older version of an API shows only what it defines of a newer version's messages."""

import pytest

from mockserver.protojson.version_trimming import trim_to_version

V1BETA = "google.ai.generativelanguage.v1beta"
V1BETA3 = "google.ai.generativelanguage.v1beta3"


def test_members_without_a_field_are_left_out_at_any_depth() -> None:
    """Hyperparameters of 2023 had no multiplier, and models had no reader projects."""
    model = {
        "name": "tunedModels/a",
        "createTime": 5,
        "tuningTask": {"hyperparameters": {"epochCount": 1, "learningRateMultiplier": 2.0}, "snapshots": [{"step": 1}]},
        "readerProjectNumbers": [1],
    }

    assert {
        "name": "tunedModels/a",
        "createTime": 5,
        "tuningTask": {"hyperparameters": {"epochCount": 1}, "snapshots": [{"step": 1}]},
    } == trim_to_version(f"{V1BETA3}.TunedModel", model)
    assert model == trim_to_version(f"{V1BETA}.TunedModel", model)


def test_an_any_is_trimmed_to_its_type() -> None:
    """It stands inside an operation, whose own type allows any content."""
    response = {"@type": f"type.googleapis.com/{V1BETA3}.TunedModel", "readerProjectNumbers": [1], "topK": 1}
    operation = {"name": "o", "done": True, "response": response}

    assert {"@type": response["@type"], "topK": 1} == trim_to_version("google.longrunning.Operation", operation)[
        "response"
    ]


def test_undefined_enum_names_are_left_out() -> None:
    """A client could not parse them; undefined numbers stay, because proto3 enums are open."""
    candidate = f"{V1BETA}.Candidate"

    assert {} == trim_to_version(candidate, {"finishReason": "NO_SUCH_REASON"})
    assert {"finishReason": "STOP"} == trim_to_version(candidate, {"finishReason": "STOP"})
    assert {"finishReason": 99} == trim_to_version(candidate, {"finishReason": 99})


def test_an_unknown_message_type_raises() -> None:
    """It is a bug in the caller."""
    with pytest.raises(KeyError):
        trim_to_version("google.no.Such", {})

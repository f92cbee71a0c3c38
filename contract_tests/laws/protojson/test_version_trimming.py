"""What an older version of an API knows of a newer one's messages."""

import pytest

from mockserver.protojson.version_trimming import known

V1BETA = "google.ai.generativelanguage.v1beta"
V1BETA3 = "google.ai.generativelanguage.v1beta3"


def test_members_without_a_field_are_left_out_at_any_depth() -> None:
    """Hyperparameters of 2023 had no multiplier, and models no reader projects."""
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
    } == known(f"{V1BETA3}.TunedModel", model)
    assert model == known(f"{V1BETA}.TunedModel", model)


def test_an_any_is_held_to_its_type() -> None:
    """Inside an operation, whose own type has members of every kind."""
    response = {"@type": f"type.googleapis.com/{V1BETA3}.TunedModel", "readerProjectNumbers": [1], "topK": 1}
    operation = {"name": "o", "done": True, "response": response}

    assert {"@type": response["@type"], "topK": 1} == known("google.longrunning.Operation", operation)["response"]


def test_words_an_enum_has_not_are_left_out() -> None:
    """Rather than printed for a client that could not read them; numbers stay, as enums are open."""
    candidate = f"{V1BETA}.Candidate"

    assert {} == known(candidate, {"finishReason": "NO_SUCH_REASON"})
    assert {"finishReason": "STOP"} == known(candidate, {"finishReason": "STOP"})
    assert {"finishReason": 99} == known(candidate, {"finishReason": 99})


def test_an_unknown_message_is_a_mistake() -> None:
    """The caller's, which is not passed over."""
    with pytest.raises(KeyError):
        known("google.no.Such", {})

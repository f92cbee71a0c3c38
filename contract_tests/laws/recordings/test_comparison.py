"""Comparing a recorded response with ours: what may differ, and what must not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.laws.protojson.shapes import json_values
from mockserver.recordings.comparison import Difference, Grade, compare, grade
from mockserver.recordings.id_mapping import IdMapping
from mockserver.transcripts.exchange import RecordedResponse

NAME = "projects/my-project/locations/us-central1/tuningJobs/2995954652073164800"
OURS = "projects/601265287051/locations/us-central1/tuningJobs/7147202687262523392"


def reply(body: Any, status: int = 200, **headers: str) -> RecordedResponse:
    """Return a response with pretty JSON; a text is the body itself."""
    text = body if isinstance(body, str) else json.dumps(body, indent=2) + "\n"
    ids = {name.replace("_", "-"): value for name, value in headers.items()}
    return RecordedResponse(
        status, tuple({"content-type": "application/json; charset=UTF-8", **ids}.items()), text.encode()
    )


def between(recorded: Any, ours: Any, ids: IdMapping | None = None) -> list[Difference]:
    """Return the differences between two bodies."""
    return compare(reply(recorded), reply(ours), ids or IdMapping())


@given(json_values)
def test_a_reply_is_the_same_as_itself(tree: Any) -> None:
    """It has no differences, whatever its content."""
    assert [] == between({"it": tree}, {"it": tree})


@pytest.mark.parametrize(
    ("recorded", "ours"),
    [
        ({"name": NAME}, {"name": OURS}),
        ({"createTime": "2026-10-01T19:43:49.878165Z"}, {"createTime": "2026-10-01T19:43:50.123456Z"}),
        ({"usageMetadata": {"totalTokenCount": 10}}, {"usageMetadata": {"totalTokenCount": 12}}),
        ({"meanLoss": 16.61, "step": 1}, {"meanLoss": 3, "step": 2}),
        ({"parts": [{"text": "Cheyenne"}]}, {"parts": [{"text": "Paris"}]}),
        ({"responseId": "1lpeaM2zA_H"}, {"responseId": "Or-FasDEB9L"}),
        ({"nextPageToken": "abc"}, {"nextPageToken": "def"}),
        ({"trafficSplit": {"1793004947495714816": 100}}, {"trafficSplit": {"7153202687262523000": 100}}),
        ({"message": f"The job {NAME} is gone."}, {"message": f"The job {OURS} is gone."}),
        ({"d": "m-e7142909-bbe0-49c2-bfe7-82fef6fb55c9"}, {"d": "m-bf6ead6f-99a5-4ba7-8919-c84a2c30ebbb"}),
        ({"error": {"code": 400, "details": []}}, {"error": {"code": 400}}),
    ],
)
def test_what_nobody_can_predict_may_differ(recorded: Any, ours: Any) -> None:
    """Ids, times, tokens, losses, the model's text, and lists that the recorder emptied."""
    assert [] == between(recorded, ours)


@pytest.mark.parametrize(
    ("recorded", "ours"),
    [
        ({"snapshots": [{"step": 1}]}, {"snapshots": [{"step": 1}, {"step": 2}]}),
        ({"temperature": 0.7}, {"temperature": 0.9}),
        ({"probability": "LOW"}, {"probability": "NEGLIGIBLE"}),
        ({"createTime": "2026-10-01T19:43:49Z"}, {"createTime": "2026-10-01T19:43:49.123456Z"}),
        ({"message": "token count (1250074) exceeds"}, {"message": "token count (99) exceeds"}),
    ],
)
def test_lengths_and_numbers_are_of_one_shape(recorded: Any, ours: Any) -> None:
    """Members, order and types agree."""
    assert Grade.SHAPE == grade(between(recorded, ours))


@pytest.mark.parametrize(
    ("recorded", "ours", "where"),
    [
        ({"a": 1}, {}, "a"),
        ({}, {"a": 1}, "a"),
        ({"a": {"b": [{"c": 1}]}}, {"a": {"b": [{}]}}, "a.b[0].c"),
        ({"epochCount": "1"}, {"epochCount": 1}, "epochCount"),
        ({"done": True}, {"done": False}, "done"),
        ({"state": "ACTIVE"}, {"state": "CREATING"}, "state"),
        ({"message": "It is gone."}, {"message": "It is missing."}, "message"),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "order"),
        ({"baseModel": "models/gemini-1.5-flash-001"}, {"baseModel": "models/gemini-1.0-pro-001"}, "baseModel"),
        ({"location": "locations/us-central1"}, {"location": "locations/us-east1"}, "location"),
        ({"jobs": []}, {"jobs": [1]}, "jobs length"),
        ('{"a": 1}', {"a": 1}, "layout"),
        ({"a": 1}, "Not Found", "body"),
    ],
)
def test_anything_else_is_drift(recorded: Any, ours: Any, where: str) -> None:
    """Each difference has its path."""
    found = between(recorded, ours)

    assert (Grade.DIFFERS, [where]) == (grade(found), [difference.where for difference in found])


def test_status_and_type_are_compared() -> None:
    """Status and content type come before the body."""
    recorded, ours = reply({}, 404, content_type="text/event-stream"), reply({})

    assert ["status", "content-type"] == [difference.where for difference in compare(recorded, ours, IdMapping())]


def test_an_id_stands_for_one_other() -> None:
    """A recorded id that later corresponds to another id of ours is drift."""
    ids = IdMapping()
    between({"name": NAME}, {"name": OURS}, ids)
    found = between({"name": NAME}, {"name": OURS.replace("7147202687262523392", "1111111111111111111")}, ids)

    assert OURS == ids.translate(NAME)
    assert Grade.DIFFERS == grade(found)


def test_what_the_client_chose_is_kept() -> None:
    """An id that the client chose must stay; a project's id may become its number."""
    ids = IdMapping()
    ids.keep_client_words("/v1beta/tunedModels?tunedModelId=my-own-model")
    ids.keep_client_words("/v1/projects/my-project/locations/us-central1/tuningJobs")

    assert Grade.DIFFERS == grade(between({"name": "tunedModels/my-own-model"}, {"name": "tunedModels/other"}, ids))
    assert [] == between({"name": "projects/my-project/x/1"}, {"name": "projects/601265287051/x/1"}, ids)


@pytest.mark.parametrize(
    ("recorded", "ours"),
    [
        (
            'data: {"a": {"text": "x"}}\r\n\r\ndata: {"b": 1}\r\n\r\n',
            'data: {"a": {"text": "y"}}\r\n\r\ndata: {"b": 1}\r\n\r\n',
        ),
        ('[{\n  "a": 1\n}\n,\r\n{\n  "b": 1\n}\n]', '[{\n  "a": 1\n}\n,\r\n{\n  "a": 1\n}\n,\r\n{\n  "b": 1\n}\n]'),
    ],
)
def test_streams_are_compared_by_their_ends(recorded: str, ours: str) -> None:
    """The number of chunks is random; the first and the last chunk are not."""
    assert [] == between(recorded, ours)
    assert Grade.DIFFERS == grade(between(recorded, ours.replace('"b"', '"c"')))


@given(st.sampled_from(["a", "b", "c"]), st.integers(0, 3))
def test_losing_a_member_is_never_overlooked(name: str, depth: int) -> None:
    """They are ignored at any depth."""
    whole: Any = {"a": 1, "b": "text", "c": {"d": True}}
    part = {key: value for key, value in whole.items() if key != name}
    for _ in range(depth):
        whole, part = {"in": [whole]}, {"in": [part]}

    assert Grade.DIFFERS == grade(between(whole, part))


WHOLE = {"candidates": [{"content": {"parts": [{"text": "a b c"}]}, "finishReason": "STOP"}], "usageMetadata": {"a": 1}}
EVENTS = [
    {"candidates": [{"content": {"parts": [{"text": "a "}]}}]},
    {"candidates": [{"content": {"parts": [{"text": "b c"}]}, "finishReason": "STOP"}], "usageMetadata": {"a": 1}},
]


def events(*messages: Any) -> str:
    """A stream of events."""
    return "".join(f"data: {json.dumps(message)}\r\n\r\n" for message in messages)


@pytest.mark.parametrize(("recorded", "ours"), [([WHOLE], EVENTS), (EVENTS, [WHOLE])])
def test_a_stream_of_one_event_says_what_several_say(recorded: list[Any], ours: list[Any]) -> None:
    """What the whole says counts, and its end; not into how many events it was cut."""
    assert Grade.SHAPE == grade(between(events(*recorded), events(*ours)))


def test_a_stream_without_its_end_differs() -> None:
    """A finish reason that is in no event of ours is drift."""
    unfinished = [EVENTS[0], {"candidates": [{"content": {"parts": [{"text": "b c"}]}}]}]

    assert Grade.DIFFERS == grade(between(events(WHOLE), events(*unfinished)))


@pytest.mark.parametrize(
    ("state", "expected"), [("FAILED", Grade.SHAPE), ("CANCELLED", Grade.SHAPE), ("RUNNING", Grade.DIFFERS)]
)
def test_what_recordings_disagree_on_is_no_drift(state: str, expected: Grade) -> None:
    """additions.md, vertex 2.1: of two recorded FAILED jobs one has a tuned model, the other none."""
    job = {"name": NAME, "state": f"JOB_STATE_{state}"}

    assert expected == grade(between({**job, "tunedModel": {"model": "m"}}, job))
    assert expected == grade(between(job, {**job, "tunedModel": {"model": "m"}}))

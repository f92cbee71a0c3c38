"""How messages are written: which members, in which order, in which form."""

import json
import random
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.protojson import schema
from mockserver.protojson.schema import Field, FieldType
from mockserver.protojson.writing import ARRAY_CLOSE, ARRAY_OPEN, ARRAY_SEPARATOR, Style, event_writer, to_json, write

GL = "google.ai.generativelanguage.v1beta"
VX = "google.cloud.aiplatform.v1"
SECOND = 1_000_000_000
NOON = 1_710_417_600 * SECOND  # 2024-03-14T12:00:00Z
COMPACT = Style(pretty=False)
INTS = Style(pretty=False, enum_as_int=True)


def written(message: str, value: dict[str, Any], style: Style = COMPACT) -> str:
    """The text of a message, compact, for the eye."""
    return write(message, value, style).decode()


def test_members_come_by_field_number() -> None:
    """The order of the dict and of the .proto file does not matter: topP 11 after temperature, learningRate 16 last."""
    model = {
        "temperature": 0.5,
        "tuningTask": {"hyperparameters": {"learningRate": 0.001, "batchSize": 2, "epochCount": 5}},
        "baseModel": "models/b",
        "name": "tunedModels/a",
    }
    text = (
        '{"name":"tunedModels/a","baseModel":"models/b","tuningTask":{"hyperparameters":'
        '{"epochCount":5,"batchSize":2,"learningRate":0.001}},"temperature":0.5}'
    )

    assert text == written(f"{GL}.TunedModel", model)


@pytest.mark.parametrize(
    ("message", "value", "text"),
    [
        (f"{GL}.TuningSnapshot", {"step": 1, "epoch": 0, "meanLoss": 0.0}, '{"step":1}'),
        (f"{GL}.TuningSnapshot", {"meanLoss": -0.0}, '{"meanLoss":-0}'),
        (f"{GL}.TunedModel", {"state": "STATE_UNSPECIFIED", "readerProjectNumbers": []}, "{}"),
        (f"{GL}.TunedModel", {"state": 0, "description": ""}, "{}"),
        (f"{VX}.TuningJob", {"labels": {}}, "{}"),
        ("google.longrunning.Operation", {"name": "a", "done": False}, '{"name":"a"}'),
    ],
)
def test_what_has_no_presence_is_left_out_at_its_default(message: str, value: dict[str, Any], text: str) -> None:
    """Zero, the empty and false are not there; minus zero is not zero."""
    assert text == written(message, value)


@pytest.mark.parametrize(
    ("message", "value", "text"),
    [
        (f"{GL}.TunedModel", {"temperature": 0.0, "topK": 0}, '{"temperature":0,"topK":0}'),
        (f"{GL}.Candidate", {"index": 0}, '{"index":0}'),
        (f"{GL}.Part", {"text": ""}, '{"text":""}'),
        (f"{GL}.TunedModel", {"tuningTask": {}}, '{"tuningTask":{}}'),
        (f"{GL}.Permission", {"role": "ROLE_UNSPECIFIED"}, '{"role":"ROLE_UNSPECIFIED"}'),
    ],
)
def test_what_has_presence_is_written_as_soon_as_it_is_set(message: str, value: dict[str, Any], text: str) -> None:
    """`optional` fields, arms of a oneof and messages, at their defaults too."""
    assert text == written(message, value)


@pytest.mark.parametrize(
    ("message", "value", "text"),
    [
        (f"{VX}.SupervisedHyperParameters", {"epochCount": 4}, '{"epochCount":"4"}'),
        (f"{GL}.CreateTunedModelMetadata", {"totalSteps": 38}, '{"totalSteps":38}'),
    ],
)
def test_sixty_four_bits_are_strings_and_thirty_two_are_numbers(message: str, value: dict[str, Any], text: str) -> None:
    """A JSON number would lose the low bits of a long."""
    assert text == written(message, value)


@pytest.mark.parametrize(("style", "state"), [(COMPACT, '"ACTIVE"'), (INTS, "2")])
@pytest.mark.parametrize("value", ["ACTIVE", 2])
def test_enums_are_names_or_on_request_numbers(style: Style, state: str, value: str | int) -> None:
    """`$alt=json;enum-encoding=int` gives numbers; a handler may say either."""
    assert f'{{"state":{state}}}' == written(f"{GL}.TunedModel", {"state": value}, style)


@pytest.mark.parametrize("style", [COMPACT, INTS])
def test_an_unknown_enum_number_stays_a_number(style: Style) -> None:
    """There is no name to give it."""
    text = '{"state":77}'

    assert text == written(f"{GL}.TunedModel", {"state": 77}, style)


@pytest.mark.parametrize(
    ("message", "value", "text"),
    [
        (f"{GL}.Blob", {"mimeType": "a/b", "data": b"\x00\xff\xfe?"}, '{"mimeType":"a/b","data":"AP/+Pw=="}'),
        (f"{GL}.TuningSnapshot", {"computeTime": NOON + 5}, '{"computeTime":"2024-03-14T12:00:00.000000005Z"}'),
        ("google.rpc.RetryInfo", {"retryDelay": 48 * SECOND}, '{"retryDelay":"48s"}'),
        (
            f"{GL}.UpdateTunedModelRequest",
            {"updateMask": ["display_name", "tuning_task.start_time"]},
            '{"updateMask":"displayName,tuningTask.startTime"}',
        ),
        (
            f"{GL}.FunctionCall",  # its arguments are a google.protobuf.Struct
            {"name": "f", "args": {"b": [1, 2.5, None, True, "x", {}], "a": 10**15}},
            '{"name":"f","args":{"b":[1,2.5,null,true,"x",{}],"a":1e+15}}',
        ),
        (f"{VX}.TuningJob", {"labels": {"b": "1", "a": ""}}, '{"labels":{"b":"1","a":""}}'),
    ],
)
def test_other_types_have_their_protojson_form(message: str, value: dict[str, Any], text: str) -> None:
    """Bytes, times, lengths, masks, free JSON and maps."""
    assert text == written(message, value)


def test_the_type_of_an_any_comes_first_and_orders_its_members() -> None:
    """As in every operation recorded."""
    operation = {
        "metadata": {
            "tunedModel": "tunedModels/a",
            "totalSteps": 38,
            "completedSteps": 0,
            "@type": f"type.googleapis.com/{GL}.CreateTunedModelMetadata",
        },
        "name": "tunedModels/a/operations/b",
    }
    text = (
        f'{{"name":"tunedModels/a/operations/b","metadata":{{"@type":"type.googleapis.com/{GL}.CreateTunedModelMetadata",'
        '"totalSteps":38,"tunedModel":"tunedModels/a"}}'
    )

    assert text == written("google.longrunning.Operation", operation)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            {"@type": "type.googleapis.com/google.protobuf.Empty"},
            '{"@type":"type.googleapis.com/google.protobuf.Empty"}',
        ),
        (
            {"@type": "type.googleapis.com/google.protobuf.Duration", "value": SECOND},
            '{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}',
        ),
        ({}, "{}"),
    ],
)
def test_an_any_of_a_type_with_its_own_json_has_it_as_value(value: dict[str, Any], text: str) -> None:
    """Empty is an ordinary message without members."""
    assert f'{{"response":{text}}}' == written("google.longrunning.Operation", {"response": value})


@pytest.mark.parametrize(("value", "text"), [(float("nan"), "NaN"), (float("-inf"), "-Infinity")])
def test_numbers_json_has_not_are_strings(value: float, text: str) -> None:
    """In both widths of float."""
    assert f'{{"meanLoss":"{text}"}}' == written(f"{GL}.TuningSnapshot", {"meanLoss": value})
    assert f'{{"avgLogprobs":"{text}"}}' == written(f"{GL}.Candidate", {"avgLogprobs": value})


@pytest.mark.parametrize(
    ("message", "value", "error"),
    [
        ("TunedModel", {"display_name": "snake"}, TypeError),
        ("TunedModel", {"displayName": None}, TypeError),
        ("TunedModel", {"displayName": 3}, TypeError),
        ("TunedModel", {"topK": "40"}, TypeError),
        ("TunedModel", {"topK": True}, TypeError),
        ("TunedModel", {"topK": 2**31}, ValueError),
        ("TunedModel", {"temperature": "0.5"}, TypeError),
        ("TunedModel", {"createTime": "2024-03-14T12:00:00Z"}, TypeError),
        ("TunedModel", {"createTime": 0.5}, TypeError),
        ("TunedModel", {"tuningTask": "x"}, TypeError),
        ("TunedModel", {"readerProjectNumbers": 5}, TypeError),
        ("TunedModel", {"state": "JOB_STATE_PENDING"}, ValueError),
        ("TunedModel", {"state": None}, TypeError),
        ("Blob", {"data": "text"}, TypeError),
        ("NoSuchMessage", {}, KeyError),
    ],
)
def test_a_value_of_the_wrong_type_is_never_printed(
    message: str, value: dict[str, Any], error: type[Exception]
) -> None:
    """A bug in a handler raises an exception; it never becomes a malformed response."""
    with pytest.raises(error):
        write(f"{GL}.{message}", value)


def test_an_event_is_one_line_and_an_empty_one() -> None:
    """`data: `, the pretty text without its line breaks, CR LF twice; compact on request."""
    answer = {"candidates": [{"index": 0, "finishReason": "STOP"}], "modelVersion": "m"}
    name = f"{GL}.GenerateContentResponse"
    pretty = b'data: {"candidates": [{"finishReason": "STOP","index": 0}],"modelVersion": "m"}\r\n\r\n'
    compact = b'data: {"candidates":[{"finishReason":1,"index":0}],"modelVersion":"m"}\r\n\r\n'

    assert pretty == event_writer(name, Style())(answer)
    assert compact == event_writer(name, INTS)(answer)


def test_a_stream_without_events_is_one_array() -> None:
    """Elements are not indented, CR LF stands after the comma, and no newline at the end."""
    parts = [write(f"{GL}.Part", {"text": text}) for text in "ab"]
    array = b'[{\n  "text": "a"\n}\n,\r\n{\n  "text": "b"\n}\n]'

    assert array == ARRAY_OPEN + ARRAY_SEPARATOR.join(parts) + ARRAY_CLOSE


def test_the_recorded_operation_has_its_296_bytes(transcripts: Path) -> None:
    """The created operation of the REST notebook, and the one of v1beta3 with a byte more."""
    rows = {row["id"]: row for row in json.loads((transcripts / "wire-bytecounts.json").read_text())}
    for version, size in (("v1beta", 296), ("v1beta3", 297)):
        tree = json.loads(rows[f"create-{version}"]["body"])
        body = write("google.longrunning.Operation", tree)

        assert (rows[f"create-{version}"]["body"], size) == (body.decode(), len(body))


SCALARS: Mapping[FieldType, st.SearchStrategy[Any]] = {
    FieldType.STRING: st.text(max_size=5),
    FieldType.BYTES: st.binary(max_size=5),
    FieldType.BOOL: st.booleans(),
    FieldType.FLOAT: st.floats(width=32),
    FieldType.DOUBLE: st.floats(),
    FieldType.INT32: st.integers(-(2**31), 2**31 - 1),
    FieldType.INT64: st.integers(-(2**63), 2**63 - 1),
}


def values_of(field: Field, depth: int) -> st.SearchStrategy[Any]:
    """Natural values of a field."""
    if field.kind is FieldType.ENUM:
        return st.sampled_from(sorted(schema.enum(field.type_name).by_name))
    if field.type_name == "google.protobuf.Timestamp":
        return st.integers(0, 10**19)
    return messages_of(field.type_name, depth - 1) if field.kind is FieldType.MESSAGE else SCALARS[field.kind]


def messages_of(name: str, depth: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    """Natural values of a message, down to `depth`."""
    members = {}
    for field in schema.message(name).fields:
        if field.kind is FieldType.MESSAGE and depth == 0:
            continue
        one = values_of(field, depth)
        members[field.json_name] = st.lists(one, max_size=3) if field.repeated else one
    return st.fixed_dictionaries({}, optional=members)


def shuffled(value: Any, rng: random.Random) -> Any:
    """The same value with every dict in another order."""
    if isinstance(value, dict):
        names = sorted(value)
        rng.shuffle(names)
        return {name: shuffled(value[name], rng) for name in names}
    return [shuffled(item, rng) for item in value] if isinstance(value, list) else value


@given(messages_of(f"{GL}.TunedModel"), st.randoms(use_true_random=False))
def test_the_same_message_is_always_the_same_bytes(value: dict[str, Any], rng: random.Random) -> None:
    """The order of a handler's dict does not matter."""
    assert write(f"{GL}.TunedModel", value) == write(f"{GL}.TunedModel", shuffled(value, rng))


@given(messages_of(f"{GL}.TunedModel"))
def test_members_ascend_by_number_and_none_is_invented(value: dict[str, Any]) -> None:
    """Every member written was given, and field numbers only grow."""
    tree = to_json(f"{GL}.TunedModel", value)
    fields = schema.message(f"{GL}.TunedModel").by_name
    numbers = [fields[name].number for name in tree]

    assert sorted(numbers) == numbers
    assert set(tree) <= set(value)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_sent_to_a_client_comes_back_the_same(value: float) -> None:
    """A JSON parser reads the text as the float32 that was written."""
    text = written(f"{GL}.TunedModel", {"temperature": value})
    (read,) = struct.unpack("f", struct.pack("f", json.loads(text)["temperature"]))

    assert value == read

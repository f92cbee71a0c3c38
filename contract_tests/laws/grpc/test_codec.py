"""Natural values as binary messages: protobuf's own JSON is the judge."""

import re
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec, module_from_spec
from json import loads
from threading import Barrier
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import example, given, reject
from hypothesis import strategies as st

from contract_tests.laws.protojson.shapes import BETA, SHAPES, shaped
from mockserver.grpc.codec import BadMessage, decode, encode
from mockserver.grpc.descriptors import POOL, add_package, message_class
from mockserver.protojson import schema
from mockserver.protojson.memoized import MemoizedList
from mockserver.protojson.reading import bind_tree
from mockserver.protojson.writing import write
from mockserver.rpc.errors import ApiError

DETAILED = {
    "code": 8,
    "message": "no",
    "details": [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": 48_500_000_000},
        {"@type": "type.googleapis.com/google.protobuf.Duration", "value": -1_500_000_000},
        {},
    ],
}
SCHEMA = {
    "type": "OBJECT",
    "properties": {"a": {"type": "ARRAY", "items": {"type": "STRING", "nullable": True}}},
    "propertyOrdering": ["a"],
}


def bound(name: str, tree: Any) -> Any:
    """The natural message for a tree that is mostly right."""
    try:
        return bind_tree(name, tree)
    except ApiError:
        return reject()


@given(shaped)
@example(("google.rpc.Status", DETAILED | {"details": [{"@type": "type.googleapis.com/google.protobuf.Empty"}]}))
def test_the_bytes_are_those_of_the_same_message_in_json(case: tuple[str, Any]) -> None:
    """What protobuf's runtime reads from our JSON is what it reads from our bytes."""
    name, tree = case
    value = bound(name, tree)

    text = write(name, value)
    if re.search(rb"[ \[]-0[,\s\]]", text):
        reject()  # Python's JSON reads -0 as an integer, which has no sign
    theirs = json_format.Parse(text, message_class(name)(), descriptor_pool=POOL)

    assert theirs == message_class(name).FromString(encode(name, value))


@given(shaped)
def test_what_was_written_is_read_again(case: tuple[str, Any]) -> None:
    """Except for members at their defaults, which are not sent, and the order of a map's entries."""
    name, tree = case
    value = bound(name, tree)

    assert loads(write(name, value)) == loads(write(name, decode(name, encode(name, value))))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("google.rpc.Status", DETAILED),
        (f"{BETA}.Schema", SCHEMA),
        (f"{BETA}.TunedModel", {"name": "tunedModels/a", "createTime": -1, "temperature": 0.5, "topK": 0}),
        (
            f"{BETA}.UpdateTunedModelRequest",
            {"tunedModel": {}, "updateMask": ["display_name", "tuning_task.start_time"]},
        ),
        ("google.protobuf.Value", {"a": [None, True, 1.5, "x", {}, []]}),
        (f"{BETA}.Blob", {"mimeType": "image/png", "data": b"\x00\xff"}),
        ("google.cloud.aiplatform.v1.Model", {"labels": {"a": "b"}, "versionUpdateTime": 1_700_000_000_123_456_789}),
    ],
)
def test_natural_values_come_back_as_they_were(name: str, value: Any) -> None:
    """Times, lengths of time, masks, plain JSON, presence, bytes, maps, messages inside themselves."""
    assert value == decode(name, encode(name, value))


def test_a_number_for_an_enum_stays_if_it_has_no_name() -> None:
    """Of a newer client, say."""
    name = f"{BETA}.TunedModel"

    assert {"state": 77} == decode(name, encode(name, {"state": 77}))
    assert {"state": "ACTIVE"} == decode(name, encode(name, {"state": 2}))


def test_a_settled_list_is_made_into_messages_once() -> None:
    """And is the same as a list that may change, in each type that holds it."""
    snapshots = [{"step": step, "meanLoss": 1.5} for step in range(1, 4)]
    settled = MemoizedList(snapshots)

    for name in (f"{BETA}.TuningTask", f"{BETA}.CreateTunedModelMetadata", f"{BETA}.TuningTask"):
        assert encode(name, {"snapshots": snapshots}) == encode(name, {"snapshots": settled})


@pytest.mark.parametrize(
    ("value", "error"),
    [({"nonsense": 1}, TypeError), ({"state": "NONSENSE"}, ValueError), ({"topK": "x"}, TypeError)],
)
def test_a_mistake_of_ours_is_never_sent(value: Any, error: type[Exception]) -> None:
    """As when JSON is written."""
    with pytest.raises(error):
        encode(f"{BETA}.TunedModel", value)


@given(st.sampled_from(SHAPES), st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_bad_one(name: str, data: bytes) -> None:
    """What can be read can be written again, in either form."""
    try:
        value = decode(name, data)
    except BadMessage:
        return

    write(name, value)
    assert value == decode(name, encode(name, value))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("google.protobuf.Timestamp", {"seconds": 2**60}),
        ("google.protobuf.Timestamp", {"nanos": -1}),
        ("google.protobuf.Duration", {"seconds": 2**60}),
        ("google.protobuf.Duration", {"seconds": 1, "nanos": -1}),
        ("google.protobuf.Any", {"type_url": "type.googleapis.com/no.such.Type"}),
        ("google.protobuf.Any", {"type_url": "google.rpc.Status"}),
        ("google.protobuf.Any", {"type_url": "type.googleapis.com/../x", "value": b"x"}),
        ("google.protobuf.Any", {"value": b"x"}),
    ],
)
def test_what_means_nothing_is_a_bad_message(name: str, parts: dict[str, Any]) -> None:
    """A time or a length of time beyond the limits, an Any of a type that nobody knows."""
    with pytest.raises(BadMessage):
        decode(name, message_class(name)(**parts).SerializeToString())


def test_an_any_in_an_any_without_end_is_a_bad_message() -> None:
    """Each begins anew with the depth that protobuf allows."""
    kind = message_class("google.protobuf.Any")
    data = b""
    for _ in range(2000):
        data = kind(type_url="type.googleapis.com/google.protobuf.Any", value=data).SerializeToString()

    with pytest.raises(BadMessage):
        decode("google.protobuf.Any", data)


def test_descriptors_say_what_the_tables_say() -> None:
    """For every field of every package: number, JSON name, and whether "not set" differs from the default."""
    told, made = [], []
    for package in schema.packages():
        add_package(package)
        for name in schema.names(package)[0]:
            told += [(name, it.number, it.json_name, it.has_presence) for it in schema.message(name).fields]
            fields = sorted(POOL.FindMessageTypeByName(name).fields, key=lambda field: field.number)
            made += [(name, it.number, it.json_name, it.has_presence) for it in fields]

    assert told == made


def test_the_first_calls_may_come_at_once() -> None:
    """Each in a thread of its own, as the server answers them. A second copy of the module has an empty pool."""
    spec = find_spec("mockserver.grpc.descriptors")
    assert spec is not None
    assert spec.loader is not None
    descriptors = module_from_spec(spec)
    spec.loader.exec_module(descriptors)
    names = [f"{BETA}.Model", f"{BETA}.GenerateContentRequest", "google.longrunning.Operation", "google.rpc.Status"] * 2
    start = Barrier(len(names))

    def create(name: str) -> str:
        start.wait()
        full_name: str = descriptors.message_class(name).DESCRIPTOR.full_name
        return full_name

    with ThreadPoolExecutor(len(names)) as pool:
        assert names == list(pool.map(create, names))

"""Records to JSON and back: every kind that a store keeps, and the calls of the log."""

import importlib
import json
import pkgutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mockserver
from contract_tests.api.everything import furnished
from mockserver.cloud_storage.uploads import Upload
from mockserver.datasets.examples import Examples
from mockserver.datasets.object_store import ObjectRecord, StoredBucket, StoredObject
from mockserver.dispatch.quotas import Usage
from mockserver.gemini.batches import Batch
from mockserver.gemini.store import TunedModel
from mockserver.generation.cached_content import CachedContent
from mockserver.protojson.memoized import MemoizedMessage
from mockserver.scripting.answers import Answer, Citation, Rule
from mockserver.scripting.faults import Fault, FaultRecord
from mockserver.scripting.scenario import AnswerRecord
from mockserver.state.calls import RecordedCall
from mockserver.state.clock import ClockSetting
from mockserver.state.codec import decode, write_json
from mockserver.state.store import Collection
from mockserver.state.world import Settings, WorldRecord
from mockserver.vertex.operations import Operation
from mockserver.vertex.records import Endpoint, Model, TuningJob

texts = st.text(max_size=5)
numbers = st.floats(allow_nan=False)
messages = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64) | numbers | texts | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)

answers = st.builds(
    Answer,
    text=texts,
    parts=st.lists(st.dictionaries(texts, messages, max_size=2), max_size=2),
    finish=st.sampled_from(["STOP", "safety"]),
    ratings=st.dictionaries(st.just("HARASSMENT"), st.sampled_from(["LOW", "HIGH"])),
    citations=st.lists(st.builds(Citation, st.integers(0, 5), st.integers(5, 9), uri=texts), max_size=2),
    usage=st.dictionaries(st.sampled_from(["prompt", "cached"]), st.integers(0, 9)),
    logprobs=st.lists(st.tuples(texts, st.floats(-9, 0)), max_size=2),
)
rules = st.builds(
    Rule,
    answer=texts | answers | st.just(str),
    model=st.none() | texts,
    predicate=st.none() | st.just(bool),
    times=st.none() | st.integers(1, 9),
)
faults = st.builds(
    Fault,
    method=texts,
    status=st.sampled_from([503, "RESOURCE_EXHAUSTED", "429"]),
    retry_after=st.none() | st.floats(0, 9),
    probability=st.floats(0, 1),
)
settings = st.builds(
    Settings,
    seed=st.integers(0, 2**63 - 1),
    auth=st.sampled_from(["any", "off", "strict"]),
    accepted_credentials=st.frozensets(texts),
    as_of=st.none() | st.dates(date(2023, 1, 1)),
    gcs_root=st.none() | st.just(Path("/")),
    metadata_refresh_seconds=st.floats(0, 100),
)

st.register_type_strategy(
    Examples, st.dictionaries(texts, texts).map(lambda outputs: Examples(outputs, outputs.values()))
)
st.register_type_strategy(float, numbers)
objects = st.dictionaries(texts, messages, max_size=3)

ODD_VALUES = [float("inf"), -float("inf"), -0.0, 0, True, (1, "a"), [b"\xff"], {"object": []}]
"""What JSON has no word for, or is easily taken for another value."""

RECORDS: dict[type[Any], st.SearchStrategy[Any]] = {
    AnswerRecord: st.builds(AnswerRecord, rules, st.integers(0, 9)),
    FaultRecord: st.builds(FaultRecord, faults, st.integers(), st.integers(0), st.integers(0)),
    Settings: settings,
    ClockSetting: st.builds(ClockSetting, st.integers(), st.integers(), numbers),
    Batch: st.builds(Batch, responses=st.lists(objects, max_size=2).map(tuple)),
    CachedContent: st.builds(CachedContent, content=objects),
    Operation: st.builds(Operation, response=st.none() | objects),
    TuningJob: st.builds(TuningJob, request=objects, defaults=objects),
    ObjectRecord: st.builds(ObjectRecord, st.from_type(StoredObject), st.binary(max_size=9)),
    Upload: st.builds(Upload, pieces=st.lists(st.binary(max_size=9), max_size=2).map(tuple)),
    **{kind: st.from_type(kind) for kind in (StoredBucket, Usage, WorldRecord, Endpoint, Model, TunedModel)},
}


def kinds() -> Iterator[Collection[Any]]:
    """Every kind that some module declares."""
    for module in pkgutil.walk_packages(mockserver.__path__, "mockserver."):
        if not module.name.endswith(("__main__", "pytest_plugin")) and ".doors." not in module.name:
            held = vars(importlib.import_module(module.name)).values()
            yield from (value for value in held if isinstance(value, Collection))


def through_json(record: Any) -> Any:
    """The record, written as a text and read again."""
    return decode(type(record), json.loads(write_json(record)))


def test_every_kind_has_its_law_here() -> None:
    """A kind that is added has to be added here too."""
    assert {kind.record for kind in kinds()} == set(RECORDS)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_a_record_is_the_same_after_json(record: type[Any]) -> None:
    """Whatever is in it: text in any language, integers of 64 bits, bytes, functions of this process."""

    @given(RECORDS[record])
    def law(value: Any) -> None:
        assert value == through_json(value)

    law()


def test_what_the_server_keeps_is_the_same_after_json() -> None:
    """Every record of a world in which everything has been made once."""
    store = furnished()[0].store
    records = [entry.record for kind in store.collections() for entry in store.walk(kind)]

    assert len({type(record) for record in records}) >= 7
    assert records == [through_json(record) for record in records]


@pytest.mark.parametrize("value", ODD_VALUES)
def test_what_json_has_no_word_for_is_written_all_the_same(value: Any) -> None:
    """And is read as what it was, its type too."""
    (again,) = through_json(Operation("o", "v1", "", 0, response={"list": [value]})).response["list"]

    assert (type(value), repr(value)) == (type(again), repr(again))


@given(objects, texts)
def test_a_memoized_message_is_written_as_any_other(response: dict[str, Any], name: str) -> None:
    """The same at the first time and at the second, and beside texts that are not ASCII."""
    plain, memoized = (Operation(name, "v1", "", 0, response=value) for value in (response, MemoizedMessage(response)))

    assert [write_json(plain)] * 2 == [write_json(memoized), write_json(memoized)]


def test_a_function_stays_in_its_process() -> None:
    """Its JSON leads back to it here, and nowhere else."""
    record = AnswerRecord(Rule(lambda prompt: prompt.text, predicate=lambda _: True))

    assert record == through_json(record)
    assert "lambda" not in write_json(record)


def test_what_cannot_be_written_is_refused() -> None:
    """Rather than written as something else."""
    with pytest.raises(TypeError, match="no codec for the"):
        write_json(RecordedCall("", "GET", "/", 0, "", None, 200, object()))

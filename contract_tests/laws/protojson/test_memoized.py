"""A memoized list or message gives the results of an ordinary one, and computes each of them once."""

import weakref
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mockserver.protojson.memoized import MemoizedList, MemoizedMessage, Repetitions, Views, once
from mockserver.protojson.version_trimming import trim_to_version
from mockserver.protojson.writing import Style, write

TASK = "google.ai.generativelanguage.v1beta.TuningTask"

snapshots = st.lists(
    st.fixed_dictionaries(
        {"step": st.integers(0, 9), "meanLoss": st.floats(0, 9, width=32)},
        optional={"epoch": st.integers(0, 9), "computeTime": st.integers(0, 10**18), "unheardOf": st.just(1)},
    ),
    max_size=4,
)


@given(snapshots, st.booleans())
def test_memoized_lists_are_trimmed_and_written_as_any_other(items: list[Any], pretty: bool) -> None:
    """The bytes are the same at the first call and at the second."""
    style = Style(pretty=pretty)
    expected = write(TASK, trim_to_version(TASK, {"snapshots": items}), style)
    memoized = {"snapshots": MemoizedList(items)}

    assert [expected] * 2 == [write(TASK, trim_to_version(TASK, memoized), style) for _ in range(2)]


@given(snapshots, st.booleans())
def test_memoized_messages_are_trimmed_and_written_as_any_other(items: list[Any], pretty: bool) -> None:
    """The bytes are the same at the first call and at the second, of a whole message and of a member."""
    style = Style(pretty=pretty)
    model = "google.ai.generativelanguage.v1beta.TunedModel"
    plain = {"name": "a", "tuningTask": {"snapshots": items}, "unheardOf": 1}
    memoized = MemoizedMessage({**plain, "tuningTask": MemoizedMessage({"snapshots": items})})
    expected = write(model, trim_to_version(model, plain), style)

    assert [expected] * 2 == [write(model, trim_to_version(model, memoized), style) for _ in range(2)]


def test_a_memoized_message_with_nothing_to_trim_is_returned_itself() -> None:
    """No second copy is stored."""
    memoized = MemoizedMessage({"snapshots": [{"step": 1}]})

    assert trim_to_version(TASK, memoized) is memoized


def test_each_function_of_a_memoized_list_is_computed_once() -> None:
    """A second call with the same function returns the first result."""
    calls: list[list[int]] = []

    def count(items: list[int]) -> int:
        calls.append(items)
        return len(items)

    memoized = MemoizedList([1, 2, 3])

    assert [3, 3, 6] == [memoized.compute(count), memoized.compute(count), memoized.compute(sum)]
    assert [[1, 2, 3]] == calls


def test_a_memoized_list_with_nothing_to_trim_is_returned_itself() -> None:
    """No second copy is stored."""
    memoized = MemoizedList([{"step": 1}])

    assert trim_to_version(TASK, {"snapshots": memoized})["snapshots"] is memoized


class Record:
    """A record that is compared by identity."""

    def __init__(self, name: str) -> None:
        self.name = name


def test_a_view_is_built_once_for_a_record_and_a_state() -> None:
    """An equal record is another one, and so is the same record in another state."""
    views, record, builds = Views(), Record("a"), list[str]()

    def show(record: Record, state: str) -> MemoizedMessage:
        def build() -> dict[str, str]:
            builds.append(f"{record.name} {state}")
            return {"name": record.name, "state": state}

        return views.show(record, state, build)

    assert show(record, "RUNNING") is show(record, "RUNNING")
    assert {"name": "a", "state": "ENDED"} == show(record, "ENDED")
    assert {"name": "b", "state": "ENDED"} == show(Record("b"), "ENDED")
    assert ["a RUNNING", "a ENDED", "b ENDED"] == builds


def test_views_keep_no_record_alive_and_are_bounded() -> None:
    """A record that took the place of a deleted one in memory is not shown as that one."""
    views = Views(capacity=2)
    for name in map(str, range(100)):
        record = Record(name)  # often at the address of the one before

        assert {"name": name} == views.show(record, 0, partial(dict, name=name))
        assert len(views) <= 2
        is_alive = weakref.ref(record)
        del record
        assert is_alive() is None


def test_what_has_come_before_comes_again() -> None:
    """Until so many others have come."""
    repetitions = Repetitions(capacity=3)

    assert [False, True, False, True] == [repetitions.comes_again(key) for key in ("a", "a", "b", "a")]
    assert [False] * 9 == [repetitions.comes_again(number) for number in range(9)]


def test_what_is_computed_of_a_message_is_kept_for_each_key() -> None:
    """Of a memoized message, for some keys; of another one it is computed each time."""
    message, created = MemoizedMessage({"a": 1}), list[object]()

    def compute(message: dict[str, Any], key: object) -> object:
        def create() -> object:
            created.append(key)
            return None if key == "none" else [key]

        return once(message, key, create)

    assert compute(message, 1) is compute(message, 1)
    assert compute(message, 2) == [2]
    assert [None, None] == [compute(message, "none"), compute(message, "none")]
    assert [1, 2, "none"] == created
    assert compute({"a": 1}, 1) is not compute({"a": 1}, 1)
    for number in range(100):
        compute(message, number)
    assert len(message.keyed_results) < 20

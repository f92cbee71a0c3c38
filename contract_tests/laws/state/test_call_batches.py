"""The calls in a database: laws of `state.call_batches`."""

import itertools
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.state import call_batches
from mockserver.state.call_batches import (
    count_calls,
    drop_calls,
    find_call,
    insert_calls,
    join_batch,
    parse_batch,
    read_calls,
    replace_call,
)
from mockserver.state.database import Database
from mockserver.state.stored_calls import StoredCall

names = itertools.count()

COUNTED_EVERY, BATCH_CALLS, BATCH_BYTES = 8, 8, 100
MAX_CALLS, MAX_BYTES = 20, 600


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """A database with bounds that are soon reached."""
    bounds = {
        name: globals()[name] for name in ("COUNTED_EVERY", "BATCH_CALLS", "BATCH_BYTES", "MAX_CALLS", "MAX_BYTES")
    }
    with patch.multiple(call_batches, **bounds):
        database = Database("sqlite://")
        yield database
        database.close()


def size_of(database: Database, space: int) -> int:
    """The bytes that a space says its calls have."""
    return int(database.run("SELECT call_bytes FROM spaces WHERE id = :space", space=space)[0][0])


texts = st.integers(0, 150).map(lambda size: f'"{"x" * size}"')
parts = st.sampled_from(["", "[1]", '{"json":{"a":"b c"}}'])
calls = st.builds(StoredCall, st.integers(0, 2**62), texts, parts, parts)
inserts = st.lists(calls, min_size=1, max_size=25)
replaces = st.tuples(st.integers(1, 60), st.sampled_from(['"short"', f'"{"long" * 40}"']))
steps = st.lists(inserts | replaces | st.just("drop"), max_size=12)


@given(steps=steps)
def test_the_newest_calls_are_kept(database: Database, steps: list[list[StoredCall] | tuple[int, str] | str]) -> None:
    """Whatever is written together, as they were given or amended; what was dropped stays so."""
    space = database.open_space("world", str(next(names)))
    given: list[StoredCall] = []
    first = 1
    for step in steps:
        if isinstance(step, list):
            given += step
            assert len(given) == insert_calls(database, space, step)
        elif isinstance(step, tuple):
            number, text = step
            if number <= len(given):
                old, new = given[number - 1], StoredCall(given[number - 1].time, text, "[1]")
                replace_call(database, space, number, old, new)
                if number >= first:
                    given[number - 1] = new
        else:
            drop_calls(database, space)
        kept = read_calls(database, space)
        last_first, first = first, min((number for number, _ in kept), default=len(given) + 1)

        assert last_first <= first
        expected = list(enumerate(given, 1))[first - 1 :]
        assert sorted(expected, key=lambda each: (each[1].time, each[0])) == kept
        assert count_calls(database, space) == len(kept)
        batches = database.run("SELECT count, size, calls FROM call_batches WHERE space = :space", space=space)
        assert size_of(database, space) == sum(size for _, size, _ in batches)
        assert all(size == len(text) for _, size, text in batches)
        assert all(count <= BATCH_CALLS for count, _, _ in batches)
        assert all(find_call(database, space, number) == call for number, call in kept)
        assert find_call(database, space, first - 1) is None
        assert [each for each in kept if each[0] > first] == read_calls(database, space, after=first)
        assert len(kept) < MAX_CALLS + COUNTED_EVERY + BATCH_CALLS
        if isinstance(step, list):
            assert kept
            assert 1 == len(batches) or size_of(database, space) <= MAX_BYTES


def test_a_number_may_be_another_calls_since_its_space_was_restored(database: Database) -> None:
    """That call is not replaced."""
    space = database.open_space("world", "restored")
    old, new = StoredCall(1, '"old"'), StoredCall(2, '"new"')
    insert_calls(database, space, [old])
    drop_calls(database, space)
    database.run("UPDATE spaces SET calls = 0 WHERE id = :space", space=space)
    insert_calls(database, space, [new])
    replace_call(database, space, 1, old, StoredCall(1, '"amended"'))

    assert [(1, new)] == read_calls(database, space)


def test_a_space_that_is_deleted_has_no_calls(database: Database) -> None:
    """Nor gets any."""
    assert 0 == insert_calls(database, 12345, [StoredCall(1, '"late"')])
    assert [] == read_calls(database, 12345)


def test_a_batch_has_once_what_its_calls_share() -> None:
    """Requests or responses."""
    calls = [StoredCall(number, str(number), "[1]", "[1]" if number % 2 else "[2]") for number in range(3)]
    text = join_batch(calls)

    assert "3\n[1]\n[2]\n0 1 2 0\n1 1 1 1\n2 1 2 2" == text
    assert dict(enumerate(calls, 6)) == parse_batch(8, text)

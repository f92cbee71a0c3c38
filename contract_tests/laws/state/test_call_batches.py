"""The calls in a database: laws of `state.call_batches`."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.postgres import postgres
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
    size_of,
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


def bytes_of(database: Database, space: int) -> int:
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
        batches = database.run("SELECT count, size FROM call_batches WHERE space = :space", space=space)
        assert bytes_of(database, space) == size_of(call for _, call in kept) == sum(size for _, size in batches)
        assert all(count <= BATCH_CALLS for count, _ in batches)
        assert all(find_call(database, space, number) == call for number, call in kept)
        assert find_call(database, space, first - 1) is None
        assert [each for each in kept if each[0] > first] == read_calls(database, space, after=first)
        assert len(kept) < MAX_CALLS + COUNTED_EVERY + BATCH_CALLS
        assert len(batches) <= 1 or bytes_of(database, space) <= MAX_BYTES
        assert kept or not isinstance(step, list)


@contextmanager
def acting_after(
    database: Database, statement: str, act: Callable[[], object], *, seconds: float = 0.3
) -> Iterator[list[object]]:
    """Let another process act as soon as this one has run a statement; what it gets or raises is in the list.

    This one goes on when the other has finished, or after so many seconds if it waits.
    """
    run, results, thread = database.run, [], None

    def act_in_thread() -> None:
        try:
            results.append(act())
        except Exception as error:  # noqa: BLE001 - to be compared
            results.append(error)

    def run_and_act(text: str, **values: object) -> list[object]:
        nonlocal thread
        rows = run(text, **values)
        if text.startswith(statement) and thread is None:
            thread = threading.Thread(target=act_in_thread)
            thread.start()
            thread.join(seconds)
        return rows

    with patch.object(database, "run", run_and_act):
        yield results
    assert thread
    thread.join(30)


def insert_many(database: Database, space: int) -> int:
    """Insert so many calls that the oldest ones are dropped."""
    with database.transaction():
        return insert_calls(database, space, [StoredCall(7, f'"{number}"') for number in range(10)])


@pytest.mark.parametrize("kind", ["insert", "replace"])
@pytest.mark.parametrize(
    ("change", "statement"),
    [
        ("restore", "DELETE FROM call_batches WHERE space = :target"),
        ("remove", "DELETE FROM call_batches WHERE space = :space"),
    ],
)
@pytest.mark.usefixtures("database")
def test_processes_write_and_replace_a_log_in_turn(kind: str, change: str, statement: str) -> None:
    """PostgreSQL would end one of them if they took their locks in another order."""
    url = postgres().create_database(f"calls_{kind}_{change}")
    one, other = Database(url), Database(url)
    space = one.open_space("world", "default")
    for _ in range(3):
        insert_many(one, space)
    copy = one.create_copy(space)
    stored = dict(read_calls(one, space))
    number = max(stored)

    def act() -> int:
        if kind == "insert":
            return insert_many(other, space)
        replace_call(other, space, number, stored[number], StoredCall(7, '"new"'))
        return 0

    with acting_after(one, statement, act) as results:
        if change == "restore":
            with one.transaction():
                one.copy_rows(copy, space, one.new_revisions(1))
        else:
            one.remove_space("world", "default")

    assert [40 if (kind, change) == ("insert", "restore") else 0] == results
    kept = [number for number, _ in read_calls(one, space)]
    assert sorted(set(kept)) == kept
    assert bytes_of(one, space) == size_of(call for _, call in read_calls(one, space)) if kept else change == "remove"


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

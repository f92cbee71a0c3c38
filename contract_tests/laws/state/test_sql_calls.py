"""The log of calls in a database that processes share."""

import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from contract_tests.laws.state.test_calls import call
from contract_tests.laws.state.test_database import pair
from contract_tests.laws.state.test_store import TALLIES, Tally
from mockserver.state import call_batches, sql_calls
from mockserver.state import database as tables
from mockserver.state.call_batches import BATCH_CALLS
from mockserver.state.clock import Machine
from mockserver.state.sql_calls import CallQueue
from mockserver.state.store import Unavailable


def test_the_log_keeps_the_newest_calls(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With their numbers; at most so many and the rest of a batch, and so many bytes."""
    store, other = pair(url)
    monkeypatch.setattr(call_batches, "MAX_CALLS", 100)
    for number in range(255):
        store.log.append(call(at=number))
    entry = store.log.append(call(at=255))
    store.log.amend(entry, call(at=1000))
    kept = other.log.since(0)
    assert 100 <= len(kept) < 100 + call_batches.COUNTED_EVERY + BATCH_CALLS
    assert len(kept) == len(other.log)
    assert [*range(257 - len(kept), 257)] == [number for number, _ in kept]
    assert [call(at=number - 1) for number, _ in kept[:-1]] == [it for _, it in kept[:-1]]
    assert 256 == other.log.last_number
    assert [(256, call(at=1000))] == other.log.newest(1)
    assert [(255, call(at=254)), (256, call(at=1000))] == other.log.since(254)
    assert [call(at=200), call(at=240)] == [other.log.find(201), other.log.find(241)]
    assert other.log.find(1) is None
    assert other.log.find(257) is None

    monkeypatch.setattr(call_batches, "MAX_BYTES", 5000)
    monkeypatch.setattr(call_batches, "BATCH_BYTES", 500)
    for number in range(64):
        store.log.append(call(at=number))
    assert 5 < len(store.log) < 40
    assert store.log.size < 5000
    store.log.clear()
    assert not other.log
    assert 320 == other.log.last_number


def test_the_log_knows_its_bytes(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever becomes of its calls: dropped, amended, copied, restored, cleared; by any process."""
    monkeypatch.setattr(call_batches, "MAX_CALLS", 100)
    monkeypatch.setattr(call_batches, "MAX_BYTES", 20_000)
    monkeypatch.setattr(call_batches, "BATCH_BYTES", 10_000)
    store, other = pair(url)

    def sizes() -> tuple[int, int]:
        """As every process knows it, and as it is."""
        known = store.log.size
        assert known == other.log.size
        statement = "SELECT coalesce(sum(size), 0) FROM call_batches WHERE space = :space"
        return known, store.database.run(statement, space=store.space)[0][0]

    found = []
    for number in range(150):
        (store, other)[number % 2].log.append(call(path=f"/{'x' * number}", at=number))
    found.append(sizes())
    assert 1 < len(store.log) < 150
    entry = store.log.append(call())
    assert [call()] == [it for _, it in store.log.newest(1)]
    store.log.amend(entry, call(path=f"/{'x' * 500}"))
    found.append(sizes())
    assert found[-1][0] < 20_000
    copy = store.copy()
    for number in range(3):
        other.log.append(call(path=f"/{'x' * 15_000}", at=number))
    found.append(sizes())
    assert 1 == len(store.log)
    store.log.append(call(path=f"/{'x' * 30_000}"))
    found.append(sizes())
    assert 1 == len(store.log)
    store.log.amend(entry, call())
    found.append(sizes())
    store.restore(copy)
    found.append(sizes())
    assert found[1] == found[5]
    store.log.amend(store.log.append(call()), call(path=f"/{'x' * 19_000}"))
    found.append(sizes())
    assert found[-1][0] < 20_000
    store.log.clear()

    assert all(known == real > 0 for known, real in found)
    assert (0, 0) == sizes()


def test_a_long_log_costs_no_more_than_a_short_one(url: str) -> None:
    """Its calls are not counted again when others are added."""
    store = pair(url)[0]
    for number in range(2000):
        store.log.append(call(at=number))
    thousands_of_steps = []
    store.database._driver.set_progress_handler(lambda: thousands_of_steps.append(1), 1000)  # noqa: SLF001 - it counts them
    for number in range(40):
        store.log.append(call(path=f"/{'x' * 50_000}", at=number))

    assert 2040 == len(store.log)
    assert len(thousands_of_steps) < 20


def test_new_calls_take_the_pages_of_those_that_are_dropped(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full log writes hardly more pages of the file than one that grows."""
    monkeypatch.setattr(sql_calls.CallQueue, "_wake_thread", lambda *_: None)
    monkeypatch.setattr(sql_calls, "QUEUE_SECONDS", 60.0)
    monkeypatch.setattr(call_batches, "MAX_CALLS", 10 * BATCH_CALLS)
    store = pair(url)[0]
    pages = []
    for _ in range(20):
        store.database.run("PRAGMA wal_checkpoint(TRUNCATE)")
        for number in range(BATCH_CALLS):
            store.log.append(call(path=f"/{'x' * 1200}", at=number))
        pages.append(store.database.run("PRAGMA wal_checkpoint")[0][1])

    assert 10 * BATCH_CALLS == len(store.log)
    assert max(pages[12:]) < 1.5 * max(pages[5:10])


@pytest.mark.parametrize(("most_calls", "most_bytes", "kept"), [(100, 10**6, 100), (1000, 3000, 3)])
def test_calls_that_cannot_be_written_for_long_are_no_more_than_a_log_has(
    url: str, monkeypatch: pytest.MonkeyPatch, most_calls: int, most_bytes: int, kept: int
) -> None:
    """In number and bytes; the newest ones are written later."""
    for module in (call_batches, sql_calls):
        monkeypatch.setattr(module, "MAX_CALLS", most_calls)
        monkeypatch.setattr(module, "MAX_BYTES", most_bytes)
        monkeypatch.setattr(module, "BATCH_BYTES", 500)
    calls = [call(at=number, path=f"/{'x' * 600}") for number in range(512)]
    store = pair(url)[0]
    with monkeypatch.context() as away:
        away.setattr(CallQueue, "write", fail)
        for it in calls:
            with suppress(Unavailable):
                store.log.append(it)

    assert calls[-kept:] == list(store.log)


def test_the_call_of_a_change_is_written_later_if_it_could_not_be_written_at_once(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a thread: no other call need come."""
    store, other = pair(url)
    store.insert(TALLIES, "a", Tally())
    with monkeypatch.context() as away:
        away.setattr(CallQueue, "write", fail)
        with pytest.raises(Unavailable, match="away"):
            store.log.append(call())

    for _ in range(1000):
        if other.log:
            break
        Machine.sleep(0.01)
    assert [call()] == list(other.log)


def fail(*_: object, **__: object) -> None:
    """As while the database cannot be reached."""
    raise Unavailable("away")


def test_the_thread_that_writes_calls_needs_no_lock_to_wait(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests take it again and again, and would have to hand it over each time."""
    store = pair(url)[0]
    queue = sql_calls.queue_of(store.database)
    looks: list[int] = []
    has_looked_often = threading.Event()

    def seconds_left(_: int) -> float:
        """As if requests had just written what there was."""
        looks.append(1)
        if len(looks) > 9:
            has_looked_often.set()
        return 0.001

    with monkeypatch.context() as without_thread:
        without_thread.setattr(queue, "_wake_thread", lambda _: None)
        store.log.append(call())
    monkeypatch.setattr(queue, "_seconds_left", seconds_left)
    with store.database.lock:
        queue._wake_thread(store.database)  # noqa: SLF001 - the call is there before the thread
        assert has_looked_often.wait(10)
    monkeypatch.undo()

    assert [call()] == list(store.log)


def test_a_reader_of_the_log_waits_for_what_other_processes_have_answered(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets the calls in the order of their answers, whichever process has written first."""
    monkeypatch.setattr(sql_calls, "QUEUE_SECONDS", 0.2)
    monkeypatch.setattr(sql_calls, "WRITER_SECONDS", 60)
    one, other = pair(url)
    for number, store in enumerate((one, other, one, other)):
        store.log.append(call(at=number))

    assert [call(at=number) for number in range(4)] == list(other.log)
    assert {1, 2, 3, 4} == {number for number, _ in one.log.since(0)}


def test_a_killed_process_holds_up_readers_of_the_log_only_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last calls are lost."""
    monkeypatch.setattr(sql_calls.CallQueue, "_wake_thread", lambda *_: None)
    monkeypatch.setattr(sql_calls, "WRITER_SECONDS", 0.05)
    one, other = pair(url)
    one.log.append(call(at=1))
    other.log.append(call(at=2))
    assert [(2,)] == other.database.run("SELECT count(*) FROM writers")
    assert [call(at=2)] == list(other.log)

    assert [] == other.database.run("SELECT process FROM writers")


def test_calls_that_have_waited_are_written_by_the_next_one(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread writes them only if no other call comes."""
    monkeypatch.setattr(sql_calls.CallQueue, "_wake_thread", lambda *_: None)
    monkeypatch.setattr(sql_calls, "QUEUE_SECONDS", 60.0)
    store = pair(url)[0]
    statement = "SELECT number, count FROM call_batches"
    store.log.append(call(at=1))
    store.log.append(call(at=2))
    assert [] == store.database.run(statement)
    monkeypatch.setattr(sql_calls, "QUEUE_SECONDS", 0.0)
    store.log.append(call(at=3))

    assert [(3, 3)] == store.database.run(statement)


def test_a_call_that_has_changed_something_is_written_at_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is what waited before it; a process that is killed afterwards has lost nothing."""
    monkeypatch.setattr(sql_calls.CallQueue, "_wake_thread", lambda *_: None)
    store = pair(url)[0]
    statement = "SELECT number, count FROM call_batches"
    store.log.append(call(at=1))
    assert [] == store.database.run(statement)
    store.insert(TALLIES, "a", Tally())
    store.log.append(call(at=2))

    assert [(2, 2)] == store.database.run(statement)


def test_calls_that_could_not_be_written_are_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the database is back; the end of a stream is in them."""
    monkeypatch.setattr(sql_calls.CallQueue, "_wake_thread", lambda *_: None)
    monkeypatch.setattr(tables, "LOCK_SECONDS", 0.01)
    monkeypatch.setattr(tables, "RETRY_SECONDS", 0.0)
    store = pair(f"sqlite:///{tmp_path}/store.db")[0]
    entry = store.log.append(call(at=1))
    lock = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        list(store.log)
    lock.execute("ROLLBACK")
    lock.close()
    store.log.amend(entry, call(at=2))

    assert [call(at=2)] == list(store.log)

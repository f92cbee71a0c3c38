"""The database of stores: its schema, and what is particular to a store that processes share."""

import gc
import json
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contract_tests.laws.state.test_call_batches import acting_after
from contract_tests.laws.state.test_calls import call
from contract_tests.laws.state.test_store import TALLIES, Tally, rows
from contract_tests.postgres import postgres
from mockserver.inspection.script import add_answers
from mockserver.protojson.memoized import MemoizedMessage
from mockserver.state import call_batches, document, sql, sql_calls, sql_worlds
from mockserver.state import database as tables
from mockserver.state.call_batches import BATCH_CALLS
from mockserver.state.clock import Machine, ManualClock, SystemClock, open_clock
from mockserver.state.database import Database
from mockserver.state.document import export_state, import_state
from mockserver.state.sql import SqlStore, open_copy
from mockserver.state.sql_calls import CallQueue
from mockserver.state.sql_schema import MIGRATIONS
from mockserver.state.sql_worlds import SqlWorldStores, open_worlds
from mockserver.state.store import ALL, Collection, Store, Unavailable
from mockserver.state.stored_calls import encode_call, tree_of
from mockserver.state.world import CLOCK, World


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of a file that does not exist yet."""
    return f"sqlite:///{tmp_path}/store.db"


def pair(url: str) -> tuple[SqlStore, SqlStore]:
    """A store as two processes have it: by a connection each."""
    one, other = Database(url), Database(url)
    space = one.open_space("world", "default")
    one.take_changed()
    return SqlStore(one, space), SqlStore(other, space)


def test_each_connection_sees_what_the_other_has_committed(url: str) -> None:
    """At once: inserted, changed, deleted, inserted again, cleared, restored."""
    one, other = pair(url)
    for name in ("a", "b", "c"):
        one.insert(TALLIES, name, Tally())
    assert rows(one) == rows(other)
    other.replace(TALLIES, "a", Tally(1))
    other.delete(TALLIES, "b")
    other.insert(TALLIES, "b", Tally(2))
    assert [("a", Tally(1)), ("c", Tally()), ("b", Tally(2))] == rows(one) == rows(other)
    copy = one.copy()
    other.clear()
    assert [] == rows(one) == rows(other)
    one.restore(copy)
    assert 3 == len(rows(one)) == len(rows(other))


def test_a_transaction_is_repeated_if_another_process_has_changed_what_it_read(url: str) -> None:
    """A record, or a list that was restored meanwhile to what it was."""
    one, other = pair(url)
    one.insert(TALLIES, "a", Tally())
    copy = other.copy()
    tries = []

    def add(transaction: Store) -> None:
        tally = transaction.get(TALLIES, "a")
        transaction.page(TALLIES, ALL, "", limit=1)
        tries.append(tally.count)
        if len(tries) == 1:
            other.replace(TALLIES, "a", Tally(5))
        if len(tries) == 2:
            other.restore(copy)
        transaction.replace(TALLIES, "a", replace(tally, count=tally.count + 1))

    one.transact(add)

    assert [0, 5, 0] == tries
    assert [("a", Tally(1))] == rows(other)


def test_a_process_that_was_away_long_reads_everything_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of deleted records do not stay for ever."""
    monkeypatch.setattr(sql, "PURGED_EVERY", 8)
    one, other = pair(url)
    one.insert(TALLIES, "gone", Tally())
    assert 1 == len(rows(other))
    one.delete(TALLIES, "gone")
    for number in range(30):
        one.insert(TALLIES, str(number), Tally())

    assert 30 == one.database.run("SELECT count(*) FROM records")[0][0]
    assert rows(one) == rows(other)


def test_a_collection_that_is_declared_later_is_read_then(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may open a store before it loads the module that declares what is in it."""
    one, other = pair(url)
    late: Collection[Tally] = Collection("declared late", Tally)
    one.insert(late, "a", Tally(3))
    with monkeypatch.context() as before:
        before.setattr(sql, "declared_collection", lambda _: None)
        assert [] == other.collections()

    assert Tally(3) == other.get(late, "a")


def test_names_may_hold_any_character(url: str) -> None:
    """Also such that a database does not take in texts."""
    store = pair(url)[0]
    names = ["\0", "\ud800", "é", "z", "\U0001f600"]
    for name in names:
        store.insert(TALLIES, name, Tally(owner=name))

    assert [(name, Tally(owner=name)) for name in names] == rows(SqlStore(Database(url), store.space))


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


def test_a_look_lasts_as_long_as_its_block(url: str) -> None:
    """In it a thread reads the same state, unless it changes something; afterwards it sees what others have changed."""
    one, other = pair(url)
    one.insert(TALLIES, "a", Tally())
    with one.database.check_version_once():
        assert Tally() == one.get(TALLIES, "a")
        other.replace(TALLIES, "a", Tally(1))
        assert Tally() == one.get(TALLIES, "a")
        one.insert(TALLIES, "b", Tally())
        assert Tally(1) == one.get(TALLIES, "a")
        other.replace(TALLIES, "a", Tally(2))

    assert Tally(2) == one.get(TALLIES, "a")


def test_a_copy_that_nobody_uses_is_deleted(url: str) -> None:
    """A named snapshot is kept with its world, and deleted with it."""
    store = pair(url)[0]
    store.insert(TALLIES, "a", Tally())
    world = World(ManualClock(), store=store)
    world.store.snapshots["kept"] = world.snapshot()
    gc.collect()
    open_copy(store.database)
    gc.collect()
    open_copy(store.database)
    kinds = [row[0] for row in store.database.run("SELECT kind FROM spaces ORDER BY id")]

    assert 1 == kinds.count("snapshot")
    assert 1 >= kinds.count("copy")
    assert ["kept"] == list(store.snapshots)
    assert [("a", Tally())] == rows(store.snapshots["kept"].store)
    del store.snapshots["kept"]
    assert {} == dict(store.snapshots)


def test_a_function_is_refused_with_a_sentence(url: str) -> None:
    """Another process could not call it."""
    world = World(ManualClock(), store=pair(url)[0])

    with pytest.raises(ValueError, match="has a function, which other processes cannot call"):
        add_answers(world, [lambda prompt: prompt.text])


def test_a_schema_is_brought_up_to_date(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From every version, with what is stored; a newer one is refused with a sentence."""
    store = pair(url)[0]
    store.insert(TALLIES, "a", Tally())
    store.database.close()
    newer = (*MIGRATIONS, ("ALTER TABLE spaces ADD COLUMN note TEXT",))
    monkeypatch.setattr(tables, "MIGRATIONS", newer)
    migrated = Database(url)
    assert str(len(newer)) == migrated.read_meta("schema")
    assert (None,) == migrated.run("SELECT note FROM spaces")[0]
    assert [("a", Tally())] == rows(SqlStore(migrated, store.space))
    migrated.close()
    monkeypatch.undo()

    with pytest.raises(ValueError, match="use the newer mockserver that wrote it"):
        Database(url)


def test_a_log_of_the_first_version_is_counted_and_read(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When its file is opened, and when an export of it is imported."""
    tree = tree_of(encode_call(call(), 0))
    text = json.dumps(tree | {"request": [["name", "tunedModels/next"]], "response": {"object": []}})
    with monkeypatch.context() as before:
        before.setattr(tables, "MIGRATIONS", MIGRATIONS[:1])
        first = Database(url)
        space = first.open_space("world", "default")
        first.run("UPDATE spaces SET calls = 1 WHERE id = :space", space=space)
        first.run("INSERT INTO calls VALUES (:space, 1, 0, :size, :text)", space=space, size=len(text), text=text)
        first.close()
    exported = {
        "meta": [],
        "spaces": [[space, "world", 0, "default", 0, 1, 1, 0, 1]],
        "collections": [],
        "records": [],
        "counters": [[0, "revision", 1], [0, "spaces", space]],
        "calls": [[space, 1, 0, len(text), json.loads(text)]],
    }
    imported = Database(f"sqlite:///{tmp_path}/other.db")
    import_state(imported, {"format": document.FORMAT, "schema": 1, "tables": exported})

    for database in (Database(url), imported):
        log = SqlStore(database, space).log
        assert len(text.replace(" ", "")) <= log.size <= len(text)
        assert [call()] == list(log)
        assert call() == log.find(1)


def test_bringing_a_schema_up_to_date_may_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than PostgreSQL works on a statement of a request: a database may have many full logs. Others wait."""
    url = postgres().create_database("migration")
    Database(url).close()
    monkeypatch.setattr(tables, "STATEMENT_SECONDS", 0.5)
    monkeypatch.setattr(tables, "MIGRATIONS", (*MIGRATIONS, ("SELECT pg_sleep(1)",)))
    with ThreadPoolExecutor(2) as pool:
        databases = list(pool.map(Database, [url, url]))

    assert [str(len(MIGRATIONS) + 1)] * 2 == [database.read_meta("schema") for database in databases]
    with pytest.raises(Unavailable, match="statement timeout"):
        databases[0].run("SELECT pg_sleep(1)")


def test_another_process_may_open_a_store_while_it_is_imported() -> None:
    """It waits, and finds the counters that it needs."""
    exported = export_state(pair(postgres().create_database("exported"))[0].database)
    url = postgres().create_database("imported")
    one, other = Database(url), Database(url)
    with acting_after(one, "UPDATE counters SET value = value +", lambda: other.open_space("world", "x")) as results:
        import_state(one, exported)

    assert [2] == results


def test_a_log_is_whole_after_an_export(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of calls that share so much that they are stored in a fraction of their bytes."""
    monkeypatch.setattr(call_batches, "MAX_BYTES", 20_000)
    monkeypatch.setattr(call_batches, "BATCH_BYTES", 5000)
    store = pair(url)[0]
    request = MemoizedMessage({"contents": ["x" * 1000]})
    for number in range(60):
        store.log.append(call(at=number, request=request))
    kept = list(store.log)
    imported = Database(f"sqlite:///{tmp_path}/other.db")
    import_state(imported, json.loads(json.dumps(export_state(store.database))))
    log = SqlStore(imported, store.space).log
    log.append(call(at=60))

    assert 10 < len(kept) < 20
    assert [*kept, call(at=60)] == list(log)[-len(kept) - 1 :]


def test_a_clock_is_of_the_kind_that_was_stored(url: str) -> None:
    """A paused clock that can run is not a manual one."""
    database = Database(url)
    for number, clock in enumerate((ManualClock(datetime(2024, 3, 14, tzinfo=UTC)), SystemClock(60))):
        if isinstance(clock, SystemClock):
            clock.set_factor(0)
        store = SqlStore(database, database.open_space("world", f"w{number}"))
        World(clock, store=store)

        assert type(clock) is type(open_clock(store.get(CLOCK, CLOCK.name)))


def test_an_export_can_be_imported(url: str, tmp_path: Path) -> None:
    """It is the same again. A document of another kind or version is refused."""
    store = pair(url)[0]
    store.insert(TALLIES, "a", Tally(1))
    store.insert(TALLIES, "\ud800\0", Tally(1))
    store.delete(TALLIES, "a")
    store.log.append(call())
    store.count("x")
    exported = json.loads(json.dumps(export_state(store.database)))
    other = Database(f"sqlite:///{tmp_path}/other.db")
    wrong: object
    for wrong in ([], {}, exported | {"schema": 99}):
        with pytest.raises(ValueError, match="the file"):
            import_state(other, wrong)
    import_state(other, exported)

    assert exported == json.loads(json.dumps(export_state(other)))
    assert 1 == SqlStore(other, store.space).count("x")


def test_a_locked_file_is_unavailable_and_then_available_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever holds the lock for longer than a server waits."""
    monkeypatch.setattr(tables, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr(tables, "RETRY_SECONDS", 0.0)
    store = pair(f"sqlite:///{tmp_path}/store.db")[0]
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        store.insert(TALLIES, "a", Tally())
    other.execute("ROLLBACK")
    other.close()
    store.insert(TALLIES, "a", Tally())

    assert [("a", Tally())] == rows(store)


def test_worlds_that_are_opened_again_are_the_same(url: str) -> None:
    """What is given when they are opened replaces what was stored; the rest stays."""
    first, is_new = open_worlds(url, {"seed": 7, "clock": 30.0, "auth": "off"}, frozenset({"seed"}))
    second, is_new_again = open_worlds(url, {"seed": 8, "clock": 60.0, "magic": False}, frozenset({"magic"}))

    assert (True, False) == (is_new, is_new_again)
    assert (7, "off", False) == (
        second.default.settings.seed,
        second.default.settings.auth,
        first.default.settings.magic,
    )
    clock = second.default.clock
    assert isinstance(clock, SystemClock)
    assert 30.0 == clock.factor


def test_names_that_clients_make_up_are_not_kept(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are looked for in the database once at each version, and forgotten when there are many."""
    monkeypatch.setattr(sql_worlds, "MOST_NAMES", 10)
    stores = SqlWorldStores(Database(url))

    assert {None} == {stores.open(f"made-up-{number}") for number in range(100)}
    assert len(stores._found) <= 10  # noqa: SLF001 - it has no other sign

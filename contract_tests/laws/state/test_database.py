"""The database of stores: its schema, and what is particular to a store that processes share."""

import gc
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
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
from mockserver.state import call_batches, document, sql, sql_worlds
from mockserver.state import database as tables
from mockserver.state.clock import ManualClock, SystemClock, open_clock
from mockserver.state.database import Database
from mockserver.state.document import export_state, import_state
from mockserver.state.sql import SqlStore, open_copy
from mockserver.state.sql_schema import MIGRATIONS
from mockserver.state.sql_worlds import SqlWorldStores, open_worlds
from mockserver.state.store import ALL, Collection, Store, Unavailable
from mockserver.state.stored_calls import encode_call, tree_of
from mockserver.state.world import CLOCK, World


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

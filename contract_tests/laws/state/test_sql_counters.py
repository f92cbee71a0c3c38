"""Counters that several processes take numbers of: laws of `state.sql_counters`."""

import itertools
import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from contract_tests.laws.state.test_call_batches import acting_after
from contract_tests.laws.state.test_calls import call
from contract_tests.postgres import postgres
from mockserver.state import database as tables
from mockserver.state import sql_calls, sql_counters
from mockserver.state.clock import SECOND, Machine, machine_time
from mockserver.state.database import Database
from mockserver.state.document import export_state
from mockserver.state.sql import SqlStore
from mockserver.state.sql_calls import CallQueue, queue_of
from mockserver.state.sql_counters import BLOCK
from mockserver.state.store import Unavailable

OTHER_PROCESS = """
import sys
from mockserver.state import sql_counters
from mockserver.state.database import Database
from mockserver.state.sql import SqlStore

sql_counters.ALONE_SECONDS = 0.0
store = SqlStore(Database(sys.argv[1]), int(sys.argv[2]))
for line in sys.stdin:
    print(*[store.count("a") for _ in range(int(line))], flush=True)
"""

_numbers = itertools.count()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    return postgres().create_database(f"counters{next(_numbers)}")


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process reserves numbers as soon as it has taken two in a row, and others wait until it gives them back."""
    monkeypatch.setattr(sql_counters, "ALONE_SECONDS", 0.0)
    monkeypatch.setattr(sql_calls, "WRITER_SECONDS", 60.0)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process gives numbers back when it writes, and no thread has it write in time, as if it were killed."""
    monkeypatch.setattr(CallQueue, "_wake_thread", lambda *_: None)
    monkeypatch.setattr(sql_calls, "QUEUE_SECONDS", 60.0)
    monkeypatch.setattr(sql_calls, "WRITER_SECONDS", 0.02)


def processes(url: str, count: int) -> list[SqlStore]:
    """A store as so many processes have it: by a connection each."""
    databases = [Database(url) for _ in range(count)]
    space = databases[0].open_space("world", "default")
    databases[0].take_changed()
    return [SqlStore(database, space) for database in databases]


def take(store: SqlStore, count: int, counter: str = "a") -> list[int]:
    """So many numbers."""
    return [store.count(counter) for _ in range(count)]


def write(store: SqlStore, *, go_on: bool = False) -> None:
    """Have the process write what it has kept, as when it ends, or as when it is busy."""
    queue_of(store.database).write(store.database, go_on=go_on)


def stored(store: SqlStore) -> int:
    """The value of the counter in the database."""
    return int(store.database.run("SELECT value FROM counters WHERE space = :it", it=store.space)[0][0])


def exported(store: SqlStore, counter: str) -> int:
    """The value of a counter in an export."""
    rows = export_state(store.database)["tables"]["counters"]
    return int(next(value for space, name, value in rows if (space, name) == (store.space, counter)))


READS = [lambda store: store.copy().count("a"), lambda store: exported(store, "a")]
"""How one gets the next number of what is copied."""


def act_meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Act whenever this thread would wait. Those that write the calls of other tests go on."""
    own, sleep = threading.get_ident(), Machine.sleep
    monkeypatch.setattr(Machine, "sleep", lambda seconds: act() if threading.get_ident() == own else sleep(seconds))


def count_waits(monkeypatch: pytest.MonkeyPatch) -> list[CallQueue]:
    """A list that grows with every wait for other processes."""
    waits: list[CallQueue] = []
    settle = CallQueue.settle

    def wait(queue: CallQueue, database: Database) -> None:
        waits.append(queue)
        settle(queue, database)

    monkeypatch.setattr(CallQueue, "settle", wait)
    return waits


@contextmanager
def other_process(url: str, space: int) -> Iterator[subprocess.Popen[str]]:
    """Another process, which takes so many numbers for each line; it is killed at last."""
    command = [sys.executable, "-c", OTHER_PROCESS, url, str(space)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def ask(process: subprocess.Popen[str], count: int) -> list[int]:
    """The numbers that the other process has taken."""
    assert process.stdin
    assert process.stdout
    print(count, file=process.stdin, flush=True)
    return [int(word) for word in process.stdout.readline().split()]


def test_numbers_are_in_order_over_all_processes(url: str) -> None:
    """Whoever takes them, one or many at a time, with calls between or without; several counters by themselves."""
    stores, rng = processes(url, 3), random.Random(7)
    numbers: dict[str, list[int]] = {"a": [], "b": []}
    for _ in range(60):
        store, counter = rng.choice(stores), rng.choice(["a", "a", "b"])
        numbers[counter] += take(store, rng.choice([1, 2, 5, 100]), counter)
        if rng.random() < 0.5:
            store.log.append(call())

    assert {name: list(range(len(taken))) for name, taken in numbers.items()} == numbers


def test_numbers_of_processes_that_run_at_the_same_time_are_in_order(url: str) -> None:
    """Each has its own in order, and together they have taken each number once."""
    stores = processes(url, 3)
    with ThreadPoolExecutor(3) as pool:
        taken = list(pool.map(lambda store: [n for _ in range(20) for n in take(store, 30)], stores))

    assert all(numbers == sorted(numbers) for numbers in taken)
    assert list(range(3 * 20 * 30)) == sorted(itertools.chain(*taken))


def test_a_process_that_is_alone_reserves_numbers(url: str, silent: None) -> None:
    """It takes them without a statement; the row of the counter has the end of the block."""
    store = processes(url, 1)[0]
    assert [0, 1] == take(store, 2)

    assert 1 + BLOCK == stored(store)
    assert list(range(2, 200)) == take(store, 198)


def test_a_busy_process_reserves_as_many_again(url: str, silent: None) -> None:
    """With the calls that it writes, until it needs none any more; it is still alone then."""
    store = processes(url, 1)[0]
    take(store, 1)
    found = []
    for count in (1, 5, 1, 0, 2, 0):
        take(store, count)
        write(store, go_on=True)
        found.append(stored(store))

    assert [2 + BLOCK, 7 + BLOCK, 8 + BLOCK, 8, 10 + BLOCK, 10] == found


def test_a_busy_process_gives_numbers_back_when_it_is_asked(
    url: str, silent: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are in order then; it does not reserve others for itself."""
    one, other = processes(url, 2)
    numbers = take(one, 5)
    write(one, go_on=True)
    numbers += take(one, 5)
    act_meanwhile(monkeypatch, lambda: write(one, go_on=True))
    numbers += take(other, 5)

    assert list(range(15)) == numbers


@pytest.mark.parametrize("read", READS)
def test_nobody_reserves_numbers_just_before_a_copy(
    url: str, silent: None, monkeypatch: pytest.MonkeyPatch, read: Callable[[SqlStore], int]
) -> None:
    """Neither another process nor a thread of this one, although it has been alone for long."""
    one, other = processes(url, 2)
    numbers = take(one, 5)
    write(one)
    settle = CallQueue.settle

    def settle_and_take(queue: CallQueue, database: Database) -> None:
        settle(queue, database)
        if len(numbers) == 5:
            numbers.extend(take(one, 1))

    monkeypatch.setattr(CallQueue, "settle", settle_and_take)

    assert 6 == read(other)
    assert [6, 7] == take(one, 2)


@pytest.mark.parametrize("read", READS)
def test_what_is_copied_has_no_numbers_of_a_block(
    url: str, silent: None, monkeypatch: pytest.MonkeyPatch, read: Callable[[SqlStore], int]
) -> None:
    """A copy or an export gets the next number, also of another process that goes on."""
    one, other = processes(url, 2)
    take(one, 5)
    write(one, go_on=True)
    take(one, 5)
    act_meanwhile(monkeypatch, lambda: write(one, go_on=True))

    assert 10 == read(other)
    assert [10] == take(one, 1)


def test_a_kill_takes_only_the_numbers_that_were_reserved(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody gets a number twice, and numbers go on behind the block."""
    store = processes(url, 1)[0]
    numbers = take(store, 3)
    for _ in range(2):
        with other_process(url, store.space) as other:
            monkeypatch.setattr(sql_calls, "WRITER_SECONDS", 60.0)
            numbers += [*ask(other, 5), *take(store, 4), *ask(other, 70)]
            assert list(range(numbers[0], numbers[0] + len(numbers))) == numbers
            numbers += ask(other, 20)
        monkeypatch.setattr(sql_calls, "WRITER_SECONDS", 0.05)
        last, numbers = numbers[-1], take(store, 3)
        assert last < numbers[0] <= last + BLOCK


def test_nothing_is_lost_when_a_process_ends(url: str, silent: None) -> None:
    """Nor by a copy or an export: what is left of a block is given back first."""
    one, other = processes(url, 2)
    assert list(range(5)) == take(one, 5)
    exported = json.loads(json.dumps(export_state(one.database)))
    assert [one.space, "a", 5] in exported["tables"]["counters"]
    assert list(range(5, 9)) == take(one, 4)
    assert 9 == one.copy().count("a")
    assert list(range(9, 12)) == take(one, 3)
    write(one)

    assert 12 == stored(other) == other.count("a")


@pytest.mark.parametrize("settles", [True, False])
def test_a_world_that_was_replaced_starts_with_its_own_numbers(
    url: str, settles: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cleared or restored by another process: before, or after the holder has reserved numbers again."""
    one, other = processes(url, 2)
    take(one, 3)
    copy = other.copy()
    if not settles:
        monkeypatch.setattr(CallQueue, "settle", lambda *_: None)
        monkeypatch.setattr(CallQueue, "_wake_thread", lambda *_: None)
    take(one, 9)
    other.clear()
    assert [0, 1, 2] == take(one, 3)
    other.restore(copy)
    numbers = take(one, 9)
    write(one)

    assert list(range(3, 12)) == numbers
    assert 12 == other.count("a")


def test_a_process_that_was_taken_for_dead_is_waited_for_again(
    url: str, silent: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was paused for long with calls to write, and reserves numbers before it writes them."""
    one, other = processes(url, 2)
    one.log.append(call())
    assert [] == list(other.log)
    numbers = take(one, 5)
    act_meanwhile(monkeypatch, lambda: write(one))
    numbers += take(other, 5)

    assert list(range(10)) == numbers
    assert [call()] == list(other.log)


def test_processes_that_take_turns_do_not_wait(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They reserve nothing."""
    stores, waits = processes(url, 2), count_waits(monkeypatch)
    numbers = [store.count("a") for _ in range(50) for store in stores]

    assert list(range(100)) == numbers
    assert [] == waits


def test_a_process_is_held_up_once_in_a_while(url: str, silent: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The holder, which goes on, reserves nothing until it has been alone for long again."""
    now = [machine_time()]
    monkeypatch.setattr(sql_counters, "machine_time", lambda: now[0])
    monkeypatch.setattr(sql_counters, "ALONE_SECONDS", 1.0)
    (one, other), waits = processes(url, 2), count_waits(monkeypatch)
    numbers: list[int] = []
    found: list[tuple[int, int]] = []

    def go_on(seconds: float) -> None:
        now[0] += round(seconds * SECOND)
        numbers.extend(take(one, 5))
        found.append((stored(one) - len(numbers), len(waits)))

    def end_pause() -> None:
        write(one)
        if len(waits) == 1:
            go_on(0.1)

    act_meanwhile(monkeypatch, end_pause)
    for seconds in (0.0, 0.9, 0.2):
        go_on(seconds)
    numbers += take(other, 1)
    for seconds in (0.9, 0.9, 0.2):
        go_on(seconds)
    write(one)
    go_on(0.1)

    # A block after 1.1 s, which is given back when it is wanted. The next one a second after that was seen, and others.
    assert [(0, 0), (0, 0), (BLOCK - 5, 0), (0, 1), (0, 1), (0, 1), (BLOCK - 5, 1), (BLOCK - 5, 1)] == found
    assert list(range(41)) == numbers


def test_a_block_of_which_one_number_was_used_is_not_reserved_again_soon(
    url: str, silent: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of requests that write their calls at once."""
    now = [machine_time()]
    monkeypatch.setattr(sql_counters, "machine_time", lambda: now[0])
    monkeypatch.setattr(sql_counters, "ALONE_SECONDS", 1.0)
    store = processes(url, 1)[0]
    found = []
    for number in range(5):
        assert [number] == take(store, 1)
        found.append(stored(store) - number)
        write(store)
        now[0] += round(0.6 * SECOND)

    assert [1, 1, BLOCK, 1, BLOCK] == found


@pytest.mark.parametrize("go_on", [False, True])
def test_numbers_of_a_block_are_not_used_after_a_write_that_failed(
    url: str, silent: None, monkeypatch: pytest.MonkeyPatch, *, go_on: bool
) -> None:
    """The database may have committed it, and given them to others."""
    monkeypatch.setattr(tables, "RETRY_SECONDS", 0.0)
    one, other = processes(url, 2)
    numbers = take(one, 5)
    execute = Database._execute  # noqa: SLF001 - the connection breaks here

    def break_after_commit(database: Database, statement: str, values: Mapping[str, object]) -> object:
        result = execute(database, statement, values)
        if statement == "COMMIT":
            raise database._lose(None)  # noqa: SLF001 - as above
        return result

    with monkeypatch.context() as breaking:
        breaking.setattr(Database, "_execute", break_after_commit)
        with pytest.raises(Unavailable, match="failed"):
            write(one, go_on=go_on)
    numbers += [*take(other, 5), *take(one, 5)]

    assert len(set(numbers)) == len(numbers)


def wait_for_lock(holder: SqlStore, other: Future[None]) -> None:
    """Wait until another thread waits for a lock of PostgreSQL, or has ended."""
    while not other.done() and not holder.database.run("SELECT pid FROM pg_locks WHERE NOT granted"):
        Machine.sleep(0.001)


@pytest.mark.parametrize("replaces", [True, False])
def test_who_locks_several_counters_waits_for_others_who_do(silent: None, *, replaces: bool) -> None:
    """PostgreSQL would end one of two transactions that lock the same counters in another order."""
    one, other = processes(postgres().create_database(f"counters{next(_numbers)}"), 2)
    take(one, 3, "a")
    take(one, 3, "b")
    run, where = other.database.run, "WHERE space = :it AND name = :name"
    change = f"DELETE FROM counters {where}" if replaces else f"UPDATE counters SET asked = 1 {where}"  # noqa: S608 - our own
    with ThreadPoolExecutor(1) as pool:
        with other.database.transaction():
            other.database.lock_revision()
            run(change, it=other.space, name=b"b")
            writing = pool.submit(write, one)
            wait_for_lock(other, writing)
            run(change, it=other.space, name=b"a")
        writing.result()

    assert [0 if replaces else 3] * 2 == [one.count("a"), one.count("b")]


def test_asking_for_all_numbers_waits_for_who_replaces_the_counters(silent: None) -> None:
    """As giving them back does."""
    one, other = processes(postgres().create_database(f"counters{next(_numbers)}"), 2)
    with ThreadPoolExecutor(1) as pool:
        with other.database.transaction():
            other.database.new_revisions(1)
            asking = pool.submit(queue_of(one.database).counters.ask_for_all, one.database, one.space)
            wait_for_lock(other, asking)
            assert not asking.done()
        asking.result()


def test_a_counter_may_be_new_while_its_space_is_restored(silent: None) -> None:
    """Another process takes its first number after those of before were deleted; it is that of the copy afterwards."""
    one, other = processes(postgres().create_database(f"counters{next(_numbers)}"), 2)
    take(one, 5)
    copy = one.copy()
    one.clear()
    statement = "DELETE FROM counters WHERE space = :target"
    with acting_after(one.database, statement, lambda: other.count("a"), seconds=30) as results:
        one.restore(copy)

    assert [0] == results
    assert [5, 6] == take(one, 2)


@pytest.mark.parametrize("broken", ["BEGIN", "COMMIT"])
def test_a_process_that_could_not_reserve_numbers_announces_its_calls(
    url: str, silent: None, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Its announcement may have been part of the transaction that failed. What it held before is given back."""
    monkeypatch.setattr(tables, "RETRY_SECONDS", 0.0)
    store, other = processes(url, 2)
    store.database.take_changed()
    writers = "SELECT process FROM writers"

    def fail_to_reserve() -> None:
        with monkeypatch.context() as breaking:
            breaking.setattr(Database, "_execute", breaking_at(broken, Database._execute))  # noqa: SLF001 - as above
            with pytest.raises(Unavailable, match="failed"):
                take(store, 1, "b")

    take(store, 1, "b")
    take(store, 1)
    fail_to_reserve()
    assert [] == other.database.run(writers)
    store.log.append(call())
    assert 1 == len(other.database.run(writers))
    write(store)
    take(store, 2)
    fail_to_reserve()
    assert 1 == len(other.database.run(writers))
    write(store)
    assert [] == other.database.run(writers)

    assert [3, 1] == [other.count("a"), other.count("b")]


def breaking_at(broken: str, execute: Callable[..., object]) -> Callable[..., object]:
    """What executes statements until the connection breaks."""

    def execute_or_break(database: Database, statement: str, values: Mapping[str, object]) -> object:
        if statement.startswith(broken):
            raise database._lose(None)  # noqa: SLF001 - as if the driver had found it
        return execute(database, statement, values)

    return execute_or_break

"""Keeping records: laws that every store holds, whatever keeps the records.

A backend is one entry of STORES.
"""

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contract_tests.effort import effort
from contract_tests.laws.state.test_calls import call
from contract_tests.stores import STORES
from mockserver.state.clock import SECOND, ManualClock, SystemClock
from mockserver.state.lists import SpanList
from mockserver.state.memory import MemoryStore
from mockserver.state.store import ALL, Collection, Conflict, Exists, Index, Missing, Position, Span, Store
from mockserver.state.world import CLOCK, Settings, World


@dataclass(frozen=True)
class Tally:
    """A record: a number, and in whose list it is."""

    count: int = 0
    owner: str = "me"


def spans(count: int) -> list[Span]:
    """A record is listed from 1 on, moves up at its count, and is gone at 5; below 2 it is never listed."""
    return [Span(1, count, 1), Span(count, 5, count)] if count > 1 else []


BY_OWNER: Index[Tally] = Index("owner", lambda tally: (tally.owner, "everybody"), lambda tally: tally.count)
BY_PARITY: Index[Tally] = Index(
    "parity", lambda tally: ("odd",) if tally.count % 2 else (), None, lambda tally: tally.owner
)
BY_TIME: Index[Tally] = Index("time", lambda _: ("",), spans=lambda tally: spans(tally.count), descending=True)
BY_AGE: Index[Tally] = Index("age", lambda _: ("",), spans=lambda tally: spans(tally.count)[:1])
TALLIES: Collection[Tally] = Collection("tallies", Tally, (BY_OWNER, BY_PARITY, BY_TIME, BY_AGE))
OTHERS: Collection[Tally] = Collection("others", Tally)

names = st.sampled_from(["a", "a/1", "b", "b/1"])
tallies = st.builds(Tally, st.integers(-2, 3), st.sampled_from(["me", "you"]))
limits = st.integers(1, 5)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store, of each kind in turn."""
    return STORES[request.param]()


def rows(store: Store, kind: Collection[Tally] = TALLIES) -> list[tuple[str, Tally]]:
    """All records in the order they were inserted."""
    return [(entry.name, entry.record) for entry in store.walk(kind)]


def listed(store: Store, index: Index[Tally], partition: str) -> list[str]:
    """The names in a list."""
    return [entry.name for entry in store.walk(TALLIES, index, partition)]


def paged(store: Store, index: Index[Tally], at: int, size: int) -> list[str]:
    """The names in a list of a moment, read in pages."""
    joined: list[str] = []
    after: Position | None = None
    while entries := store.page(TALLIES, index, "", after=after, at=at, limit=size):
        joined += [entry.name for entry in entries]
        after = entries[-1].position
    return joined


class StoreMachine(RuleBasedStateMachine):
    """A store, and a plain dictionary that should always hold the same."""

    make: Callable[[], Store]

    @initialize()
    def begin(self) -> None:
        self.store = type(self).make()
        self.rows: dict[str, Tally] = {}
        self.copies: list[tuple[Store, dict[str, Tally]]] = []

    @rule(name=names, tally=tallies)
    def insert(self, name: str, tally: Tally) -> None:
        if name in self.rows:
            with pytest.raises(Exists):
                self.store.insert(TALLIES, name, tally)
        else:
            self.store.insert(TALLIES, name, tally)
            self.rows[name] = tally

    @rule(name=names, tally=tallies)
    def replace(self, name: str, tally: Tally) -> None:
        if name not in self.rows:
            with pytest.raises(Missing):
                self.store.replace(TALLIES, name, tally)
            return
        self.store.replace(TALLIES, name, tally)
        self.rows[name] = tally

    @rule(name=names)
    def delete(self, name: str) -> None:
        if self.rows.pop(name, None) is None:
            with pytest.raises(Missing):
                self.store.delete(TALLIES, name)
        else:
            self.store.delete(TALLIES, name)

    @rule(writes=st.lists(st.tuples(names, st.none() | tallies), max_size=4), whole=st.booleans())
    def change_several(self, writes: Sequence[tuple[str, Tally | None]], *, whole: bool) -> None:
        after = dict(self.rows)

        def change(transaction: Store) -> None:
            for name, tally in writes:
                if tally is None and transaction.has(TALLIES, name):
                    transaction.delete(TALLIES, name)
                    del after[name]
                elif tally is not None:
                    put = transaction.replace if transaction.has(TALLIES, name) else transaction.insert
                    put(TALLIES, name, tally)
                    after[name] = tally
                    assert tally == transaction.get(TALLIES, name)
            if not whole:
                raise LookupError

        if whole:
            self.store.transact(change)
            self.rows = after
        else:
            with pytest.raises(LookupError):
                self.store.transact(change)

    @rule()
    def copy(self) -> None:
        self.copies.append((self.store.copy(), dict(self.rows)))

    @rule()
    def go_on_in_a_copy(self) -> None:
        if self.copies:
            kept = (self.store, self.rows)
            self.store, self.rows = self.copies.pop(0)
            self.copies.append(kept)

    @rule()
    def restore(self) -> None:
        if self.copies:
            copy, rows = self.copies[0]
            self.store.restore(copy)
            self.rows = dict(rows)

    @rule()
    def clear(self) -> None:
        self.store.clear()
        self.rows.clear()

    @invariant()
    def every_store_holds_what_it_should(self) -> None:
        for store, held in [(self.store, self.rows), *self.copies]:
            assert held == dict(rows(store))
            assert all(record == store.get(TALLIES, name) for name, record in held.items())

    @invariant()
    def every_list_holds_what_it_should_in_its_order(self) -> None:
        for store, held in [(self.store, self.rows), *self.copies]:
            for owner in ("me", "you", "everybody"):
                wanted = [(it.count, name) for name, it in held.items() if owner in {it.owner, "everybody"}]
                assert [name for _, name in sorted(wanted)] == listed(store, BY_OWNER, owner)
            odd = {name for name, tally in held.items() if tally.count % 2}
            ages = [name for name, _ in rows(store)]
            assert sorted(odd, key=ages.index) == listed(store, BY_PARITY, "odd")

    @invariant()
    def a_list_of_a_moment_holds_what_is_in_it_then(self) -> None:
        for store, held in [(self.store, self.rows), *self.copies]:
            ages = [name for name, _ in rows(store)]
            for at in range(6):
                ranks = {
                    name: (span.rank or 0, ages.index(name))
                    for name, it in held.items()
                    for span in spans(it.count)
                    if span.since <= at < span.until
                }
                for size in (1, 2):
                    assert sorted(ranks, key=ranks.__getitem__, reverse=True) == paged(store, BY_TIME, at, size)
                first = {name for name, it in held.items() if it.count > 1 and 1 <= at < it.count}
                assert sorted(first) == sorted(paged(store, BY_AGE, at, 2))

    @invariant()
    def pages_joined_are_the_list(self) -> None:
        for size in (1, 2):
            joined: list[str] = []
            after: Position | None = None
            while entries := self.store.page(TALLIES, BY_OWNER, "everybody", after=after, limit=size):
                assert len(entries) <= size
                joined += [entry.name for entry in entries]
                after = entries[-1].position
            assert listed(self.store, BY_OWNER, "everybody") == joined


def _machine(name: str, examples: int = 50) -> type:
    machine = type(f"{name.title()}Machine", (StoreMachine,), {"make": staticmethod(STORES[name])})
    case: type = machine.TestCase  # type: ignore[attr-defined]  # made by hypothesis
    case.settings = effort(examples, stateful_step_count=30)  # type: ignore[attr-defined]  # a unittest case of hypothesis
    return case


test_a_store_in_memory_is_a_dictionary_with_lists_that_can_be_copied = _machine("memory")
test_a_store_in_sqlite_is_a_dictionary_with_lists_that_can_be_copied = _machine("sqlite")
test_a_store_in_postgresql_is_a_dictionary_with_lists_that_can_be_copied = _machine("postgresql", 15)


def test_records_are_listed_in_the_order_of_insertion(store: Store) -> None:
    """A change keeps the position of a record."""
    for name in ("b/2", "a/1", "b/1"):
        store.insert(TALLIES, name, Tally())
    store.replace(TALLIES, "b/2", Tally(5))

    assert [("b/2", Tally(5)), ("a/1", Tally()), ("b/1", Tally())] == rows(store)


def test_a_walk_continues_after_a_deleted_record(store: Store) -> None:
    """A record that exists throughout comes exactly once, whatever is added and deleted meanwhile."""
    for number in range(100):
        store.insert(TALLIES, f"{number:03}", Tally(number))
    walk = store.walk(TALLIES, BY_OWNER, "me")
    seen = [next(walk).name for _ in range(32)]
    for number in (0, 31, 32, 99):
        store.delete(TALLIES, f"{number:03}")
    store.insert(TALLIES, "new", Tally(40))
    seen += [entry.name for entry in walk]

    assert [*(f"{number:03}" for number in range(32)), *(f"{number:03}" for number in range(33, 41))] == seen[:40]
    assert "new" == seen[40]
    assert len(seen) == len(set(seen)) == 99


def test_a_position_without_a_record_is_valid(store: Store) -> None:
    """The page starts after its rank and text, even if there never was such a record."""
    for name, count in (("a", 1), ("b", 2), ("c", 2), ("d", 3)):
        store.insert(TALLIES, name, Tally(count))

    def behind(rank: int, tie: str) -> list[str]:
        return [entry.name for entry in store.page(TALLIES, BY_OWNER, "me", after=Position(rank, tie), limit=2)]

    assert [["a", "b"], ["b", "c"], ["c", "d"], ["c", "d"], ["d"], []] == [
        behind(0, "z"), behind(1, "a"), behind(2, "b"), behind(2, "bb"), behind(2, "z"), behind(3, "d")
    ]  # fmt: skip


def test_kinds_are_separate_collections(store: Store) -> None:
    """Each may have a record of the same name."""
    store.insert(TALLIES, "a", Tally())
    store.insert(OTHERS, "a", Tally(7))
    store.delete(TALLIES, "a")

    assert Tally(7) == store.get(OTHERS, "a")
    assert [TALLIES, OTHERS] == store.collections()


def test_revisions_move_with_every_change_of_their_kind(store: Store) -> None:
    """And only then; restoring a store changes them too, unless nothing has changed."""
    revisions = [store.revision(TALLIES)]
    store.insert(TALLIES, "a", Tally())
    revisions.append(store.revision(TALLIES))
    store.replace(TALLIES, "a", Tally(1))
    revisions.append(store.revision(TALLIES))
    copy = store.copy()
    store.insert(OTHERS, "a", Tally())
    store.delete(TALLIES, "a")
    revisions.append(store.revision(TALLIES))
    store.clear()
    revisions.append(store.revision(TALLIES))
    store.restore(copy)

    assert 5 == len(set(revisions))
    assert revisions[2] == store.revision(TALLIES)


def test_counters_are_independent_and_start_at_zero(store: Store) -> None:
    """A copy continues; clearing resets them."""
    counted = [store.count(name) for name in ("a", "a", "b", "a")]
    copy = store.copy()

    assert [0, 1, 0, 2] == counted
    assert [3, 4] == [copy.count("a"), copy.count("a")]
    assert 3 == store.count("a")
    store.restore(copy)
    assert 5 == store.count("a")
    store.clear()
    assert 0 == store.count("a")


def test_clearing_keeps_the_given_kinds(store: Store) -> None:
    """With their lists; the log is cleared."""
    store.insert(TALLIES, "a", Tally(1))
    store.insert(OTHERS, "a", Tally(2))
    store.log.append(call())
    store.clear(keep=[TALLIES])

    assert [("a", Tally(1))] == rows(store)
    assert ["a"] == listed(store, BY_OWNER, "me")
    assert [] == rows(store, OTHERS)
    assert 0 == len(store.log)


def test_the_log_says_how_many_bytes_it_takes(store: Store) -> None:
    """No fewer than what was answered; none once it is empty."""
    sizes = [store.log.size]
    for answer in ("short", "x" * 1000):
        store.log.append(replace(call(), response={"text": answer}))
        sizes.append(store.log.size)
    store.log.clear()

    assert (0, 0) == (sizes[0], store.log.size)
    assert 5 < sizes[1] < sizes[2] - 1000


def test_a_copy_has_the_log_too(store: Store) -> None:
    """Later calls are in only one of them."""
    store.log.append(call(at=1))
    copy = store.copy()
    store.log.append(call(at=2))
    store.restore(copy)

    assert [call(at=1)] == list(store.log)


def test_a_transaction_is_repeated_if_what_it_read_has_changed(store: Store) -> None:
    """A record, a missing record, or a list."""
    store.insert(TALLIES, "a", Tally(1))

    numbers = itertools.count()

    def lost(read: Callable[[Store], object], interfere: Callable[[], None]) -> int:
        tries = []

        def change(transaction: Store) -> None:
            read(transaction)
            tries.append(1)
            if len(tries) == 1:
                interfere()
            transaction.insert(OTHERS, f"other {next(numbers)}", Tally())

        store.transact(change)
        return len(tries)

    assert 2 == lost(lambda it: it.get(TALLIES, "a"), lambda: store.replace(TALLIES, "a", Tally(1)))
    assert 2 == lost(lambda it: it.has(TALLIES, "b"), lambda: store.insert(TALLIES, "b", Tally(2)))
    assert 2 == lost(lambda it: it.has(TALLIES, "b"), lambda: store.delete(TALLIES, "b"))
    assert 2 == lost(lambda it: list(it.walk(TALLIES)), lambda: store.insert(TALLIES, "c", Tally(3)))
    assert 2 == lost(lambda it: list(it.walk(TALLIES)), lambda: store.replace(TALLIES, "c", Tally(4)))
    assert 2 == lost(
        lambda it: it.page(TALLIES, BY_OWNER, "you", limit=1),
        lambda: store.insert(TALLIES, "d", Tally(5, "you")),
    )
    assert 2 == lost(lambda it: it.page(TALLIES, BY_OWNER, "you", limit=1), lambda: store.delete(TALLIES, "d"))
    assert 1 == lost(
        lambda it: it.page(TALLIES, BY_OWNER, "nobody", limit=1), lambda: store.replace(TALLIES, "a", Tally(6))
    )
    assert 1 == lost(lambda it: it.get(TALLIES, "a"), lambda: store.replace(TALLIES, "c", Tally(7)))


def test_an_error_is_decided_on_one_state(store: Store) -> None:
    """An error that another change has made wrong is not raised; after an error nothing is committed."""
    store.insert(TALLIES, "a", Tally(1))
    moments = []

    def change(transaction: Store) -> None:
        tally = transaction.get(TALLIES, "a")
        moments.append(tally)
        if len(moments) == 1:
            store.replace(TALLIES, "a", Tally(2))
        transaction.insert(TALLIES, "b", tally)
        if tally.count < 3:
            raise ValueError(tally.count)

    with pytest.raises(ValueError, match="2"):
        store.transact(change)

    assert [Tally(1), Tally(2)] == moments
    assert [("a", Tally(2))] == rows(store)


def test_a_transaction_reads_its_own_writes(store: Store) -> None:
    """Nobody else does before the commit."""
    store.insert(TALLIES, "a", Tally(1))
    store.insert(TALLIES, "b", Tally(2))

    def change(transaction: Store) -> list[object]:
        transaction.replace(TALLIES, "a", Tally(5))
        transaction.delete(TALLIES, "b")
        transaction.insert(TALLIES, "c", Tally(6))
        with pytest.raises(Exists):
            transaction.insert(TALLIES, "c", Tally(7))
        with pytest.raises(Missing):
            transaction.replace(TALLIES, "b", Tally(7))
        inner = transaction.transact(lambda within: within.get(TALLIES, "c"))
        outside = rows(store)
        return [transaction.get(TALLIES, "a"), transaction.has(TALLIES, "b"), inner, outside]

    assert [Tally(5), False, Tally(6), [("a", Tally(1)), ("b", Tally(2))]] == store.transact(change)
    assert [("a", Tally(5)), ("c", Tally(6))] == rows(store)


def test_a_transaction_must_read_lists_before_writing(store: Store) -> None:
    """Of the kind that it writes, because the lists do not have its writes."""

    def change(transaction: Store) -> None:
        transaction.insert(TALLIES, "a", Tally())
        assert [] == list(transaction.walk(OTHERS))
        transaction.page(TALLIES, ALL, "", limit=1)

    with pytest.raises(ValueError, match="has already written tallies"):
        store.transact(change)

    assert [] == rows(store)


def test_a_replacement_may_require_a_version(store: Store) -> None:
    """Conflict if the record has another version, even if it is equal; Missing if there is none."""
    store.insert(TALLIES, "a", Tally())
    (entry,) = store.page(TALLIES, ALL, "", limit=1)
    store.replace(TALLIES, "a", Tally(1), version=entry.version)
    with pytest.raises(Conflict):
        store.replace(TALLIES, "a", Tally(2), version=entry.version)
    store.delete(TALLIES, "a")
    with pytest.raises(Missing):
        store.replace(TALLIES, "a", Tally(2), version=entry.version)
    store.insert(TALLIES, "a", Tally())
    with pytest.raises(Conflict):
        store.replace(TALLIES, "a", Tally(2), version=entry.version)

    assert [("a", Tally())] == rows(store)


def test_concurrent_changes_of_a_record_are_all_kept(store: Store) -> None:
    """The slower one is repeated on the new record."""
    store.insert(TALLIES, "a", Tally())

    def add(_: int) -> None:
        store.change(TALLIES, "a", lambda tally: replace(tally, count=tally.count + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(500)))

    assert 500 == store.get(TALLIES, "a").count


def test_a_record_is_put_whether_there_is_one_or_not(store: Store) -> None:
    """It keeps its place, and of several that put it at the same time none fails."""
    store.put(TALLIES, "a", Tally(1))
    store.insert(TALLIES, "b", Tally())
    store.put(TALLIES, "a", Tally(2))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda count: store.put(TALLIES, "c", Tally(count)), [3] * 100))

    assert [("a", Tally(2)), ("b", Tally()), ("c", Tally(3))] == rows(store)


def test_several_records_change_together_or_not_at_all(store: Store) -> None:
    """Concurrent transfers between two records do not change the sum."""
    store.insert(TALLIES, "a", Tally(500))
    store.insert(TALLIES, "b", Tally())

    def move(transaction: Store) -> int:
        a, b = transaction.get(TALLIES, "a"), transaction.get(TALLIES, "b")
        transaction.replace(TALLIES, "a", replace(a, count=a.count - 1))
        transaction.replace(TALLIES, "b", replace(b, count=b.count + 1))
        return a.count + b.count

    with ThreadPoolExecutor(8) as pool:
        sums = set(pool.map(lambda _: store.transact(move), range(500)))

    assert {500} == sums
    assert [("a", Tally(0)), ("b", Tally(500))] == rows(store)


def test_a_missing_record_cannot_be_changed(store: Store) -> None:
    """Missing has its name."""
    with pytest.raises(Missing, match="nobody"):
        store.change(TALLIES, "nobody", lambda tally: tally)


def test_random_generators_are_the_same_in_every_run_of_a_seed(store: Store) -> None:
    """The n-th generator for a purpose, also after a world is restored."""
    start = datetime(2024, 3, 14, tzinfo=UTC)
    one, other = World(ManualClock(start), store=store), World(ManualClock(start))
    thrown = [one.rng("names").random(), one.rng("names").random(), one.rng("losses").random()]
    before = other.snapshot()
    first = other.rng("names").random()
    other.restore(before)

    assert thrown[0] == first == other.rng("names").random()
    assert thrown[1] == other.rng("names").random()
    assert 3 == len(set(thrown))


def test_a_world_is_a_handle_on_its_store(store: Store) -> None:
    """Another handle on the same store sees the same settings; resetting keeps them."""
    clock = ManualClock(datetime(2024, 3, 14, tzinfo=UTC))
    world = World(clock, Settings(seed=3), store=store)
    again = World(clock, store=store)
    again.settings = replace(again.settings, auth="off")
    world.reset()

    assert Settings(seed=3, auth="off") == world.settings == again.settings


@pytest.mark.parametrize("make", [ManualClock, SystemClock])
def test_a_clock_uses_the_setting_in_the_store(store: Store, make: Callable[[], ManualClock | SystemClock]) -> None:
    """Two handles on one store have the same time, whichever moves it; resetting keeps it."""
    one = World(make(), store=store)
    other = World(make(), store=store)
    one.clock.advance(hours=1)
    other.clock.advance(hours=2)
    one.reset()
    began = one.clock.now()

    assert store.get(CLOCK, CLOCK.name).moment >= 3 * 3600 * SECOND
    assert 0 <= other.clock.now() - began < SECOND
    assert 0 <= one.fork("copy").clock.now() - began < SECOND


def test_a_fork_has_its_own_clock(store: Store) -> None:
    """A snapshot has the time at which it was taken."""
    world = World(ManualClock(), store=store)
    snapshot, copy = world.snapshot(), world.fork("copy")
    before = world.clock.now()
    world.clock.advance(5)

    assert (before + 5 * SECOND, before) == (world.clock.now(), copy.clock.now())
    world.restore(snapshot)
    assert before == world.clock.now()


def test_a_page_of_a_moment_passes_over_what_is_not_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the size of the blocks, and however many records there are in between."""
    for size in (2, 3, 512):
        monkeypatch.setattr(SpanList, "block_size", size)
        store = MemoryStore()
        for number in range(100):
            store.insert(TALLIES, f"{number:02}", Tally(4 if number % 10 == 3 else 2))
        for number in range(0, 100, 2):
            store.delete(TALLIES, f"{number:02}")
        store.replace(TALLIES, "13", Tally(3))

        assert [f"{number:02}" for number in range(93, 0, -10) if number != 13] == paged(store, BY_TIME, 4, 2)[:9]
        assert 50 == len(paged(store, BY_TIME, 4, 3)) == len(paged(store, BY_TIME, 1, 7))
        assert [] == paged(store, BY_TIME, 5, 2)
        assert [f"{number}3" for number in range(10)] == paged(store, BY_AGE, 2, 3)


def test_an_index_that_is_not_declared_is_not_read(store: Store) -> None:
    """It would look empty."""
    store.insert(OTHERS, "a", Tally())

    with pytest.raises(ValueError, match="others has no index owner"):
        store.page(OTHERS, BY_OWNER, "me", limit=1)

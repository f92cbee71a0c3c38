"""Keeping records: laws of `state.store`, and of changing what is kept."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contract_tests.effort import effort
from mockserver.state.clock import ManualClock
from mockserver.state.store import Conflict, Exists, Kind, MemoryStore, Missing
from mockserver.state.world import World


@dataclass(frozen=True)
class Tally:
    """A record. Two of them may be alike and are two all the same."""

    count: int = 0


TALLIES: Kind[Tally] = Kind("tallies")
OTHERS: Kind[str] = Kind("others")

names = st.sampled_from(["a", "a/1", "b", "b/1"])
counts = st.integers(0, 3)


class StoreMachine(RuleBasedStateMachine):
    """A store, and a plain dictionary that should always hold the same."""

    @initialize()
    def begin(self) -> None:
        self.store = MemoryStore()
        self.rows: dict[str, Tally] = {}
        self.forks: list[tuple[MemoryStore, dict[str, Tally]]] = []

    @rule(name=names, count=counts)
    def insert(self, name: str, count: int) -> None:
        record = Tally(count)
        if name in self.rows:
            with pytest.raises(Exists):
                self.store.insert(TALLIES, name, record)
        else:
            self.store.insert(TALLIES, name, record)
            self.rows[name] = record

    @rule(name=names, count=counts)
    def replace(self, name: str, count: int) -> None:
        record = Tally(count)
        if name not in self.rows:
            with pytest.raises(Missing):
                self.store.replace(TALLIES, name, record, record)
            return
        if name in self.rows:
            with pytest.raises(Conflict):
                self.store.replace(TALLIES, name, replace(self.rows[name]), record)
        self.store.replace(TALLIES, name, self.rows[name], record)
        self.rows[name] = record

    @rule(name=names)
    def delete(self, name: str) -> None:
        if self.rows.pop(name, None) is None:
            with pytest.raises(Missing):
                self.store.delete(TALLIES, name)
        else:
            self.store.delete(TALLIES, name)

    @rule()
    def fork(self) -> None:
        self.forks.append((self.store.fork(), dict(self.rows)))

    @rule()
    def go_on_in_a_fork(self) -> None:
        if self.forks:
            kept = (self.store, self.rows)
            self.store, self.rows = self.forks.pop(0)
            self.forks.append(kept)

    @rule()
    def clear(self) -> None:
        self.store.clear()
        self.rows.clear()

    @invariant()
    def every_store_holds_what_it_should(self) -> None:
        for store, rows in [(self.store, self.rows), *self.forks]:
            assert list(rows.items()) == list(store.items(TALLIES))
            assert all(record is store.get(TALLIES, name) for name, record in rows.items())


StoreMachine.TestCase.settings = effort(50, stateful_step_count=30)
test_a_store_is_a_dictionary_that_can_be_forked = StoreMachine.TestCase


def test_records_are_told_in_the_order_they_came() -> None:
    """A change leaves a record in its place; a prefix chooses."""
    store = MemoryStore()
    for name in ("b/2", "a/1", "b/1"):
        store.insert(TALLIES, name, Tally())
    store.replace(TALLIES, "b/2", store.get(TALLIES, "b/2"), Tally(5))

    assert ["b/2", "a/1", "b/1"] == [name for name, _ in store.items(TALLIES)]
    assert [("b/2", Tally(5)), ("b/1", Tally())] == list(store.items(TALLIES, "b/"))


def test_what_is_told_does_not_change_while_it_is_told() -> None:
    """A list is of one moment, whatever happens to the rows meanwhile."""
    store = MemoryStore()
    for name in ("a", "b", "c"):
        store.insert(TALLIES, name, Tally())
    told = store.items(TALLIES)
    first = next(told)[0]
    store.delete(TALLIES, "b")
    store.insert(TALLIES, "d", Tally())

    assert ["a", "b", "c"] == [first, *(name for name, _ in told)]


def test_kinds_are_drawers_of_their_own() -> None:
    """The same name may be in each."""
    store = MemoryStore()
    store.insert(TALLIES, "a", Tally())
    store.insert(OTHERS, "a", "text")
    store.delete(TALLIES, "a")

    assert "text" == store.get(OTHERS, "a")
    assert [TALLIES, OTHERS] == store.kinds()


def test_counters_count_from_zero_each_for_itself() -> None:
    """A fork counts on from there; to forget is to begin anew."""
    store = MemoryStore()
    counted = [store.count(name) for name in ("a", "a", "b", "a")]
    twin = store.fork()

    assert [0, 1, 0, 2] == counted
    assert [3, 4] == [twin.count("a"), twin.count("a")]
    assert 3 == store.count("a")
    store.clear()
    assert 0 == store.count("a")


def test_no_change_is_lost_when_many_change_one_record() -> None:
    """Who was slower does it again, from what is there by then."""
    world = World(ManualClock(datetime(2024, 3, 14, tzinfo=UTC)))
    world.store.insert(TALLIES, "a", Tally())

    def add(_: int) -> None:
        world.change(TALLIES, "a", lambda tally: Tally(tally.count + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(500)))

    assert 500 == world.store.get(TALLIES, "a").count


def test_what_is_not_there_cannot_be_changed() -> None:
    """Missing says its name."""
    world = World(ManualClock(datetime(2024, 3, 14, tzinfo=UTC)))

    with pytest.raises(Missing, match="nobody"):
        world.change(TALLIES, "nobody", lambda tally: tally)


def test_dice_are_the_same_in_every_run_of_one_seed() -> None:
    """The n-th generator for a purpose; a world that is put back throws the same again."""
    start = datetime(2024, 3, 14, tzinfo=UTC)
    one, other = World(ManualClock(start)), World(ManualClock(start))
    thrown = [one.rng("names").random(), one.rng("names").random(), one.rng("losses").random()]
    before = other.snapshot()
    first = other.rng("names").random()
    other.restore(before)

    assert thrown[0] == first == other.rng("names").random()
    assert thrown[1] == other.rng("names").random()
    assert 3 == len(set(thrown))

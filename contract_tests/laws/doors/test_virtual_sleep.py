"""Virtual sleep: a sleeper moves the clock, in the order of deadlines, and other threads are not affected."""

import asyncio
import functools
import pickle
import time
from asyncio import sleep as pause_later
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import sleep as pause

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.doors.virtual_sleep import virtual_sleep
from mockserver.state.clock import SECOND, ManualClock, SystemClock

seconds = st.floats(0, 1e6, allow_nan=False)


def elapsed(clock: ManualClock, since: int) -> float:
    """The seconds of the clock since then."""
    return (clock.now() - since) / SECOND


@given(st.lists(seconds, max_size=10))
def test_sleeping_takes_as_long_as_asked(lengths: list[float]) -> None:
    """One sleep after the other: the clock moves by their sum, to the nanosecond."""
    clock = ManualClock()
    start = clock.now()
    with virtual_sleep(clock):
        for length in lengths:
            time.sleep(length)

    assert sum(round(length * SECOND) for length in lengths) == clock.now() - start


@given(st.lists(st.tuples(seconds, seconds), min_size=1, max_size=8))
def test_tasks_wake_in_the_order_of_their_deadlines(naps: list[tuple[float, float]]) -> None:
    """Side by side they take as long as the longest, and each wakes at its own time."""
    clock = ManualClock()
    start = clock.now()
    woken: list[tuple[int, int]] = []

    async def nap(number: int, first: float, second: float) -> None:
        await asyncio.sleep(first)
        woken.append((clock.now() - start, number))
        await asyncio.sleep(second)
        woken.append((clock.now() - start, number))

    async def everybody() -> None:
        await asyncio.gather(*(nap(number, *lengths) for number, lengths in enumerate(naps)))

    with virtual_sleep(clock):
        asyncio.run(everybody())
    firsts = {number: round(first * SECOND) for number, (first, _) in enumerate(naps)}
    due = [(firsts[number], number) for number in firsts]
    due += [(firsts[number] + round(second * SECOND), number) for number, (_, second) in enumerate(naps)]

    assert sorted(due) == sorted(woken)
    assert [moment for moment, _ in woken] == sorted(moment for moment, _ in woken)


def test_sleep_gives_its_result() -> None:
    """As asyncio's own does, also when there is nothing to wait for."""

    async def ask() -> list[str]:
        return [await asyncio.sleep(0, "now"), await asyncio.sleep(60, "later")]

    with virtual_sleep(ManualClock()):
        assert ["now", "later"] == asyncio.run(ask())


def test_negative_sleep_is_the_real_error() -> None:
    """A mistake of the code under test stays one."""
    with virtual_sleep(ManualClock()), pytest.raises(ValueError, match="sleep length must be non-negative"):
        time.sleep(-1)


@pytest.mark.parametrize("delay", [1e12, float("inf")])
def test_who_sleeps_for_ever_moves_no_time(delay: float) -> None:
    """As a task does that is only there to be cancelled."""
    clock = ManualClock()
    start = clock.now()

    async def run() -> None:
        idle = asyncio.create_task(asyncio.sleep(delay))
        await asyncio.sleep(60)
        idle.cancel()

    with virtual_sleep(clock):
        asyncio.run(run())

    assert 60 == elapsed(clock, start)


def test_cancelled_sleeper_moves_no_time() -> None:
    """Who is woken by a cancellation leaves the clock to the others."""
    clock = ManualClock()
    start = clock.now()

    async def run() -> None:
        sleeper = asyncio.create_task(asyncio.sleep(3600))
        await asyncio.sleep(0)
        sleeper.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sleeper
        await asyncio.sleep(1)

    with virtual_sleep(clock):
        asyncio.run(run())

    assert 1 == elapsed(clock, start)


def test_loops_follow_each_other() -> None:
    """A loop that ended while somebody slept in it does not hold up the next one."""
    clock = ManualClock()

    async def leave_one_asleep() -> None:
        task = asyncio.get_running_loop().create_task(asyncio.sleep(3600))
        await asyncio.sleep(0)
        assert not task.done()

    with virtual_sleep(clock):
        asyncio.run(leave_one_asleep())
        start = clock.now()
        asyncio.run(asyncio.sleep(5))

    assert 5 == elapsed(clock, start)


def test_work_between_sleeps_is_not_overtaken() -> None:
    """A task that goes through the loop a few times, as a request does, is done before time moves on."""
    clock = ManualClock()
    start = clock.now()

    async def work() -> float:
        for _ in range(15):
            await asyncio.sleep(0)
        return elapsed(clock, start)

    async def both() -> float:
        sleeper = asyncio.create_task(asyncio.sleep(60))
        done = await work()
        await sleeper
        return done

    with virtual_sleep(clock):
        assert 0 == asyncio.run(both())


class Holder:
    """A class that keeps a function of its own."""

    rest = staticmethod(time.sleep)


def test_sleep_is_found_wherever_it_was_put() -> None:
    """Under another name, as a default, in a partial function, in a class, a list or a closure."""
    bound = functools.partial(time.sleep, 5)
    listed = [time.sleep]
    kept = time.sleep
    clock = ManualClock()
    start = clock.now()

    def wait(seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
        sleep(seconds)

    with virtual_sleep(clock):
        pause(1)
        wait(2)
        bound()
        listed[0](10)
        Holder.rest(20)
        kept(40)

    assert 78 == elapsed(clock, start)
    assert time.sleep is pickle.loads(pickle.dumps(pause))


def test_asynchronous_sleep_is_found_wherever_it_was_put() -> None:
    """By whatever name it was imported."""
    clock = ManualClock()
    start = clock.now()

    async def wait(sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        await sleep(60)
        await pause_later(30)

    with virtual_sleep(clock):
        asyncio.run(wait())

    assert 90 == elapsed(clock, start)


def test_function_can_be_pickled_while_it_sleeps_virtually() -> None:
    """A pool of processes sends it by its name."""
    with virtual_sleep(ManualClock()):
        assert time.sleep is pickle.loads(pickle.dumps(time.sleep))


def test_inner_clock_moves_and_the_outer_one_is_back_afterwards() -> None:
    """Nested: the innermost counts; each exit restores exactly."""
    outer, inner = ManualClock(), ManualClock()
    starts = outer.now(), inner.now()
    real = time.sleep, asyncio.sleep
    with virtual_sleep(outer):
        time.sleep(1)
        with virtual_sleep(inner):
            time.sleep(10)
        time.sleep(100)

    assert (101, 10) == (elapsed(outer, starts[0]), elapsed(inner, starts[1]))
    assert real == (time.sleep, asyncio.sleep)


def test_running_clock_is_moved_on_too() -> None:
    """A clock that goes by itself leaves out what was slept."""
    clock = SystemClock()
    start = clock.now()
    with virtual_sleep(clock):
        time.sleep(3600)

    assert clock.now() - start >= 3600 * SECOND


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
def test_clocks_follow_if_they_are_asked_to() -> None:
    """Deadlines by any clock of the machine are reached, and afterwards it is as late as it was."""
    clock = ManualClock(datetime(2024, 3, 14, 15, tzinfo=UTC))
    readers: list[Callable[[], float]] = [
        time.time,
        time.monotonic,
        lambda: time.time_ns() / SECOND,
        lambda: time.monotonic_ns() / SECOND,
        lambda: datetime.now(UTC).timestamp(),
        lambda: datetime.now().timestamp(),
        lambda: datetime.today().timestamp(),
        lambda: datetime.utcnow().replace(tzinfo=UTC).timestamp(),
    ]
    before = [read() for read in readers]
    with virtual_sleep(clock, has_clocks=True):
        began = [read() for read in readers]
        time.sleep(3600)
        took = [read() - start for read, start in zip(readers, began, strict=True)]
        today = datetime.now(UTC)
    after = [read() - start for read, start in zip(readers, before, strict=True)]

    assert [3600] * len(readers) == pytest.approx(took, abs=1)
    assert datetime(2024, 3, 14, 16, tzinfo=UTC) == today
    assert all(0 <= seconds < 60 for seconds in after)


def test_timers_of_a_loop_follow_the_clocks() -> None:
    """A timeout of an hour takes an hour of the clock, with sleepers or without; and so does a timer."""
    clock = ManualClock()
    start = clock.now()
    rung: list[float] = []

    async def give_up_alone() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 3600)

    async def give_up_among_sleepers() -> None:
        asyncio.get_running_loop().call_later(100, lambda: rung.append(elapsed(clock, start)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(naps(), 3600)

    async def naps() -> None:
        for _ in range(1000):
            await asyncio.sleep(7)

    with virtual_sleep(clock, has_clocks=True):
        asyncio.run(give_up_alone())
        asyncio.run(give_up_among_sleepers())

    assert 7200 == pytest.approx(elapsed(clock, start), abs=1e-3)
    assert [3700] == pytest.approx(rung, abs=1e-3)


def test_clocks_stay_the_machines_if_nobody_asks() -> None:
    """Plain virtual sleep moves the server's clock only."""
    with virtual_sleep(ManualClock()):
        before = time.monotonic(), time.time()
        time.sleep(1e6)

        assert time.monotonic() - before[0] < 1e5
        assert time.time() - before[1] < 1e5

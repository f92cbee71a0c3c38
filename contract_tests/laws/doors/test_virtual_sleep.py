"""Virtual sleep: a sleeper moves the clock, in the order of deadlines, and other threads are not affected."""

import asyncio
import sys
import threading
import time
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.doors.virtual_sleep import ROUNDS, virtual_sleep
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


def test_work_in_a_thread_is_not_overtaken() -> None:
    """Proxies are looked up in one by aiohttp: its request is not late for the machine's being busy."""
    clock = ManualClock()
    start = clock.now()
    answer = threading.Event()

    async def request() -> float:
        await asyncio.to_thread(answer.wait)
        return elapsed(clock, start)

    async def both() -> float:
        requested = asyncio.create_task(request())
        slept = asyncio.create_task(asyncio.sleep(60))
        for _ in range(3 * ROUNDS):
            await asyncio.sleep(0)
        answer.set()
        await slept
        return await requested

    with virtual_sleep(clock):
        assert 0 == asyncio.run(both())


def test_thread_that_waits_for_a_sleeper_gets_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a timeout: what only a later moment can finish is not waited for any longer."""
    monkeypatch.setattr("mockserver.doors.virtual_sleep.WORK_TIMEOUT", 0.05)
    clock = ManualClock()
    start = clock.now()

    async def both() -> None:
        done = threading.Event()
        waiting = asyncio.create_task(asyncio.to_thread(done.wait))
        await asyncio.sleep(60)
        done.set()
        await waiting

    with virtual_sleep(clock):
        asyncio.run(both())

    assert 60 == elapsed(clock, start)


def test_other_threads_sleep_as_ever() -> None:
    """A server beside the test, or a pool of the code under test, is not touched."""
    clock = ManualClock()
    start = clock.now()

    def sleep_both_ways() -> None:
        time.sleep(0.001)
        asyncio.run(asyncio.sleep(0.001))

    with virtual_sleep(clock):
        thread = threading.Thread(target=sleep_both_ways)
        thread.start()
        thread.join()

    assert start == clock.now()


def test_waiting_for_another_thread_gets_there() -> None:
    """A loop that sleeps until somebody else is done lets them work."""
    done = threading.Event()
    with virtual_sleep(ManualClock()):
        thread = threading.Thread(target=done.set)
        thread.start()
        while not done.is_set():
            time.sleep(0.01)
        thread.join()


def test_sleep_is_found_wherever_it_was_put() -> None:
    """`from time import sleep` is common; what was imported meanwhile is put right on the way out."""
    holder, late = ModuleType("holder_of_sleep"), ModuleType("late_holder_of_sleep")
    vars(holder)["sleep"] = real = time.sleep
    sys.modules[holder.__name__] = holder
    clock = ManualClock()
    start = clock.now()
    try:
        with virtual_sleep(clock):
            vars(holder)["sleep"](30)
            vars(late)["sleep"] = time.sleep
            sys.modules[late.__name__] = late
    finally:
        for module in (holder, late):
            sys.modules.pop(module.__name__, None)

    assert 30 == elapsed(clock, start)
    assert real is vars(holder)["sleep"] is vars(late)["sleep"] is time.sleep


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

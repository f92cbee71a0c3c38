"""Virtual sleep: who waits with a timeout in a thread moves the clock, once nobody else works."""

import asyncio
import contextlib
import queue
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for_futures
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.laws.doors.test_virtual_sleep import elapsed
from mockserver.doors.sleepers import ROUNDS, Sleepers, find_sleepers
from mockserver.doors.virtual_sleep import virtual_sleep
from mockserver.state.clock import Clock, ManualClock, SystemClock


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
    monkeypatch.setattr("mockserver.doors.sleepers.WORK_TIMEOUT", 0.05)
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


def test_threads_that_were_there_before_sleep_as_ever() -> None:
    """A server beside the test, or the test runner's own threads, are not touched."""
    clock = ManualClock()
    start = clock.now()
    begin = threading.Event()

    def sleep_both_ways() -> None:
        begin.wait()
        time.sleep(0.001)
        asyncio.run(asyncio.sleep(0.001))

    thread = threading.Thread(target=sleep_both_ways)
    thread.start()
    with virtual_sleep(clock):
        begin.set()
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


def in_thread(function: Callable[[], object]) -> None:
    """Run the function in a thread of its own."""
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def nothing_in_queue() -> None:
    """Wait for what nobody puts there."""
    with contextlib.suppress(queue.Empty):
        queue.Queue[int]().get(timeout=60)


def no_result() -> None:
    """Wait for a future that nobody completes."""
    with contextlib.suppress(TimeoutError):
        Future[int]().result(60)


def no_file() -> None:
    """Wait for a socket to which nobody writes."""
    near, far = socket.socketpair()
    with near, far:
        assert ([], [], []) == select.select([near], [], [], 60)


def nothing_in_simple_queue() -> None:
    """Wait for what nobody puts there."""
    with pytest.raises(queue.Empty):
        queue.SimpleQueue[int]().get(timeout=60)


def locked(lock: "threading.Lock | threading.RLock") -> None:
    """Wait for a lock that another thread keeps: it waits for nothing but time, too."""
    done, taken = threading.Event(), threading.Event()

    def keep() -> None:
        with lock:
            taken.set()
            done.wait()

    thread = threading.Thread(target=keep)
    thread.start()
    taken.wait()
    assert not lock.acquire(timeout=60)
    done.set()
    thread.join()


@pytest.mark.parametrize(
    "wait",
    [
        lambda: threading.Event().wait(60),
        nothing_in_simple_queue,
        lambda: locked(threading.Lock()),
        lambda: locked(threading.RLock()),
        lambda: threading.Semaphore(0).acquire(timeout=60),
        nothing_in_queue,
        no_result,
        lambda: wait_for_futures([Future[int]()], 60),
        lambda: select.select([], [], [], 60),
        no_file,
        lambda: in_thread(lambda: time.sleep(60)),
        lambda: in_thread(lambda: asyncio.run(asyncio.sleep(60))),
        lambda: list(ThreadPoolExecutor(4).map(time.sleep, [60] * 4)),
    ],
    ids=[
        "event",
        "simple queue",
        "lock",
        "rlock",
        "semaphore",
        "queue",
        "future",
        "futures",
        "select",
        "select files",
        "thread",
        "loop",
        "pool",
    ],
)
def test_what_waits_for_nothing_but_time_moves_the_clock(
    monkeypatch: pytest.MonkeyPatch, wait: Callable[[], object]
) -> None:
    """By as much as it waits, and at once."""
    monkeypatch.setattr("mockserver.doors.virtual_sleep.WORK_TIMEOUT", 0.05)  # for select: nobody sees who writes
    clock = ManualClock()
    start, real = clock.now(), time.monotonic()
    with virtual_sleep(clock):
        wait()

    assert 60 == pytest.approx(elapsed(clock, start), abs=1)
    assert time.monotonic() - real < 30


def test_who_may_be_woken_waits_for_the_others_first() -> None:
    """An event that is set after ten seconds ends a wait of a minute after ten."""
    clock = ManualClock()
    start = clock.now()
    event = threading.Event()

    def set_later() -> None:
        time.sleep(10)
        event.set()

    with virtual_sleep(clock):
        threading.Thread(target=set_later).start()

        assert event.wait(60)
    assert 10 == elapsed(clock, start)


@pytest.mark.parametrize("kind", [threading.Lock, threading.RLock])
def test_who_waits_for_a_lock_gets_it_when_it_is_free(kind: Callable[[], Any]) -> None:
    """A lock that is kept for ten seconds is acquired after ten."""
    clock = ManualClock()
    start = clock.now()
    lock, taken = kind(), threading.Event()

    def keep() -> None:
        with lock:
            taken.set()
            time.sleep(10)

    with virtual_sleep(clock):
        thread = threading.Thread(target=keep)
        thread.start()
        taken.wait()

        assert lock.acquire(timeout=60)
    assert 10 == elapsed(clock, start)
    lock.release()


def test_who_waits_for_a_simple_queue_gets_what_is_put_there() -> None:
    """In the order of the deadlines, and the timeout of the next one begins then."""
    clock = ManualClock()
    start = clock.now()
    items: queue.SimpleQueue[str] = queue.SimpleQueue()

    def put_later() -> None:
        time.sleep(10)
        items.put("soup")

    with virtual_sleep(clock):
        threading.Thread(target=put_later).start()
        assert "soup" == items.get(timeout=60)
        assert 10 == elapsed(clock, start)
        with pytest.raises(queue.Empty):
            items.get(True, 60)

    assert 70 == elapsed(clock, start)


def test_what_comes_just_before_time_moves_is_found() -> None:
    """From a thread that has ended since the last look: then nobody else is there who works."""
    clock = ManualClock()
    start = clock.now()
    results = iter(["", "soup", "late"])
    with virtual_sleep(clock):
        sleepers = find_sleepers()
        assert sleepers is not None

        assert "soup" == sleepers.wait(60, lambda _: next(results))
    assert 0 == elapsed(clock, start)


def test_what_a_thread_leaves_to_the_loop_is_done_before_time_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Although the thread has ended just before."""
    clock = ManualClock()
    start = clock.now()
    settle = Sleepers.is_settled
    left: list[Callable[[], object]] = []

    def settle_last(sleepers: Sleepers, deadline: int, here: threading.Thread) -> bool:
        while left:
            in_thread(left.pop())
        return settle(sleepers, deadline, here)

    monkeypatch.setattr(Sleepers, "is_settled", settle_last)

    async def wait() -> float:
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        asyncio.create_task(asyncio.sleep(60))  # noqa: RUF006 - it is cancelled with the loop
        left.append(lambda: loop.call_soon_threadsafe(event.set))
        await event.wait()
        return elapsed(clock, start)

    with virtual_sleep(clock):
        assert 0 == asyncio.run(wait())


@pytest.mark.parametrize("kind", [threading.Lock, threading.RLock])
def test_a_lock_is_a_lock(kind: Callable[[], Any]) -> None:
    """Arguments, results and errors are the original's, and afterwards so are the methods."""
    taken: list[bool] = []
    members = [vars(type(kind())), vars(queue.SimpleQueue)]
    before = [dict(each) for each in members]
    with virtual_sleep(ManualClock()):
        lock = kind()
        acquire = lock.acquire
        assert acquire(timeout=5)
        in_thread(lambda: taken.append(lock.acquire(blocking=False)))
        for arguments in ((False, 5), (True, -2), (True, "5")):
            with pytest.raises((ValueError, TypeError)):
                lock.acquire(*arguments)
        with pytest.raises(OverflowError):
            lock.acquire(timeout=threading.TIMEOUT_MAX * 2)
        lock.release()
    assert [False] == taken
    assert acquire(timeout=1)
    lock.release()
    assert before == [dict(each) for each in members]


def test_work_of_another_thread_is_not_overtaken() -> None:
    """While a thread computes, time stands still."""
    clock = ManualClock()
    start = clock.now()
    seen: list[float] = []

    def work() -> None:
        for _ in range(20):
            sum(range(100_000))
        seen.append(elapsed(clock, start))

    with virtual_sleep(clock):
        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(60)
        thread.join()

    assert [0] == seen


@given(st.lists(st.lists(st.integers(1, 1000), min_size=1, max_size=4), min_size=2, max_size=4))
def test_threads_wake_in_the_order_of_their_deadlines(naps: list[list[int]]) -> None:
    """Side by side they take as long as the longest, and each wakes at its own time."""
    clock = ManualClock()
    start = clock.now()
    woken: list[tuple[float, int]] = []
    begin = threading.Barrier(len(naps))

    def nap(number: int) -> None:
        begin.wait()
        for seconds in naps[number]:
            time.sleep(seconds)
            woken.append((elapsed(clock, start), number))

    with virtual_sleep(clock):
        threads = [threading.Thread(target=nap, args=(number,)) for number in range(len(naps))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    due = [(sum(lengths[: n + 1]), number) for number, lengths in enumerate(naps) for n in range(len(lengths))]

    assert sorted(due) == sorted(woken)
    assert [moment for moment, _ in woken] == sorted(moment for moment, _ in woken)


def test_loop_and_its_threads_share_the_time() -> None:
    """What a loop hands to a thread sleeps beside the loop's tasks, not after them."""
    clock = ManualClock()
    start = clock.now()

    async def both() -> None:
        await asyncio.gather(asyncio.to_thread(time.sleep, 60), asyncio.sleep(90), asyncio.to_thread(time.sleep, 70))

    with virtual_sleep(clock):
        asyncio.run(both())

    assert 90 == elapsed(clock, start)


def test_other_processes_are_waited_for_in_real_time() -> None:
    """Their time is the machine's."""
    clock = ManualClock()
    start = clock.now()
    with virtual_sleep(clock):
        subprocess.run([sys.executable, "-c", "pass"], timeout=60, check=True)

    assert start == clock.now()


def test_thread_that_still_waits_afterwards_waits_in_real_time() -> None:
    """And wakes when it is woken."""
    event, woken = threading.Event(), threading.Event()
    keep_busy = threading.Event()

    def wait() -> None:
        keep_busy.set()
        assert event.wait(3600)
        woken.set()

    with virtual_sleep(ManualClock()):
        thread = threading.Thread(target=wait)
        thread.start()
        keep_busy.wait()
    event.set()
    thread.join()

    assert woken.is_set()


CHILD = [sys.executable, "-c", "import time; time.sleep(0.5)"]


@pytest.mark.parametrize("clock", [ManualClock(), SystemClock(factor=600)])
def test_timeouts_of_child_processes_are_real(clock: Clock) -> None:
    """Whatever the clocks say that the code sees."""
    with virtual_sleep(clock, has_clocks=True):
        subprocess.run(CHILD, timeout=60, check=True)
        subprocess.run(CHILD, timeout=60, check=True, capture_output=True)
        with pytest.raises(subprocess.TimeoutExpired):
            subprocess.run(CHILD, timeout=0.1, check=True)


def test_timeouts_of_child_processes_of_a_loop_are_real(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timeout does not come before the child ends, but sleeping moves the clock as ever."""
    monkeypatch.setattr("mockserver.doors.sleepers.WORK_TIMEOUT", 0.1)
    monkeypatch.setattr("mockserver.doors.virtual_clock.WORK_TIMEOUT", 0.1)
    clock = ManualClock()
    start = clock.now()

    async def run_children() -> None:
        process = await asyncio.create_subprocess_exec(*CHILD)
        assert 0 == await asyncio.wait_for(process.wait(), 60)
        process = await asyncio.create_subprocess_exec(*CHILD, stdout=subprocess.PIPE)
        assert b"" == (await asyncio.wait_for(process.communicate(), 60))[0]
        assert elapsed(clock, start) < 60
        process = await asyncio.create_subprocess_exec(*CHILD)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process.wait(), 0.1)
        waiting = asyncio.create_task(process.wait())
        await asyncio.sleep(3600)
        assert not waiting.done()
        await waiting

    with virtual_sleep(clock, has_clocks=True):
        asyncio.run(run_children())

    assert elapsed(clock, start) < 3700

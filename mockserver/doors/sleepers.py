"""Threads, and tasks of event loops, that wait for time to pass. They move the clock, in the order of their deadlines.

Time moves on when nobody has anything else to do: every thread of the code under test waits. What a thread waits for
may be something else than time; then it gets the chance to come first.
"""

import asyncio
import itertools
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from heapq import heappop, heappush
from types import FrameType
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary, WeakSet

from mockserver.doors.intercept.outliving_threads import stays
from mockserver.doors.patching import SharedPatch
from mockserver.state.clock import END, SECOND, Clock, Machine, ManualClock, Nanos, countdown

T = TypeVar("T")

# How many iterations the event loop makes before time moves on. A request that is answered inside the process
# takes about ten through aiohttp: a sleeper must not overtake it.
ROUNDS = 25

# For how long time stands still for a thread that works, and how often it is looked at; in real seconds. Work that
# takes longer may itself wait for what a sleeper does next.
WORK_TIMEOUT, CHECK_INTERVAL, LONGEST_INTERVAL = 2.0, 0.0005, 0.01


def _is_joining(frame: FrameType) -> bool:
    return frame.f_locals["self"] in threading.enumerate()


def _is_loop_idle(frame: FrameType) -> bool:
    loop = frame.f_back.f_locals.get("self") if frame.f_back is not None else None
    return not getattr(loop, "_ready", ())


def _is_idle(_: FrameType) -> bool:
    return True


_IDLE: dict[tuple[str, str], Callable[[FrameType], bool]] = {
    ("threading.py", "Condition.wait"): lambda frame: bool(frame.f_locals["waiter"].locked()),
    ("threading.py", "Thread._wait_for_tstate_lock"): _is_joining,
    ("threading.py", "Thread.join"): _is_joining,
    ("thread.py", "_worker"): lambda frame: bool(frame.f_locals["work_queue"].empty()),  # of concurrent.futures
    ("_thread_cache.py", "WorkerThread._work"): lambda frame: bool(frame.f_locals["self"]._worker_lock.locked()),  # noqa: SLF001 - trio's
    ("selectors.py", "EpollSelector.select"): _is_loop_idle,
    ("selectors.py", "KqueueSelector.select"): _is_loop_idle,
    ("selectors.py", "SelectSelector._select"): _is_idle,  # on Windows
    ("_io_epoll.py", "EpollIOManager.get_events"): _is_idle,  # trio's event loop
    ("_io_kqueue.py", "KqueueIOManager.get_events"): _is_idle,
    ("runners.py", "Runner.run"): _is_idle,  # uvloop's event loop has no frame of its own
}
"""Where a thread is that waits for somebody else, and whether it still has to wait.

That is the file and the function of its innermost frame. A thread that was woken may be there for a while: the machine
has not given it its turn yet.
"""

_LOCKS = f"{__package__}.virtual_locks"
"""The module in whose functions a thread is that waits for a lock: the caller is who waits."""

_of_earlier_tests: WeakSet[threading.Thread] = WeakSet()
"""Threads that the code under test has started, and which go on: a pool of threads may serve many tests."""


_unwaited: WeakSet[threading.Thread] = WeakSet()
"""Threads that have been waited for in vain."""


@dataclass(slots=True, eq=False)
class _Wait:
    """A thread that waits until its deadline, or until something else wakes it."""

    sleepers: "Sleepers"
    deadline: Nanos
    is_woken: Callable[[], bool] | None

    def is_over(self) -> bool:
        """Return whether the thread is about to go on."""
        return self.deadline <= self.sleepers.clock.now() or (self.is_woken is not None and self.is_woken())


_waits: dict[threading.Thread, _Wait] = {}


def _is_busy(thread: threading.Thread, frame: FrameType | None) -> bool:
    if (wait := _waits.get(thread)) is not None:
        return wait.is_over()
    if frame is None:  # it has not begun, or is about to end
        return True
    while frame.f_back is not None and frame.f_globals.get("__name__") == _LOCKS:  # its methods are called there
        frame = frame.f_back
    file = frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
    is_idle = _IDLE.get((file, frame.f_code.co_qualname))
    return is_idle is None or not is_idle(frame)


class Sleepers:
    """Those who wait for one clock."""

    def __init__(self, clock: Clock, *, has_clocks: bool = False) -> None:
        self.clock = clock
        self.has_clocks = has_clocks  # whether they see the clock as the machine's too
        self.is_live = True
        self._start, self._real_start = clock.now(), Machine.perf_counter_ns()
        self._monotonic_start = time.monotonic_ns()  # noqa: TID251 - where the monotonic time of the sleepers begins
        here = threading.current_thread()
        there = (thread for thread in threading.enumerate() if thread is not here)
        self._others = WeakSet(thread for thread in there if thread not in _of_earlier_tests)
        self._give_up: dict[threading.Thread, tuple[Nanos, Callable[[], float]]] = {}
        self._quiet: set[threading.Thread] = set()  # those who found last time that all others wait
        self._loops: WeakKeyDictionary[Any, LoopLike] = WeakKeyDictionary()

    def close(self) -> None:
        """End: who still waits waits in real time from now on."""
        self.is_live = False
        threads = [thread for thread in threading.enumerate() if self.has(thread)]
        _of_earlier_tests.update(threads)
        _unwaited.difference_update(threads)

    def monotonic_ns(self) -> Nanos:
        """Return the monotonic time of those who sleep: it goes on in real time, and with the clock."""
        real_time = Machine.perf_counter_ns() - self._real_start if isinstance(self.clock, ManualClock) else 0
        return self.timer_ns() + real_time

    def timer_ns(self) -> Nanos:
        """Return the time of the timers of their event loops, which the clock alone moves on."""
        return self._monotonic_start + self.clock.now() - self._start

    def has(self, thread: threading.Thread) -> bool:
        """Return whether the thread runs code under test: it started this, or was started since."""
        return thread not in self._others and not stays(thread)

    def wait(
        self,
        seconds: float,
        attempt: Callable[[float], T],
        *,
        is_woken: Callable[[], bool] | None = None,
        real_timeout: float = 0.0,
    ) -> T:
        """Wait until the clock has moved by `seconds`, or until `attempt` returns something true; return its result.

        `attempt` waits for so many real seconds at most. It has `real_timeout` real seconds before the clock moves.
        """
        deadline = self.clock.now() + round(min(seconds * SECOND, END))
        if deadline >= END:
            return attempt(min(seconds, threading.TIMEOUT_MAX))
        here = threading.current_thread()
        if here in _waits:  # what waits already waits for a lock of its own
            return attempt(seconds)
        _waits[here] = _Wait(self, deadline, is_woken)
        _unwaited.discard(here)
        try:
            return self._wait_until(deadline, here, attempt, real_timeout)
        finally:
            del _waits[here]

    def _wait_until(
        self, deadline: Nanos, here: threading.Thread, attempt: Callable[[float], T], real_timeout: float
    ) -> T:
        hurry, pause = countdown(real_timeout), 0.0
        while not (result := attempt(pause)):
            now = self.clock.now()
            if now >= deadline:
                return attempt(0.0)
            if not self.is_live:
                return attempt((deadline - now) / SECOND)
            if hurry() <= 0 and self.is_settled(deadline, here):
                # Who else was there may have done it since the last attempt, and ended.
                if result := attempt(0.0):
                    break
                self.clock.advance_to(deadline)
            elif here in self._quiet:
                pause = CHECK_INTERVAL
            else:
                pause = min(max(pause * 1.5, CHECK_INTERVAL), LONGEST_INTERVAL)
        return result

    def is_settled(self, deadline: Nanos, here: threading.Thread) -> bool:
        """Return whether time may move to this deadline: no other thread works or wakes sooner. Called until it may.

        A thread that was woken this moment looks as if it waited: so all have to wait twice in a row, if there are any.
        Who works for longer than WORK_TIMEOUT while the clock stands still is waited for no longer.
        """
        others = self._find_others(here)
        busy = self._find_busy(others)
        if not busy and self._is_next(deadline, here):
            self._give_up.pop(here, None)
            quiet_before = here in self._quiet
            if others and not quiet_before:
                self._quiet.add(here)
                return False
            self._quiet.discard(here)
            return True
        self._quiet.discard(here)
        now = self.clock.now()
        since, rest = self._give_up.get(here) or (-1, countdown(0))
        if since != now:
            self._give_up[here] = (now, countdown(WORK_TIMEOUT))
            return False
        if rest() > 0:
            return False
        _unwaited.update(busy)
        del self._give_up[here]
        return True

    def wait_for_ever(self, attempt: Callable[[], T], is_woken: Callable[[], bool]) -> T:
        """Make the attempt, which waits for another thread: it does not keep the clock from moving."""
        here = threading.current_thread()
        _waits[here] = _Wait(self, END, is_woken)
        _unwaited.discard(here)
        try:
            return attempt()
        finally:
            del _waits[here]

    def _is_next(self, deadline: Nanos, here: threading.Thread) -> bool:
        waits = [wait.deadline for wait in list(_waits.values()) if wait.sleepers is self]
        loops = [loop for loop in list(self._loops.values()) if loop.thread is not here]
        waits += [loop.next_deadline() for loop in loops if loop.is_running() and loop.thread not in _waits]
        return min(waits, default=END) >= deadline

    def _find_others(self, here: threading.Thread) -> list[threading.Thread]:
        """Return the other threads of the code under test; all other threads if one of them may wake this one."""
        wait = _waits.get(here)
        may_be_woken = wait is not None and wait.is_woken is not None
        threads = (thread for thread in threading.enumerate() if thread is not here and not stays(thread))
        return [thread for thread in threads if may_be_woken or thread not in self._others]

    def _find_busy(self, others: list[threading.Thread]) -> list[threading.Thread]:
        if not others:
            return []
        frames = sys._current_frames()  # noqa: SLF001 - Python's only way to ask
        return [
            thread for thread in others if thread not in _unwaited and _is_busy(thread, frames.get(thread.ident or 0))
        ]

    def count_timed_waits(self) -> int:
        """Return how many threads wait for the clock, in some way or other."""
        return sum(wait.sleepers is self and wait.deadline < END for wait in list(_waits.values()))

    def of_loop(self, loop: Any, make: "Callable[[Sleepers, Any], LoopLike]") -> Any:
        """Return the sleepers of an event loop, which `make` makes for the first of them."""
        if (sleepers := self._loops.get(loop)) is None:
            sleepers = self._loops[loop] = make(self, loop)
        return sleepers


SLEEPERS = SharedPatch[Sleepers]()
"""Those for whom sleeping moves a clock now."""


def find_sleepers() -> Sleepers | None:
    """Return those whom this thread belongs to: the newest that it started, or else the newest that has it."""
    users = SLEEPERS.values()
    if not users:
        return None
    here = threading.current_thread()
    return SLEEPERS.newest_of_thread() or next((each for each in reversed(users) if each.has(here)), None)


def find_sleepers_with_clocks() -> Sleepers | None:
    """Return those whom this thread belongs to, if they see the clock as the machine's."""
    sleepers = find_sleepers()
    return sleepers if sleepers is not None and sleepers.has_clocks else None


class LoopLike(Protocol):
    """The sleeping tasks of one event loop, of asyncio or of another library."""

    thread: threading.Thread

    def is_running(self) -> bool:
        """Return whether they can wake."""

    def next_deadline(self) -> Nanos:
        """Return the nearest deadline."""


class LoopSleepers:
    """The sleeping tasks of one event loop in the order of their deadlines. One of them at a time moves the clock."""

    def __init__(self, sleepers: Sleepers, loop: asyncio.AbstractEventLoop) -> None:
        self._sleepers = sleepers
        self.is_running = loop.is_running
        self.thread = threading.current_thread()
        self._waiting: list[tuple[Nanos, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()
        self._working: dict[Future[Any], Callable[[], float]] = {}
        self._threads: set[threading.Thread] = set()
        """The threads that there were when the clock was last about to move."""
        self.is_moving = False

    def watch(self, work: Future[Any]) -> None:
        """Keep the clock still until the work, which the loop has handed to a thread, is done."""
        self._working[work] = countdown(WORK_TIMEOUT)

    async def sleep_until(self, deadline: Nanos) -> None:
        """Return when the clock has reached the deadline."""
        loop, self.thread = asyncio.get_running_loop(), threading.current_thread()
        awake = loop.create_future()
        heappush(self._waiting, (deadline, next(self._arrivals), awake))
        if not self.is_moving:
            self.is_moving = True
            self._move(loop, ROUNDS)
        await awake

    def next_deadline(self) -> Nanos:
        """Return the nearest deadline of a task that still sleeps, END if there is none."""
        while self._waiting and self._waiting[0][2].done():  # cancelled, or woken
            heappop(self._waiting)
        return self._waiting[0][0] if self._waiting else END

    def _move(self, loop: asyncio.AbstractEventLoop, rounds: int) -> None:
        """Wake the next sleeper after so many iterations of the loop."""
        if self._waits_for_threads():
            loop.call_later(CHECK_INTERVAL, self._move, loop, ROUNDS)
        elif rounds:
            loop.call_soon(self._move, loop, rounds - 1)
        elif (deadline := self.next_deadline()) < END and not self._sleepers.is_settled(deadline, self.thread):
            loop.call_later(CHECK_INTERVAL, self._move, loop, 1)
        elif (threads := set(threading.enumerate())) != self._threads:  # who has ended may have left work to the loop
            self._threads = threads
            self._move(loop, ROUNDS)
        elif self._wake_next():
            self._move(loop, ROUNDS)
        else:
            self.is_moving = False

    def _waits_for_threads(self) -> bool:
        for work in [work for work, rest in self._working.items() if work.done() or rest() < 0]:
            del self._working[work]
        return len(self._working) > self._sleepers.count_timed_waits()

    def _wake_next(self) -> bool:
        """Move the clock to the nearest deadline. False if nobody sleeps; a sleeper may have been cancelled."""
        deadline = self.next_deadline()
        if deadline == END:
            return False
        self._sleepers.clock.advance_to(deadline)
        heappop(self._waiting)[2].set_result(None)
        return True

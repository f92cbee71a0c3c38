"""Sleeping in the code under test moves the clock instead of waiting.

Only the thread that started it is affected: a server in another thread sleeps as ever. Tasks of one
event loop that sleep at the same time wake in the order of their deadlines, and time goes from one to
the next: two tasks that sleep ten seconds take ten, not twenty. Work that a loop has handed to a thread
pool is waited for: aiohttp looks up proxies there, google-auth's credentials are refreshed there.
"""

import asyncio
import contextlib
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from heapq import heappop, heappush
from types import ModuleType
from typing import Any

from mockserver.doors.patching import SharedPatch, replaced
from mockserver.state.clock import END, SECOND, Clock, Machine, Nanos

# How many iterations the event loop makes before time moves on. A request that is answered inside the process
# takes about ten through aiohttp: a sleeper must not overtake it.
ROUNDS = 25

# For how long time stands still for one piece of work in a thread pool, and how often the work is checked; in real
# seconds. Work that takes longer may itself wait for what a sleeper does next.
WORK_TIMEOUT, CHECK_INTERVAL = 2.0, 0.0005


def virtual_sleep(clock: Clock) -> AbstractContextManager[None]:
    """While inside, `time.sleep` and `asyncio.sleep` of this thread advance the clock."""
    return _patch.used_with(_Sleepers(clock))


@contextlib.contextmanager
def _patched() -> Iterator[None]:
    real_sleep, real_async_sleep, real_submit = time.sleep, asyncio.sleep, ThreadPoolExecutor.submit  # noqa: TID251 - to be put back

    def sleep(seconds: float) -> None:
        sleepers = _patch.newest_of_thread()
        if sleepers is None:
            real_sleep(seconds)
        elif seconds < 0:
            msg = "sleep length must be non-negative"
            raise ValueError(msg)
        else:
            Machine.sleep(0)  # another thread may be what is waited for
            sleepers.clock.advance(seconds)

    async def async_sleep(delay: float, result: Any = None) -> Any:
        sleepers = _patch.newest_of_thread()
        if sleepers is None or delay <= 0 or (now := sleepers.clock.now()) + delay * SECOND >= END:
            return await real_async_sleep(delay, result)
        await sleepers.sleep_until(now + round(delay * SECOND))
        return result

    def submit(pool: ThreadPoolExecutor, /, *args: Any, **kwargs: Any) -> Future[Any]:
        work: Future[Any] = real_submit(pool, *args, **kwargs)
        if (sleepers := _patch.newest_of_thread()) is not None:
            sleepers.watch(work)
        return work

    _exchange({real_sleep: sleep, real_async_sleep: async_sleep})
    try:
        with replaced(ThreadPoolExecutor, "submit", submit):
            yield
    finally:
        _exchange({sleep: real_sleep, async_sleep: real_async_sleep})


class _Sleepers:
    """The sleeping tasks in the order of their deadlines. One of them at a time moves the clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._waiting: list[tuple[Nanos, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()
        self._moving: asyncio.AbstractEventLoop | None = None
        self._working: dict[Future[Any], asyncio.AbstractEventLoop] = {}

    def watch(self, work: Future[Any]) -> None:
        """Keep the clock still until the work is done, if an event loop handed it to a thread."""
        with contextlib.suppress(RuntimeError):  # no loop is running
            loop = asyncio.get_running_loop()
            self._working[work] = loop
            loop.call_later(WORK_TIMEOUT, self._working.pop, work, None)

    async def sleep_until(self, deadline: Nanos) -> None:
        """Return when the clock has reached the deadline."""
        loop = asyncio.get_running_loop()
        awake = loop.create_future()
        heappush(self._waiting, (deadline, next(self._arrivals), awake))
        if self._moving is not loop:
            self._moving = loop
            self._move(loop, ROUNDS)
        await awake

    def _move(self, loop: asyncio.AbstractEventLoop, rounds: int) -> None:
        """Wake the next sleeper after so many iterations of the loop."""
        if self._waits_for_threads(loop):
            loop.call_later(CHECK_INTERVAL, self._move, loop, ROUNDS)
        elif rounds:
            loop.call_soon(self._move, loop, rounds - 1)
        elif self._wake_next(loop):
            self._move(loop, ROUNDS)
        else:
            self._moving = None

    def _waits_for_threads(self, loop: asyncio.AbstractEventLoop) -> bool:
        for work in [work for work, its_loop in self._working.items() if its_loop is not loop or work.done()]:
            del self._working[work]
        return bool(self._working)

    def _wake_next(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Move the clock to the nearest deadline. False if nobody sleeps; a sleeper may have been cancelled."""
        while self._waiting:
            deadline, _, awake = heappop(self._waiting)
            if not awake.done() and awake.get_loop() is loop:
                self.clock.advance_to(deadline)
                awake.set_result(None)
                return True
        return False


_patch = SharedPatch[_Sleepers](_patched)


def _exchange(functions: Mapping[Callable[..., Any], Callable[..., Any]]) -> None:
    """Replace functions in every module that holds one of them as `sleep`, as `from time import sleep` does.

    Called again to restore them, it also reaches modules that were imported since.
    """
    # sys.modules may hold None or any object. Each test pays for this loop, so it does nothing else for most modules.
    holders = [module for module in list(sys.modules.values()) if "sleep" in getattr(module, "__dict__", ())]
    for module in holders:
        held: Any = module.__dict__["sleep"]
        for old, new in functions.items():  # compared by identity: what is named `sleep` may not be hashable
            if held is old and isinstance(module, ModuleType):
                module.sleep = new  # type: ignore[attr-defined]  # it has the attribute: see above

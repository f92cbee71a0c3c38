"""Sleeping in the code under test moves the clock instead of waiting.

The thread that started it is affected, and every thread that the code under test starts: but no thread that was there
before, such as a server's or a test runner's. Waiting with a timeout for another thread, or for a file, waits for them
first, and moves the clock if they have nothing to do.
"""

import _thread
import asyncio
import contextlib
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType, FunctionType
from typing import Any, cast

from mockserver.doors import redirection
from mockserver.doors.import_hook import patched_when_imported
from mockserver.doors.patching import replaced
from mockserver.doors.redirection import code_replaced, redirected
from mockserver.doors.sleepers import SLEEPERS, WORK_TIMEOUT, LoopSleepers, Sleepers, find_sleepers
from mockserver.doors.virtual_locks import locks_moved
from mockserver.state.clock import END, SECOND, Clock, Machine

_REAL = ("subprocess", "mockserver")
"""Packages that sleep while they wait for what no clock of ours moves: other processes, a store, a clock that runs."""


@contextlib.contextmanager
def virtual_sleep(clock: Clock, *, has_clocks: bool = False) -> Iterator[None]:
    """In the `with` block, sleeping in the code under test moves the clock; with `has_clocks` the machine's too."""
    sleepers = Sleepers(clock, has_clocks=has_clocks)
    with contextlib.ExitStack() as stack:
        stack.callback(sleepers.close)
        if has_clocks:
            from mockserver.doors.virtual_clock import clocks_moved

            stack.enter_context(clocks_moved())
        stack.enter_context(SLEEPERS.used_with(sleepers, _patched))
        yield


@contextlib.contextmanager
def _patched() -> Iterator[None]:
    from mockserver.doors.virtual_clock import timeouts_moved

    with timeouts_moved(), contextlib.ExitStack() as patches:
        enter = patches.enter_context
        enter(redirected(time, "sleep", _sleep_function))
        enter(code_replaced(cast(FunctionType, asyncio.sleep), cast(FunctionType, _asyncio_sleep)))
        enter(replaced(ThreadPoolExecutor, "submit", _submit_function(ThreadPoolExecutor.submit)))
        enter(replaced(threading.Condition, "wait", _wait_function(threading.Condition.wait)))
        enter(replaced(threading.Thread, "join", _join_function(threading.Thread.join)))
        enter(locks_moved())
        enter(replaced(select, "select", _select_function(select.select)))
        enter(patched_when_imported({"trio": _trio_patched}))
        yield


def _trio_patched(trio: Any) -> contextlib.AbstractContextManager[None]:
    from mockserver.doors import virtual_trio  # noqa: F401 - it keeps the original

    return code_replaced(trio.sleep, cast(FunctionType, _trio_sleep))


def _sleep_function(original: Callable[[float], None]) -> Callable[[float], None]:
    def sleep(seconds: float) -> None:
        sleepers = find_sleepers()
        if sleepers is None or _is_real_sleeper(sys._getframe(1)):  # noqa: SLF001 - the caller
            original(seconds)
        elif seconds < 0:
            msg = "sleep length must be non-negative"
            raise ValueError(msg)
        else:
            sleepers.wait(seconds, original)  # a short real sleep, which returns None: nobody wakes a sleeper

    return sleep


def _is_real_sleeper(frame: FrameType | None) -> bool:
    """Return whether the caller, who is behind our own frames, waits for what no clock of ours moves."""
    while frame is not None and frame.f_globals.get("__name__") == redirection.__name__:
        frame = frame.f_back
    return frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _REAL


async def _asyncio_sleep(delay: float, result: Any = None) -> Any:
    from mockserver.doors.virtual_sleep import asyncio_sleep  # the code runs in asyncio's module

    return await asyncio_sleep(delay, result)


async def asyncio_sleep(delay: float, result: Any = None) -> Any:
    """`asyncio.sleep`, which moves the clock."""
    sleepers = find_sleepers()
    if sleepers is None or delay <= 0 or (now := sleepers.clock.now()) + delay * SECOND >= END:
        return await Machine.async_sleep(delay, result)
    loop = asyncio.get_running_loop()
    if sleepers.has_clocks and isinstance(loop, asyncio.BaseEventLoop):  # its timers move the clock
        return await Machine.async_sleep(delay, result)
    await sleepers.of_loop(loop, LoopSleepers).sleep_until(now + round(delay * SECOND))
    return result


async def _trio_sleep(seconds: float) -> None:
    from mockserver.doors.virtual_trio import sleep  # the code runs in trio's module

    await sleep(seconds)


def _submit_function(original: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
    def submit(pool: ThreadPoolExecutor, /, *args: Any, **kwargs: Any) -> Future[Any]:
        work = original(pool, *args, **kwargs)
        if (sleepers := find_sleepers()) is not None:
            with contextlib.suppress(RuntimeError):  # no loop is running: nobody has handed it to another thread
                sleepers.of_loop(asyncio.get_running_loop(), LoopSleepers).watch(work)
        return work

    return submit


def _wait_function(original: Callable[..., bool]) -> Callable[..., bool]:
    """`Condition.wait`, on which `Event.wait`, `Queue.get` and `Future.result` stand.

    It does what the original does, with the attributes that the original uses. But it stays in the queue of waiters
    while time passes: who leaves it for a moment may miss a notification.
    """

    def wait(self: Any, timeout: float | None = None) -> bool:
        sleepers = find_sleepers()
        if sleepers is None or (timeout is not None and timeout <= 0):
            return original(self, timeout)
        if not self._is_owned():
            msg = "cannot wait on un-acquired lock"
            raise RuntimeError(msg)
        waiter = _thread.allocate_lock()
        waiter.acquire()
        self._waiters.append(waiter)
        state = self._release_save()
        notified = False
        try:
            notified = _acquire(waiter, timeout, sleepers)
        finally:
            self._acquire_restore(state)
            if not notified:
                with contextlib.suppress(ValueError):
                    self._waiters.remove(waiter)
        return notified

    return wait


def _acquire(waiter: _thread.LockType, timeout: float | None, sleepers: Sleepers) -> bool:
    def is_woken() -> bool:
        return not waiter.locked()

    if timeout is None:
        return sleepers.wait_for_ever(waiter.acquire, is_woken)
    return sleepers.wait(timeout, lambda seconds: waiter.acquire(timeout=seconds), is_woken=is_woken)


def _join_function(original: Callable[..., None]) -> Callable[..., None]:
    def join(self: threading.Thread, timeout: float | None = None) -> None:
        sleepers = find_sleepers()
        if sleepers is None or timeout is None or timeout <= 0:
            original(self, timeout)
            return

        def attempt(seconds: float) -> bool:
            original(self, seconds)
            return not self.is_alive()

        sleepers.wait(timeout, attempt)

    return join


def _select_function(original: Callable[..., Any]) -> Callable[..., Any]:
    def select(rlist: Any, wlist: Any, xlist: Any, timeout: float | None = None) -> Any:
        sleepers = find_sleepers()
        if sleepers is None or timeout is None or timeout <= 0:
            return original(rlist, wlist, xlist, timeout)

        def attempt(seconds: float) -> Any:
            ready = original(rlist, wlist, xlist, seconds)
            return ready if any(ready) else None

        # Files are written to by others, whom nobody sees.
        real_timeout = WORK_TIMEOUT if rlist or wlist or xlist else 0.0
        return sleepers.wait(timeout, attempt, real_timeout=real_timeout) or ([], [], [])

    return select

"""The machine's clocks as the code under test reads them, moved by what it has slept.

The parts of Python that wait with a timeout read such a clock before and after, so they always see the time that the
waiting has moved. All other code sees it on request: `time.time`, `time.monotonic`, `datetime.now` and the timers of
asyncio's event loops.
"""

import asyncio
import concurrent.futures._base
import contextlib
import logging
import queue
import subprocess
import threading
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, tzinfo
from heapq import heappop
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

from mockserver.doors.import_hook import patched_when_imported
from mockserver.doors.patching import SharedPatch, replaced
from mockserver.doors.redirection import methods_replaced, redirected
from mockserver.doors.sleepers import WORK_TIMEOUT, Sleepers, find_sleepers, find_sleepers_with_clocks
from mockserver.state.clock import SECOND, Machine

log = logging.getLogger("mockserver")

Read = Callable[[], Any]


@contextlib.contextmanager
def timeouts_moved() -> Iterator[None]:
    """While inside, `queue`, `threading` and `concurrent.futures` compute what is left of a timeout by our clock."""
    real_monotonic = time.monotonic  # noqa: TID251 - other threads read it

    def monotonic() -> float:
        sleepers = find_sleepers()
        return real_monotonic() if sleepers is None else sleepers.monotonic_ns() / SECOND

    clock = SimpleNamespace(monotonic=monotonic)
    with (
        replaced(queue, "time", monotonic),
        replaced(threading, "_time", monotonic),
        replaced(concurrent.futures._base, "time", clock),  # noqa: SLF001 - it is where `as_completed` is
    ):
        yield


def clocks_moved() -> AbstractContextManager[None]:
    """While inside, those sleepers who have clocks find that as much time has passed as they have slept."""
    return _patch.used_with(None, _patched)


@contextlib.contextmanager
def _patched() -> Iterator[None]:
    with (
        redirected(time, "time", _reader(lambda sleepers: sleepers.clock.now() / SECOND)),
        redirected(time, "time_ns", _reader(lambda sleepers: sleepers.clock.now())),
        redirected(time, "monotonic", _reader(lambda sleepers: sleepers.monotonic_ns() / SECOND)),
        redirected(time, "monotonic_ns", _reader(Sleepers.monotonic_ns)),
        replaced(asyncio.BaseEventLoop, "time", _loop_time_function(asyncio.BaseEventLoop.time)),
        # What waits for another process waits in real time, as `subprocess` sleeps.
        replaced(subprocess, "_time", lambda: Machine.perf_counter_ns() / SECOND),
        replaced(Process, "wait", _wait_for_child_function(Process.wait)),
        replaced(Process, "communicate", _wait_for_child_function(Process.communicate)),
        _datetime_moved(),
        replaced(asyncio.BaseEventLoop, "_run_once", _run_once_function(asyncio.BaseEventLoop._run_once)),  # type: ignore[attr-defined]  # noqa: SLF001 - see there
        patched_when_imported({"trio": _trio_moved, "uvloop": _uvloop_announced}),
    ):
        yield


def _trio_moved(_: Any) -> AbstractContextManager[None]:
    from mockserver.doors.virtual_trio import timers_moved

    return timers_moved()


def _uvloop_announced(uvloop: Any) -> AbstractContextManager[None]:
    """Say what is not moved: uvloop's timers are in C, and it does not say which files it waits for."""
    original = uvloop.Loop.call_at

    def call_at(self: Any, when: float, *args: Any, **kwargs: Any) -> Any:
        if when - self.time() > WORK_TIMEOUT and find_sleepers_with_clocks() is not None:
            log.warning(
                "a timer of uvloop goes by the machine's time, whatever the option sleep says:"
                " run the test in asyncio's own event loop, or sleep instead (docs/testing.md, Time)"
            )
        return original(self, when, *args, **kwargs)

    return replaced(uvloop.Loop, "call_at", call_at)


_patch = SharedPatch[None]()


def _reader(read: Callable[[Sleepers], Any]) -> Callable[[Read], Read]:
    """Return a function that makes of a clock of the machine one that tells the code under test its own time."""

    def make(original: Read) -> Read:
        def read_clock() -> Any:
            sleepers = find_sleepers_with_clocks()
            return original() if sleepers is None else read(sleepers)

        return read_clock

    return make


def _datetime_moved() -> AbstractContextManager[None]:
    """Change two methods of `datetime` itself: code holds the class under many names."""
    now, utcnow = vars(datetime)["now"], vars(datetime)["utcnow"]

    def moved_now(cls: type[datetime], tz: tzinfo | None = None) -> datetime:
        sleepers = find_sleepers_with_clocks()
        return now.__get__(None, cls)(tz) if sleepers is None else _moment(cls, sleepers.clock.now(), tz)

    def moved_utcnow(cls: type[datetime]) -> datetime:
        sleepers = find_sleepers_with_clocks()
        if sleepers is None:
            return utcnow.__get__(None, cls)()  # type: ignore[no-any-return]  # as it is
        return _moment(cls, sleepers.clock.now(), UTC).replace(tzinfo=None)

    return methods_replaced(datetime, {"now": classmethod(moved_now), "utcnow": classmethod(moved_utcnow)})


def _moment(cls: type[datetime], nanos: int, tz: tzinfo | None) -> datetime:
    return cls.fromtimestamp(nanos // SECOND, tz).replace(microsecond=nanos % SECOND // 1000)


def _loop_time_function(original: Callable[[Any], float]) -> Callable[[Any], float]:
    def loop_time(loop: Any) -> float:
        sleepers = find_sleepers_with_clocks()
        return original(loop) if sleepers is None else sleepers.timer_ns() / SECOND

    return loop_time


def _run_once_function(original: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return an iteration of asyncio's event loop that waits for the nearest timer on the clock, as looptime does."""

    def run_once(loop: Any) -> None:
        timers = loop._scheduled  # noqa: SLF001 - the loop has no other place to wait at
        while timers and timers[0].cancelled():
            loop._timer_cancelled_count -= 1  # noqa: SLF001 - as the original does
            heappop(timers)._scheduled = False  # noqa: SLF001 - see above
        sleepers = find_sleepers_with_clocks()
        if sleepers and timers and not loop._ready and not loop._stopping:  # noqa: SLF001 - see above
            _wait_for_timer(sleepers, loop, timers[0])
        original(loop)

    return run_once


_child_waits: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
"""How many tasks of an event loop wait for a child process."""


def _wait_for_child_function(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def wait_for_child(self: Process, *args: Any, **kwargs: Any) -> Any:
        loop = asyncio.get_running_loop()
        _child_waits[loop] = _child_waits.get(loop, 0) + 1
        try:
            return await original(self, *args, **kwargs)
        finally:
            _child_waits[loop] -= 1

    return wait_for_child


def _wait_for_timer(sleepers: Sleepers, loop: Any, timer: Any) -> None:
    seconds = timer.when() - loop.time()
    if seconds > 0:
        # One file is the loop's own. Others are written to by somebody, whom nobody sees.
        real_timeout = WORK_TIMEOUT if len(loop._selector.get_map()) > 1 else 0.0  # noqa: SLF001 - see above
        if _child_waits.get(loop) and not _is_sleep(timer):
            real_timeout = seconds  # a timeout of what a child process does, as far as anybody can see
        sleepers.wait(seconds, loop._selector.select, real_timeout=real_timeout)  # noqa: SLF001 - see above


def _is_sleep(timer: Any) -> bool:
    """Return whether a timer of the loop is that of `asyncio.sleep`."""
    callback: Any = timer._callback  # noqa: SLF001 - it has no other sign
    return callback is vars(asyncio.futures)["_set_result_unless_cancelled"]

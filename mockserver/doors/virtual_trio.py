"""Time in trio, and in anyio on trio: the clock moves when all tasks of the run wait, and no thread works."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import trio
import trio.testing

from mockserver.doors.patching import replaced
from mockserver.doors.redirection import original_of
from mockserver.doors.sleepers import CHECK_INTERVAL, WORK_TIMEOUT, Sleepers, find_sleepers, find_sleepers_with_clocks
from mockserver.state.clock import END, SECOND, Nanos

LONGEST_WAIT = 86_400
"""The seconds after which a run of trio looks around at the latest, though it has no deadline."""

real_sleep = original_of(trio.sleep)
"""`trio.sleep` as it was, which waits."""


async def sleep(seconds: float) -> None:
    """`trio.sleep`, which moves the clock."""
    sleepers = find_sleepers()
    # With clocks, trio's own timers move the clock.
    if (
        sleepers is None
        or sleepers.has_clocks
        or not seconds > 0
        or (now := sleepers.clock.now()) + seconds * SECOND >= END
    ):
        await real_sleep(seconds)
        return
    run = sleepers.of_loop(trio.lowlevel.current_trio_token(), _RunSleepers)
    await run.sleep_until(now + round(seconds * SECOND))


@contextlib.contextmanager
def timers_moved() -> Iterator[None]:
    """While inside, the deadlines of trio's runs are on the clock, for sleepers who have clocks."""
    clock, io_manager = trio._core._run.SystemClock, trio._core._run.TheIOManager  # noqa: SLF001 - trio names them nowhere else
    with (
        replaced(clock, "current_time", _time_function(clock.current_time)),
        replaced(io_manager, "get_events", _events_function(io_manager.get_events)),
    ):
        yield


def _time_function(original: Callable[[Any], float]) -> Callable[[Any], float]:
    def current_time(self: Any) -> float:
        sleepers = find_sleepers_with_clocks()
        return original(self) if sleepers is None else float(self.offset + sleepers.timer_ns() / SECOND)

    return current_time


def _events_function(original: Callable[[Any, float], Any]) -> Callable[[Any, float], Any]:
    """Return the waiting of a run, for files and for its nearest deadline, which moves the clock."""

    def get_events(self: Any, timeout: float) -> Any:
        sleepers = find_sleepers_with_clocks()
        if (
            sleepers is None
            or timeout <= 0
            or (seconds := _until_deadline()) is None
            or timeout < min(seconds, LONGEST_WAIT)
        ):
            return original(self, timeout)
        # One task waits for the run's own file. Others are written to by somebody, whom nobody sees.
        files = self.statistics()
        count = getattr(files, "tasks_waiting_read", 2) + getattr(files, "tasks_waiting_write", 0)  # elsewhere unknown
        real_timeout = WORK_TIMEOUT if count > 1 else 0.0
        return sleepers.wait(seconds, lambda rest: original(self, min(rest, timeout)), real_timeout=real_timeout)

    return get_events


def _until_deadline() -> float | None:
    """Return the seconds until the nearest deadline of this thread's run; None if its clock is a test's own.

    A run that waits for less waits for its tasks to be idle.
    """
    run = trio._core._run  # noqa: SLF001 - see above
    runner = getattr(run.GLOBAL_RUN_CONTEXT, "runner", None)
    if runner is None or not isinstance(runner.clock, run.SystemClock):
        return None
    return float(runner.clock.deadline_to_sleep_time(runner.deadlines.next_deadline()))


class _RunSleepers:
    """The sleeping tasks of one run of trio."""

    def __init__(self, sleepers: Sleepers, _: Any) -> None:
        self._sleepers = sleepers
        self.thread = threading.current_thread()
        self._deadlines: list[Nanos] = []
        self._moves = 0

    def is_running(self) -> bool:
        """Return whether anybody may still wake: a run takes its sleepers along when it ends."""
        return bool(self._deadlines)

    def next_deadline(self) -> Nanos:
        """Return the nearest deadline, END if there is none."""
        return min(self._deadlines, default=END)

    async def sleep_until(self, deadline: Nanos) -> None:
        """Return when the clock has reached the deadline."""
        self._deadlines.append(deadline)
        try:
            while self._sleepers.clock.now() < deadline:
                moves = self._moves
                await trio.testing.wait_all_tasks_blocked()
                # All that wait for this are woken together: one that was woken later than the one that moved waits
                # again.
                if moves == self._moves and deadline == self.next_deadline():
                    await self._move_to(deadline)
        finally:
            self._deadlines.remove(deadline)

    async def _move_to(self, deadline: Nanos) -> None:
        if self._sleepers.is_settled(deadline, self.thread):
            self._moves += 1
            self._sleepers.clock.advance_to(deadline)
        else:
            await real_sleep(CHECK_INTERVAL)

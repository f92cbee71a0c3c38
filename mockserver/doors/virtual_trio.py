"""Sleeping in trio, and in anyio on trio: the clock moves when all tasks of the run wait, and no thread works."""

import threading
from typing import Any

import trio
import trio.testing

from mockserver.doors.redirection import original_of
from mockserver.doors.sleepers import CHECK_INTERVAL, Sleepers, find_sleepers
from mockserver.state.clock import END, SECOND, Nanos

_real_sleep = original_of(trio.sleep)


async def sleep(seconds: float) -> None:
    """`trio.sleep`, which moves the clock."""
    sleepers = find_sleepers()
    if sleepers is None or not seconds > 0 or (now := sleepers.clock.now()) + seconds * SECOND >= END:
        await _real_sleep(seconds)
        return
    run = sleepers.of_loop(trio.lowlevel.current_trio_token(), _RunSleepers)
    await run.sleep_until(now + round(seconds * SECOND))


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
            await _real_sleep(CHECK_INTERVAL)

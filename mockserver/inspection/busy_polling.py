"""Detects a loop that never ends because the job that it polls does not: the clock stands still, or it has no end."""

import asyncio
import sys
import sysconfig
import threading
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from mockserver.dispatch import runs
from mockserver.inspection.client_behaviour import is_unfinished_poll
from mockserver.simulation import tuning
from mockserver.simulation.tuning import NEVER
from mockserver.state.calls import RecordedCall
from mockserver.state.clock import SECOND, Clock, Nanos
from mockserver.state.world import World

LIMIT = 100
"""So many equal polls of one thread or task while the clock stands still are a loop that does not end."""

LONGEST = 7 * 86_400 * SECOND
"""Whoever polls a job that never ends for so long, on the world's clock, never gives up."""

MOST_POLLS, MOST_POLLS_AFTER = 2000, 2 * 3600 * SECOND
"""Nor does whoever polls it so often, in more than so long: the test would wait for minutes. A deadline of two hours
with a poll a second is kept."""

MOST_LOOPS = 1000
"""So many loops are remembered at most."""

NEWEST = 100
"""So many of the newest calls are searched for the poll before."""


class BusyPolling(RuntimeError):
    """The code under test polls an unfinished job again and again, and no time passes, or the job never ends.

    Not an OSError: clients would take that for a failure of the network, and try again.
    """

    __module__ = "mockserver"  # where users import it from


class PollWatch:
    """Watches the requests to one world, before they are sent."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        reaction: Literal["fail", "advance", "ignore"],
        note_error: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Watch. `note_error` gets the sentence of each BusyPolling: the code under test may swallow it."""
        self._note_error = note_error
        self._world = world
        self._clock = clock
        self._reaction = reaction
        self._moment: Nanos = -1
        self._counts: Counter[int] = Counter()
        self._requests: set[int] = set()
        self._loops: dict[int, _Loop] = {}
        # Of the poll before, if it was one of many: by it the frame that loops is found. No other is kept alive.
        self._last: tuple[int, list[FrameType]] = (0, [])

    def note(self, request: Hashable, path: str) -> None:
        """Note a request to a path, if the client sends one. BusyPolling if it is one poll too many."""
        if self._reaction == "ignore":
            return
        client = (threading.get_ident(), _current_task()) if path else None  # over gRPC it waits in another thread
        now, key = self._clock.now(), hash((request, client))
        if now != self._moment:
            self._moment, self._counts = now, Counter()
        self._counts[key] += 1
        self._watch_loop(key, path, now)
        if self._reaction == "advance":
            if key in self._requests and self._find_poll(path, now):
                self._clock.advance(1)
            self._requests.add(key)
        elif self._counts[key] >= LIMIT:
            self._counts[key] = 0
            if poll := self._find_poll(path, now):
                raise self._error(_describe(poll, self._find_line(key)))
        if key in self._loops and self._loops[key].requests >= LIMIT - 1:
            self._last = key, find_user_frames()

    def _watch_loop(self, key: int, path: str, now: Nanos) -> None:
        """Raise BusyPolling if the request has been repeated for so long that its loop does not give up."""
        if key not in self._loops:
            if len(self._loops) >= MOST_LOOPS:
                self._loops.clear()
            self._loops[key] = _Loop(now)
        loop = self._loops[key]
        loop.requests += 1
        elapsed = now - loop.since
        is_long = loop.requests >= LIMIT and elapsed >= LONGEST
        if not is_long and (loop.requests < MOST_POLLS or elapsed <= MOST_POLLS_AFTER):
            return
        newest = islice(self._world.calls.newest_first(), NEWEST)
        poll = next((call for call in newest if path in ("", call.path)), None)
        del self._loops[key]
        if poll is not None and is_unfinished_poll(poll) and _never_ends(self._world, poll.resource):
            raise self._error(_describe_endless(poll, loop.requests, elapsed, self._find_line(key)))

    def _find_line(self, key: int) -> str:
        """Return the line of the user's code that loops: in the innermost frame which the poll before had too."""
        (last_key, last), self._last = self._last, (0, [])
        frames = find_user_frames()
        looping = (frame for frame in frames if last_key == key and any(frame is each for each in last))
        frame = next(looping, frames[0] if frames else None)
        return f", by {frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}" if frame else ""

    def _error(self, sentence: str) -> BusyPolling:
        self._note_error(sentence)
        return BusyPolling(sentence)

    def _find_poll(self, path: str, now: Nanos) -> RecordedCall | None:
        """Return the newest call to the path, or to any, if at this time a job was asked for that had not ended."""
        calls = islice(self._world.calls.newest_first(), NEWEST)
        call = next((call for call in calls if path in ("", call.path)), None)
        return call if call is not None and call.time == now and is_unfinished_poll(call) else None


@dataclass(slots=True)
class _Loop:
    """A request that a client repeats: since when, and how often."""

    since: Nanos
    requests: int = 0


def _never_ends(world: World, resource: str) -> bool:
    """Return whether the job of a resource, or of its operation, never ends."""
    names = resource.split("/")
    return any(tuning.end(it.run) == NEVER for it in runs.runs(world) if it.name.rpartition("/")[2] in names)


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop is running in this thread
        return None


def _describe(poll: RecordedCall, line: str) -> str:
    return (
        f"mockserver: {poll.resource} was polled {LIMIT} times while the clock stood still{line}:"
        " the job would never end. Either have the loop sleep between two polls (sleeping moves the clock), or finish"
        " the job before (mockserver.finish(name), mockserver.clock.advance(hours=1)), or have each poll move the clock"
        " by a second (busy_polling='advance', an option of the pytest marker and of intercepting()), or have the clock run"
        " (clock='60x', of the marker and of MockServer())"
    )


def _describe_endless(poll: RecordedCall, requests: int, elapsed: Nanos, line: str) -> str:
    return (
        f"mockserver: {poll.resource} never ends (never_finish, or a stall), and was polled {requests} times in"
        f" {elapsed // (3600 * SECOND)} hours of the mock server's clock{line}:"
        " either the loop has no deadline, or its deadline is on the machine's clock (time.time, time.monotonic,"
        " datetime.now), which sleeping does not move: set sleep='virtual+clock', and both clocks are one. For a loop"
        " that is to poll so often, set busy_polling='ignore'"
    )


_LIBRARIES = (
    *{sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")},
    str(Path(__file__).parent.parent),
    "<frozen",
)


def find_user_frames() -> list[FrameType]:
    """Return the frames of the user's code that led here, innermost first.

    Who asks over gRPC waits in another thread: most likely in the main one.
    """
    main = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001 - Python's only way to ask
    for innermost in (sys._getframe(), main):  # noqa: SLF001 - see above
        frames, frame = [], innermost
        while frame is not None:
            if not frame.f_code.co_filename.startswith(_LIBRARIES):
                frames.append(frame)
            frame = frame.f_back
        if frames:
            return frames
    return []

"""Detects a loop that polls an unfinished job while the clock stands still: such a loop never ends."""

import asyncio
import sys
import sysconfig
import threading
from collections import Counter
from collections.abc import Hashable
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from mockserver.inspection.client_behaviour import is_unfinished_poll
from mockserver.state.calls import RecordedCall
from mockserver.state.clock import Clock, Nanos
from mockserver.state.world import World

LIMIT = 100
"""So many equal polls of one thread or task while the clock stands still are a loop that does not end."""

NEWEST = 100
"""So many of the newest calls are searched for the poll before."""


class BusyPolling(RuntimeError):
    """The code under test polls an unfinished job again and again, and no time passes.

    Not an OSError: clients would take that for a failure of the network, and try again.
    """


class PollWatch:
    """Watches the requests to one world, before they are sent."""

    def __init__(self, world: World, clock: Clock, reaction: Literal["fail", "advance", "ignore"]) -> None:
        self._world = world
        self._clock = clock
        self._reaction = reaction
        self._moment: Nanos = -1
        self._counts: Counter[int] = Counter()
        self._requests: set[int] = set()

    def note(self, request: Hashable, path: str) -> None:
        """Note a request to a path, if the client sends one. BusyPolling if it is one poll too many."""
        if self._reaction == "ignore":
            return
        client = (threading.get_ident(), _current_task()) if path else None  # over gRPC it waits in another thread
        now, key = self._clock.now(), hash((request, client))
        if now != self._moment:
            self._moment, self._counts = now, Counter()
        self._counts[key] += 1
        if self._reaction == "advance":
            if key in self._requests and self._find_poll(path, now):
                self._clock.advance(1)
            self._requests.add(key)
        elif self._counts[key] >= LIMIT:
            self._counts[key] = 0
            if poll := self._find_poll(path, now):
                raise BusyPolling(_describe(poll))

    def _find_poll(self, path: str, now: Nanos) -> RecordedCall | None:
        """Return the newest call to the path, or to any, if at this time a job was asked for that had not ended."""
        calls = islice(self._world.calls.newest_first(), NEWEST)
        call = next((call for call in calls if path in ("", call.path)), None)
        return call if call is not None and call.time == now and is_unfinished_poll(call) else None


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop is running in this thread
        return None


def _describe(poll: RecordedCall) -> str:
    line = find_calling_line()
    return (
        f"mockserver: {poll.resource} was polled {LIMIT} times while the clock stood still{f', by {line}' if line else ''}:"
        " the job would never end. Either have the loop sleep between two polls (sleeping moves the clock), or finish"
        " the job before (mockserver.finish(name), mockserver.clock.advance(hours=1)), or have each poll move the clock"
        " by a second (busy_polling='advance'), or have the clock run (clock='60x')"
    )


_LIBRARIES = (
    *{sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")},
    str(Path(__file__).parent.parent),
    "<frozen",
)


def find_calling_line() -> str:
    """Return file, line and function of the user's code that led here, "" if there is none.

    Who asks over gRPC waits in another thread: most likely in the main one.
    """
    main = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001 - Python's only way to ask
    for innermost in (sys._getframe(), main):  # noqa: SLF001 - see above
        frame: FrameType | None = innermost
        while frame is not None and frame.f_code.co_filename.startswith(_LIBRARIES):
            frame = frame.f_back
        if frame is not None:
            return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
    return ""

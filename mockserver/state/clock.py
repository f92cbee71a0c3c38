"""The one place that asks the machine for the time.

Times are integers: nanoseconds since the Unix epoch, because real answers carry nine fraction
digits and `datetime` holds six. People speak to a clock in aware `datetime`s.
"""

import asyncio
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Self

Nanos = int

SECOND: Nanos = 1_000_000_000

END: Nanos = 2**63 - 1
"""Where time ends: in the year 2262, as everywhere that counts nanoseconds in 64 bits. It begins at 0, in 1970."""

LONGEST_SECONDS = 31_536_000
"""The longest delay there is: a year. The world's clock jumps by it when a test owns the clock."""

FASTEST = 1e6
"""The highest factor people may ask for: a day passes in a tenth of a second."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Machine:
    """The machine's own time, whatever a test puts in the place of these functions later.

    They are attributes of a class, because libraries that freeze time replace what modules hold. Elapsed time is
    `perf_counter`, the one clock that is steady and that no such library changes in place.
    """

    time_ns = staticmethod(time.time_ns)
    perf_counter = staticmethod(time.perf_counter)
    perf_counter_ns = staticmethod(time.perf_counter_ns)
    sleep = staticmethod(time.sleep)
    async_sleep = staticmethod(asyncio.sleep)


def to_nanos(moment: datetime) -> Nanos:
    """An aware datetime as nanoseconds since the epoch, exactly. A naive one raises ValueError."""
    if moment.tzinfo is None:
        msg = "a time needs its zone: use datetime(..., tzinfo=UTC)"
        raise ValueError(msg)
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def to_datetime(nanos: Nanos) -> datetime:
    """Nanoseconds since the epoch as an aware datetime, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=nanos // 1000)


def checked(moment: Nanos) -> Nanos:
    """The moment, if a clock can say it; else ValueError."""
    if not 0 <= moment < END:
        msg = f"time begins on {to_datetime(0).date()} and ends on {to_datetime(END).date()}"
        raise ValueError(msg)
    return moment


class Clock(ABC):
    """What the rest of the program may know about time. It never goes back."""

    @abstractmethod
    def now(self) -> Nanos:
        """The moment, in nanoseconds since the epoch; never less than a moment told before."""

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Return once `seconds` of this clock's time have passed."""

    @abstractmethod
    def jump(self, nanos: Nanos) -> None:
        """Leave out the next `nanos` of time."""

    @abstractmethod
    def twin(self) -> Self:
        """A clock of its own that says the same now and goes as fast."""

    def restore(self, moment: Nanos) -> None:
        """Be at a moment again, with a world that is put back to it: the one time that may have been told before."""
        self.jump(moment - self.now())

    def advance(self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0) -> None:
        """Jump ahead by the sum of what is given. ValueError for a negative sum, or one beyond the end of time."""
        nanos = _forward(seconds + 60 * minutes + 3600 * hours)
        checked(self.now() + nanos)
        self.jump(nanos)

    def move_to(self, moment: datetime) -> None:
        """Jump to a moment that lies ahead, and before the end of time; else ValueError."""
        now, target = self.now(), checked(to_nanos(moment))
        if target < now:
            msg = f"time does not go back: it is {to_datetime(now)}, asked for {moment}"
            raise ValueError(msg)
        self.jump(target - now)

    def advance_to(self, moment: Nanos) -> None:
        """Jump ahead to a moment in nanoseconds; one that has passed changes nothing. ValueError beyond the end."""
        self.jump(max(0, checked(moment) - self.now()))


class SystemClock(Clock):
    """The machine's time, from a chosen start and at a chosen speed.

    `factor` 60 makes an hour pass in a minute. `start` is what `now` says at birth; without it
    the clock begins at the machine's own date.
    """

    def __init__(self, factor: float = 1.0, start: datetime | None = None) -> None:
        if not 0 < factor < float("inf"):
            msg = f"a clock's factor must be above zero, not {factor!r}"
            raise ValueError(msg)
        self.factor = factor
        self._origin = Machine.time_ns() if start is None else checked(to_nanos(start))
        self._born = Machine.perf_counter_ns()
        self._lock = threading.Lock()

    def now(self) -> Nanos:
        """The start plus what has passed since, times the factor."""
        elapsed = Machine.perf_counter_ns() - self._born
        return self._origin + (elapsed if self.factor == 1 else int(elapsed * self.factor))

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of this clock: `seconds / factor` of the machine's."""
        await Machine.async_sleep(seconds / self.factor)

    def jump(self, nanos: Nanos) -> None:
        """Go on from `nanos` later."""
        with self._lock:
            self._origin += nanos

    def twin(self) -> Self:
        """A clock of the same speed that starts here."""
        twin = type(self)(self.factor)
        twin.restore(self.now())
        return twin


class ManualClock(Clock):
    """Time that stands still until it is told to move.

    `sleep` moves it too: an hour of simulated latency costs no time of the machine's.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._now = Machine.time_ns() if start is None else checked(to_nanos(start))
        self._lock = threading.Lock()

    def now(self) -> Nanos:
        """The moment last told."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Move ahead by `seconds` and return at once."""
        self.advance(max(seconds, 0.0))

    def jump(self, nanos: Nanos) -> None:
        """Be `nanos` later."""
        with self._lock:
            self._now += nanos

    def twin(self) -> Self:
        """A clock that stands where this one does."""
        twin = type(self)()
        twin.restore(self._now)
        return twin


def _forward(seconds: float) -> Nanos:
    if not seconds >= 0:
        msg = f"time does not go back: cannot advance by {seconds!r} seconds"
        raise ValueError(msg)
    return round(min(seconds * SECOND, END))


def stopwatch() -> Callable[[], float]:
    """Start one; calling it says how many of the machine's milliseconds have passed."""
    start = Machine.perf_counter_ns()
    return lambda: (Machine.perf_counter_ns() - start) / 1e6


def countdown(seconds: float) -> Callable[[], float]:
    """Start one; calling it says how many of the machine's seconds are left, negative ones when it is over."""
    end = Machine.perf_counter() + seconds
    return lambda: end - Machine.perf_counter()


def today() -> date:
    """The machine's day, in UTC."""
    return to_datetime(Machine.time_ns()).date()

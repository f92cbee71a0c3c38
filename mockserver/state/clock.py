"""The one place that asks the machine for the time.

Times are integers: nanoseconds since the Unix epoch, because real answers carry nine fraction
digits and `datetime` holds six. People speak to a clock in aware `datetime`s.
"""

import asyncio
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Self

Nanos = int

SECOND: Nanos = 1_000_000_000

END: Nanos = 2**63 - 1
"""Where time ends: in the year 2262, as everywhere that counts nanoseconds in 64 bits. It begins at 0, in 1970."""

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

    def jump_by(self, distance: Callable[[Nanos], Nanos]) -> None:
        """Leave out as much time as `distance` says when it is told what time it is."""
        self.jump(distance(self.now()))

    def restore(self, moment: Nanos) -> None:
        """Be at a moment again, with a world that is put back to it: the one time that may have been told before."""
        self.jump_by(lambda now: moment - now)

    def advance(self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0) -> None:
        """Jump ahead by the sum of what is given. ValueError for a negative sum, or one beyond the end of time."""
        nanos = _forward(seconds + 60 * minutes + 3600 * hours)

        def ahead(now: Nanos) -> Nanos:
            checked(now + nanos)
            return nanos

        self.jump_by(ahead)

    def move_to(self, moment: datetime) -> None:
        """Jump to a moment that lies ahead, and before the end of time; else ValueError."""
        target = checked(to_nanos(moment))

        def ahead(now: Nanos) -> Nanos:
            if target < now:
                msg = f"time does not go back: it is {to_datetime(now)}, asked for {moment}"
                raise ValueError(msg)
            return target - now

        self.jump_by(ahead)

    def advance_to(self, moment: Nanos) -> None:
        """Jump ahead to a moment in nanoseconds; one that has passed changes nothing. ValueError beyond the end."""
        target = checked(moment)
        self.jump_by(lambda now: max(0, target - now))


@dataclass(frozen=True, slots=True)
class ClockSetting:
    """What a clock goes by.

    It said `moment` when the monotonic clock of the machine, which is one for all processes, said `since`, and goes
    `factor` times as fast. With 0 it stands until it is moved.
    """

    moment: Nanos
    since: Nanos = 0
    factor: float = 0.0


ReadSetting = Callable[[], ClockSetting]
ChangeSetting = Callable[[Callable[[ClockSetting], ClockSetting]], object]


class KeptClock(Clock):
    """A clock whose setting is kept here, or where it is told to."""

    def __init__(self, setting: ClockSetting) -> None:
        lock = threading.Lock()

        def change(edit: Callable[[ClockSetting], ClockSetting]) -> None:
            nonlocal setting
            with lock:
                setting = edit(setting)

        self.keep(lambda: setting, change)

    def keep(self, read: ReadSetting, change: ChangeSetting) -> None:
        """Go by the setting that is read there from now on, and change it there."""
        self._read = read
        self._change = change

    @property
    def setting(self) -> ClockSetting:
        """What it goes by now."""
        return self._read()

    @abstractmethod
    def told(self, setting: ClockSetting) -> Nanos:
        """What a clock of this setting says now."""

    def now(self) -> Nanos:
        """What the clock says."""
        return self.told(self._read())

    def jump(self, nanos: Nanos) -> None:
        """Go on from `nanos` later."""
        self.jump_by(lambda _: nanos)

    def jump_by(self, distance: Callable[[Nanos], Nanos]) -> None:
        """Go on from later, by the time that it is when the setting is changed: nobody else moves it in between."""
        self._change(lambda setting: replace(setting, moment=setting.moment + distance(self.told(setting))))


class SystemClock(KeptClock):
    """The machine's time, from a chosen start and at a chosen speed.

    `factor` 60 makes an hour pass in a minute. `start` is what `now` says at birth; without it
    the clock begins at the machine's own date.
    """

    def __init__(self, factor: float = 1.0, start: datetime | None = None) -> None:
        if not 0 < factor < float("inf"):
            msg = f"a clock's factor must be above zero, not {factor!r}"
            raise ValueError(msg)
        moment = Machine.time_ns() if start is None else checked(to_nanos(start))
        super().__init__(ClockSetting(moment, Machine.perf_counter_ns(), factor))

    @property
    def factor(self) -> float:
        """How many times as fast as the machine's it goes."""
        return self._read().factor

    def told(self, setting: ClockSetting) -> Nanos:
        """The start plus what has passed since, times the factor."""
        elapsed = Machine.perf_counter_ns() - setting.since
        return setting.moment + (elapsed if setting.factor == 1 else int(elapsed * setting.factor))

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of this clock: `seconds / factor` of the machine's."""
        await Machine.async_sleep(seconds / self.factor)

    def twin(self) -> Self:
        """A clock of the same speed that starts here."""
        twin = type(self)(self.factor)
        twin.restore(self.now())
        return twin


class ManualClock(KeptClock):
    """Time that stands still until it is told to move.

    `sleep` moves it too: an hour of simulated latency costs no time of the machine's.
    """

    def __init__(self, start: datetime | None = None) -> None:
        super().__init__(ClockSetting(Machine.time_ns() if start is None else checked(to_nanos(start))))

    def told(self, setting: ClockSetting) -> Nanos:
        """The moment it was moved to."""
        return setting.moment

    async def sleep(self, seconds: float) -> None:
        """Move ahead by `seconds` and return at once."""
        self.advance(max(seconds, 0.0))

    def twin(self) -> Self:
        """A clock that stands where this one does."""
        twin = type(self)()
        twin.restore(self.now())
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

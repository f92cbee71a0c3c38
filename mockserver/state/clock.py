"""The one place that asks the machine for the time.

Times are integers: nanoseconds since the Unix epoch, because real answers carry nine fraction digits and `datetime`
holds six. Testers pass aware `datetime`s to a clock.
"""

import asyncio
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from types import FunctionType
from typing import Self

from mockserver.settings.keywords import check_keywords
from mockserver.settings.types import Moment, Speed

Nanos = int

SECOND: Nanos = 1_000_000_000

END: Nanos = 2**63 - 1
"""The end of time, in the year 2262: the largest number of nanoseconds in 64 bits. Time begins at 0, in 1970."""

LAST: Nanos = END - 1
"""The last moment that a clock shows: there it stops. What begins then is in the lists of this moment."""

LONGEST_WAIT = 1.0
"""The seconds after which somebody who waits for a clock looks again: its speed may have changed."""

PAUSED_WAIT = 0.05
"""The same, for a paused clock."""

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
    # A copy: libraries that freeze time, and we, change what the function itself does.
    async_sleep = staticmethod(FunctionType(asyncio.sleep.__code__, vars(asyncio.tasks), "sleep", (None,)))


# Read once: a wall clock that is set later changes no running clock.
_PROCESS_BEGAN = Machine.time_ns() - Machine.perf_counter_ns()


def machine_time() -> int:
    """Return the machine's time in nanoseconds since the epoch. It is steady within a process, and never goes back."""
    return _PROCESS_BEGAN + Machine.perf_counter_ns()


def to_nanos(moment: datetime) -> Nanos:
    """Convert an aware datetime to nanoseconds since the epoch, exactly. ValueError for a naive one."""
    if moment.tzinfo is None:
        msg = "a time needs a time zone: use datetime(..., tzinfo=UTC)"
        raise ValueError(msg)
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def to_datetime(nanos: Nanos) -> datetime:
    """Convert nanoseconds since the epoch to an aware datetime, truncated to microseconds."""
    return _EPOCH + timedelta(microseconds=nanos // 1000)


def check_moment(moment: Nanos) -> Nanos:
    """Return the moment if a clock can show it, else raise ValueError."""
    if not 0 <= moment < END:
        msg = f"time begins on {to_datetime(0).date()} and ends on {to_datetime(END).date()}"
        raise ValueError(msg)
    return moment


Wait = Callable[[float], Awaitable[None]]


class Clock(ABC):
    """The only source of time for the rest of the program. It never goes back, and stops at the end of time."""

    @abstractmethod
    def now(self) -> Nanos:
        """Return the time in nanoseconds since the epoch; never less than a time returned before."""

    @abstractmethod
    async def sleep(self, seconds: float, wait: Wait | None = None) -> None:
        """Return once `seconds` of this clock's time have passed.

        `wait` waits for the machine's seconds; without it the event loop does.
        """

    @abstractmethod
    def jump(self, nanos: Nanos) -> None:
        """Skip the next `nanos` of time."""

    @abstractmethod
    def copy(self) -> Self:
        """Return an independent clock with the same time and speed."""

    def jump_by(self, distance: Callable[[Nanos], Nanos]) -> None:
        """Skip the time that `distance` returns for the current time."""
        self.jump(distance(self.now()))

    def restore(self, moment: Nanos) -> None:
        """Set the time to that of a snapshot that is restored. Only here may time go back."""
        self.jump_by(lambda now: moment - now)

    @check_keywords()
    def advance(self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0) -> None:
        """Move ahead by the sum of the arguments. ValueError for a negative sum, or one beyond the end of time."""
        total = seconds + 60 * minutes + 3600 * hours
        if not total >= 0:
            msg = f"time does not go back: cannot advance by {total!r} seconds"
            raise ValueError(msg)
        nanos = round(min(total * SECOND, END))
        self.jump_by(lambda now: check_moment(now + nanos) - now)

    def move_to(self, moment: datetime | str) -> None:
        """Move to a later moment: a datetime, or a text such as 2024-03-14T15:09:26Z, in UTC unless it names its zone.

        ValueError for an earlier moment, one beyond the end of time, or a text that is not a time.
        """
        later: datetime = Moment().read_argument(moment, "moment") if isinstance(moment, str) else moment
        target = check_moment(to_nanos(later))

        def distance(now: Nanos) -> Nanos:
            if target < now:
                msg = f"time does not go back: it is {to_datetime(now)}, cannot move to {later}"
                raise ValueError(msg)
            return target - now

        self.jump_by(distance)

    def advance_to(self, moment: Nanos) -> None:
        """Move ahead to a moment in nanoseconds; does nothing if it has passed. ValueError beyond the end of time."""
        target = check_moment(moment)
        self.jump_by(lambda now: max(0, target - now))


@dataclass(frozen=True, slots=True)
class ClockSetting:
    """The setting of a clock.

    The clock showed `moment` when it was `since` by `machine_time`, which all processes and hosts share: so it goes on
    while no server runs. It runs `factor` times as fast; with 0 it stands until it is moved. `since` is 0 for a manual
    clock.
    """

    moment: Nanos
    since: Nanos = 0
    factor: float = 0.0

    @property
    def is_manual(self) -> bool:
        """Return whether it is that of a manual clock. A clock that is paused runs, at the speed 0."""
        return not self.since


ReadSetting = Callable[[], ClockSetting]
ChangeSetting = Callable[[Callable[[ClockSetting], ClockSetting]], object]


class StoredClock(Clock):
    """A clock whose setting is stored: in the clock itself, or in the store of a world."""

    def __init__(self, setting: ClockSetting) -> None:
        lock = threading.Lock()

        def change(edit: Callable[[ClockSetting], ClockSetting]) -> None:
            nonlocal setting
            with lock:
                setting = edit(setting)

        self.store_setting(lambda: setting, change)

    def store_setting(self, read: ReadSetting, change: ChangeSetting) -> None:
        """Read the setting with `read` from now on, and change it with `change`."""
        self._read = read
        self._change = change

    @property
    def setting(self) -> ClockSetting:
        """Return the current setting."""
        return self._read()

    @abstractmethod
    def compute_time(self, setting: ClockSetting) -> Nanos:
        """Return the time that a clock with this setting would show now if time had no end."""

    def __repr__(self) -> str:
        setting = self._read()
        moment = to_datetime(min(self.compute_time(setting), LAST)).isoformat(timespec="seconds")
        return f"<{type(self).__name__} {moment}, {Speed().text(setting.factor)}>"

    def now(self) -> Nanos:
        """Return the time."""
        time = self.compute_time(self._read())
        return time if time < END else LAST

    def jump(self, nanos: Nanos) -> None:
        """Skip the next `nanos` of time."""
        self.jump_by(lambda _: nanos)

    def jump_by(self, distance: Callable[[Nanos], Nanos]) -> None:
        """Skip time. Reading the time and moving the clock are one change: nobody moves it in between."""

        def change(setting: ClockSetting) -> ClockSetting:
            time = self.compute_time(setting)
            now = min(time, LAST)
            return replace(setting, moment=setting.moment + min(now + distance(now), LAST) - time)

        self._change(change)


class SystemClock(StoredClock):
    """The machine's time, from a chosen start and at a chosen speed.

    With `factor` 60 an hour passes in a minute. `start` is the first time it shows; without it the clock starts at
    the machine's time.
    """

    def __init__(self, factor: float = 1.0, start: datetime | None = None) -> None:
        if not 0 < factor < float("inf"):
            msg = f"a clock's factor must be above zero, not {factor!r}"
            raise ValueError(msg)
        moment = Machine.time_ns() if start is None else check_moment(to_nanos(start))
        super().__init__(ClockSetting(moment, machine_time(), factor))

    @property
    def factor(self) -> float:
        """Return how many times as fast as the machine's time it runs."""
        return self._read().factor

    def compute_time(self, setting: ClockSetting) -> Nanos:
        """Return the setting's moment plus the time since then, times the factor."""
        elapsed = machine_time() - setting.since
        return setting.moment + (elapsed if setting.factor == 1 else int(elapsed * setting.factor))

    def set_factor(self, factor: float) -> None:
        """Run at another speed from now on; 0 pauses. ValueError for a speed below zero or without an end."""
        if not 0 <= factor < float("inf"):
            msg = f"a clock's factor must be at least zero, not {factor!r}"
            raise ValueError(msg)

        def change(setting: ClockSetting) -> ClockSetting:
            since = machine_time()
            return ClockSetting(self.compute_time(setting), since, factor)

        self._change(change)

    async def sleep(self, seconds: float, wait: Wait | None = None) -> None:
        """Wait until this clock has moved on by `seconds`, by itself or because somebody moves it."""
        wait = wait or Machine.async_sleep
        end = min(self.now() + round(min(seconds * SECOND, END)), LAST)
        while (left := (end - self.now()) / SECOND) > 0:
            factor = self.factor
            await wait(min(left / factor, LONGEST_WAIT) if factor else PAUSED_WAIT)

    def copy(self) -> Self:
        """Return a clock of the same speed that starts at this one's time. A paused one is paused."""
        copy, setting = type(self)(), self.setting
        copy._change(lambda _: setting)  # noqa: SLF001 - of the same class
        return copy


class ManualClock(StoredClock):
    """A clock that stands still until it is moved.

    `sleep` moves it too: an hour of simulated latency takes no time.
    """

    def __init__(self, start: datetime | None = None) -> None:
        super().__init__(ClockSetting(Machine.time_ns() if start is None else check_moment(to_nanos(start))))

    def compute_time(self, setting: ClockSetting) -> Nanos:
        """Return the moment it was moved to."""
        return setting.moment

    async def sleep(self, seconds: float, wait: Wait | None = None) -> None:  # noqa: ARG002 - there is no time to pass
        """Move ahead by `seconds`, or to the end of time, and return at once."""
        self.jump(round(min(max(seconds, 0.0) * SECOND, END)))

    def copy(self) -> Self:
        """Return a clock that shows the same time."""
        copy = type(self)()
        copy.restore(self.now())
        return copy


def open_clock(setting: ClockSetting) -> Clock:
    """Return a clock for a setting that was stored."""
    return ManualClock() if setting.is_manual else SystemClock()


def stopwatch() -> Callable[[], float]:
    """Start a stopwatch. The returned function returns the milliseconds of the machine's time since then."""
    start = Machine.perf_counter_ns()
    return lambda: (Machine.perf_counter_ns() - start) / 1e6


def countdown(seconds: float) -> Callable[[], float]:
    """Start a countdown.

    The returned function returns the seconds of the machine's time that are left, negative at last.
    """
    end = Machine.perf_counter() + seconds
    return lambda: end - Machine.perf_counter()


def today() -> date:
    """Return the machine's date, in UTC."""
    return to_datetime(Machine.time_ns()).date()

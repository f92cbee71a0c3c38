"""The clock of a world: what it says, and moving it on."""

from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, Field

from mockserver.control.operations import Asked, Body, Operation, invalid
from mockserver.simulation.tuning import NEVER
from mockserver.state.clock import Clock, ManualClock, SystemClock, to_datetime

END = to_datetime(NEVER)
"""Where time ends: in the year 2262, as everywhere that counts nanoseconds in 64 bits."""

BEGINNING = to_datetime(0)
"""The earliest a clock may start."""

FASTEST = 1e6
"""A clock's highest factor: a day passes in a tenth of a second."""

LONGEST = 100 * 365 * 24 * 3600


class Time(BaseModel):
    """What the clock says, and how it goes: a manual one stands, any other goes `factor` times as fast as life."""

    now: datetime
    factor: float


class Advance(Body):
    """How far to move the clock: the sum of what is given."""

    seconds: float = Field(default=0, ge=0, le=LONGEST)
    minutes: float = Field(default=0, ge=0, le=LONGEST / 60)
    hours: float = Field(default=0, ge=0, le=LONGEST / 3600)


class MoveTo(Body):
    """The moment to move the clock to."""

    time: AwareDatetime


def seen(clock: Clock) -> Time:
    """The clock now."""
    return Time(now=to_datetime(clock.now()), factor=clock.factor if isinstance(clock, SystemClock) else 0)


def made(factor: float, start: datetime | None) -> Clock:
    """A clock of that speed; 0 is a manual one."""
    if start is not None and not BEGINNING <= start < END:
        raise invalid(f"time begins on {BEGINNING.date()} and ends on {END.date()}")
    return SystemClock(factor, start) if factor else ManualClock(start)


def get_clock(asked: Asked) -> Time:
    """What time it is."""
    return seen(asked.world.clock)


def advance_clock(asked: Asked) -> Time:
    """Jump ahead."""
    body: Advance = asked.body
    ahead = timedelta(hours=body.hours, minutes=body.minutes, seconds=body.seconds)
    return _moved(asked.world.clock, to_datetime(asked.world.clock.now()) + ahead)


def move_clock(asked: Asked) -> Time:
    """Jump to a moment that lies ahead."""
    body: MoveTo = asked.body
    return _moved(asked.world.clock, body.time)


def _moved(clock: Clock, moment: datetime) -> Time:
    if moment >= END:
        raise invalid(f"time ends on {END.date()}")
    try:
        clock.move_to(moment)
    except ValueError as error:
        raise invalid(str(error)) from None
    return seen(clock)


OPERATIONS = (
    Operation("GET", "/clock", "What time it is", get_clock, answer=Time),
    Operation("POST", "/clock/advance", "Move the clock on", advance_clock, Advance, answer=Time),
    Operation("POST", "/clock/move_to", "Move the clock to a moment", move_clock, MoveTo, answer=Time),
)

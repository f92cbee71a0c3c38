"""The clock of a world: what it says, and moving it on."""

from collections.abc import Callable
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, Field

from mockserver.control.operations import Asked, Body, Operation, invalid
from mockserver.state.clock import Clock, ManualClock, SystemClock, to_datetime


class Time(BaseModel):
    """What the clock says, and how it goes: a manual one stands, any other goes `factor` times as fast as life."""

    now: datetime
    factor: float


class Advance(Body):
    """How far to move the clock: the sum of what is given."""

    seconds: float = Field(default=0, ge=0)
    minutes: float = Field(default=0, ge=0)
    hours: float = Field(default=0, ge=0)


class MoveTo(Body):
    """The moment to move the clock to."""

    time: AwareDatetime


def seen(clock: Clock) -> Time:
    """The clock now."""
    return Time(now=to_datetime(clock.now()), factor=clock.factor if isinstance(clock, SystemClock) else 0)


def made(factor: float, start: datetime | None) -> Clock:
    """A clock of that speed; 0 is a manual one."""
    try:
        return SystemClock(factor, start) if factor else ManualClock(start)
    except ValueError as error:
        raise invalid(str(error)) from None


def get_clock(asked: Asked) -> Time:
    """What time it is."""
    return seen(asked.world.clock)


def advance_clock(asked: Asked) -> Time:
    """Jump ahead."""
    body: Advance = asked.body
    return _moved(asked, lambda clock: clock.advance(body.seconds, minutes=body.minutes, hours=body.hours))


def move_clock(asked: Asked) -> Time:
    """Jump to a moment that lies ahead."""
    body: MoveTo = asked.body
    return _moved(asked, lambda clock: clock.move_to(body.time))


def _moved(asked: Asked, move: Callable[[Clock], None]) -> Time:
    try:
        move(asked.world.clock)
    except ValueError as error:
        raise invalid(str(error)) from None
    return seen(asked.world.clock)


OPERATIONS = (
    Operation("GET", "/clock", "What time it is", get_clock, answer=Time),
    Operation("POST", "/clock/advance", "Move the clock on", advance_clock, Advance, answer=Time),
    Operation("POST", "/clock/move_to", "Move the clock to a moment", move_clock, MoveTo, answer=Time),
)

"""The clock of a world: reading and moving it."""

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, Field

from mockserver.control.operations import Body, ControlRequest, Operation, invalid_argument, translate_errors
from mockserver.settings import FASTEST
from mockserver.state.clock import Clock, ManualClock, SystemClock, to_datetime


class Time(BaseModel):
    """The time of the clock and its speed: `factor` times real time, 0 for a manual clock."""

    now: datetime
    factor: float


class Advance(Body):
    """How far to move the clock: the sum of the members."""

    seconds: float = Field(default=0, ge=0)
    minutes: float = Field(default=0, ge=0)
    hours: float = Field(default=0, ge=0)


class Rate(Body):
    """How many times as fast as real time the clock runs; 0 pauses it."""

    factor: float = Field(ge=0, le=FASTEST)


class MoveTo(Body):
    """The moment to move the clock to."""

    time: AwareDatetime


def describe_clock(clock: Clock) -> Time:
    """Return the time and the speed of a clock."""
    return Time(now=to_datetime(clock.now()), factor=clock.factor if isinstance(clock, SystemClock) else 0)


def create_clock(factor: float, start: datetime | None) -> Clock:
    """Create a clock of a speed; 0 gives a manual one."""
    with translate_errors():
        return SystemClock(factor, start) if factor else ManualClock(start)


def get_clock(request: ControlRequest) -> Time:
    """Return the time."""
    return describe_clock(request.world.clock)


def advance_clock(request: ControlRequest) -> Time:
    """Advance the clock."""
    body: Advance = request.body
    if not body.model_fields_set:
        raise invalid_argument("say how far: seconds, minutes or hours")
    with translate_errors():
        request.world.clock.advance(body.seconds, minutes=body.minutes, hours=body.hours)
    return describe_clock(request.world.clock)


def move_clock(request: ControlRequest) -> Time:
    """Move the clock to a later time."""
    with translate_errors():
        request.world.clock.move_to(request.body.time)
    return describe_clock(request.world.clock)


def set_clock_rate(request: ControlRequest) -> Time:
    """Let the clock run at another speed."""
    clock = request.world.clock
    if not isinstance(clock, SystemClock):
        raise invalid_argument("this world has a manual clock: it has no speed, advance it")
    clock.set_factor(request.body.factor)
    return describe_clock(clock)


OPERATIONS = (
    Operation("GET", "/clock", "Read the clock", get_clock, answer=Time),
    Operation("POST", "/clock/rate", "Set the clock's speed, or pause it", set_clock_rate, Rate, answer=Time),
    Operation("POST", "/clock/advance", "Advance the clock", advance_clock, Advance, answer=Time),
    Operation("POST", "/clock/move_to", "Move the clock to a later time", move_clock, MoveTo, answer=Time),
)

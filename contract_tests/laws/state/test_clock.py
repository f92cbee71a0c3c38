"""Time: laws of `state.clock`."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from time import monotonic_ns  # noqa: TID251 - the test waits in real time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.stores import STORES
from mockserver.state.clock import (
    LAST,
    SECOND,
    Clock,
    ClockSetting,
    ManualClock,
    SystemClock,
    Wait,
    to_datetime,
    to_nanos,
)
from mockserver.state.world import World

START = datetime(2024, 3, 14, 15, 9, 26, 535897, tzinfo=UTC)

AN_HOUR_A_MILLISECOND = 3_600_000.0


def paused_clock() -> Clock:
    """A clock that runs, and stands until somebody changes its speed."""
    clock = SystemClock(start=START)
    clock.set_factor(0)
    return clock


CLOCKS: list[Callable[[], Clock]] = [
    lambda: ManualClock(START),
    lambda: SystemClock(start=START),
    lambda: SystemClock(60, START),
    lambda: SystemClock(0.001, START),
    paused_clock,
]


@pytest.fixture(params=CLOCKS, ids=["manual", "1x", "60x", "0.001x", "paused"])
def clock(request: pytest.FixtureRequest) -> Clock:
    """A clock of each kind, begun at a moment of a day in March."""
    made: Clock = request.param()
    return made


@given(st.datetimes(datetime(1700, 1, 1), datetime(2262, 1, 1), timezones=st.timezones()))  # noqa: DTZ001 - as hypothesis wants it
def test_a_moment_comes_back_in_utc(moment: datetime) -> None:
    """To the microsecond, from wherever it was."""
    assert moment.astimezone(UTC) == to_datetime(to_nanos(moment))
    assert UTC == to_datetime(to_nanos(moment)).tzinfo


@given(st.integers(-(2**63), 2**63 - 1))
def test_nanoseconds_are_cut_to_microseconds(nanos: int) -> None:
    """Never rounded up: the result is not later than the moment."""
    assert nanos - nanos % 1000 == to_nanos(to_datetime(nanos))


def test_a_time_without_a_zone_is_refused() -> None:
    """It is ambiguous."""
    with pytest.raises(ValueError, match="a time needs a time zone"):
        to_nanos(START.replace(tzinfo=None))
    with pytest.raises(ValueError, match="a time needs a time zone"):
        ManualClock(START.replace(tzinfo=None))


def test_a_manual_clock_stands_still() -> None:
    """Until it is moved."""
    clock = ManualClock(START)

    assert {to_nanos(START)} == {clock.now() for _ in range(1000)}


@pytest.mark.parametrize("make", [ManualClock, SystemClock])
def test_a_clock_starts_at_the_machines_time_by_default(make: Callable[[], Clock]) -> None:
    """At its creation."""
    apart = to_datetime(make().now()) - datetime.now(UTC)  # noqa: TID251 - what it is compared with

    assert abs(apart) < timedelta(minutes=1)


def test_advance_moves_by_the_sum_of_its_arguments() -> None:
    """Seconds, minutes, hours, and fractions of them."""
    clock = ManualClock(START)
    clock.advance(1.5, minutes=2, hours=0.5)
    clock.advance()

    assert START + timedelta(seconds=1.5 + 2 * 60 + 1800) == to_datetime(clock.now())


def test_move_to_moves_to_a_moment() -> None:
    """Also to the current one, and in any time zone."""
    clock = ManualClock(START)
    noon = datetime(2024, 3, 15, 12, tzinfo=timezone(timedelta(hours=9)))
    clock.move_to(START)
    clock.move_to(noon)

    assert to_nanos(noon) == clock.now()


def test_time_does_not_go_back(clock: Clock) -> None:
    """Not by a negative number, nor to an earlier moment; an error does not move it."""
    for seconds in (-1.0, -1e-9, float("nan")):
        with pytest.raises(ValueError, match="time does not go back"):
            clock.advance(seconds)
    with pytest.raises(ValueError, match="time does not go back: it is 2024-03-14 15:09"):
        clock.move_to(START - timedelta(microseconds=1))
    clock.advance_to(to_nanos(START) - SECOND)

    assert 0 <= clock.now() - to_nanos(START) < 3600 * SECOND


@given(
    st.sampled_from(CLOCKS),
    st.lists(
        st.one_of(
            st.builds(lambda seconds: lambda clock: clock.advance(seconds), st.floats(0, 1e6)),
            st.builds(
                lambda ahead: lambda clock: clock.advance_to(to_nanos(START) + ahead), st.integers(-(10**17), 10**17)
            ),
            st.builds(lambda seconds: lambda clock: clock.move_to(_ahead(clock, seconds)), st.integers(1, 10**6)),
        ),
        max_size=10,
    ),
)
def test_no_sequence_of_operations_moves_a_clock_back(
    make: Callable[[], Clock], moves: list[Callable[[Clock], None]]
) -> None:
    """Every time it shows is at least the one before."""
    clock = make()
    told = [clock.now()]
    for move in moves:
        move(clock)
        told.append(clock.now())

    assert sorted(told) == told


def _ahead(clock: Clock, seconds: int) -> datetime:
    return to_datetime(clock.now()) + timedelta(seconds=seconds)


def test_time_ends(clock: Clock) -> None:
    """In 2262, and it begins in 1970: no clock starts or moves beyond, and an error does not move it."""
    for seconds in (1e10, 1e300, float("inf")):
        with pytest.raises(ValueError, match="time begins on 1970-01-01 and ends on 2262-04-11"):
            clock.advance(seconds)
    for year in (2263, 9999):
        with pytest.raises(ValueError, match="ends on 2262-04-11"):
            clock.move_to(datetime(year, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="ends on 2262-04-11"):
        clock.advance_to(2**63)
    for year in (1, 1969, 2263):
        for kind in (ManualClock, SystemClock):
            with pytest.raises(ValueError, match="begins on 1970-01-01"):
                kind(start=datetime(year, 1, 1, tzinfo=UTC))

    assert 0 <= clock.now() - to_nanos(START) < 3600 * SECOND


def test_a_factor_is_how_fast_time_goes() -> None:
    """A thousand times as fast is a thousand times as much: more than of a clock that began later, read sooner."""
    outer = SystemClock(start=START)
    fast = SystemClock(1000, START)
    inner = SystemClock(start=START)
    wait_for(inner, 0.005)
    least, passed, most = (clock.now() - to_nanos(START) for clock in (inner, fast, outer))

    assert 1000 * least <= passed <= 1000 * most


def wait_for(clock: Clock, seconds: float) -> None:
    """Look at it until so much of its time has passed."""
    end = clock.now() + round(seconds * SECOND)
    while clock.now() < end:
        pass


@pytest.mark.parametrize("factor", [0, -1, float("inf"), float("nan")])
def test_a_factor_is_a_number_above_zero(factor: float) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="a clock's factor must be above zero"):
        SystemClock(factor)


def test_a_system_clock_continues_after_a_jump() -> None:
    """A jump skips time and does not stop it."""
    clock = SystemClock(AN_HOUR_A_MILLISECOND, START)
    clock.advance(hours=1000)
    moment = clock.now()
    wait_for(clock, 3600)

    assert moment >= to_nanos(START) + 1000 * 3600 * SECOND
    assert clock.now() > moment


def test_sleeping_takes_the_clocks_time() -> None:
    """A manual clock jumps, a fast one waits a short time; a negative sleep returns at once."""
    manual, fast = ManualClock(START), SystemClock(AN_HOUR_A_MILLISECOND, START)
    began = monotonic_ns()
    for clock in (manual, fast):
        asyncio.run(clock.sleep(3 * 3600))
        asyncio.run(clock.sleep(-1))
    took = monotonic_ns() - began

    assert to_nanos(START) + 3 * 3600 * SECOND == manual.now()
    assert fast.now() >= to_nanos(START) + 2.99 * 3600 * SECOND
    assert took < 600 * SECOND


def test_a_copy_is_independent(clock: Clock) -> None:
    """It has the same time and speed; moving one does not move the other."""
    clock.advance(hours=1)
    copy = clock.copy()
    apart = abs(copy.now() - clock.now())
    copy.advance(hours=100)

    assert type(clock) is type(copy)
    assert getattr(clock, "factor", None) == getattr(copy, "factor", None)
    assert apart < 1800 * SECOND
    assert copy.now() - clock.now() > 99 * 3600 * SECOND


def test_a_clock_can_be_restored_with_its_world(clock: Clock) -> None:
    """This is the only way back; from there it continues as before."""
    moment = clock.now()
    clock.advance(hours=100)
    clock.restore(moment)

    assert 0 <= clock.now() - moment < 1800 * SECOND
    clock.advance(hours=1)
    assert clock.now() >= moment + 3600 * SECOND


def test_concurrent_moves_to_a_moment_move_once() -> None:
    """Each computes the distance within its own change, after the other has moved the clock."""
    clock, target = ManualClock(START), to_nanos(START) + 60 * SECOND
    setting = clock.setting
    rivals = [lambda: clock.advance_to(target)]

    def change(edit: Callable[[ClockSetting], ClockSetting]) -> None:
        nonlocal setting
        if rivals:
            rivals.pop()()
        setting = edit(setting)

    clock.store_setting(lambda: setting, change)
    clock.advance_to(target)

    assert target == clock.now()


class OwnClock(Clock):
    """A clock of a tester's own, whose setting no store has."""

    def __init__(self) -> None:
        self._now = to_nanos(START)

    def now(self) -> int:
        return self._now

    async def sleep(self, seconds: float, wait: Wait | None = None) -> None:  # noqa: ARG002 - it never waits
        self.advance(seconds)

    def jump(self, nanos: int) -> None:
        self._now += nanos

    def copy(self) -> "OwnClock":
        return OwnClock()


def speed(clock: Clock) -> float | None:
    """The speed of a clock that runs, None for one that does not."""
    return clock.factor if isinstance(clock, SystemClock) else None


KINDS = [*CLOCKS, OwnClock]


@pytest.mark.parametrize("store", ["memory", "sqlite"])
@pytest.mark.parametrize("make", KINDS)
def test_a_fork_has_the_time_and_the_speed_of_its_world(make: Callable[[], Clock], store: str) -> None:
    """Whatever clock it is, and a paused one is paused; from there on each moves alone."""
    world = World(make(), store=STORES[store]())
    world.clock.advance(hours=1)
    fork = world.fork("fork")
    apart = abs(fork.clock.now() - world.clock.now())
    fork.clock.advance(hours=100)

    assert (type(world.clock), speed(world.clock)) == (type(fork.clock), speed(fork.clock))
    assert apart < 1800 * SECOND
    assert fork.clock.now() - world.clock.now() > 99 * 3600 * SECOND


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_a_world_keeps_its_kind_of_clock_with_any_snapshot(
    make: Callable[[], Clock], other: Callable[[], Clock]
) -> None:
    """It has the snapshot's time, and its speed if both clocks run; else its own: it does not stop for good."""
    origin, world = World(other()), World(make())
    origin.clock.advance(hours=100)
    snapshot, own = origin.snapshot(), speed(world.clock)
    world.restore(snapshot)

    assert 0 <= world.clock.now() - snapshot.time < 1800 * SECOND
    assert (own if own is None or speed(origin.clock) is None else speed(origin.clock)) == speed(world.clock)
    world.clock.advance(hours=1)
    assert world.clock.now() - snapshot.time >= 3600 * SECOND
    assert world.fork("fork").clock.now() - snapshot.time >= 3600 * SECOND


NEAR_THE_END = datetime(2262, 4, 11, 23, 47, 16, tzinfo=UTC)


@pytest.mark.parametrize("make", [lambda: SystemClock(1e6, NEAR_THE_END), lambda: ManualClock(NEAR_THE_END)])
def test_a_clock_stops_at_the_end_of_time(make: Callable[[], Clock]) -> None:
    """Whether it runs or somebody waits for it, which takes no time there; a world can be restored from there."""
    world = World(make())
    snapshot, clock = world.snapshot(), world.clock
    for _ in range(3):
        asyncio.run(clock.sleep(1000))
        clock.jump(SECOND)

    assert [LAST, LAST] == [clock.now(), clock.copy().now()]
    assert "2262-04-11T23:47:16" in repr(clock)
    with pytest.raises(ValueError, match="ends on 2262-04-11"):
        clock.advance(1)
    early = replace(snapshot, time=to_nanos(START))
    world.restore(early)
    assert 0 <= clock.now() - early.time < 1e7 * SECOND

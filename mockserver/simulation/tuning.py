"""A tuning run: frozen facts, and what an observer sees of them at a moment.

`observe(run, now)` is a pure function. Nothing ticks: every time of a run - start, each step, end -
is computed from its facts in closed form, so a run of 10,000 steps costs no more to look at than a
run of ten, and asking twice, out of order or in two processes gives one answer.

    PENDING -> RUNNING -> SUCCEEDED | FAILED
    PENDING | RUNNING -> CANCELLING -> CANCELLED        (without CANCELLING where that takes no time)

A change of fate is a change of facts: `cancel`, `fail` and `finish` return the run with one fact
more, or the same run when it has ended already: what has ended stays as it is.

Times are nanoseconds since the epoch. Creations, updates and ends are whole microseconds; starts and
steps are finer on the Developer API, as in its recordings ("2023-09-19T19:56:26.297862545Z").
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from heapq import heappop, heappush

from mockserver.simulation.losses import losses
from mockserver.simulation.noise import uniform

Nanos = int

SECOND: Nanos = 1_000_000_000
MICROSECOND: Nanos = 1_000
NEVER: Nanos = 2**63 - 1
"""The start of a run that waits for one that never ends; in words, the year 2262."""


class State(Enum):
    """Where a run stands. The surfaces have Google's words for it."""

    PENDING = 1
    RUNNING = 2
    SUCCEEDED = 3
    FAILED = 4
    CANCELLING = 5
    CANCELLED = 6

    @property
    def terminal(self) -> bool:
        """Whether nothing will change any more."""
        return self in {State.SUCCEEDED, State.FAILED, State.CANCELLED}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed: a google.rpc code by number, and a sentence."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the parts of a run take, in seconds.

    A cancelled run ends `cancel_seconds` after it was asked to; one cancelled within a second of
    its start, `early_cancel_seconds` after that start instead, when that is not zero; neither later
    than it would have ended anyway. `touches` are the moments after the start at which the running
    record's update time moves. `grain` is the precision of starts and steps, in nanoseconds: 1 on
    the Developer API, 1000 on Vertex AI.
    """

    start_seconds: float
    first_step_seconds: float
    step_seconds: float
    finish_seconds: float
    cancel_seconds: float = 0.0
    early_cancel_seconds: float = 0.0
    touches: tuple[float, ...] = ()
    grain: Nanos = 1


@dataclass(frozen=True, slots=True)
class Run:
    """The facts of a tuning run.

    `seed` decides its small chances, `data_seed` (of the training data) the loss of its first step.
    `cancelled`, `failed` and `finished` are the moments at which somebody decided so, never ones to
    come; the last two are a tester's. With `fail_at_step` the run fails right after that step, with
    `stall_at_step` it stands still after it; 0 means before the first, a step beyond the last never
    comes. `quota` names whose quota the run counts against, "" being nobody's. Within one it `waits` for a free
    place, unless it was put there under way.
    """

    created: Nanos
    seed: int
    base: str
    examples: int
    epochs: int
    batch: int
    learning_rate: float
    data_seed: int
    pace: Pace
    cancelled: Nanos | None = None
    fail_at_step: int | None = None
    failure: Failure | None = None
    failed: Nanos | None = None
    finished: Nanos | None = None
    stall_at_step: int | None = None
    quota: str = ""
    waits: bool = True

    @property
    def total_steps(self) -> int:
        """`ceil(examples * epochs / batch)`: fits every recorded run."""
        return -(-self.examples * self.epochs // self.batch)

    def epoch(self, step: int) -> int:
        """`floor(step * batch / examples)`, seen in 461 of 461 snapshots; never beyond the last epoch."""
        return min(step * self.batch // max(self.examples, 1), self.epochs)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One step of a run, done. `mean_loss` is a float32 value."""

    step: int
    epoch: int
    mean_loss: float
    computed: Nanos


@dataclass(frozen=True, slots=True)
class Progress:
    """What an observer sees of a run. `failure` is None for a run that failed without a given reason."""

    state: State
    total_steps: int
    completed_steps: int
    completed_epochs: int
    started: Nanos | None
    ended: Nanos | None
    updated: Nanos
    failure: Failure | None


def observe(run: Run, now: Nanos, *, start: Nanos | None = None) -> Progress:
    """What can be seen of the run at `now`. `start` holds it back until then (a full quota)."""
    course = _course(run, start)
    state, steps = course.seen(now)
    started = course.started if course.started <= min(now, course.decided) else None
    ended = course.ended if state.terminal else None
    return Progress(
        state=state,
        total_steps=run.total_steps,
        completed_steps=steps,
        completed_epochs=run.epoch(steps),
        started=started,
        ended=ended,
        updated=course.touched(now) if ended is None else ended,
        failure=run.failure if state is State.FAILED else None,
    )


def state(run: Run, now: Nanos, *, start: Nanos | None = None) -> State:
    """Where the run stands at `now`, without looking at more of it."""
    return _course(run, start).seen(now)[0]


def reported(run: Run, now: Nanos, refresh_seconds: float, *, start: Nanos | None = None) -> Progress:
    """What the operation's metadata shows: the steps as of its last refresh, counted from creation.

    A real operation polled every 31 seconds said 40, 40, 81, 81, 120, 120, 160, 188 steps: it is
    refreshed about once a minute, and when the run ends. 0 seconds make every look fresh.
    """
    fresh = observe(run, now, start=start)
    period = round(refresh_seconds * SECOND)
    if fresh.state.terminal or period <= 0:
        return fresh
    old = observe(run, now - (now - run.created) % period, start=start)
    return replace(fresh, completed_steps=old.completed_steps, completed_epochs=old.completed_epochs)


def snapshots(run: Run, progress: Progress) -> tuple[Snapshot, ...]:
    """The steps that are done by then, first to last."""
    if progress.started is None:
        return ()
    course = _course(run, progress.started)
    series = losses(run.base, run.batch, run.learning_rate, run.data_seed, run.seed)
    return tuple(
        Snapshot(step, run.epoch(step), series.at(step), course.time_of(step))
        for step in range(1, progress.completed_steps + 1)
    )


def computed(run: Run, progress: Progress, step: int) -> Nanos:
    """When a step was done, without looking at the others. One not done by then raises ValueError."""
    if progress.started is None or not 1 <= step <= progress.completed_steps:
        raise ValueError(f"step {step} is not done: {progress.completed_steps} of {progress.total_steps} are")
    return _course(run, progress.started).time_of(step)


def starts(runs: Sequence[Run], limit: int | None, busy: list[Nanos] | None = None) -> list[Nanos]:
    """When each of the runs may start if at most `limit` (one or more) train at a time.

    The runs come in the order of their creation and keep their place when they have ended. One that
    waits for a run that never ends gets `NEVER`. `busy` is a heap of the ends of those before them,
    and afterwards of these too; those that nobody has to wait for any more may be missing.
    """
    begins = [run.created + _nanos(run.pace.start_seconds) for run in runs]
    if limit is None:
        return begins
    busy = [] if busy is None else busy
    for place, run in enumerate(runs):
        free = run.created
        while run.waits and len(busy) >= limit:
            free = heappop(busy)
        begins[place] = max(begins[place], free)
        course = _course(run, begins[place])
        starts_ever = begins[place] < course.decided
        # One that was decided on before its start held its place in the queue until then.
        heappush(busy, course.over if starts_ever else max(free, course.decided))
    return begins


def cancel(run: Run, now: Nanos, *, start: Nanos | None = None) -> Run:
    """The run, asked at `now` to stop."""
    return replace(run, cancelled=now) if _undecided(run, now, start) else run


def fail(run: Run, now: Nanos, failure: Failure | None = None, *, start: Nanos | None = None) -> Run:
    """The run, failing at `now`."""
    return replace(run, failed=now, failure=failure) if _undecided(run, now, start) else run


def finish(run: Run, now: Nanos, *, start: Nanos | None = None) -> Run:
    """The run, done with all its steps at `now`."""
    return replace(run, finished=now) if _undecided(run, now, start) else run


def micros(moment: Nanos) -> Nanos:
    """The moment cut to whole microseconds, as creations and updates are."""
    return _cut(moment, MICROSECOND)


def _undecided(run: Run, now: Nanos, start: Nanos | None) -> bool:
    return now < _course(run, start).decided


@dataclass(frozen=True, slots=True)
class _Course:
    """The whole way of a run, were nothing more to happen to it.

    It starts at `started`, trains until its fate is `decided`, doing `steps` steps by then, and is
    `over` at once or, when cancelled, a little later. Steps after `paced` are pressed into the time
    that is left, because a tester wanted the run done.
    """

    run: Run
    started: Nanos
    decided: Nanos
    over: Nanos
    fate: State
    steps: int
    paced: int

    def time_of(self, step: int) -> Nanos:
        """When the step's result is computed."""
        if step <= self.paced:
            return _paced(self.run, self.started, step)
        before = _paced(self.run, self.started, self.paced) if self.paced else self.started
        place, pressed = step - self.paced, self.steps - self.paced
        return _cut(before + (self.decided - before) * place // (pressed + 1), self.run.pace.grain)

    def seen(self, now: Nanos) -> tuple[State, int]:
        """The state at `now`, and how many steps are done."""
        if now >= self.decided:
            return (self.fate if now >= self.over else State.CANCELLING), self.steps
        if now < self.started:
            return State.PENDING, 0
        return State.RUNNING, bisect_right(range(1, self.steps + 1), now, key=self.time_of)

    @property
    def ended(self) -> Nanos:
        """The end as it is told: whole microseconds, and not before what came last."""
        last = self.run.created
        if self.started <= self.decided:
            last = self.time_of(self.steps) if self.steps else self.started
        return max(micros(self.over), micros(last + MICROSECOND - 1))

    def touched(self, now: Nanos) -> Nanos:
        """When the record was last updated while it had not ended."""
        touches = (micros(self.started + _nanos(touch)) for touch in self.run.pace.touches)
        past = (moment for moment in touches if moment <= min(now, self.decided))
        return max(past, default=micros(self.run.created))


@lru_cache(maxsize=1024)  # a run is looked at again and again, and its course is a function of its facts
def _course(run: Run, start: Nanos | None) -> _Course:
    """The course of the run: its own, or cut short by what was decided first."""
    begin = run.created + _nanos(run.pace.start_seconds) if start is None else start
    own = _own_course(run, _grained(begin, run.pace.grain))
    decisions = [(run.cancelled, State.CANCELLED), (run.failed, State.FAILED), (run.finished, State.SUCCEEDED)]
    taken = [(moment, fate) for moment, fate in decisions if moment is not None and moment < own.decided]
    if not taken:
        return own
    moment, fate = min(taken, key=lambda decision: decision[0])
    done = own.seen(moment)[1]
    if fate is State.SUCCEEDED:
        begun = min(own.started, _cut(moment, run.pace.grain))
        return _Course(run, begun, moment, moment, fate, run.total_steps, paced=done)
    over = min(_cancellation(run, own.started, moment), own.over) if fate is State.CANCELLED else moment
    return replace(own, decided=moment, over=over, fate=fate, steps=done, paced=done)


def _own_course(run: Run, started: Nanos) -> _Course:
    """The course of a run nobody interferes with."""
    stall, failing = run.stall_at_step, run.fail_at_step
    steps = min([run.total_steps, *(step for step in (stall, failing) if step is not None)])
    last = _paced(run, started, steps) if steps else started
    if failing is not None and failing == steps:
        # shortly after the step and before the next; without any step, while still getting ready
        rest = run.pace.step_seconds if steps else run.pace.first_step_seconds
        over, fate = last + _nanos(0.3 * rest), State.FAILED
    elif stall is not None and stall == steps:
        over, fate = NEVER, State.RUNNING
    else:
        over, fate = last + _nanos(run.pace.finish_seconds), State.SUCCEEDED
    return _Course(run, started, over, over, fate, steps, steps)


def _paced(run: Run, started: Nanos, step: int) -> Nanos:
    """When a step is computed at the run's own pace: a quarter of a step's time late at most."""
    each = _nanos(run.pace.step_seconds)
    late = int(each * uniform(run.seed, step) / 4)
    return _grained(started + _nanos(run.pace.first_step_seconds) + (step - 1) * each + late, run.pace.grain)


def _cancellation(run: Run, started: Nanos, asked: Nanos) -> Nanos:
    """When a run that was asked to stop is cancelled."""
    early = _nanos(run.pace.early_cancel_seconds)
    if early and 0 <= asked - started < SECOND:
        return max(asked, started + early)
    return asked + _nanos(run.pace.cancel_seconds)


def _grained(moment: Nanos, grain: Nanos) -> Nanos:
    """The moment in the given precision; at one nanosecond with all nine digits to be seen."""
    if grain == 1:
        return moment + (moment % MICROSECOND == 0)
    return _cut(moment, grain)


def _cut(moment: Nanos, grain: Nanos) -> Nanos:
    return moment - moment % grain


def _nanos(seconds: float) -> Nanos:
    return round(seconds * SECOND)

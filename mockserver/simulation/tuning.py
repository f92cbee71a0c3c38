"""A tuning run: frozen facts, and its progress at a moment.

`observe(run, now)` is a pure function. There are no timers: every time of a run - start, each step, end - is
computed from its facts in closed form. So a run of 10,000 steps costs no more to observe than a run of ten, and
calls in any order and in any process agree.

    PENDING -> RUNNING -> SUCCEEDED | FAILED
    PENDING | RUNNING -> CANCELLING -> CANCELLED        (without CANCELLING where that takes no time)

`cancel`, `fail` and `finish` return the run with one fact more, or the same run if it has ended already.

Times are nanoseconds since the epoch. Creations, updates and ends are whole microseconds; starts and
steps are finer on the Developer API, as in its recordings ("2023-09-19T19:56:26.297862545Z").
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property, lru_cache
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from mockserver.simulation.losses import losses
from mockserver.simulation.noise import uniform

Nanos = int

SECOND: Nanos = 1_000_000_000
MICROSECOND: Nanos = 1_000
NEVER: Nanos = 2**63 - 1
"""The start time of a run that waits for a run that never ends (the year 2262)."""


class State(IntEnum):  # of integers, because every answer about a run looks names up by it
    """The state of a run. Each service maps it to Google's names."""

    PENDING = 1
    RUNNING = 2
    SUCCEEDED = 3
    FAILED = 4
    CANCELLING = 5
    CANCELLED = 6

    @property
    def terminal(self) -> bool:
        """Whether the state is final."""
        return self in (State.SUCCEEDED, State.FAILED, State.CANCELLED)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed: the number of a google.rpc code, and a message."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the parts of a run take, in seconds.

    A cancelled run ends `cancel_seconds` after the request. If the request came within a second of the start and
    `early_cancel_seconds` is not zero, it ends that long after the start instead. It never ends later than it would
    have ended anyway. `touches` are the seconds after the start at which the update time of a running record
    changes. `grain` is the precision of starts and steps in nanoseconds: 1 on the Developer API, 1000 on Vertex AI.
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

    `seed` determines its random variations, `data_seed` (of the training data) the loss of its first step.
    `cancelled`, `failed` and `finished` are the times of these requests, never in the future; only testers make the
    last two. With `fail_at_step` the run fails right after that step, with `stall_at_step` it stops making progress
    after it; 0 means before the first step, a step beyond the last has no effect. `quota` names the quota that the
    run counts against; "" is none. Within a quota the run `waits` for a free place, unless it was added as running;
    `free_at` is when there is one, 0 if there was one at once. `most_steps` are the steps that it has at most, None for
    no limit.
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
    free_at: Nanos = 0
    most_steps: int | None = None

    def __hash__(self) -> int:
        """Return a hash of what tells runs apart: courses and snapshots are looked up by their run."""
        return hash((self.seed, self.created))

    @property
    def total_steps(self) -> int:
        """`ceil(examples * epochs / batch)`: fits every recorded run."""
        steps = -(-self.examples * self.epochs // self.batch)
        return steps if self.most_steps is None else min(steps, self.most_steps)

    def epoch(self, step: int) -> int:
        """`floor(step * batch / examples)`, seen in 461 of 461 snapshots; never beyond the last epoch."""
        return min(step * self.batch // max(self.examples, 1), self.epochs)


@dataclass(frozen=True, slots=True)
class CompletedStep:
    """A completed step of a run. `mean_loss` is a float32 value."""

    step: int
    epoch: int
    mean_loss: float
    computed: Nanos


class Progress(NamedTuple):  # a poll makes one, and looks up what shows it
    """The progress of a run at a moment. `failure` is None for a run that failed without a given reason."""

    state: State
    total_steps: int
    completed_steps: int
    completed_epochs: int
    started: Nanos | None
    ended: Nanos | None
    updated: Nanos
    failure: Failure | None


def observe(run: Run, now: Nanos) -> Progress:
    """Return the progress of the run at `now`."""
    return _course(run).progress_at(now)


def state(run: Run, now: Nanos) -> State:
    """Return only the state of the run at `now`."""
    return _course(run).state_at(now)


def updates(run: Run) -> list[tuple[Nanos, Nanos]]:
    """Return when the run is updated from its creation to its end, and the update time that it shows from then on."""
    course = _course(run)
    own = [(run.created, micros(run.created)), *((touch, touch) for touch in course.touches if touch <= course.decided)]
    return own if course.finished_at == NEVER else [*own, (course.finished_at, course.final_progress.updated)]


def end(run: Run) -> Nanos:
    """Return when the run ends, NEVER if it does not."""
    return _course(run).finished_at


def release(run: Run) -> Nanos:
    """Return when the run frees its place in its quota.

    A run that is cancelled before its start holds its place in the queue until then.
    """
    course = _course(run)
    return course.finished_at if _begin(run) < course.decided else max(run.free_at, course.decided)


def observe_refreshed(run: Run, now: Nanos, refresh_seconds: float) -> Progress:
    """Return the progress that the operation's metadata shows: the steps are those of its last refresh.

    A real operation polled every 31 seconds showed 40, 40, 81, 81, 120, 120, 160, 188 steps: it is refreshed about
    once a minute, counted from creation, and when the run ends. With 0 seconds it is always up to date.
    """
    course, period = _course(run), round(refresh_seconds * SECOND)
    if period <= 0:
        return course.progress_at(now)
    return course.progress_at(now, steps_at=now - (now - run.created) % period)


def snapshots(run: Run, progress: Progress) -> tuple[CompletedStep, ...]:
    """Return the steps completed by then, first to last."""
    if progress.started is None:
        return ()
    course = _course(run)
    series = losses(run.base, run.batch, run.learning_rate, run.data_seed, run.seed)
    return tuple(
        CompletedStep(step, run.epoch(step), series.at(step), course.step_time(step))
        for step in range(1, progress.completed_steps + 1)
    )


def find_step_times(run: Run, progress: Progress, steps: Sequence[int]) -> list[Nanos]:
    """Return when these steps were completed. ValueError if one was not."""
    for step in steps:
        if progress.started is None or not 1 <= step <= progress.completed_steps:
            raise ValueError(f"step {step} is not done: {progress.completed_steps} of {progress.total_steps} are")
    return list(map(_course(run).step_time, steps))


def find_places(runs: Iterable[Run], limit: int, now: Nanos, busy: list[Nanos] | None = None) -> Iterator[Run]:
    """Yield the runs of a quota with the times at which they have a place, if at most `limit` train at a time.

    The runs are in the order of their creation. One that had its place by `now` keeps it, one that waits for a run that
    never ends gets `NEVER`. `busy` are the times at which earlier runs free their places.
    """
    busy = [] if busy is None else busy
    heapify(busy)
    for run in runs:
        if run.waits and (run.created >= now or run.free_at > now):
            free_at = 0
            while len(busy) >= limit:
                free_at = max(heappop(busy), now)
            placed_run = replace(run, free_at=free_at if free_at > run.created else 0)
        else:
            placed_run = run
        heappush(busy, release(placed_run))
        yield placed_run


def cancel(run: Run, now: Nanos) -> Run:
    """Return the run with a request to cancel it at `now`."""
    return replace(run, cancelled=now) if _is_undecided(run, now) else run


def fail(run: Run, now: Nanos, failure: Failure | None = None) -> Run:
    """Return the run, failing at `now`."""
    return replace(run, failed=now, failure=failure) if _is_undecided(run, now) else run


def finish(run: Run, now: Nanos) -> Run:
    """Return the run, with all its steps completed at `now`."""
    return replace(run, finished=now) if _is_undecided(run, now) else run


def micros(moment: Nanos) -> Nanos:
    """Truncate to whole microseconds, the precision of creations and updates."""
    return _truncate(moment, MICROSECOND)


def _is_undecided(run: Run, now: Nanos) -> bool:
    return now < _course(run).decided


@dataclass(frozen=True)
class _Course:
    """The whole course of a run, if nothing more happens to it.

    It starts at `started` and trains until its final state is `decided`; by then it completes `steps` steps. It ends
    at `finished_at`: then, or for a cancelled run a little later. Steps after `regular_steps` are compressed into
    the time that is left, because a tester finished the run early.
    """

    run: Run
    started: Nanos
    decided: Nanos
    finished_at: Nanos
    final_state: State
    steps: int
    regular_steps: int

    def step_time(self, step: int) -> Nanos:
        """Return when a step is completed."""
        if step <= self.regular_steps:
            return _regular_step_time(self.run, self.started, step)
        before = _regular_step_time(self.run, self.started, self.regular_steps) if self.regular_steps else self.started
        index, compressed = step - self.regular_steps, self.steps - self.regular_steps
        return _truncate(before + (self.decided - before) * index // (compressed + 1), self.run.pace.grain)

    def state_at(self, now: Nanos) -> State:
        """Return the state at `now`."""
        if now >= self.decided:
            return self.final_state if now >= self.finished_at else State.CANCELLING
        return State.PENDING if now < self.started else State.RUNNING

    def steps_at(self, now: Nanos) -> int:
        """Return how many steps are completed by `now`."""
        if now >= self.decided:
            return self.steps
        if now < self.started:
            return 0
        moment, steps = self._last_steps
        if moment != now:
            steps = self._count_steps(now)
            self._last_steps[:] = now, steps
        return steps

    @cached_property
    def _last_steps(self) -> list[int]:
        """The last moment that was asked for, and the steps by then: the metadata of polls is of one for a minute."""
        return [-1, 0]

    def _count_steps(self, now: Nanos) -> int:
        low, high = 0, self.steps
        each = _nanos(self.run.pace.step_seconds)
        if self.steps == self.regular_steps and each > 4 * MICROSECOND:
            # A step is late by a quarter of a step, and rounded by a microsecond: so this is right within one.
            due = (now - self.started - _nanos(self.run.pace.first_step_seconds)) // each + 1
            low, high = max(min(due - 1, high), 0), max(min(due + 1, high), 0)
        return bisect_right(range(1, self.steps + 1), now, low, high, key=self.step_time)

    def progress_at(self, now: Nanos, *, steps_at: Nanos | None = None) -> Progress:
        """Return the progress at `now`; before the end with the steps completed at `steps_at`."""
        if now >= self.finished_at:
            return self.final_progress
        steps = self.steps_at(now if steps_at is None else steps_at)
        start = self.started if self.started <= min(now, self.decided) else None
        return Progress(
            self.state_at(now),
            self._total_steps,
            steps,
            self.run.epoch(steps),
            start,
            None,
            self._updated_at(now),
            None,
        )

    @cached_property
    def final_progress(self) -> Progress:
        """The progress once the run has ended: in whole microseconds, not before the last step or the start."""
        run, last = self.run, self.run.created
        start = self.started if self.started <= self.decided else None
        if start is not None:
            last = self.step_time(self.steps) if self.steps else start
        end = max(micros(self.finished_at), micros(last + MICROSECOND - 1))
        return Progress(
            state=self.final_state,
            total_steps=run.total_steps,
            completed_steps=self.steps,
            completed_epochs=run.epoch(self.steps),
            started=start,
            ended=end,
            updated=end,
            failure=run.failure if self.final_state is State.FAILED else None,
        )

    def _updated_at(self, now: Nanos) -> Nanos:
        """Return the last update before `now` of a record that has not ended."""
        latest = min(now, self.decided)
        return max([touch for touch in self.touches if touch <= latest], default=self._first_update)

    @cached_property
    def _first_update(self) -> Nanos:
        return micros(self.run.created)

    @cached_property
    def _total_steps(self) -> int:
        return self.run.total_steps

    @cached_property
    def touches(self) -> tuple[Nanos, ...]:
        """The updates of the record while it runs."""
        return tuple([micros(self.started + _nanos(touch)) for touch in self.run.pace.touches])


@lru_cache(maxsize=1024)  # a run is observed many times, and its course is a function of its facts
def _course(run: Run) -> _Course:
    """Return the course of the run, cut short by the first request that took effect."""
    own = _undisturbed_course(run, _round_to_grain(_begin(run), run.pace.grain))
    decisions = [(run.cancelled, State.CANCELLED), (run.failed, State.FAILED), (run.finished, State.SUCCEEDED)]
    effective = [(moment, state) for moment, state in decisions if moment is not None and moment < own.decided]
    if not effective:
        return own
    moment, final_state = min(effective, key=lambda decision: decision[0])
    steps = own.steps_at(moment)
    if final_state is State.SUCCEEDED:
        start = min(own.started, _truncate(moment, run.pace.grain))
        return _Course(run, start, moment, moment, final_state, run.total_steps, regular_steps=steps)
    finished_at = (
        min(_cancellation_end(run, own.started, moment), own.finished_at) if final_state is State.CANCELLED else moment
    )
    return replace(
        own, decided=moment, finished_at=finished_at, final_state=final_state, steps=steps, regular_steps=steps
    )


def _begin(run: Run) -> Nanos:
    """Return when the run starts, unless it is stopped before."""
    return max(run.created + _nanos(run.pace.start_seconds), run.free_at)


def _undisturbed_course(run: Run, start: Nanos) -> _Course:
    """Return the course of a run without any request."""
    stall, failing = run.stall_at_step, run.fail_at_step
    steps = min([run.total_steps, *(step for step in (stall, failing) if step is not None)])
    last = _regular_step_time(run, start, steps) if steps else start
    if failing is not None and failing == steps:
        # shortly after the step and before the next; without any step, while still getting ready
        rest = run.pace.step_seconds if steps else run.pace.first_step_seconds
        finished_at, final_state = last + _nanos(0.3 * rest), State.FAILED
    elif stall is not None and stall == steps:
        finished_at, final_state = NEVER, State.RUNNING
    else:
        finished_at, final_state = last + _nanos(run.pace.finish_seconds), State.SUCCEEDED
    return _Course(run, start, finished_at, finished_at, final_state, steps, steps)


def _regular_step_time(run: Run, start: Nanos, step: int) -> Nanos:
    """Return when a step is completed at the run's own pace: late by a quarter of a step at most."""
    pace = run.pace
    each, first = round(pace.step_seconds * SECOND), round(pace.first_step_seconds * SECOND)
    late = int(each * uniform(run.seed, step) / 4)
    return _round_to_grain(start + first + (step - 1) * each + late, pace.grain)


def _cancellation_end(run: Run, start: Nanos, request: Nanos) -> Nanos:
    """Return when a run ends that was requested to cancel."""
    early = _nanos(run.pace.early_cancel_seconds)
    if early and 0 <= request - start < SECOND:
        return max(request, start + early)
    return request + _nanos(run.pace.cancel_seconds)


def _round_to_grain(moment: Nanos, grain: Nanos) -> Nanos:
    """Truncate to the precision; at one nanosecond make sure that the text has all nine digits."""
    if grain == 1:
        return moment + (moment % MICROSECOND == 0)
    return _truncate(moment, grain)


def _truncate(moment: Nanos, grain: Nanos) -> Nanos:
    return moment - moment % grain


def _nanos(seconds: float) -> Nanos:
    return round(seconds * SECOND)

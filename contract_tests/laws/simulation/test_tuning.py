"""Progress is a function of a run's facts and the time: laws of `simulation.tuning`."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.simulation import tuning
from mockserver.simulation.noise import uniform
from mockserver.simulation.tuning import (
    NEVER,
    SECOND,
    Failure,
    Pace,
    Run,
    State,
    find_places,
    observe,
    observe_refreshed,
    snapshots,
)

CREATED = 1_695_153_385_999_303_000  # 2023-09-19T19:56:25.999303Z

BRISK = Pace(start_seconds=0.5, first_step_seconds=3.0, step_seconds=1.3, finish_seconds=0.2)

NEXT = {
    State.PENDING: {State.RUNNING, State.SUCCEEDED, State.FAILED, State.CANCELLING, State.CANCELLED},
    State.RUNNING: {State.SUCCEEDED, State.FAILED, State.CANCELLING, State.CANCELLED},
    State.CANCELLING: {State.CANCELLED},
}

seconds = st.floats(0, 300, allow_nan=False)
delays = st.integers(0, 400 * SECOND)
steps = st.none() | st.integers(0, 40)

paces = st.builds(
    Pace,
    start_seconds=seconds,
    first_step_seconds=seconds,
    step_seconds=st.floats(0, 20),
    finish_seconds=seconds,
    cancel_seconds=st.sampled_from([0.0, 2.5]),
    early_cancel_seconds=st.sampled_from([0.0, 60.5]),
    touches=st.sampled_from([(), (0.0, 1.07, 31.0)]),
    grain=st.sampled_from([1, 1000]),
)
moments = st.none() | delays.map(lambda delay: CREATED + delay)
runs = st.builds(
    Run,
    created=st.just(CREATED),
    seed=st.integers(),
    base=st.sampled_from(["text-bison-001", "gemini-1.0-pro-001", "gemini-1.5-flash-001-tuning"]),
    examples=st.integers(1, 30),
    epochs=st.integers(1, 10),
    batch=st.integers(1, 16),
    learning_rate=st.floats(1e-5, 1.0),
    data_seed=st.integers(),
    pace=paces,
    cancelled=moments,
    fail_at_step=steps,
    failed=moments,
    finished=moments,
    stall_at_step=steps,
)
looks = st.lists(delays.map(lambda delay: CREATED + delay), min_size=2, max_size=8).map(sorted)


def a_run(**facts: Any) -> Run:
    """Return a run of fifteen examples, five epochs and batches of four: the nineteen steps of the official sample."""
    plain = Run(
        created=CREATED,
        seed=1,
        base="gemini-1.0-pro-001",
        examples=15,
        epochs=5,
        batch=4,
        learning_rate=0.001,
        data_seed=7,
        pace=BRISK,
    )
    return replace(plain, **facts)


def without_future(run: Run, now: int) -> Run:
    """Return the run without the requests that came after that time."""

    def past(moment: int | None) -> int | None:
        return moment if moment is not None and moment <= now else None

    return replace(run, cancelled=past(run.cancelled), failed=past(run.failed), finished=past(run.finished))


def after(delay: float) -> int:
    """Return the time that many seconds after creation."""
    return CREATED + round(delay * SECOND)


@given(run=runs, looks=looks)
def test_progress_never_goes_back(run: Run, looks: list[int]) -> None:
    """A later observation has at least as many steps, and no earlier update time."""
    seen = [observe(run, now) for now in looks]

    assert [p.completed_steps for p in seen] == sorted(p.completed_steps for p in seen)
    assert [p.updated for p in seen] == sorted(p.updated for p in seen)


@given(run=runs, looks=looks)
def test_snapshots_are_prefixes(run: Run, looks: list[int]) -> None:
    """Snapshots never change: earlier lists are prefixes of later ones."""
    seen = [snapshots(run, observe(run, now)) for now in looks]

    for earlier, later in pairwise(seen):
        assert later[: len(earlier)] == earlier


@given(run=runs, looks=looks)
def test_only_legal_transitions_happen(run: Run, looks: list[int]) -> None:
    """States follow the diagram, however rarely they are observed; final states do not change."""
    seen = [observe(run, now) for now in looks]

    for earlier, later in pairwise(seen):
        if earlier.state.terminal:
            assert later == earlier
        assert later.state is earlier.state or later.state in NEXT[earlier.state]


@given(run=runs, delay=delays)
def test_times_are_in_order(run: Run, delay: int) -> None:
    """Created, started, each step, ended, now: in this order, the end in whole microseconds."""
    now = CREATED + delay
    progress = observe(run, now)
    started = [] if progress.started is None else [progress.started]
    ended = [] if progress.ended is None else [progress.ended]
    computed = [snapshot.computed for snapshot in snapshots(run, progress)]
    times = [run.created, *started, *computed, *ended]

    assert times == sorted(times)
    assert times[-1] < now + tuning.MICROSECOND
    assert all(moment % 1000 == 0 for moment in ended)
    assert progress.state.terminal == bool(ended)


@given(run=runs, delay=delays)
def test_steps_are_where_their_times_say(run: Run, delay: int) -> None:
    """The completed steps are those whose time is not later than now."""
    now = CREATED + delay
    progress = observe(run, now)
    taken = snapshots(run, progress)

    assert [snapshot.step for snapshot in taken] == list(range(1, progress.completed_steps + 1))
    assert progress.completed_steps <= progress.total_steps
    assert all(snapshot.computed <= now for snapshot in taken)


@given(run=runs, delay=delays)
def test_a_step_can_be_asked_for_alone(run: Run, delay: int) -> None:
    """The time of a step is that of its snapshot; a step that is not completed has none."""
    progress = observe(run, CREATED + delay)
    taken = snapshots(run, progress)

    assert tuning.find_step_times(run, progress, [snapshot.step for snapshot in taken]) == [
        each.computed for each in taken
    ]
    with pytest.raises(ValueError, match="is not done"):
        tuning.find_step_times(run, progress, [len(taken) + 1])


@given(run=runs, now=moments.filter(bool), later=delays)
def test_deciding_changes_nothing_that_was_seen(run: Run, now: int, later: int) -> None:
    """Cancelling, failing or finishing a run does not change its past, and does not change an ended run at all."""
    run = without_future(run, now)
    before = observe(run, now)
    for decide in (tuning.cancel, tuning.fail, tuning.finish):
        decided = decide(run, now)
        past = observe(decided, now)

        assert past.completed_steps >= before.completed_steps
        assert snapshots(decided, past)[: before.completed_steps] == snapshots(run, before)
        assert observe(decide(decided, now + later), now + later) == observe(decided, now + later)
        if before.state.terminal:
            assert decided == run


@given(run=runs, delay=delays)
def test_the_same_run_is_always_seen_alike(run: Run, delay: int) -> None:
    """Equal facts and times give equal progress: observing has no side effects."""
    now = CREATED + delay
    observe(run, now + SECOND)

    assert observe(run, now) == observe(replace(run), now)


def test_total_steps_of_recorded_runs() -> None:
    """Steps are examples times epochs over the batch size, rounded up."""
    recorded = {(15, 5, 2): 38, (15, 5, 4): 19, (15, 3, 2): 23, (15, 3, 4): 12, (15, 50, 4): 188, (15, 100, 4): 375}
    counted = {
        (examples, epochs, batch): a_run(examples=examples, epochs=epochs, batch=batch).total_steps
        for examples, epochs, batch in recorded
    }

    assert recorded == counted


def test_epochs_of_every_recorded_snapshot(transcripts: Path) -> None:
    """`floor(step * batch / examples)`, and the last step is in the last epoch."""
    answer = json.loads((transcripts / "gemini-palm-v1beta3-tunedmodels-list.json").read_text())
    for model in answer["response"]["tunedModels"]:
        hyper = model["tuningTask"]["hyperparameters"]
        taken = model["tuningTask"]["snapshots"]
        run = a_run(examples=len(taken) * hyper["batchSize"] // hyper["epochCount"], epochs=hyper["epochCount"])
        run = replace(run, batch=hyper["batchSize"], examples=25 if hyper["batchSize"] == 16 else 15)
        expected = [snapshot.get("epoch", 0) for snapshot in taken]

        assert expected == [run.epoch(step) for step in range(1, run.total_steps + 1)]


def test_the_last_epoch_is_the_last() -> None:
    """A batch larger than the data does not exceed the requested epochs."""
    run = a_run(examples=5, epochs=1, batch=16)

    assert [run.epoch(step) for step in range(1, run.total_steps + 1)] == [1]


def test_a_run_starts_and_succeeds_as_recorded() -> None:
    """Pending, then running with nine digits in its start, and the update time is creation's until the end."""
    run = a_run()
    waiting, running, ended = (observe(run, after(delay)) for delay in (0, 10, 60))

    assert (waiting.state, waiting.started, waiting.updated) == (State.PENDING, None, CREATED)
    assert (running.state, running.updated) == (State.RUNNING, CREATED)
    assert running.started is not None
    assert running.started % 1000 != 0
    assert (ended.state, ended.completed_steps, ended.completed_epochs) == (State.SUCCEEDED, 19, 5)
    assert ended.updated == ended.ended


def test_cancelling_takes_no_time_on_the_developer_api() -> None:
    """After the call the run is cancelled, with the steps that it had."""
    run = tuning.cancel(a_run(), after(10))
    seen = observe(run, after(10))

    assert (seen.state, seen.completed_steps) == (State.CANCELLED, 5)
    assert seen == observe(run, after(1000))


def test_a_cancelling_job_keeps_its_update_time() -> None:
    """On Vertex AI a cancelled job is CANCELLING for a while, its update time untouched since its start."""
    pace = replace(BRISK, cancel_seconds=3.0, touches=(0.0, 1.07, 31.0), grain=1000)
    run = tuning.cancel(a_run(pace=pace), after(1))
    asked, over = observe(run, after(3)), observe(run, after(4))

    assert (State.CANCELLING, asked.started, None) == (asked.state, asked.updated, asked.ended)
    assert (State.CANCELLED, after(4), after(4)) == (over.state, over.updated, over.ended)


def test_a_job_cancelled_at_once_may_end_a_minute_after_its_start() -> None:
    """Two of six recorded cancellations took effect only 60.5 seconds after the job had started."""
    pace = replace(BRISK, cancel_seconds=3.0, early_cancel_seconds=60.5)
    job = a_run(epochs=50, pace=pace)
    early, late = tuning.cancel(job, after(1)), tuning.cancel(job, after(2))

    assert State.CANCELLING is observe(early, after(60.9)).state
    assert State.CANCELLED is observe(early, after(61.1)).state
    assert State.CANCELLED is observe(late, after(5)).state


def test_a_run_cancelled_before_its_start_never_started() -> None:
    """A recorded job that was cancelled right after its creation has no start time."""
    run = tuning.cancel(a_run(), after(0.1))
    seen = observe(run, after(100))

    assert (seen.state, seen.started, seen.completed_steps) == (State.CANCELLED, None, 0)


@pytest.mark.parametrize("step", [0, 1, 7, 19])
def test_a_run_fails_right_after_the_step_it_was_told(step: int) -> None:
    """That step is the last completed one, and the failure is the given one."""
    reason = Failure(13, "no luck")
    seen = observe(a_run(fail_at_step=step, failure=reason), after(1000))

    assert (State.FAILED, step, reason) == (seen.state, seen.completed_steps, seen.failure)


def test_a_step_that_never_comes_fails_nothing() -> None:
    """A run of nineteen steps that should fail at the twentieth succeeds."""
    assert State.SUCCEEDED is observe(a_run(fail_at_step=20), after(1000)).state


def test_a_stalled_run_stands_still_until_somebody_decides() -> None:
    """A year later it is at the same step; then it can be finished like any other."""
    run = a_run(stall_at_step=7)
    year = after(366 * 86400)
    stalled, finished = observe(run, year), observe(tuning.finish(run, year), year)

    assert (stalled.state, stalled.completed_steps) == (State.RUNNING, 7)
    assert (finished.state, finished.completed_steps) == (State.SUCCEEDED, 19)


def test_a_finished_run_has_all_its_steps() -> None:
    """The remaining steps are compressed into the remaining time."""
    run = tuning.finish(a_run(), after(10))
    seen = observe(run, after(10))
    computed = [snapshot.computed for snapshot in snapshots(run, seen)]

    assert (State.SUCCEEDED, 19, after(10)) == (seen.state, seen.completed_steps, seen.ended)
    assert computed == sorted(set(computed))


def test_a_run_finished_at_birth_is_whole() -> None:
    """A run can be created, started and ended at the same time of a manual clock."""
    run = tuning.finish(a_run(), CREATED)
    seen = observe(run, CREATED)

    assert (seen.state, seen.started, seen.ended, len(snapshots(run, seen))) == (State.SUCCEEDED, CREATED, CREATED, 19)


def test_metadata_is_refreshed_once_a_minute() -> None:
    """The recorded log: polled every 31 seconds and a bit, it said 40, 40, 81, 81, 120, 120, 160, 188 steps."""
    run = a_run(epochs=50, pace=replace(BRISK, start_seconds=0.3, first_step_seconds=1.8, step_seconds=1.49))
    polls = [observe_refreshed(run, after(32 * poll), 61.0).completed_steps for poll in range(2, 10)]

    assert polls == [40, 40, 81, 81, 122, 122, 163, 188]


def test_metadata_of_a_short_run_says_nothing_before_the_end() -> None:
    """A recorded run of nineteen steps, polled every 5 seconds, never showed a percentage but 100."""
    run = a_run()
    polls = {observe_refreshed(run, after(delay), 61.0).completed_steps for delay in range(0, 60, 5)}

    assert {0, 19} == polls


def test_fresh_metadata_is_what_is_seen() -> None:
    """With a refresh time of 0 every observation is up to date."""
    assert observe(a_run(), after(10)) == observe_refreshed(a_run(), after(10), 0)


def placed(queue: list[Run], limit: int, now: int = 0) -> list[Run]:
    """The runs with their places in a quota; up to `now` they have them already."""
    return list(find_places(queue, limit, now))


def starts(queue: list[Run]) -> list[int]:
    """When runs with places may start."""
    return [max(run.created + round(run.pace.start_seconds * SECOND), run.free_at) for run in queue]


def test_runs_wait_for_a_free_place() -> None:
    """Two at a time: the third starts when the first has ended, the fourth with the end of the second."""
    queue = placed([a_run(created=after(place), seed=place) for place in range(4)], 2)
    begins, ends = starts(queue), [observe(run, NEVER).ended for run in queue]

    assert begins[:2] == [after(0.5), after(1.5)]
    assert [tuning.micros(begin) for begin in begins[2:]] == ends[:2]


def test_a_place_is_freed_by_cancelling() -> None:
    """A run that was cancelled while waiting takes no place; one that trained frees its place."""
    first, second, third = (a_run(created=after(place), seed=place) for place in range(3))
    freed = placed([tuning.cancel(first, after(5)), second], 1)
    skipped = placed([first, replace(second, cancelled=after(4)), third], 1)

    assert [after(0.5), after(5)] == starts(freed)
    assert skipped[2] == placed([first, third], 1)[1]


@given(queue=st.lists(runs, min_size=2, max_size=6), limit=st.integers(1, 3), delay=delays, data=st.data())
def test_a_place_is_not_freed_in_the_past(queue: list[Run], limit: int, delay: int, data: st.DataObject) -> None:
    """A request for one run changes no start in the past, and lets no run start before the request."""
    now = CREATED + delay
    before = placed([without_future(run, now) for run in queue], limit)
    place = data.draw(st.integers(0, len(queue) - 1))
    changed = [*before[:place], tuning.cancel(before[place], now), *before[place + 1 :]]
    later = placed(changed, limit)

    for old, new in zip(starts(before), starts(later), strict=True):
        assert new == old if old <= now else now <= new <= old


def test_a_place_that_is_never_freed_is_waited_for_for_ever() -> None:
    """All runs behind a stalled run are pending."""
    queue = placed([a_run(stall_at_step=1), a_run(created=after(1))], 1)

    assert [after(0.5), NEVER] == starts(queue)
    assert State.PENDING is observe(queue[1], after(10**6)).state


@given(runs, delays)
def test_a_run_is_updated_when_its_updates_say(run: Run, delay: int) -> None:
    """At every moment the update time is that of the last update; the last one is the end."""
    now = run.created + delay
    past = [shown for since, shown in tuning.updates(run) if since <= now]

    assert max(past) == past[-1] == observe(run, now).updated
    assert observe(run, now).state.terminal == (tuning.end(run) <= now)


def test_a_long_run_is_cheap_to_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand steps are found by bisection: a few step times are computed, not ten thousand."""
    asked = []

    def counted(seed: int, place: int) -> float:
        asked.append(place)
        return uniform(seed, place)

    monkeypatch.setattr(tuning, "uniform", counted)

    seen = observe(a_run(examples=10_000, epochs=1, batch=1), after(5000))

    assert 3800 < seen.completed_steps < 3900
    assert len(asked) < 20

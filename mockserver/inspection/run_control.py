"""What a tester may do to a run from outside: end it, fail it, cancel it, let it stand still.

A name is a tuned model's or a tuning job's resource name; the last part of it is enough where no other
run has the same. What has ended stays as it is, and so does what is being cancelled: to finish it again
changes nothing, anything else raises ValueError. Of two words about a run that is under way the later counts.
"""

from collections.abc import Callable
from dataclasses import replace

from mockserver.dispatch import runs
from mockserver.dispatch.runs import Held
from mockserver.simulation import tuning
from mockserver.simulation.tuning import Failure, Run, State
from mockserver.state.clock import Nanos
from mockserver.state.world import World

INTERNAL = 13
"""google.rpc.Code of a failure that a tester gives words but no code."""


def find(world: World, name: str) -> Held:
    """The run of that name. LookupError, naming those there are, if there is none or more than one."""
    held = list(runs.runs(world))
    found = [it for it in held if it.name == name] or [it for it in held if it.name.rpartition("/")[2] == name]
    if len(found) == 1:
        return found[0]
    known = ", ".join(it.name for it in held) or "none"
    msg = f"{'no run' if not found else 'more than one run'} is called {name!r}; there are: {known}"
    raise LookupError(msg)


def finish(world: World, name: str) -> None:
    """End the run now, in success."""
    if _state(world, name) is not State.SUCCEEDED:
        _change(world, name, lambda run, now, start: tuning.finish(run, now, start=start))


def cancel(world: World, name: str) -> None:
    """Cancel the run now, as its owner would."""
    _change(world, name, lambda run, now, start: tuning.cancel(run, now, start=start))


def fail(world: World, name: str, *, at_step: int | None = None, error: Failure | str | None = None) -> None:
    """Let the run fail: now, or once it has done `at_step` steps. ValueError if it has done more already.

    `error` is what is said of it; without, the surface says its own sentence.
    """
    failure = Failure(INTERNAL, error) if isinstance(error, str) else error
    if at_step is None:
        _change(world, name, lambda run, now, start: tuning.fail(run, now, failure, start=start))
    else:
        _check_step(world, name, at_step)
        _change(world, name, lambda run, now, start: _failing(run, at_step, failure, now, start))


def stall(world: World, name: str, *, at_step: int) -> None:
    """Let the run do that many steps and never end. ValueError if it has done more already."""
    _check_step(world, name, at_step)
    _change(world, name, lambda run, *_: replace(run, stall_at_step=at_step, fail_at_step=None))


def _state(world: World, name: str) -> State:
    return runs.progress(world, find(world, name).run).state


def _check_step(world: World, name: str, step: int) -> None:
    held = find(world, name)
    done = runs.progress(world, held.run).completed_steps
    if not done <= step <= held.run.total_steps:
        msg = f"{held.name} has done {done} of {held.run.total_steps} steps: it cannot end at step {step}"
        raise ValueError(msg)


def _failing(run: Run, step: int, failure: Failure | None, now: Nanos, start: Nanos | None) -> Run:
    doomed = replace(run, fail_at_step=step, stall_at_step=None, failure=failure)
    # One that has just done the step, or stood still for long, would have failed by now, and yet it was seen under way.
    late = tuning.observe(doomed, now, start=start).state.terminal
    stopped = replace(run, stall_at_step=step, fail_at_step=None)
    return tuning.fail(stopped, now, failure, start=start) if late else doomed


def _change(world: World, name: str, edit: Callable[[Run, Nanos, Nanos | None], Run]) -> None:
    world.store.transact(lambda transaction: _changed(world.within(transaction), name, edit))


def _changed(world: World, name: str, edit: Callable[[Run, Nanos, Nanos | None], Run]) -> None:
    held, now = find(world, name), world.clock.now()
    start = runs.start(world, held.run)
    state = tuning.observe(held.run, now, start=start).state
    if state.terminal:
        msg = f"{held.name} has ended: it {state.name}"
        raise ValueError(msg)
    if state is State.CANCELLING:
        msg = f"{held.name} is being cancelled"
        raise ValueError(msg)
    world.store.change(held.kind, held.name, lambda record: replace(record, run=edit(record.run, now, start)))

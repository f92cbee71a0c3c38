"""Run control for testers: finish, fail, cancel or stall a run.

A name is the resource name of a tuned model or a tuning job; its last segment is enough if it is unique. A run that
has ended or is being cancelled cannot be changed: finishing a finished run does nothing, anything else raises
ValueError. Of several changes to a running run the last one counts.
"""

from collections.abc import Callable
from dataclasses import replace

from mockserver.dispatch import runs
from mockserver.dispatch.runs import StoredRun
from mockserver.inspection.names import JobLike, list_names, read_name
from mockserver.rpc.errors import Code
from mockserver.simulation import tuning
from mockserver.simulation.tuning import Failure, Run, State
from mockserver.state.clock import Nanos
from mockserver.state.store import Store
from mockserver.state.world import World

INTERNAL = 13
"""The google.rpc.Code of a failure that has a message but no code."""


def find_run(world: World, resource: JobLike) -> StoredRun:
    """Return the run of that name, or of that resource. LookupError if there is none or more than one."""
    __tracebackhide__ = True
    name = read_name(resource)
    stored_runs = list(runs.runs(world))
    matches = [it for it in stored_runs if it.name == name] or [
        it for it in stored_runs if it.name.rpartition("/")[2] == name
    ]
    if len(matches) == 1:
        return matches[0]
    names = list_names([it.name for it in stored_runs])
    many = "more than one tuning job or tuned model" if matches else "no tuning job or tuned model"
    msg = f"{many} is called {name!r}; there are: {names}"
    raise LookupError(msg)


def finish(world: World, name: JobLike) -> None:
    """Finish the run now, successfully."""
    if runs.progress(world, find_run(world, name).run).state is not State.SUCCEEDED:
        _change(world, name, tuning.finish)


def cancel(world: World, name: JobLike) -> None:
    """Cancel the run now, as its owner would."""
    _change(world, name, tuning.cancel)


def fail(world: World, name: JobLike, *, at_step: int | None = None, error: Failure | str | None = None) -> None:
    """Make the run fail: now, or after `at_step` steps. ValueError if it has completed more.

    `error` is its error; without one, the service uses its default.
    """
    failure = Failure(INTERNAL, error) if isinstance(error, str) else error
    if at_step is None:
        _change(world, name, lambda run, now: tuning.fail(run, now, failure))
    else:
        _check_step(world, name, at_step)
        _change(world, name, lambda run, now: _fail_at(run, at_step, failure, now))


def stall(world: World, name: JobLike, *, at_step: int) -> None:
    """Stop the progress of the run after that many steps. ValueError if it has completed more."""
    _check_step(world, name, at_step)
    _change(world, name, lambda run, _: replace(run, stall_at_step=at_step, fail_at_step=None))


def _check_step(world: World, name: JobLike, step: int) -> None:
    stored_run = find_run(world, name)
    completed, total = runs.progress(world, stored_run.run).completed_steps, stored_run.run.total_steps
    if not completed <= step <= total:
        msg = f"{stored_run.name} has completed {completed} of {total} steps: it cannot end at step {step}"
        raise ValueError(msg)


def _fail_at(run: Run, step: int, failure: Failure | None, now: Nanos) -> Run:
    failing = replace(run, fail_at_step=step, stall_at_step=None, failure=failure)
    # If the failure would be in the past, the run fails now, because clients have already seen it running.
    late = tuning.observe(failing, now).state.terminal
    stopped = replace(run, stall_at_step=step, fail_at_step=None)
    return tuning.fail(stopped, now, failure) if late else failing


def _change(world: World, name: JobLike, edit: Callable[[Run, Nanos], Run]) -> None:
    def change(transaction: Store) -> None:
        within, now = world.in_transaction(transaction), world.clock.now()
        stored_run = find_run(within, name)
        state = tuning.state(stored_run.run, now)
        if state.terminal:
            msg = f"{stored_run.name} has already ended: its state is {state.name}"
            raise ValueError(msg)
        if state is State.CANCELLING:
            msg = f"{stored_run.name} is being cancelled"
            raise ValueError(msg)
        runs.change_run(within, stored_run, edit(stored_run.run, now), now)

    world.store.transact(change)


def failure(error: str | None, code: int | str | None = None) -> Failure | None:
    """Return the failure with this message, if there is one. `code` is a google.rpc code by name or number.

    The default code is INTERNAL. ValueError for a code without a message, and for an unknown code.
    """
    if error is None:
        if code is not None:
            raise ValueError(f"the code {code!r} needs an error message: set error too")
        return None
    if code is None:
        code = Code.INTERNAL
    codes = [each for each in Code if each is not Code.OK]
    match = next((each for each in codes if code in {each.name, each.value}), None)
    if match is None:
        raise ValueError(f"{code!r} is not the code of an error; use one of {', '.join(each.name for each in codes)}")
    return Failure(int(match), error)

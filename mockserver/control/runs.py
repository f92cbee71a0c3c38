"""The runs of tuned models and tuning jobs: how they stand, and reaching into them."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, Field

from mockserver.control.operations import Asked, Body, Operation, invalid, missing
from mockserver.dispatch import runs
from mockserver.dispatch.runs import Held
from mockserver.inspection import run_control
from mockserver.rpc.errors import Code
from mockserver.simulation.tuning import Failure
from mockserver.state.world import World


class Run(BaseModel):
    """How a run stands. `state` is ours: PENDING, RUNNING, SUCCEEDED, FAILED, CANCELLING, CANCELLED."""

    name: str
    state: str
    completed_steps: int
    total_steps: int


class Runs(BaseModel):
    """The runs of a world, tuned models and tuning jobs alike."""

    runs: list[Run]


class Named(Body):
    """A run, by the resource name of its tuned model or tuning job; its last part is enough."""

    name: str


class Fail(Named):
    """How a run is to fail: now, or once it has done `at_step` steps; with which words and their google.rpc code."""

    at_step: int | None = Field(default=None, ge=0)
    error: str | None = None
    code: int | None = Field(default=None, ge=1, le=16, description="of the error; 13, INTERNAL, if none is given")


class Stall(Named):
    """After how many steps a run is to stand still."""

    at_step: int = Field(ge=0)


def list_runs(asked: Asked) -> Runs:
    """Every run."""
    return Runs(runs=[_seen(asked.world, held) for held in runs.runs(asked.world)])


def finish_run(asked: Asked) -> Run:
    """End a run now, in success."""
    return _after(asked, lambda: run_control.finish(asked.world, asked.body.name))


def cancel_run(asked: Asked) -> Run:
    """Cancel a run now, as its owner would."""
    return _after(asked, lambda: run_control.cancel(asked.world, asked.body.name))


def fail_run(asked: Asked) -> Run:
    """Let a run fail."""
    body: Fail = asked.body
    if body.error is None and body.code is not None:
        raise invalid("a code needs an error with words of its own")
    failure = None if body.error is None else Failure(body.code or int(Code.INTERNAL), body.error)
    return _after(asked, lambda: run_control.fail(asked.world, body.name, at_step=body.at_step, error=failure))


def stall_run(asked: Asked) -> Run:
    """Let a run stand still."""
    return _after(asked, lambda: run_control.stall(asked.world, asked.body.name, at_step=asked.body.at_step))


def _after(asked: Asked, act: Callable[[], Any]) -> Run:
    """How the run stands once that was done: 404 if there is none, 400 if it is too late."""
    try:
        act()
        return _seen(asked.world, run_control.find(asked.world, asked.body.name))
    except LookupError as error:
        raise missing(str(error)) from None
    except ValueError as error:
        raise invalid(str(error)) from None


def _seen(world: World, held: Held) -> Run:
    progress = runs.progress(world, held.run)
    return Run(
        name=held.name,
        state=progress.state.name,
        completed_steps=progress.completed_steps,
        total_steps=progress.total_steps,
    )


OPERATIONS = (
    Operation("GET", "/runs", "How every run stands", list_runs, answer=Runs),
    Operation("POST", "/runs/finish", "End a run in success", finish_run, Named, answer=Run),
    Operation("POST", "/runs/cancel", "Cancel a run", cancel_run, Named, answer=Run),
    Operation("POST", "/runs/fail", "Let a run fail, now or at a step", fail_run, Fail, answer=Run),
    Operation("POST", "/runs/stall", "Let a run stand still at a step", stall_run, Stall, answer=Run),
)

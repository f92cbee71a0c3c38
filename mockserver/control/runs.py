"""The runs of tuned models and tuning jobs: their states, and changing them."""

from pydantic import BaseModel, Field

from mockserver.control.operations import Body, ControlRequest, Operation, translate_errors
from mockserver.dispatch import runs
from mockserver.dispatch.runs import StoredRun
from mockserver.inspection import run_control
from mockserver.state.world import World


class Run(BaseModel):
    """The progress of a run. `state` is one of PENDING, RUNNING, SUCCEEDED, FAILED, CANCELLING, CANCELLED."""

    name: str
    state: str
    completed_steps: int
    total_steps: int


class RunList(BaseModel):
    """The runs of a world, of tuned models and of tuning jobs."""

    runs: list[Run]


class RunName(Body):
    """A run, by the resource name of its tuned model or tuning job; its last part is enough."""

    name: str


class Fail(RunName):
    """When a run fails (now, or after `at_step` steps), and its error: a message and a google.rpc code."""

    at_step: int | None = Field(default=None, ge=0)
    error: str | None = None
    code: int | None = Field(default=None, ge=1, le=16, description="the code of the error; default: 13, INTERNAL")


class Stall(RunName):
    """After how many steps a run stops making progress."""

    at_step: int = Field(ge=0)


def list_runs(request: ControlRequest) -> RunList:
    """Return every run."""
    return RunList(runs=[_describe_run(request.world, run) for run in runs.runs(request.world)])


def finish_run(request: ControlRequest) -> Run:
    """Finish a run now, successfully."""
    with translate_errors():
        run_control.finish(request.world, request.body.name)
        return _describe_named_run(request)


def cancel_run(request: ControlRequest) -> Run:
    """Cancel a run now, as its owner would."""
    with translate_errors():
        run_control.cancel(request.world, request.body.name)
        return _describe_named_run(request)


def fail_run(request: ControlRequest) -> Run:
    """Make a run fail."""
    body: Fail = request.body
    with translate_errors():
        failure = run_control.failure(body.error, body.code)
        run_control.fail(request.world, body.name, at_step=body.at_step, error=failure)
        return _describe_named_run(request)


def stall_run(request: ControlRequest) -> Run:
    """Stop the progress of a run."""
    with translate_errors():
        run_control.stall(request.world, request.body.name, at_step=request.body.at_step)
        return _describe_named_run(request)


def _describe_named_run(request: ControlRequest) -> Run:
    return _describe_run(request.world, run_control.find_run(request.world, request.body.name))


def _describe_run(world: World, stored_run: StoredRun) -> Run:
    progress = runs.progress(world, stored_run.run)
    return Run(
        name=stored_run.name,
        state=progress.state.name,
        completed_steps=progress.completed_steps,
        total_steps=progress.total_steps,
    )


OPERATIONS = (
    Operation("GET", "/runs", "List the runs", list_runs, answer=RunList),
    Operation("POST", "/runs/finish", "Finish a run successfully", finish_run, RunName, answer=Run),
    Operation("POST", "/runs/cancel", "Cancel a run", cancel_run, RunName, answer=Run),
    Operation("POST", "/runs/fail", "Make a run fail, now or at a step", fail_run, Fail, answer=Run),
    Operation("POST", "/runs/stall", "Stop the progress of a run at a step", stall_run, Stall, answer=Run),
)

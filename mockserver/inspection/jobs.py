"""The tuning jobs of a world, of both services, as the dashboard and `mockserver watch` show them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.dispatch import runs
from mockserver.dispatch.runs import StoredRun
from mockserver.gemini.store import TunedModel
from mockserver.inspection import resources
from mockserver.simulation import tuning
from mockserver.simulation.tuning import NEVER, Progress, Run
from mockserver.state.clock import SECOND
from mockserver.state.world import World
from mockserver.vertex.records import TuningJob, exported_checkpoints
from mockserver.vertex.tensorboards import loss_series

Json = dict[str, Any]

Point = tuple[int, float]
"""A step and a value."""


@dataclass(frozen=True, slots=True)
class Job:
    """A tuning job at a moment, by the resource name of its tuned model or tuning job.

    `seconds_left` are of the world's clock; None for a job that has ended or never ends.
    """

    name: str
    service: str
    title: str
    base_model: str
    owner: str
    state: str
    completed_steps: int
    total_steps: int
    completed_epochs: int
    epochs: int
    seconds_left: float | None

    @property
    def percent(self) -> int:
        """The share of completed steps, in whole percent."""
        return 100 * self.completed_steps // max(self.total_steps, 1)

    @property
    def has_ended(self) -> bool:
        """Whether the state is final."""
        return self.state in {"SUCCEEDED", "FAILED", "CANCELLED"}


@dataclass(frozen=True, slots=True)
class Curve:
    """A loss by step: of the training data, or of the validation data."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class JobPermission:
    """A role and whom it was given to."""

    principal: str
    role: str


@dataclass(frozen=True, slots=True)
class JobCheckpoint:
    """A checkpoint that was exported so far, and the endpoint that serves it."""

    id: str
    epoch: int
    step: int
    endpoint: str


@dataclass(frozen=True, slots=True)
class JobDetail:
    """A job with its losses, its resource as GET returns it now, and what is known of its training data.

    `model` is what a client asks for answers, "" as long as there is nothing to ask. `lengths` are numbers of
    characters of the training inputs, for a histogram; a resource that has statistics of its own has none.
    """

    job: Job
    curves: tuple[Curve, ...]
    resource: Json
    model: str
    lengths: tuple[int, ...]
    permissions: tuple[JobPermission, ...]
    hyperparameters: Mapping[str, float]
    checkpoints: tuple[JobCheckpoint, ...] = ()


def list_jobs(world: World, *, limit: int, offset: int = 0) -> tuple[list[Job], int]:
    """Return a page of the jobs, newest first, and how many there are."""
    stored_runs = sorted(runs.runs(world), key=lambda it: it.run.created, reverse=True)
    return [_describe(world, it) for it in stored_runs[offset : offset + limit]], len(stored_runs)


def describe_job(world: World, name: str) -> JobDetail:
    """Return everything about a job. LookupError if there is none of that name."""
    stored_run = next((it for it in runs.runs(world) if it.name == name), None)
    if stored_run is None:
        raise LookupError(f"there is no job {name!r}")
    record = world.store.get(stored_run.kind, name)
    progress = runs.progress(world, stored_run.run)
    training = Curve("training", [(it.step, it.mean_loss) for it in tuning.snapshots(stored_run.run, progress)])
    job = _describe(world, stored_run)
    if isinstance(record, TunedModel):
        return JobDetail(
            job,
            (training,),
            resources.tuned_models(world)[name],
            name if job.state == "SUCCEEDED" else "",
            tuple(map(len, record.examples)),
            tuple(JobPermission(it.principal, it.role.name) for it in record.permissions),
            _hyperparameters(stored_run.run),
        )
    evaluation = [Curve("evaluation", points) for points in [loss_series(record, progress)] if points]
    resource = resources.tuning_jobs(world)[name]
    model = resource.get("tunedModel", {}).get("endpoint", "")
    checkpoints = tuple(
        JobCheckpoint(it.id, it.epoch, it.step, it.endpoint) for it in exported_checkpoints(record, progress)
    )
    hyperparameters = _hyperparameters(stored_run.run)
    return JobDetail(job, (training, *evaluation), resource, model, (), (), hyperparameters, checkpoints)


def _hyperparameters(run: Run) -> Mapping[str, float]:
    """Return what the run trains with, whether the caller or the service chose it."""
    return {
        "examples": run.examples,
        "epochs": run.epochs,
        "batch size": run.batch,
        "learning rate": run.learning_rate,
        "steps": run.total_steps,
    }


def walk_histograms(resource: Any, name: str = "") -> Iterator[tuple[str, Sequence[Json]]]:
    """Yield the histograms in a resource: the name of the member, and its buckets with `left`, `right` and `count`."""
    if isinstance(resource, list):
        for element in resource:
            yield from walk_histograms(element, name)
    elif isinstance(resource, dict):
        if resource.get("buckets"):
            yield name, resource["buckets"]
        for member, value in resource.items():
            yield from walk_histograms(value, member)


def _describe(world: World, stored_run: StoredRun) -> Job:
    record = world.store.get(stored_run.kind, stored_run.name)
    progress = runs.progress(world, stored_run.run)
    title, service, owner = _describe_record(record)
    return Job(
        name=stored_run.name,
        service=service,
        title=title,
        base_model=record.base_model.rpartition("/")[2],
        owner=owner,
        state=progress.state.name,
        completed_steps=progress.completed_steps,
        total_steps=progress.total_steps,
        completed_epochs=progress.completed_epochs,
        epochs=stored_run.run.epochs,
        seconds_left=_seconds_left(world, stored_run, progress),
    )


def _describe_record(record: TunedModel | TuningJob) -> tuple[str, str, str]:
    if isinstance(record, TunedModel):
        return record.display_name, "Developer API", record.owner
    return record.display_name, "Vertex AI", "/".join(record.name.split("/")[:2])


def _seconds_left(world: World, stored_run: StoredRun, progress: Progress) -> float | None:
    if progress.state.terminal:
        return None
    end = tuning.observe(stored_run.run, NEVER - 1).ended
    if end is None:
        return None
    # Whole milliseconds, rounded up: whoever waits for so long finds the job ended.
    return -((world.clock.now() - end) * 1000 // SECOND) / 1000

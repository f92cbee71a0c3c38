"""The records of tuning jobs, models and endpoints, and the moments from which they exist.

Records are facts: a job as it was created, the names of its model and endpoints, and what was changed
afterwards. The job's run determines from which moment its model and endpoints exist. They exist from then on by the
clock, whether anybody looks or not. Their records hold these moments, so that lists are read in their order;
`save_tuning_job` changes them with the run.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from mockserver.datasets.dataset import Dataset
from mockserver.dispatch.runs import BY_QUOTA, RunCollection
from mockserver.simulation import names, tuning
from mockserver.simulation.tuning import Progress, Run, State
from mockserver.state.clock import END, SECOND, Nanos
from mockserver.state.store import Collection, Index, Span, Store

Json = dict[str, Any]

STATES = {
    State.PENDING: "JOB_STATE_PENDING",
    State.RUNNING: "JOB_STATE_RUNNING",
    State.SUCCEEDED: "JOB_STATE_SUCCEEDED",
    State.FAILED: "JOB_STATE_FAILED",
    State.CANCELLING: "JOB_STATE_CANCELLING",
    State.CANCELLED: "JOB_STATE_CANCELLED",
}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state of the model during its run, exported and served on an endpoint of its own."""

    id: str
    epoch: int
    step: int
    endpoint: str
    deployment: str


@dataclass(frozen=True, slots=True, weakref_slot=True)
class TuningJob:
    """A tuning job as it was created. All names are full, with the project's number.

    `request` holds the members of TuningJob that a caller sets, as bound; `spec` is the member of the
    tuning_spec oneof. `version` is the model version that the job makes. `defaults` are the hyperparameters
    that the service chose where the caller set none. `checkpoints` is empty where only the last one is exported.
    """

    name: str
    run: Run
    request: Mapping[str, Any]
    spec: str
    base_model: str
    display_name: str
    model: str
    version: int
    endpoint: str
    deployment: str
    checkpoints: tuple[Checkpoint, ...]
    defaults: Mapping[str, Any]
    dataset: Dataset

    @property
    def id(self) -> str:
        """The number at the end of the name."""
        return self.name.rpartition("/")[2]

    @property
    def model_version(self) -> str:
        """The model's name with the version this job makes: `.../models/N@1`."""
        return f"{self.model}@{self.version}"


@dataclass(frozen=True, slots=True)
class VersionEdits:
    """The changed members of a version of a model; None is as the job made it."""

    labels: Mapping[str, str] | None = None
    description: str | None = None
    version_description: str | None = None
    default_checkpoint: str | None = None
    updated: Nanos | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the model registry: the jobs that make its versions, and its changed members.

    Version n is made by the job of that version. `aliases` maps aliases to versions; "default" is the first
    version's until it is moved. `endpoints` are those that it was deployed on, beside those of its jobs.
    `registered` is since when each version exists; one that never will is left out.
    """

    name: str
    jobs: tuple[str, ...]
    display_name: str | None = None
    aliases: Mapping[str, int] = field(default_factory=lambda: {"default": 1})
    edits: Mapping[int, VersionEdits] = field(default_factory=dict)
    endpoints: tuple[str, ...] = ()
    registered: Mapping[int, Nanos] = field(default_factory=dict)
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Deployment:
    """A model version on an endpoint."""

    id: str
    model: str
    version: int
    display_name: str
    created: Nanos
    checkpoint: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint of a job, or one that a caller created (`job` is then "" and `created` is set).

    `deployments` and `traffic` are None until somebody changes what the job deployed. `since` is the moment from which
    it exists, None if it never will; it is no part of the etag.
    """

    name: str
    job: str = ""
    created: Nanos | None = None
    display_name: str | None = None
    description: str | None = None
    labels: Mapping[str, str] | None = None
    deployments: tuple[Deployment, ...] | None = None
    traffic: Mapping[str, int] | None = None
    updated: Nanos | None = None
    deleted: bool = False
    since: Nanos | None = field(default=None, repr=False)


def _location(record: TuningJob | Model | Endpoint) -> tuple[str]:
    """Return the name of the location of a resource."""
    return ("/".join(record.name.split("/", 4)[:4]),)


def _update_spans(job: TuningJob) -> Iterator[Span]:
    """Yield the times between the updates of a job. Its rank is the last update."""
    updates = tuning.updates(job.run)
    for (since, rank), (until, _) in pairwise([*updates, (END, END)]):
        if since < until:
            yield Span(since, until, rank)


def creation_time(model: Model) -> Nanos:
    """When a model that exists came into the model registry: with its first version, which may be gone."""
    return tuning.micros(min(model.registered.values()))


def _model_spans(model: Model) -> Iterator[Span]:
    """Yield the span in which a model exists.

    Its rank does not depend on the version that is the default: a model that came to the front of the list with another
    one would be missed by whoever reads the list page by page.
    """
    if model.registered and not model.deleted:
        yield Span(min(model.registered.values()), rank=creation_time(model))


def _endpoint_spans(endpoint: Endpoint) -> tuple[Span, ...]:
    """Return the span in which an endpoint exists. Its rank is when it was created."""
    if endpoint.since is None or endpoint.deleted:
        return ()
    return (Span(endpoint.since, rank=tuning.micros(endpoint.since)),)


def _experiment_keys(job: TuningJob) -> tuple[str, ...]:
    """Return the lists of experiments that hold the one of a job: its location's, and that of its id."""
    (location,) = _location(job)
    id_ = experiment_id(job, _final_progress(job))
    return (location,) if id_ is None else (location, f"{location}/{id_}")


def _experiment_spans(job: TuningJob) -> Iterator[Span]:
    """Yield the span in which the job names its experiment."""
    progress = _final_progress(job)
    if progress.started is None:
        return
    start = progress.started + experiment_delay(job)
    if all(moment >= start for moment in (progress.ended, job.run.cancelled) if moment is not None):
        yield Span(start)


def _request_keys(job: TuningJob) -> Iterator[str]:
    """Yield the partition of the location's jobs whose end was requested at one moment; see `request_key`."""
    run = job.run
    # Of these requests one has an effect, so there is no more than one.
    for moment in (run.cancelled, run.failed, run.finished):
        if moment is not None:
            yield request_key(_location(job)[0], moment)


def request_key(location: str, moment: Nanos) -> str:
    """Return the partition of JOBS_BY_REQUEST with the jobs of a location whose end was requested at that moment."""
    return f"{location}@{moment}"


JOBS_BY_UPDATE: Index[TuningJob] = Index("update", _location, spans=_update_spans, descending=True)
JOBS_BY_REQUEST: Index[TuningJob] = Index("request", _request_keys)
JOBS_BY_EXPERIMENT: Index[TuningJob] = Index("experiment", _experiment_keys, spans=_experiment_spans)
JOBS_BY_CREATED_EXPERIMENT: Index[TuningJob] = Index(
    "created experiment", _location, lambda job: job.run.created, spans=_experiment_spans
)
JOBS_BY_NEWEST_EXPERIMENT: Index[TuningJob] = Index(
    "newest experiment", _location, spans=_experiment_spans, descending=True
)
MODELS_BY_TIME: Index[Model] = Index("time", _location, spans=_model_spans, descending=True)
ENDPOINTS_BY_TIME: Index[Endpoint] = Index("time", _location, spans=_endpoint_spans, descending=True)

# One recorded job showed its experiment 1.3 s after the start; others were stamped 33 s and 3 minutes after theirs. The
# recorded jobs of one base model showed none while they ran, nor in the end, after as many as 80 s of work.
EXPERIMENT_SHOWN = 1_300_000_000
LATE_EXPERIMENT_SHOWN = 90 * SECOND
LATE_EXPERIMENTS = frozenset({"gemini-2.5-flash-lite"})


def experiment_delay(job: TuningJob) -> Nanos:
    """Return how long a job has run when it shows its experiment."""
    return LATE_EXPERIMENT_SHOWN if job.run.base in LATE_EXPERIMENTS else EXPERIMENT_SHOWN


def experiment_id(job: TuningJob, progress: Progress) -> str | None:
    """Return the id of the context that holds the job's metrics; None before the job has started."""
    if progress.started is None:
        return None
    return names.experiment_id(progress.started + EXPERIMENT_SHOWN - job.run.seed % SECOND)


def insert_tuning_job(store: Store, job: TuningJob) -> None:
    """Insert a new job with its endpoints, and its model or the model's new version: part of a transaction."""
    store.insert(TUNING_JOBS, job.name, job)
    for endpoint, since in _deployment_times(job).items():
        store.insert(ENDPOINTS, endpoint, Endpoint(endpoint, job=job.name, since=since))
    model = Model(job.model, ()) if job.version == 1 else store.get(MODELS, job.model)
    put = store.insert if job.version == 1 else store.replace
    put(MODELS, job.model, _register(replace(model, jobs=(*model.jobs, job.name)), job))


def save_tuning_job(store: Store, job: TuningJob) -> None:
    """Replace a job whose run has changed, with the times of its model and its endpoints: part of a transaction."""
    store.replace(TUNING_JOBS, job.name, job)
    for name, since in _deployment_times(job).items():
        endpoint = store.get(ENDPOINTS, name)
        if endpoint.job == job.name:  # since it was deleted, somebody may have created one of that name
            store.replace(ENDPOINTS, name, replace(endpoint, since=since))
    store.change(MODELS, job.model, lambda model: _register(model, job))


TUNING_JOBS: RunCollection[TuningJob] = RunCollection(
    "vertex.tuningJobs",
    TuningJob,
    (
        JOBS_BY_UPDATE,
        JOBS_BY_REQUEST,
        JOBS_BY_EXPERIMENT,
        JOBS_BY_NEWEST_EXPERIMENT,
        JOBS_BY_CREATED_EXPERIMENT,
        BY_QUOTA,
    ),
    save=save_tuning_job,
)
MODELS: Collection[Model] = Collection("vertex.models", Model, (MODELS_BY_TIME,))
ENDPOINTS: Collection[Endpoint] = Collection("vertex.endpoints", Endpoint, (ENDPOINTS_BY_TIME,))


def exported_checkpoints(job: TuningJob, progress: Progress) -> tuple[Checkpoint, ...]:
    """Return the checkpoints exported by then, in order; the last one only by success."""
    if progress.state is State.SUCCEEDED:
        return job.checkpoints
    return tuple(each for each in job.checkpoints[:-1] if each.step <= progress.completed_steps)


def is_trained(progress: Progress) -> bool:
    """Return whether a job that has ended completed all its steps, and had some."""
    return progress.ended is not None and 0 < progress.completed_steps == progress.total_steps


def registration_time(job: TuningJob) -> Nanos | None:
    """When the job's model comes into the model registry; None if it never does.

    That is with the first checkpoint, or at the end of a job that completed its training: also of one that
    failed with "Failed to create endpoint. Tuned model is uploaded and can be accessed through Model
    Registry."
    """
    final = _final_progress(job)
    exported = exported_checkpoints(job, final)
    if exported and exported[0].step < final.total_steps:
        return _export_times(job, final, exported[:1])[0]
    return tuning.end(job.run) if is_trained(final) else None


_UNCHANGED = VersionEdits()


def version_edits(model: Model, number: int) -> VersionEdits:
    """Return the changed members of a version."""
    return model.edits.get(number, _UNCHANGED)


def endpoint_names(job: TuningJob) -> list[str]:
    """Return the endpoints of a job: its own, and those of its checkpoints."""
    return list(dict.fromkeys([job.endpoint, *[each.endpoint for each in job.checkpoints]]))


def _export_times(job: TuningJob, progress: Progress, checkpoints: Sequence[Checkpoint]) -> list[Nanos]:
    """When checkpoints are exported: with their steps, in whole microseconds."""
    return list(map(tuning.micros, tuning.find_step_times(job.run, progress, [each.step for each in checkpoints])))


def _deployment_times(job: TuningJob) -> Mapping[str, Nanos | None]:
    """Return when the job deploys on each of its endpoints; None for one on which it never does."""
    final, times = _final_progress(job), dict[str, Nanos | None].fromkeys(endpoint_names(job))
    exported = exported_checkpoints(job, final)
    for each, moment in zip(exported, _export_times(job, final, exported), strict=True):
        if times[each.endpoint] is None:
            times[each.endpoint] = moment
    times[job.endpoint] = tuning.end(job.run) if final.state is State.SUCCEEDED else None
    return times


def _register(model: Model, job: TuningJob) -> Model:
    """Return the model with the time at which the job registers its version."""
    since = registration_time(job)
    others = {number: moment for number, moment in model.registered.items() if number != job.version}
    return replace(model, registered=others if since is None else {**others, job.version: since})


def _final_progress(job: TuningJob) -> Progress:
    """Return the progress of the job at the end of time, unless its run is changed."""
    return tuning.observe(job.run, END - 1)

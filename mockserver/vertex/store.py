"""The records of tuning jobs, models and endpoints, and how they are found.

Records are facts: a job as it was created, the names of its model and endpoints, and what was changed
afterwards. Whether the model exists yet, and which endpoints serve it since when, is computed from the job's
run and `now`: a model exists from the moment at which its job ends by the clock, whether anybody looks or not.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from mockserver.datasets.dataset import Dataset
from mockserver.dispatch import runs
from mockserver.dispatch.routing import Call
from mockserver.simulation import tuning
from mockserver.simulation.tuning import Progress, Run, State
from mockserver.state.clock import Nanos
from mockserver.state.store import ALL, Collection, Entry, Index, Missing, Store
from mockserver.state.world import World
from mockserver.vertex.errors import does_not_exist, endpoint_not_found, not_found

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


@dataclass(frozen=True, slots=True)
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
    """

    name: str
    jobs: tuple[str, ...]
    display_name: str | None = None
    aliases: Mapping[str, int] = field(default_factory=lambda: {"default": 1})
    edits: Mapping[int, VersionEdits] = field(default_factory=dict)
    endpoints: tuple[str, ...] = ()
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

    `deployments` and `traffic` are None until somebody changes what the job deployed.
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


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a model that exists at a moment: its job and the job's progress, and since when it exists.

    The display name is the model's.
    """

    job: TuningJob
    progress: Progress
    since: Nanos
    edits: VersionEdits
    display_name: str

    @property
    def number(self) -> int:
        """1, 2, ..."""
        return self.job.version

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """The checkpoints exported so far."""
        return exported_checkpoints(self.job, self.progress)

    @property
    def default_checkpoint(self) -> Checkpoint | None:
        """The checkpoint that the model serves: the last one, unless another was chosen."""
        return _choose_checkpoint(self.checkpoints, self.edits)


@dataclass(frozen=True, slots=True)
class ActiveEndpoint:
    """An endpoint that exists at a moment, since when, and what is deployed on it.

    `job` is None for one that a caller created.
    """

    endpoint: Endpoint
    since: Nanos
    job: TuningJob | None
    deployments: tuple[Deployment, ...]


def _parents(name: str) -> tuple[str, str]:
    """The project and the location of a resource: "projects/1" and "projects/1/locations/l"."""
    steps = name.split("/", 4)
    return "/".join(steps[:2]), "/".join(steps[:4])


JOBS_BY_PARENT: Index[TuningJob] = Index("parent", lambda job: _parents(job.name))
MODELS_BY_LOCATION: Index[Model] = Index("location", lambda model: _parents(model.name)[1:])
ENDPOINTS_BY_LOCATION: Index[Endpoint] = Index("location", lambda endpoint: _parents(endpoint.name)[1:])

TUNING_JOBS: Collection[TuningJob] = Collection(
    "vertex.tuningJobs", TuningJob, (JOBS_BY_PARENT, runs.by_quota(lambda job: job.run))
)
MODELS: Collection[Model] = Collection("vertex.models", Model, (MODELS_BY_LOCATION,))
ENDPOINTS: Collection[Endpoint] = Collection("vertex.endpoints", Endpoint, (ENDPOINTS_BY_LOCATION,))

ORDINAL_BITS = 64
"""The bits of a record's ordinal in its rank in a list that is ordered by a computed time."""


def find_tuning_job(call: Call, name: str) -> TuningJob:
    """The tuning job of that name. Raises 404."""
    try:
        return call.world.store.get(TUNING_JOBS, name)
    except Missing:
        raise does_not_exist("TuningJob") from None


def find_model(call: Call, name: str) -> tuple[Model, tuple[Version, ...]]:
    """A model that exists by now, and its versions, oldest first. Raises 404."""
    try:
        return Repository(call.world, call.now).get_model(name)
    except Missing:
        raise not_found("Model", name) from None  # the form is seen, for sessions


def find_version(call: Call, name: str) -> Version:
    """A version of a model, by its name as for `Repository.get_version`. Raises 404."""
    try:
        return Repository(call.world, call.now).get_version(name)
    except Missing:
        raise not_found("Model", name) from None  # the form is seen, for sessions


def find_endpoint(call: Call, name: str) -> ActiveEndpoint:
    """An endpoint that exists by now. Raises 404."""
    try:
        return Repository(call.world, call.now).get_endpoint(name)
    except Missing:
        raise endpoint_not_found(name) from None


def insert_tuning_job(store: Store, job: TuningJob) -> None:
    """Insert a new job with its endpoints, and its model or the model's new version: part of a transaction."""
    store.insert(TUNING_JOBS, job.name, job)
    for endpoint in dict.fromkeys([job.endpoint, *(each.endpoint for each in job.checkpoints)]):
        store.insert(ENDPOINTS, endpoint, Endpoint(endpoint, job=job.name))
    if job.version == 1:
        store.insert(MODELS, job.model, Model(job.model, (job.name,)))
    else:
        store.change(MODELS, job.model, lambda model: replace(model, jobs=(*model.jobs, job.name)))


def unused_names(store: Store, kind: Collection[Any], mint: Callable[[], str]) -> Iterator[str]:
    """Minted names that no record has yet: numbers as short as the real ones repeat at times."""
    minted: set[str] = set()
    while True:
        name = mint()
        if name not in minted and not store.has(kind, name):
            minted.add(name)
            yield name


class Repository:
    """The jobs, models and endpoints of a world as they are at a moment. Raises Missing for unknown names."""

    def __init__(self, world: World, now: Nanos) -> None:
        self._world = world
        self._now = now
        self._is_limited = world.settings.max_concurrent_jobs is not None

    @property
    def as_of(self) -> date | None:
        """The as-of day of the world."""
        return self._world.settings.as_of

    def at(self, moment: Nanos) -> "Repository":
        """The same records at another moment."""
        return Repository(self._world, moment)

    def walk_jobs(self, parent: str) -> Iterator[Entry[TuningJob]]:
        """The tuning jobs of a project or location, oldest first."""
        return self._world.store.walk(TUNING_JOBS, JOBS_BY_PARENT, parent)

    def observe(self, job: TuningJob) -> Progress:
        """The progress of a job, under the quota of its project."""
        return tuning.observe(job.run, self._now, start=self.find_start(job))

    def find_start(self, job: TuningJob) -> Nanos | None:
        """When the job may start under the quota of its project; None without one."""
        return runs.start(self._world, job.run) if self._is_limited else None

    def find_default_endpoint(self, job: TuningJob) -> str:
        """The endpoint of a job that succeeded: its default checkpoint's."""
        edits = self._world.store.get(MODELS, job.model).edits.get(job.version, VersionEdits())
        checkpoint = _choose_checkpoint(job.checkpoints, edits)
        return checkpoint.endpoint if checkpoint else job.endpoint

    def get_model(self, name: str) -> tuple[Model, tuple[Version, ...]]:
        """A model that exists, and its versions that do, oldest first."""
        model = self._world.store.get(MODELS, name)
        versions = tuple(self._versions(model))
        if not versions:
            raise Missing(name)
        return model, versions

    def get_version(self, name: str) -> Version:
        """A version of a model: `.../models/N@2`, `.../models/N@alias`, or the default one for `.../models/N`."""
        name, _, key = name.partition("@")
        model, versions = self.get_model(name)
        number = int(key) if key.isdecimal() else model.aliases.get(key or "default")
        for version in versions:
            if version.number == number:
                return version
        raise Missing(f"{name}@{key}")

    def walk_models(self, location: str = "") -> Iterator[tuple[Entry[Model], tuple[Version, ...]]]:
        """The models of a location that exist, or of all locations, in the order their jobs were created."""
        for entry in self._world.store.walk(MODELS, MODELS_BY_LOCATION if location else ALL, location):
            if versions := tuple(self._versions(entry.record)):
                yield entry, versions

    def get_endpoint(self, name: str) -> ActiveEndpoint:
        """An endpoint that exists."""
        active = self._activate(self._world.store.get(ENDPOINTS, name))
        if active is None:
            raise Missing(name)
        return active

    def walk_endpoints(self, location: str) -> Iterator[tuple[Entry[Endpoint], ActiveEndpoint]]:
        """The endpoints of a location that exist, in the order in which their names were minted."""
        for entry in self._world.store.walk(ENDPOINTS, ENDPOINTS_BY_LOCATION, location):
            if active := self._activate(entry.record):
                yield entry, active

    def walk_deployments(self, model: Model, version: Version) -> Iterator[tuple[str, Deployment]]:
        """The deployments of a version with the names of their endpoints, those of its own job first."""
        job = version.job
        for name in dict.fromkeys([job.endpoint, *(each.endpoint for each in job.checkpoints), *model.endpoints]):
            active = self._activate(self._world.store.get(ENDPOINTS, name))
            for deployment in active.deployments if active else ():
                if (deployment.model, deployment.version) == (model.name, version.number):
                    yield name, deployment

    def _versions(self, model: Model) -> Iterator[Version]:
        for name in () if model.deleted else model.jobs:
            job = self._world.store.get(TUNING_JOBS, name)
            progress = self.observe(job)
            since = registration_time(job, progress)
            edits = model.edits.get(job.version, VersionEdits())
            if since is not None and not edits.deleted:
                display_name = job.display_name if model.display_name is None else model.display_name
                yield Version(job, progress, since, edits, display_name)

    def _activate(self, endpoint: Endpoint) -> ActiveEndpoint | None:
        job = self._world.store.get(TUNING_JOBS, endpoint.job) if endpoint.job else None
        since = endpoint.created if job is None else _deployment_time(job, self.observe(job), endpoint.name)
        if endpoint.deleted or since is None:
            return None
        if endpoint.deployments is not None:
            return ActiveEndpoint(endpoint, since, job, endpoint.deployments)
        return ActiveEndpoint(
            endpoint, since, job, () if job is None else (_job_deployment(job, endpoint.name, since),)
        )


def newest_first(time: Nanos, entry: Entry[Any]) -> int:
    """The rank of a record in a list that begins with the newest, by a computed time and then by its age."""
    return -(time << ORDINAL_BITS | entry.position.rank)


def exported_checkpoints(job: TuningJob, progress: Progress) -> tuple[Checkpoint, ...]:
    """The checkpoints exported by then, in order; the last one only by success."""
    if progress.state is State.SUCCEEDED:
        return job.checkpoints
    return tuple(each for each in job.checkpoints[:-1] if each.step <= progress.completed_steps)


def is_trained(progress: Progress) -> bool:
    """Whether a job that has ended completed all its steps, and had some."""
    return progress.ended is not None and 0 < progress.completed_steps == progress.total_steps


def registration_time(job: TuningJob, progress: Progress) -> Nanos | None:
    """When the job's model came into the model registry; None if it has not.

    That is with the first checkpoint, or at the end of a job that completed its training: also of one that
    failed with "Failed to create endpoint. Tuned model is uploaded and can be accessed through Model
    Registry."
    """
    exported = exported_checkpoints(job, progress)
    if exported and exported[0].step < progress.total_steps:
        return step_time(job, progress, exported[0].step)
    return progress.ended if is_trained(progress) else None


def step_time(job: TuningJob, progress: Progress, step: int) -> Nanos:
    """When a completed step was completed, in whole microseconds."""
    return tuning.micros(tuning.find_step_time(job.run, progress, step))


def _choose_checkpoint(checkpoints: tuple[Checkpoint, ...], edits: VersionEdits) -> Checkpoint | None:
    default = (each for each in checkpoints if each.id == edits.default_checkpoint)
    return next(default, checkpoints[-1] if checkpoints else None)


def _deployment_time(job: TuningJob, progress: Progress, endpoint: str) -> Nanos | None:
    """When the job deployed on this endpoint of its own; None if it has not."""
    if endpoint == job.endpoint:
        return progress.ended if progress.state is State.SUCCEEDED else None
    exported = (each for each in exported_checkpoints(job, progress) if each.endpoint == endpoint)
    return next((step_time(job, progress, each.step) for each in exported), None)


def _job_deployment(job: TuningJob, endpoint: str, since: Nanos) -> Deployment:
    """The deployment that the job itself made on this endpoint of its own."""
    checkpoint = next((each for each in job.checkpoints if each.endpoint == endpoint), None)
    return Deployment(
        id=checkpoint.deployment if checkpoint else job.deployment,
        model=job.model,
        version=job.version,
        display_name=job.display_name,
        created=since,
        checkpoint=checkpoint.id if checkpoint else "",
    )

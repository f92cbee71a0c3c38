"""What is kept of tuning jobs, models and endpoints, and what they have come to by now.

Kept are facts: a job as it was asked for, the names its model and endpoints will have, and what somebody
changed afterwards. Whether the model is there yet, which endpoints answer and for how long is computed
from the job's run and `now`, so that a model exists from the moment its job ends by the clock, looked at
or not.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver.datasets.dataset import Dataset
from mockserver.dispatch import runs
from mockserver.simulation import tuning
from mockserver.simulation.tuning import Progress, Run, State
from mockserver.state.clock import Nanos
from mockserver.state.store import ALL, Entry, Index, Kind, Missing, Store
from mockserver.state.world import World

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state of the model during its run, kept and served on an endpoint of its own."""

    id: str
    epoch: int
    step: int
    endpoint: str
    deployment: str


@dataclass(frozen=True, slots=True)
class TuningJob:
    """A tuning job as it was asked for. All names are full, with the project's number.

    `request` holds the members of TuningJob that a caller gives, as bound; `spec` names the one of the
    tuning_spec oneof. `version` is the model version the job makes. `defaults` are the hyperparameters
    the service chose where the caller said nothing. `checkpoints` is empty where only the last is kept.
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
    """What was changed of one version of a model; None is as the job left it."""

    labels: Mapping[str, str] | None = None
    description: str | None = None
    version_description: str | None = None
    default_checkpoint: str | None = None
    updated: Nanos | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """A place in the model registry: the jobs that make its versions, and what was changed of it.

    Version n is made by the job of that version; `aliases` is who was given which alias, "default"
    being the first version's until it is moved. `endpoints` are those it was deployed on beside its jobs'.
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
    """An endpoint: a job's, or one that somebody created (`job` is then "" and `created` is set).

    `deployments` and `traffic` are None as long as nobody changed what the job deployed.
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
    """A version of a model that is there: who made it, how that went, and since when. The display name is the model's."""

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
        """The checkpoints made so far."""
        return made_checkpoints(self.job, self.progress)

    @property
    def default_checkpoint(self) -> Checkpoint | None:
        """The checkpoint that stands for the model: the last, unless another was chosen."""
        return _chosen(self.checkpoints, self.edits)


@dataclass(frozen=True, slots=True)
class Served:
    """An endpoint that is there, since when, and what is deployed on it. `job` is None for one nobody tuned."""

    endpoint: Endpoint
    since: Nanos
    job: TuningJob | None
    deployments: tuple[Deployment, ...]


def _places(name: str) -> tuple[str, str]:
    """The project and the location of a resource: "projects/1" and "projects/1/locations/l"."""
    steps = name.split("/", 4)
    return "/".join(steps[:2]), "/".join(steps[:4])


JOBS_BY_PLACE: Index[TuningJob] = Index("place", lambda job: _places(job.name))
MODELS_BY_PLACE: Index[Model] = Index("place", lambda model: _places(model.name)[1:])
ENDPOINTS_BY_PLACE: Index[Endpoint] = Index("place", lambda endpoint: _places(endpoint.name)[1:])

TUNING_JOBS: Kind[TuningJob] = Kind("vertex.tuningJobs", TuningJob, (JOBS_BY_PLACE, runs.by_quota(lambda job: job.run)))
MODELS: Kind[Model] = Kind("vertex.models", Model, (MODELS_BY_PLACE,))
ENDPOINTS: Kind[Endpoint] = Kind("vertex.endpoints", Endpoint, (ENDPOINTS_BY_PLACE,))

AGES = 64
"""The bits that the ordinal of a record takes in its place in a list that is ordered by a computed time."""


class Registry:
    """A world's jobs, models and endpoints as they stand at a moment. Names that lead nowhere raise Missing."""

    def __init__(self, world: World, now: Nanos) -> None:
        self._world = world
        self._now = now
        self._is_limited = world.settings.max_concurrent_jobs is not None

    def job(self, name: str) -> TuningJob:
        """The tuning job of that name."""
        return self._world.store.get(TUNING_JOBS, name)

    def jobs(self, place: str) -> Iterator[Entry[TuningJob]]:
        """The tuning jobs of a project or location, oldest first."""
        return self._world.store.walk(TUNING_JOBS, JOBS_BY_PLACE, place)

    def progress(self, job: TuningJob) -> Progress:
        """How far the job is, its project's quota considered."""
        return tuning.observe(job.run, self._now, start=self.start(job))

    def model(self, name: str) -> tuple[Model, tuple[Version, ...]]:
        """A model that is there, and those of its versions that are, oldest first."""
        model = self._world.store.get(MODELS, name)
        versions = tuple(self._versions(model))
        if not versions:
            raise Missing(name)
        return model, versions

    def version(self, name: str) -> Version:
        """A version of a model: `.../models/N@2`, `.../models/N@alias`, or the default one for `.../models/N`."""
        name, _, wanted = name.partition("@")
        model, versions = self.model(name)
        number = int(wanted) if wanted.isdecimal() else model.aliases.get(wanted or "default")
        for version in versions:
            if version.number == number:
                return version
        raise Missing(f"{name}@{wanted}")

    def models(self, place: str = "") -> Iterator[tuple[Entry[Model], tuple[Version, ...]]]:
        """The models of a location that are there, or all of them, in the order their jobs were created."""
        for entry in self._world.store.walk(MODELS, MODELS_BY_PLACE if place else ALL, place):
            if versions := tuple(self._versions(entry.record)):
                yield entry, versions

    def endpoint(self, name: str) -> Served:
        """An endpoint that is there."""
        served = self._served(self._world.store.get(ENDPOINTS, name))
        if served is None:
            raise Missing(name)
        return served

    def endpoints(self, place: str) -> Iterator[tuple[Entry[Endpoint], Served]]:
        """The endpoints of a location that are there, in the order in which their names were given."""
        for entry in self._world.store.walk(ENDPOINTS, ENDPOINTS_BY_PLACE, place):
            if served := self._served(entry.record):
                yield entry, served

    def deployed(self, model: Model, version: Version) -> Iterator[tuple[str, Deployment]]:
        """On which endpoints a version is deployed, by name: the job's own first, then those somebody chose."""
        job = version.job
        for name in dict.fromkeys([job.endpoint, *(each.endpoint for each in job.checkpoints), *model.endpoints]):
            served = self._served(self._world.store.get(ENDPOINTS, name))
            for deployment in served.deployments if served else ():
                if (deployment.model, deployment.version) == (model.name, version.number):
                    yield name, deployment

    def default_endpoint(self, job: TuningJob) -> str:
        """The endpoint of a job that succeeded: its default checkpoint's."""
        edits = self._world.store.get(MODELS, job.model).edits.get(job.version, VersionEdits())
        chosen = _chosen(job.checkpoints, edits)
        return chosen.endpoint if chosen else job.endpoint

    def at(self, moment: Nanos) -> "Registry":
        """The same as it stood at another moment, going by the facts of today."""
        return Registry(self._world, moment)

    def start(self, job: TuningJob) -> Nanos | None:
        """When the job may start under the quota of its project; None without one."""
        return runs.start(self._world, job.run) if self._is_limited else None

    def _versions(self, model: Model) -> Iterator[Version]:
        for name in () if model.deleted else model.jobs:
            job = self.job(name)
            progress = self.progress(job)
            since = registered(job, progress)
            edits = model.edits.get(job.version, VersionEdits())
            if since is not None and not edits.deleted:
                display_name = job.display_name if model.display_name is None else model.display_name
                yield Version(job, progress, since, edits, display_name)

    def _served(self, endpoint: Endpoint) -> Served | None:
        job = self.job(endpoint.job) if endpoint.job else None
        since = endpoint.created if job is None else _deployed(job, self.progress(job), endpoint.name)
        if endpoint.deleted or since is None:
            return None
        if endpoint.deployments is not None:
            return Served(endpoint, since, job, endpoint.deployments)
        return Served(endpoint, since, job, () if job is None else (_deployment(job, endpoint.name, since),))


def newest_first(time: Nanos, entry: Entry[Any]) -> int:
    """The rank of a record in a list whose last comes first, by a computed time and then by its age."""
    return -(time << AGES | entry.position.rank)


def unused_names(store: Store, kind: Kind[Any], mint: Callable[[], str]) -> Iterator[str]:
    """Names as they are minted, without those that are taken: with numbers as few as real ones, some come twice."""
    given: set[str] = set()
    while True:
        name = mint()
        if name not in given and not store.has(kind, name):
            given.add(name)
            yield name


def made_checkpoints(job: TuningJob, progress: Progress) -> tuple[Checkpoint, ...]:
    """The checkpoints deployed by then, in order; the last one only by success."""
    if progress.state is State.SUCCEEDED:
        return job.checkpoints
    return tuple(each for each in job.checkpoints[:-1] if each.step <= progress.completed_steps)


def trained(progress: Progress) -> bool:
    """Whether a job that has ended went through all its steps, and had some."""
    return progress.ended is not None and 0 < progress.completed_steps == progress.total_steps


def registered(job: TuningJob, progress: Progress) -> Nanos | None:
    """Since when the model registry has the job's model; None as long as it has not.

    From the first checkpoint on, or from the end of a job whose training was done: also of one that
    failed with "Failed to create endpoint. Tuned model is uploaded and can be accessed through Model
    Registry."
    """
    made = made_checkpoints(job, progress)
    if made and made[0].step < progress.total_steps:
        return step_time(job, progress, made[0].step)
    return progress.ended if trained(progress) else None


def step_time(job: TuningJob, progress: Progress, step: int) -> Nanos:
    """When a step that is done was done, in whole microseconds."""
    return tuning.micros(tuning.find_step_time(job.run, progress, step))


def _chosen(checkpoints: tuple[Checkpoint, ...], edits: VersionEdits) -> Checkpoint | None:
    wanted = (each for each in checkpoints if each.id == edits.default_checkpoint)
    return next(wanted, checkpoints[-1] if checkpoints else None)


def _deployed(job: TuningJob, progress: Progress, endpoint: str) -> Nanos | None:
    """Since when the job serves something on this endpoint of its."""
    if endpoint == job.endpoint:
        return progress.ended if progress.state is State.SUCCEEDED else None
    made = (each for each in made_checkpoints(job, progress) if each.endpoint == endpoint)
    return next((step_time(job, progress, each.step) for each in made), None)


def _deployment(job: TuningJob, endpoint: str, since: Nanos) -> Deployment:
    """What the job itself deployed on this endpoint of its."""
    checkpoint = next((each for each in job.checkpoints if each.endpoint == endpoint), None)
    return Deployment(
        id=checkpoint.deployment if checkpoint else job.deployment,
        model=job.model,
        version=job.version,
        display_name=job.display_name,
        created=since,
        checkpoint=checkpoint.id if checkpoint else "",
    )

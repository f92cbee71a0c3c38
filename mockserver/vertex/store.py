"""How tuning jobs, models and endpoints are found, as they are at a moment."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mockserver.catalog.suggestions import ask_for
from mockserver.dispatch.routing import Call
from mockserver.simulation import tuning
from mockserver.simulation.tuning import Progress
from mockserver.state.clock import Nanos
from mockserver.state.store import ALL, Collection, Entry, Missing, Position, Store
from mockserver.state.world import World
from mockserver.vertex.errors import does_not_exist, endpoint_not_found, not_found
from mockserver.vertex.records import (
    ENDPOINTS,
    ENDPOINTS_BY_TIME,
    JOBS_BY_REQUEST,
    JOBS_BY_UPDATE,
    MODELS,
    MODELS_BY_TIME,
    TUNING_JOBS,
    Checkpoint,
    Deployment,
    Endpoint,
    Model,
    TuningJob,
    VersionEdits,
    endpoint_names,
    exported_checkpoints,
    request_key,
    version_edits,
)


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


def find_tuning_job(call: Call, name: str) -> TuningJob:
    """Return the tuning job of that name. Raises 404."""
    try:
        return call.world.store.get(TUNING_JOBS, name)
    except Missing:
        raise does_not_exist("TuningJob") from None


def find_model(call: Call, name: str) -> tuple[Model, tuple[Version, ...]]:
    """Return a model that exists by now, and its versions, oldest first. Raises 404."""
    try:
        return Repository(call.world, call.now).get_model(name)
    except Missing:
        raise not_found("Model", name) from None  # the form is seen, for sessions


def find_version(call: Call, name: str) -> Version:
    """Return a version of a model, by its name as for `Repository.get_version`. Raises 404."""
    try:
        return Repository(call.world, call.now).get_version(name)
    except Missing:
        raise not_found("Model", name) from None  # the form is seen, for sessions


def find_endpoint(call: Call, name: str) -> ActiveEndpoint:
    """Return an endpoint that exists by now. Raises 404."""
    try:
        return Repository(call.world, call.now).get_endpoint(name)
    except Missing:
        raise endpoint_not_found(name).with_hint(_describe_missing_endpoint(call, name)) from None


def _describe_missing_endpoint(call: Call, name: str) -> str:
    """Return a hint for an endpoint that does not exist, or not yet."""
    store = call.world.store
    if store.has(ENDPOINTS, name):
        endpoint = store.get(ENDPOINTS, name)
        if endpoint.deleted or not endpoint.job:
            return "the endpoint was deleted"
        if endpoint.since is None:
            return f"the endpoint was never made, because its tuning job did not succeed: {endpoint.job}"
        return f"the endpoint is made when its tuning job succeeds: wait for {endpoint.job}"
    repository, (location, _, id_) = Repository(call.world, call.now), name.rpartition("/endpoints/")
    names = [entry.name for entry in islice(repository.walk_endpoints(location), MOST_NAMES)]
    all_names = [entry.name for entry in store.page(ENDPOINTS, ALL, "", limit=MOST_NAMES)]
    elsewhere = [each for each in all_names if each.endswith(f"/{id_}")]
    if elsewhere:
        return f"did you mean {elsewhere[0]}?"
    if not names:
        return f"{location} has no endpoint: a tuning job makes one when it succeeds (its tunedModel.endpoint)"
    return f"{ask_for(name, names)}These are there: {', '.join(names[:3])}"


MOST_NAMES = 100
"""Comparing names takes time: a hint looks at no more."""


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
        self._store = world.store
        self.now = now

        self.as_of = world.settings.as_of

    def walk_jobs(self, location: str, after: Position | None = None) -> Iterator[Entry[TuningJob]]:
        """Return the tuning jobs of a location behind a position, the last updated first."""
        return self._store.walk(TUNING_JOBS, JOBS_BY_UPDATE, location, after=after, at=self.now)

    def walk_requested(self, location: str) -> Iterator[Entry[TuningJob]]:
        """Return the tuning jobs of a location whose end was requested at this very moment."""
        return self._store.walk(TUNING_JOBS, JOBS_BY_REQUEST, request_key(location, self.now))

    def observe(self, job: TuningJob) -> Progress:
        """Return the progress of a job."""
        return tuning.observe(job.run, self.now)

    def find_default_endpoint(self, job: TuningJob) -> str:
        """Return the endpoint of a job that succeeded: its default checkpoint's."""
        edits = version_edits(self._store.get(MODELS, job.model), job.version)
        checkpoint = _choose_checkpoint(job.checkpoints, edits)
        return checkpoint.endpoint if checkpoint else job.endpoint

    def get_model(self, name: str) -> tuple[Model, tuple[Version, ...]]:
        """Return a model that exists, and its versions that do, oldest first."""
        model = self._store.get(MODELS, name)
        versions = self.find_versions(model)
        if not versions:
            raise Missing(name)
        return model, versions

    def get_version(self, name: str) -> Version:
        """Return a version: `.../models/N@2`, `.../models/N@alias`, or the default one for `.../models/N`."""
        name, _, key = name.partition("@")
        model, versions = self.get_model(name)
        number = int(key) if key.isdecimal() else model.aliases.get(key or "default")
        for version in versions:
            if version.number == number:
                return version
        raise Missing(f"{name}@{key}")

    def walk_models(self, location: str, after: Position | None = None) -> Iterator[Entry[Model]]:
        """Return the models of a location that exist, behind a position, the newest first."""
        return self._store.walk(MODELS, MODELS_BY_TIME, location, after=after, at=self.now)

    def get_endpoint(self, name: str) -> ActiveEndpoint:
        """Return an endpoint that exists."""
        endpoint = self._store.get(ENDPOINTS, name)
        if endpoint.deleted or endpoint.since is None or endpoint.since > self.now:
            raise Missing(name)
        return self.activate(endpoint)

    def walk_endpoints(self, location: str, after: Position | None = None) -> Iterator[Entry[Endpoint]]:
        """Return the endpoints of a location that exist, behind a position, the newest first."""
        return self._store.walk(ENDPOINTS, ENDPOINTS_BY_TIME, location, after=after, at=self.now)

    def walk_deployments(self, model: Model, version: Version) -> Iterator[tuple[str, Deployment]]:
        """Yield the deployments of a version with the names of their endpoints, those of its own job first."""
        for name in dict.fromkeys([*endpoint_names(version.job), *model.endpoints]):
            try:
                active = self.get_endpoint(name)
            except Missing:
                continue
            for deployment in active.deployments:
                if (deployment.model, deployment.version) == (model.name, version.number):
                    yield name, deployment

    def find_versions(self, model: Model) -> tuple[Version, ...]:
        """Return the versions of a model that exist, oldest first."""
        return tuple(self._versions(model))

    def _versions(self, model: Model) -> Iterator[Version]:
        for name in () if model.deleted else model.jobs:
            job = self._store.get(TUNING_JOBS, name)
            since, edits = model.registered.get(job.version), version_edits(model, job.version)
            if since is not None and since <= self.now and not edits.deleted:
                display_name = job.display_name if model.display_name is None else model.display_name
                yield Version(job, self.observe(job), tuning.micros(since), edits, display_name)

    def activate(self, endpoint: Endpoint) -> ActiveEndpoint:
        """Return an endpoint that exists, with what is deployed on it."""
        job = self._store.get(TUNING_JOBS, endpoint.job) if endpoint.job else None
        since, deployments = tuning.micros(endpoint.since or 0), endpoint.deployments
        if deployments is None:
            deployments = () if job is None else (_job_deployment(job, endpoint.name, since),)
        return ActiveEndpoint(endpoint, since, job, deployments)


def _choose_checkpoint(checkpoints: tuple[Checkpoint, ...], edits: VersionEdits) -> Checkpoint | None:
    default = (each for each in checkpoints if each.id == edits.default_checkpoint)
    return next(default, checkpoints[-1] if checkpoints else None)


def _job_deployment(job: TuningJob, endpoint: str, since: Nanos) -> Deployment:
    """Return the deployment that the job itself made on this endpoint of its own."""
    checkpoint = next((each for each in job.checkpoints if each.endpoint == endpoint), None)
    return Deployment(
        id=checkpoint.deployment if checkpoint else job.deployment,
        model=job.model,
        version=job.version,
        display_name=job.display_name,
        created=since,
        checkpoint=checkpoint.id if checkpoint else "",
    )

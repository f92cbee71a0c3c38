"""Inspects and sets up resources without a request.

Added resources have plausible times: a tuned model in state ACTIVE was created as long ago as tuning takes, and a job
that is half way through started early enough.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

import orjson

from mockserver.catalog import base_models
from mockserver.dispatch.routing import Call, Json, Route
from mockserver.dispatch.transactions import in_transaction
from mockserver.gemini import routes as gemini
from mockserver.gemini.store import EVERYONE, TUNED_MODELS, Permission, Role, TunedModel
from mockserver.gemini.tuned_model_creation import new_tuned_model
from mockserver.gemini.tuned_model_views import show_tuned_model
from mockserver.inspection.names import JobLike, NoSuchName, list_names, read_name
from mockserver.protojson.reading import bind_tree
from mockserver.protojson.version_trimming import trim_to_version
from mockserver.protojson.writing import write
from mockserver.rpc.credentials import Caller, Credentials, identify
from mockserver.rpc.errors import ApiError
from mockserver.settings.reading import nearest
from mockserver.simulation import names
from mockserver.simulation.tuning import (
    MICROSECOND,
    NEVER,
    Failure,
    Nanos,
    Run,
    State,
    cancel,
    find_step_times,
    observe,
)
from mockserver.state.store import Collection, Exists, Store
from mockserver.state.world import World
from mockserver.vertex import routes as vertex
from mockserver.vertex.locations import canonical_name
from mockserver.vertex.records import TUNING_JOBS, TuningJob, insert_tuning_job
from mockserver.vertex.store import Repository
from mockserver.vertex.tuning_job_creation import new_tuning_job, prepare_tuning_job
from mockserver.vertex.tuning_job_views import show_tuning_job

T = TypeVar("T")

TUNED_MODEL = "google.ai.generativelanguage.v1beta.TunedModel"
TUNING_JOB = "google.cloud.aiplatform.v1beta1.TuningJob"

_NAME = re.compile(r"projects/([^/:]+)/locations/([^/:]+)/([^/:]+)/([^/:@]+)")

DEFAULT_BASE = "gemini-1.5-flash-001-tuning"
DEFAULT_VERTEX_BASE = "gemini-2.0-flash-001"
"""The base models of added resources, on days on which they are tuned."""

EXAMPLES = {str(number): str(number + 1) for number in range(1, 21)}
"""The default training examples of an added model."""

_STATES = {"CREATING": State.RUNNING, "ACTIVE": State.SUCCEEDED, **{state.name: state for state in State}}


class Resources(Mapping[str, Json]):
    """Resources of one kind by name, as GET returns them now. The last segment of a name is enough."""

    def __init__(self, world: World, kind: Collection[Any], view: Callable[[Any], Json]) -> None:
        self._world = world
        self._kind = kind
        self._view = view

    def __getitem__(self, resource: JobLike) -> Json:
        __tracebackhide__ = True
        name = read_name(resource)
        for entry in self._world.store.walk(self._kind):
            if name in {entry.name, entry.name.rpartition("/")[2]}:
                return self._view(entry.record)
        raise NoSuchName(f"there is no {name!r}; there are: {list_names([*self])}")

    def __iter__(self) -> Iterator[str]:
        return (entry.name for entry in self._world.store.walk(self._kind))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<{self._kind.name}: {', '.join(self) or 'none'}>"


def tuned_models(world: World) -> Resources:
    """Return the tuned models of the Developer API, as in v1beta."""
    return Resources(
        world, TUNED_MODELS, lambda model: _to_json(TUNED_MODEL, show_tuned_model(model, world.clock.now()))
    )


def tuning_jobs(world: World) -> Resources:
    """Return the tuning jobs of Vertex AI, as in v1beta1."""

    def view(job: TuningJob) -> Json:
        now = world.clock.now()
        return _to_json(TUNING_JOB, show_tuning_job(Repository(world, now), job, now))

    return Resources(world, TUNING_JOBS, view)


def add_tuned_model(
    world: World,
    /,
    name: str = "",
    *,
    examples: Mapping[str, str] | None = None,
    state: str = "ACTIVE",
    step: int | None = None,
    error: Failure | None = None,
    owner: str = "",
    **members: Any,
) -> str:
    """Add a tuned model and return its name.

    `state` is CREATING, ACTIVE or FAILED; `step` is the current step, or the one after which it failed (default: half
    of them). `owner` is an e-mail address or an API key; without one everybody owns the model. `members` are those of
    the resource, such as display_name, base_model or tuning_task. ValueError for what the service would refuse.
    """
    route = _route(gemini.ROUTES, "tunedModels.create", "v1beta")
    base = _base_to_tune(world.settings.as_of, DEFAULT_BASE, vertex=False)
    tree = {"base_model": f"models/{base}", "display_name": "added", **members}
    model = _raise_value_errors(lambda: bind_tree(TUNED_MODEL, tree))
    data = EXAMPLES if examples is None else examples
    pairs = [{"textInput": text, "output": output} for text, output in data.items()]
    model.setdefault("tuningTask", {})["trainingData"] = {"examples": {"examples": pairs}}
    message = {"tunedModel": model, "tunedModelId": name.removeprefix("tunedModels/")}
    call = _call(world, route, message, owner=owner)
    created = _raise_value_errors(lambda: new_tuned_model(call))
    run = _age_run(created.run, _parse_state(state), step, error)
    permissions = created.permissions if owner else _permissions_for_everybody(created, world)
    model_row = replace(created, run=run, permissions=permissions)
    try:
        world.store.insert(TUNED_MODELS, model_row.name, model_row)
    except Exists:
        raise ValueError(f"the tuned model {model_row.name} already exists") from None
    return model_row.name


def add_tuning_job(  # noqa: PLR0913 - all but the world and the name are given by name
    world: World,
    /,
    name: str = "",
    *,
    model: str = "",
    endpoint: str = "",
    project: str = "",
    location: str = "us-central1",
    state: str = "SUCCEEDED",
    step: int | None = None,
    error: Failure | None = None,
    **members: Any,
) -> str:
    """Add a tuning job, with the model and the endpoints that it has in that state, and return its name.

    `name`, `model` and `endpoint` are the names that the job, its model and its endpoint get, or the last segments of
    them; a full `name` says project and location too. Without them they are generated. `state` is PENDING, RUNNING,
    SUCCEEDED, FAILED, CANCELLING or CANCELLED, with or without JOB_STATE_ before it; `step` and `members` are as for
    tuned models. ValueError for what the service would refuse, and for a name that is taken.
    """
    if "/" in name:
        project, location = _parse_name(name, "tuningJobs")[:2]
    call = _job_request(world, f"projects/{project or world.credentials.project}/locations/{location}", members)
    message = call.message["tuningJob"]
    preparation = _raise_value_errors(lambda: prepare_tuning_job(call, message))

    def change(transaction: Store) -> str:
        job = _raise_value_errors(lambda: new_tuning_job(in_transaction(call, transaction), message, preparation))
        run = _age_run(job.run, _parse_state(state.removeprefix("JOB_STATE_")), step, error)
        new_job = _rename_job(replace(job, run=run), name, model, endpoint)
        insert_tuning_job(transaction, new_job)
        return new_job.name

    try:
        return world.store.transact(change)
    except Exists as taken:
        raise ValueError(f"{taken} already exists") from None


def _job_request(world: World, parent: str, members: Mapping[str, Any]) -> Call:
    """Return the call that creates a job with these members, and defaults for those that every job needs."""
    tree = {
        "base_model": _base_to_tune(world.settings.as_of, DEFAULT_VERTEX_BASE, vertex=True),
        "supervised_tuning_spec": {"training_dataset_uri": "gs://mockserver/train.jsonl"},
        **members,
    }
    message = _raise_value_errors(lambda: bind_tree(TUNING_JOB, tree))
    route = _route(vertex.ROUTES, "projects.locations.tuningJobs.create", "v1beta1")
    return _call(world, route, {"parent": parent, "tuningJob": message})


def _rename_job(job: TuningJob, name: str, model: str, endpoint: str) -> TuningJob:
    """Return the job with the given names. A name is a full one, a last segment, or "" for the generated one."""
    chosen_model = _choose_name(job.model, model)
    job = replace(
        job,
        name=_choose_name(job.name, name),
        model=chosen_model,
        version=job.version if chosen_model == job.model else 1,
        endpoint=_choose_name(job.endpoint, endpoint),
    )
    if not job.checkpoints:
        return job
    *others, last = job.checkpoints
    return replace(job, checkpoints=(*others, replace(last, endpoint=job.endpoint)))


def _choose_name(generated: str, new_name: str) -> str:
    """Return the wanted name of a resource, in the project and location of the generated one.

    ValueError if it differs.
    """
    parent, collection, _ = generated.rsplit("/", 2)
    if not new_name:
        return generated
    if "/" not in new_name:
        new_name = f"{parent}/{collection}/{new_name}"
    project, location, segment = _parse_name(new_name, collection)
    name = canonical_name(f"projects/{project}/locations/{location}/{collection}/{segment}")
    if not name.startswith(f"{parent}/"):
        raise ValueError(f"{new_name} is not in {parent}, where the job is")
    return name


def _parse_name(name: str, collection: str) -> tuple[str, str, str]:
    """Return the project, the location and the last segment of a full name. ValueError for another form."""
    match = _NAME.fullmatch(name)
    if match is None or match[3] != collection:
        raise ValueError(f"{name!r} is not a name like projects/P/locations/L/{collection}/ID, nor its last segment")
    return match[1], match[2], match[4]


def _age_run(run: Run, state: State, step: int | None, error: Failure | None) -> Run:
    """Return the run with earlier times, so that it is in that state now."""
    step = run.total_steps // 2 if step is None else step
    if not 0 <= step <= run.total_steps:
        raise ValueError(f"step must be between 0 and {run.total_steps}, the number of steps, not {step}")
    if state is State.PENDING:
        return run
    if state is State.FAILED:
        run = replace(run, fail_at_step=step, failure=error)
    moment = _find_time_of_step(run, step)
    if state is State.CANCELLED:
        run = cancel(run, moment)
    end = observe(run, NEVER - 1).ended
    if state in {State.SUCCEEDED, State.FAILED, State.CANCELLED} and end is not None:
        moment = end
    older = _shift_run(run, moment - run.created)
    return cancel(older, run.created) if state is State.CANCELLING else older


def _find_time_of_step(run: Run, step: int) -> Nanos:
    """Return when the run completes a step; step 0 is its start."""
    whole = observe(replace(run, fail_at_step=None), NEVER - 1)
    return find_step_times(run, whole, [step])[0] if step else whole.started or run.created


def _shift_run(run: Run, age: Nanos) -> Run:
    """Move the times of a run back by `age`, rounded up to whole microseconds, the precision of its shown times."""
    age += -age % MICROSECOND + MICROSECOND
    cancelled = None if run.cancelled is None else run.cancelled - age
    return replace(run, created=run.created - age, cancelled=cancelled, waits=False, free_at=0)


def _permissions_for_everybody(model: TunedModel, world: World) -> tuple[Permission, ...]:
    """Return permissions for every caller. The real service has no such models; they keep tests short."""
    key = identify(Credentials(key=world.credentials.api_key)).principal
    rng = world.rng("added permissions")
    others = [Permission(names.permission_id(rng), whose, Role.OWNER) for whose in (key, EVERYONE)]
    return (*model.permissions, *others)


def _call(world: World, route: Route, message: Json, *, owner: str = "") -> Call:
    # What a tester puts there was made at some other time: it is not held to the day's rules for new requests.
    settings = replace(world.settings, as_of=None, over_quota="wait")
    return Call(world, settings, world.clock.now(), _caller(world, owner), route, message)


def _base_to_tune(as_of: date | None, default: str, *, vertex: bool) -> str:
    """Return the id of a base model that is tuned on that day, the last of its list; without one the default."""
    on_day = [
        base.id
        for base in base_models.models(as_of, vertex=vertex)
        if (base.tunes_on_vertex(as_of) if vertex else base.tunable(as_of))
    ]
    return default if as_of is None or default in on_day or not on_day else on_day[-1]


def _caller(world: World, owner: str) -> Caller:
    credentials = Credentials(bearer=owner or "anybody") if not owner or "@" in owner else Credentials(key=owner)
    return identify(credentials, default_user=world.settings.default_user)


def _route(routes: Iterable[Route], method: str, version: str) -> Route:
    return next(route for route in routes if route.id == method and route.version == version)


def _parse_state(word: str) -> State:
    if word not in _STATES:
        near = nearest(word, _STATES)
        hint = f"did you mean {near!r}?" if near else f"the states are {', '.join(_STATES)}"
        raise ValueError(f"unknown state {word!r}; {hint}")
    return _STATES[word]


def _raise_value_errors(function: Callable[[], T]) -> T:
    """Call a function; convert the service's error to a ValueError, with its hint."""
    __tracebackhide__ = True
    try:
        return function()
    except ApiError as error:
        raise ValueError(f"{error.message} ({error.hint})" if error.hint else error.message) from None


def _to_json(message: str, value: Mapping[str, Any]) -> Json:
    tree: Json = orjson.loads(write(message, trim_to_version(message, value)))
    return tree

"""Looking at resources, and setting them up, without a request.

What is added has a past: a tuned model in state ACTIVE was made as long ago as tuning takes, and a job
that is half way through began when it would have to.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import orjson

from mockserver.dispatch.routing import Call, Json, Route
from mockserver.dispatch.transactions import in_transaction
from mockserver.gemini import routes as gemini
from mockserver.gemini.store import EVERYONE, TUNED_MODELS, Permission, Role, TunedModel
from mockserver.gemini.tuned_model_creation import new_tuned_model
from mockserver.gemini.tuned_model_views import tuned_model
from mockserver.protojson.reading import bind_tree
from mockserver.protojson.writing import write
from mockserver.rpc.credentials import Caller, Credentials, identify
from mockserver.rpc.errors import ApiError
from mockserver.simulation import names
from mockserver.simulation.tuning import (
    MICROSECOND,
    NEVER,
    Failure,
    Nanos,
    Run,
    State,
    cancel,
    computed,
    observe,
)
from mockserver.state.store import Exists, Kind, Store
from mockserver.state.world import World
from mockserver.vertex import routes as vertex
from mockserver.vertex.store import TUNING_JOBS, Registry, TuningJob
from mockserver.vertex.tuning_job_creation import new_job, prepare
from mockserver.vertex.tuning_jobs import tuning_job

T = TypeVar("T")

TUNED_MODEL = "google.ai.generativelanguage.v1beta.TunedModel"
TUNING_JOB = "google.cloud.aiplatform.v1beta1.TuningJob"

EXAMPLES = {str(number): str(number + 1) for number in range(1, 21)}
"""What a model that is added has learnt, unless it is told something else."""

_STATES = {"CREATING": State.RUNNING, "ACTIVE": State.SUCCEEDED, **{state.name: state for state in State}}


class Resources(Mapping[str, Json]):
    """Resources of one kind by name, each as a GET would show it now. The last part of a name is enough."""

    def __init__(self, world: World, kind: Kind[Any], show: Callable[[Any], Json]) -> None:
        self._world = world
        self._kind = kind
        self._show = show

    def __getitem__(self, name: str) -> Json:
        for entry in self._world.store.walk(self._kind):
            if name in {entry.name, entry.name.rpartition("/")[2]}:
                return self._show(entry.record)
        raise KeyError(f"{name}; there are: {', '.join(self) or 'none'}")

    def __iter__(self) -> Iterator[str]:
        return (entry.name for entry in self._world.store.walk(self._kind))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def tuned_models(world: World) -> Resources:
    """The tuned models of the Developer API, as v1beta shows them."""
    return Resources(world, TUNED_MODELS, lambda model: _shown(TUNED_MODEL, tuned_model(model, world.clock.now())))


def tuning_jobs(world: World) -> Resources:
    """The tuning jobs of Vertex AI, as v1beta1 shows them."""

    def show(job: TuningJob) -> Json:
        now = world.clock.now()
        return _shown(TUNING_JOB, tuning_job(Registry(world, now), job, "v1beta1", now))

    return Resources(world, TUNING_JOBS, show)


def add_tuned_model(
    world: World,
    name: str = "",
    *,
    examples: Mapping[str, str] | None = None,
    state: str = "ACTIVE",
    step: int | None = None,
    error: Failure | None = None,
    owner: str = "",
    **members: Any,
) -> str:
    """Put a tuned model there and give its name.

    `state` is CREATING, ACTIVE or FAILED; `step` is where it is then, or where it failed: half way, if not told.
    `owner` is an e-mail address or an API key; without one the model is everybody's. `members` are those of the
    resource, such as display_name, base_model or tuning_task. ValueError for what the service would refuse.
    """
    route = _route(gemini.ROUTES, "tunedModels.create", "v1beta")
    tree = {"base_model": "models/gemini-1.5-flash-001-tuning", "display_name": "added", **members}
    model = _told(lambda: bind_tree(TUNED_MODEL, tree))
    data = EXAMPLES if examples is None else examples
    pairs = [{"textInput": given, "output": output} for given, output in data.items()]
    model.setdefault("tuningTask", {})["trainingData"] = {"examples": {"examples": pairs}}
    message = {"tunedModel": model, "tunedModelId": name.removeprefix("tunedModels/")}
    call = _call(world, route, message, owner=owner)
    made = _told(lambda: new_tuned_model(call))
    run = _aged(made.run, _state(state), step, error)
    kept = replace(made, run=run, permissions=made.permissions if owner else _everybody(made, world))
    try:
        world.store.insert(TUNED_MODELS, kept.name, kept)
    except Exists:
        raise ValueError(f"there is a tuned model {kept.name} already") from None
    return kept.name


def add_tuning_job(
    world: World,
    *,
    project: str = "",
    location: str = "us-central1",
    state: str = "SUCCEEDED",
    step: int | None = None,
    error: Failure | None = None,
    **members: Any,
) -> str:
    """Put a tuning job there, with the model and the endpoints it has by then, and give its name.

    `state` is PENDING, RUNNING, SUCCEEDED, FAILED, CANCELLING or CANCELLED, with or without JOB_STATE_ before it;
    `step` and `members` are as for tuned models. ValueError for what the service would refuse.
    """
    parent = f"projects/{project or world.credentials.project}/locations/{location}"
    tree = {
        "base_model": "gemini-2.0-flash-001",
        "supervised_tuning_spec": {"training_dataset_uri": "gs://mockserver/train.jsonl"},
        **members,
    }
    sent = _told(lambda: bind_tree(TUNING_JOB, tree))
    route = _route(vertex.ROUTES, "projects.locations.tuningJobs.create", "v1beta1")
    call = _call(world, route, {"parent": parent, "tuningJob": sent}, path={"parent": parent})
    prepared = _told(lambda: prepare(call, sent))

    def change(transaction: Store) -> str:
        job = _told(lambda: new_job(in_transaction(call, transaction), sent, prepared))
        run = _aged(job.run, _state(state.removeprefix("JOB_STATE_")), step, error)
        transaction.replace(TUNING_JOBS, job.name, replace(job, run=run))
        return job.name

    return world.store.transact(change)


def _aged(run: Run, state: State, step: int | None, error: Failure | None) -> Run:
    """The run as one that is in that state now: begun so long ago, and with that fate."""
    step = run.total_steps // 2 if step is None else step
    if not 0 <= step <= run.total_steps:
        raise ValueError(f"there are {run.total_steps} steps, so it cannot be at step {step}")
    if state is State.PENDING:
        return run
    if state is State.FAILED:
        run = replace(run, fail_at_step=step, failure=error)
    moment = _time_of(run, step)
    if state is State.CANCELLED:
        run = cancel(run, moment)
    ended = observe(run, NEVER - 1).ended
    if state in {State.SUCCEEDED, State.FAILED, State.CANCELLED} and ended is not None:
        moment = ended
    aged = _shifted(run, moment - run.created)
    return cancel(aged, run.created) if state is State.CANCELLING else aged


def _time_of(run: Run, step: int) -> Nanos:
    """When the run comes to a step; it starts with step 0."""
    whole = observe(replace(run, fail_at_step=None), NEVER - 1)
    return computed(run, whole, step) if step else whole.started or run.created


def _shifted(run: Run, age: Nanos) -> Run:
    """The run, begun so much earlier, and a microsecond more: what is told of its times is cut to those."""
    age += -age % MICROSECOND + MICROSECOND
    cancelled = None if run.cancelled is None else run.cancelled - age
    return replace(run, created=run.created - age, cancelled=cancelled, waits=False)


def _everybody(model: TunedModel, world: World) -> tuple[Permission, ...]:
    """The permissions of a model that is everybody's: nobody real has it, but a test has better things to do."""
    key = identify(Credentials(key=world.credentials.api_key)).principal
    rng = world.rng("added permissions")
    others = [Permission(names.permission_id(rng), whose, Role.OWNER) for whose in (key, EVERYONE)]
    return (*model.permissions, *others)


def _call(world: World, route: Route, message: Json, *, path: Mapping[str, str] | None = None, owner: str = "") -> Call:
    return Call(world, world.clock.now(), _caller(world, owner), route, message, path or {})


def _caller(world: World, owner: str) -> Caller:
    credentials = Credentials(bearer=owner or "anybody") if not owner or "@" in owner else Credentials(key=owner)
    return identify(credentials, default_user=world.settings.default_user)


def _route(routes: Iterable[Route], method: str, version: str) -> Route:
    return next(route for route in routes if route.id == method and route.version == version)


def _state(word: str) -> State:
    if word not in _STATES:
        raise ValueError(f"there is no state {word!r}; the states are {', '.join(_STATES)}")
    return _STATES[word]


def _told(make: Callable[[], T]) -> T:
    """What is made, or what the service says against it as a ValueError."""
    try:
        return make()
    except ApiError as error:
        raise ValueError(error.message) from None


def _shown(message: str, value: Mapping[str, Any]) -> Json:
    shown: Json = orjson.loads(write(message, value))
    return shown

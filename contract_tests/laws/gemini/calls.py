"""Calls of the Developer API's handlers, without any HTTP: a world, a caller, a message."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from mockserver.dispatch.routing import Call, Pause, Route
from mockserver.gemini.routes import ROUTES
from mockserver.protojson.version_trimming import trim_message
from mockserver.rpc.credentials import Credentials, identify
from mockserver.rpc.errors import ApiError
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

Json = dict[str, Any]

START = datetime(2024, 3, 14, 15, 0, 0, 123456, tzinfo=UTC)
ALICE = "alice@example.com"
BOB = "bob@example.com"
CAROL = "carol@example.com"

PRO = "models/gemini-1.0-pro-001"
FLASH = "models/gemini-1.5-flash-001-tuning"
BISON = "models/text-bison-001"

OPERATIONS_ON_V1 = {"tunedModels.operations.cancel", "operations.list"}


def new_world(*, as_of: date | None = None, **settings: Any) -> World:
    """A world whose clock stands still in March 2024."""
    return World(ManualClock(START), Settings(seed=1, as_of=as_of, **settings))


def advance(world: World, seconds: float) -> None:
    """Let time pass."""
    world.clock.advance(seconds)


def route(method: str, version: str) -> Route:
    """The route of that method id and version."""
    return next(route for route in ROUTES if route.id == method and route.version == version)


def call(world: World, method: str, message: Json, version: str, **who: str) -> Call:
    """The call of a caller: `bearer` or `key`, and `project`; Alice without any."""
    credentials = Credentials(**who) if who else Credentials(bearer=ALICE)
    caller = identify(credentials)
    return Call(
        world=world,
        settings=world.settings,
        now=world.clock.now(),
        caller=caller,
        route=route(method, version),
        message=message,
    )


def invoke(world: World, method: str, message: Json, version: str = "", **who: str) -> Json:
    """Return the answer of a method, in its version."""
    version = version or ("v1" if method in OPERATIONS_ON_V1 else "v1beta")
    invocation = call(world, method, message, version, **who)
    answer = invocation.route.handler(invocation)
    assert isinstance(answer, Mapping)
    return dict(trim_message(invocation.route.response, answer))


def stream(world: World, method: str, message: Json, version: str = "v1beta", **who: str) -> list[Json | Pause]:
    """Return all messages of a streaming method."""
    invocation = call(world, method, message, version, **who)
    answer = invocation.route.handler(invocation)
    assert isinstance(answer, Iterator)
    return [item if isinstance(item, Pause) else dict(item) for item in answer]


def refusal(world: World, method: str, message: Json, version: str = "", **who: str) -> tuple[str, str]:
    """Return the status and the message of the error that a method raises."""
    with pytest.raises(ApiError) as refused:
        invoke(world, method, message, version, **who)
    return refused.value.code.name, refused.value.message


def request(base: str = PRO, examples: int = 15, **members: Any) -> Json:
    """The message of a create request that nothing is wrong with."""
    task: Json = {"trainingData": {"examples": {"examples": _examples(examples)}}}
    if hyperparameters := members.pop("hyperparameters", None):
        task["hyperparameters"] = hyperparameters
    message: Json = {
        "tunedModel": {"displayName": "number generator", "baseModel": base, "tuningTask": task, **members}
    }
    if tuned_model_id := message["tunedModel"].pop("id", None):
        message["tunedModelId"] = tuned_model_id
    return message


def tune(world: World, base: str = PRO, *, version: str = "v1beta", bearer: str = ALICE, **members: Any) -> str:
    """Begin a tuning run; the name of the model."""
    operation = invoke(world, "tunedModels.create", request(base, **members), version, bearer=bearer)
    name: str = operation["metadata"]["tunedModel"]
    return name


def trained(world: World, base: str = PRO, *, version: str = "v1beta", bearer: str = ALICE, **members: Any) -> str:
    """Tune a model and wait until it is done; its name."""
    name = tune(world, base, version=version, bearer=bearer, **members)
    advance(world, 3600)
    return name


def get(world: World, name: str, bearer: str = ALICE) -> Json:
    """The tuned model as it is now."""
    return invoke(world, "tunedModels.get", {"name": name}, bearer=bearer)


def operation_of(world: World, name: str, version: str = "v1") -> Json:
    """The operation of a tuned model as it is now."""
    operation: Json = invoke(world, "tunedModels.operations.list", {"name": name}, version)["operations"][0]
    return operation


def _examples(count: int) -> list[Json]:
    return [{"textInput": str(number), "output": str(number + 1)} for number in range(1, count + 1)]

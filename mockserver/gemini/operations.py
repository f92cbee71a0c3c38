"""Operations of tunedModels: get and list on v1 and v1beta, cancel on v1 only."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.dispatch.transactions import transactional
from mockserver.gemini.errors import not_found
from mockserver.gemini.store import (
    EVERYONE,
    TUNED_MODELS,
    Role,
    TunedModel,
    allows,
    find,
    own_lists,
    walk,
)
from mockserver.gemini.tuned_model_views import operation
from mockserver.rpc.errors import ApiError, Code, invalid_argument
from mockserver.rpc.paging import page_walk
from mockserver.simulation.tuning import cancel

Json = dict[str, Any]

_FILTERS = {"": None, "done=true": True, "done:true": True, "done=false": False, "done:false": False}


def get_operation(call: Call) -> Json:
    """The operation, whatever became of it: a failed one is HTTP 200 too."""
    return operation(_find(call, call.message["name"], Role.READER), call)


def list_operations(call: Call) -> Json:
    """The operations of a tuned model (it has one), or under `operations` all the caller may see."""
    asked = call.message
    name = asked["name"]
    wanted = asked.get("filter", "")

    def fitting(after: tuple[int, str] | None) -> Iterator[TunedModel]:
        models = _readable(call, after) if name == "operations" else _own(find(call, name, Role.READER), after)
        return (model for model in models if _passes(model, call, wanted))

    shown, token = page_walk(
        fitting,
        key=lambda model: model.operation,
        rank=lambda model: model.run.created,
        page_size=asked.get("pageSize"),
        page_token=asked.get("pageToken"),
        default=10,
        maximum=1000,
        scope="tunedModels",
    )
    found: Json = {"operations": [operation(model, call) for model in shown]}
    return found | ({"nextPageToken": token} if token else {})


@transactional
def cancel_operation(call: Call) -> Json:
    """Stop the training. Of a run that has ended nothing changes, and nobody is told (AIP-151: best effort)."""
    model = _find(call, call.message["name"], Role.WRITER)
    call.world.store.replace(TUNED_MODELS, model.name, replace(model, run=cancel(model.run, call.now)))
    return {}


def delete_operation(_: Call) -> Json:
    """501: there is a route, and nothing behind it ("MethodNotImplemented" in the comments of Google's SDKs)."""
    raise ApiError(
        Code.UNIMPLEMENTED, "Operation is not implemented, or supported, or enabled."
    )  # our choice: not seen


def _find(call: Call, name: str, need: Role) -> TunedModel:
    model = find(call, name.partition("/operations/")[0], need)
    if model.operation != name:
        raise not_found()
    return model


def _readable(call: Call, after: tuple[int, str] | None) -> Iterator[TunedModel]:
    """What the caller may see, the oldest first, behind the creation and name of an operation."""
    behind = None if after is None else (after[0], after[1].partition("/operations/")[0])
    lists = {""} if call.world.settings.auth == "off" else {*own_lists(call), EVERYONE}
    return (model for model in walk(call, lists, behind) if allows(model, call, Role.READER))


def _own(model: TunedModel, after: tuple[int, str] | None) -> Iterator[TunedModel]:
    if after is None:  # the only one
        yield model


def _passes(model: TunedModel, call: Call, wanted: str) -> bool:
    if wanted not in _FILTERS:
        raise invalid_argument(f"Invalid filter: {wanted}")  # our choice: not seen
    done = _FILTERS[wanted]
    return done is None or done is model.state(call.now).terminal

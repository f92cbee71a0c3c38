"""Operations of tunedModels: get and list on v1 and v1beta, cancel on v1 only."""

from dataclasses import replace
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.gemini.errors import not_found
from mockserver.gemini.store import TUNED_MODELS, Role, TunedModel, allows, find
from mockserver.gemini.tuned_model_views import operation
from mockserver.rpc.errors import ApiError, Code, invalid_argument
from mockserver.rpc.paging import page
from mockserver.simulation.tuning import cancel
from mockserver.state.store import Missing

Json = dict[str, Any]

_FILTERS = {"": None, "done=true": True, "done:true": True, "done=false": False, "done:false": False}


def get_operation(call: Call) -> Json:
    """The operation, whatever became of it: a failed one is HTTP 200 too."""
    return operation(_find(call, call.message["name"], Role.READER), call)


def list_operations(call: Call) -> Json:
    """The operations of a tuned model (it has one), or under `operations` all the caller may see."""
    asked = call.message
    name = asked["name"]
    models = _readable(call) if name == "operations" else [find(call, name, Role.READER)]
    shown, token = page(
        [model for model in models if _passes(model, call, asked.get("filter", ""))],
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


def cancel_operation(call: Call) -> Json:
    """Stop the training. Of a run that has ended nothing changes, and nobody is told (AIP-151: best effort)."""
    model = _find(call, call.message["name"], Role.WRITER)
    try:
        call.world.change(TUNED_MODELS, model.name, lambda it: replace(it, run=cancel(it.run, call.now)))
    except Missing:
        raise not_found() from None
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


def _readable(call: Call) -> list[TunedModel]:
    models = (model for _, model in call.world.store.items(TUNED_MODELS))
    found = (model for model in models if allows(model, call, Role.READER))
    return sorted(found, key=lambda model: (model.run.created, model.operation))


def _passes(model: TunedModel, call: Call, wanted: str) -> bool:
    if wanted not in _FILTERS:
        raise invalid_argument(f"Invalid filter: {wanted}")  # our choice: not seen
    done = _FILTERS[wanted]
    return done is None or done is model.state(call.now).terminal

"""Operations of tunedModels: get and list on v1 and v1beta, cancel on v1 only."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from mockserver.dispatch.lists import list_index_response
from mockserver.dispatch.routing import Call
from mockserver.dispatch.transactions import transactional
from mockserver.gemini.errors import not_found
from mockserver.gemini.store import (
    EVERYONE,
    TUNED_MODELS,
    Role,
    TunedModel,
    find_tuned_model,
    has_role,
    own_keys,
    principal_keys,
    walk_tuned_models,
)
from mockserver.gemini.tuned_model_views import poll_operation, show_operation
from mockserver.rpc.errors import ApiError, Code, invalid_argument
from mockserver.simulation.tuning import cancel
from mockserver.state.store import Position

Json = dict[str, Any]

_FILTERS = {"": None, "done=true": True, "done:true": True, "done=false": False, "done:false": False}


def find_operation(call: Call, name: str, role: Role) -> TunedModel:
    """Return the tuned model of an operation, if the caller has at least the role. Raises 404, or 403."""
    model = find_tuned_model(call, name.partition("/operations/")[0], role)
    if model.operation != name:
        raise not_found()
    return model


def get_operation(call: Call) -> Json:
    """Return an operation; a failed one is HTTP 200 too."""
    return poll_operation(find_operation(call, call.message["name"], Role.READER), call)


def list_operations(call: Call) -> Json:
    """List the one operation of a tuned model, or under `operations` all that the caller may see."""
    name, text = call.message["name"], call.message.get("filter", "")
    fits = operation_filter(text)

    def walk(after: Position | None) -> Iterator[TunedModel]:
        if name == "operations":
            models = _walk_readable(call, after)
        else:
            model = find_tuned_model(call, name, Role.READER)
            models = iter([model] if after is None else [])
        return (model for model in models if fits(model.state(call.now).terminal))

    return list_index_response(
        call,
        "operations",
        walk,
        show=lambda model: show_operation(model, call),
        key=lambda model: model.operation,
        rank=lambda model: model.run.created,
        default=10,
        maximum=1000,
        scope=f"tunedModels?{name}&{text}",
    )


@transactional
def cancel_operation(call: Call) -> Json:
    """Stop the training. A run that has ended stays as it is, with the same answer (AIP-151: best effort)."""
    model = find_operation(call, call.message["name"], Role.WRITER)
    call.world.store.replace(TUNED_MODELS, model.name, replace(model, run=cancel(model.run, call.now)))
    return {}


def delete_operation(_: Call) -> Json:
    """501: there is a route, and nothing behind it ("MethodNotImplemented" in the comments of Google's SDKs)."""
    # What other Google services say with this status.
    raise ApiError(Code.UNIMPLEMENTED, "Operation is not implemented, or supported, or enabled.")


def _walk_readable(call: Call, after: Position | None) -> Iterator[TunedModel]:
    """Return the models that the caller may see, oldest first, behind the position of an operation."""
    behind = None if after is None else Position(after.rank, str(after.tie).partition("/operations/")[0])
    keys = {""} if call.settings.auth == "off" else own_keys(call) | principal_keys(EVERYONE)
    return (model for model in walk_tuned_models(call, keys, behind) if has_role(model, call, Role.READER))


def operation_filter(text: str) -> Callable[[bool], bool]:
    """Return the test of whether an operation that is done, or not, fits a filter. Raises ApiError."""
    if text not in _FILTERS:
        raise invalid_argument(f"Invalid filter: {text}")  # our choice: not seen
    wanted = _FILTERS[text]
    return lambda is_done: wanted is None or wanted is is_done

"""tunedModels: create, get, list, patch, delete."""

from dataclasses import replace
from typing import Any

from mockserver.catalog import base_models
from mockserver.dispatch.lists import list_index_response
from mockserver.dispatch.routing import Call, Handled, with_hint
from mockserver.dispatch.runs import describe_unreached_step
from mockserver.dispatch.transactions import transactional
from mockserver.gemini.errors import already_exists, id_denied, invalid_fields
from mockserver.gemini.filters import filter_tuned_models
from mockserver.gemini.store import TUNED_MODELS, Role, find_tuned_model, own_role
from mockserver.gemini.tuned_model_creation import (
    check_display_name,
    default_sampling,
    new_tuned_model,
    sampling_violations,
)
from mockserver.gemini.tuned_model_views import poll_tuned_model, show_operation, show_tuned_model
from mockserver.gemini.versions import message_name, message_version
from mockserver.protojson.field_mask import merge
from mockserver.state.store import Exists

Json = dict[str, Any]

MUTABLE = ("display_name", "description", "temperature", "top_p", "top_k", "reader_project_numbers")
"""The fields that a PATCH may change."""

_MESSAGE = message_name("v1beta", "TunedModel")


@transactional
def create_tuned_model(call: Call) -> Handled:
    """Begin a tuning run. The model exists from now on, in state CREATING."""
    model = new_tuned_model(call)
    try:
        call.world.store.insert(TUNED_MODELS, model.name, model)
    except Exists:
        is_own = own_role(call.world.store.get(TUNED_MODELS, model.name), call) == Role.OWNER
        raise (already_exists if is_own else id_denied)(model.name) from None
    return with_hint(show_operation(model, call), describe_unreached_step(model.run))


def get_tuned_model(call: Call) -> Json:
    """Return a tuned model of the caller's, or one shared with them."""
    return poll_tuned_model(find_tuned_model(call, call.message["name"], Role.READER), call.now)


def list_tuned_models(call: Call) -> Json:
    """List the caller's tuned models, and those shared with them, oldest first [seen]; whole resources [seen]."""
    text = call.message.get("filter", "")
    return list_index_response(
        call,
        "tunedModels",
        lambda after: filter_tuned_models(call, text, after),
        show=lambda model: show_tuned_model(model, call.now),
        key=lambda model: model.name,
        rank=lambda model: model.run.created,
        default=10,
        maximum=1000,
        scope=f"tunedModels?{text}" if text else "tunedModels",
    )


@transactional
def update_tuned_model(call: Call) -> Json:
    """Change the mutable fields that the mask names, else those in the body; the rest of the body is ignored.

    v1beta3 returns the masked members only [seen: 2023-09]; later versions return the whole resource, as other
    resources of the host do. The update time does not change [seen: 2023-09].
    """
    body = call.message.get("tunedModel", {})
    model = find_tuned_model(call, body["name"], Role.WRITER)
    paths = call.message.get("updateMask")
    members = merge(_MESSAGE, show_tuned_model(model, call.now), body, paths, mutable=MUTABLE)
    base = base_models.find(model.run.base, None)
    check_display_name(members)
    if base and (violations := [*sampling_violations(members, base)]):
        raise invalid_fields(*violations)
    sampling = default_sampling(base) if base else {"temperature": None, "top_p": None, "top_k": None}
    new_model = replace(
        model,
        display_name=members.get("displayName", ""),
        description=members.get("description", ""),
        temperature=members.get("temperature", sampling["temperature"]),
        top_p=members.get("topP", sampling["top_p"]),
        top_k=members.get("topK", sampling["top_k"]),
        reader_projects=tuple(members.get("readerProjectNumbers", ())),
    )
    call.world.store.replace(TUNED_MODELS, model.name, new_model)
    resource = show_tuned_model(new_model, call.now)
    if message_version(call) == "v1beta3" and paths:
        return merge(_MESSAGE, {}, resource, [path for path in paths if path in MUTABLE])
    return resource


@transactional
def delete_tuned_model(call: Call) -> Json:
    """Delete a tuned model, its operation and its permissions, even while its run goes on."""  # our choice: not seen
    model = find_tuned_model(call, call.message["name"], Role.OWNER)
    call.world.store.delete(TUNED_MODELS, model.name)
    return {}

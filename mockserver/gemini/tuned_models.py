"""tunedModels: create, list, get, patch, delete."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mockserver.catalog import base_models
from mockserver.dispatch.routing import Call
from mockserver.dispatch.transactions import transactional
from mockserver.gemini.errors import invalid
from mockserver.gemini.filters import search
from mockserver.gemini.store import TUNED_MODELS, Role, TunedModel, find
from mockserver.gemini.tuned_model_creation import (
    check_display_name,
    conflict,
    default_sampling,
    new_tuned_model,
    sampling_findings,
)
from mockserver.gemini.tuned_model_views import operation, tuned_model
from mockserver.gemini.versions import PACKAGE, message_version
from mockserver.protojson.field_mask import merge
from mockserver.rpc.paging import page_walk
from mockserver.state.store import Exists

Json = dict[str, Any]

MUTABLE = ("display_name", "description", "temperature", "top_p", "top_k", "reader_project_numbers")
"""What a PATCH may change."""

_MESSAGE = f"{PACKAGE}.v1beta.TunedModel"


@transactional
def create_tuned_model(call: Call) -> Json:
    """Begin a tuning run. The model is there from now on, in state CREATING."""
    model = new_tuned_model(call)
    try:
        call.world.store.insert(TUNED_MODELS, model.name, model)
    except Exists:
        raise conflict(call, call.world.store.get(TUNED_MODELS, model.name)) from None
    return operation(model, call)


def list_tuned_models(call: Call) -> Json:
    """The caller's tuned models, and those shared with them, oldest first [seen]; whole resources [seen]."""
    asked = call.message
    wanted = asked.get("filter", "")
    shown, token = page_walk(
        lambda after: search(call, wanted, after),
        key=lambda model: model.name,
        rank=lambda model: model.run.created,
        page_size=asked.get("pageSize"),
        page_token=asked.get("pageToken"),
        default=10,
        maximum=1000,
        scope=f"tunedModels?{wanted}" if wanted else "tunedModels",
    )
    found: Json = {"tunedModels": [tuned_model(model, call.now) for model in shown]}
    return found | ({"nextPageToken": token} if token else {})


def get_tuned_model(call: Call) -> Json:
    """A tuned model of the caller's, or one shared with them."""
    model = find(call, call.message["name"], Role.READER)
    return tuned_model(model, call.now)


@transactional
def patch_tuned_model(call: Call) -> Json:
    """Change what may be changed: what the mask names, else what the body holds; the rest of the body is ignored.

    The answer of 2023 held the masked members only; today's sister resources on the host answer whole,
    and so do we since v1beta. The update time stays as it was [seen: 2023-09].
    """
    asked = call.message.get("tunedModel", {})
    name = asked["name"]
    model = find(call, name, Role.WRITER)
    paths = call.message.get("updateMask")
    changed = _patched(call, model, asked, paths)
    call.world.store.replace(TUNED_MODELS, name, changed)
    answer = tuned_model(changed, call.now)
    if message_version(call) == "v1beta3" and paths:
        return merge(_MESSAGE, {}, answer, [path for path in paths if path in MUTABLE])
    return answer


@transactional
def delete_tuned_model(call: Call) -> Json:
    """Forget a tuned model, its operation and its permissions, even while it is made."""  # our choice: not seen
    name = call.message["name"]
    find(call, name, Role.OWNER)
    call.world.store.delete(TUNED_MODELS, name)
    return {}


def _patched(call: Call, model: TunedModel, asked: Mapping[str, Any], paths: list[str] | None) -> TunedModel:
    after = merge(_MESSAGE, tuned_model(model, call.now), asked, paths, mutable=MUTABLE)
    base = base_models.find(model.run.base, None)
    check_display_name(after)
    if base and (findings := [*sampling_findings(after, base)]):
        raise invalid(*findings)
    cleared = default_sampling(base) if base else {"temperature": None, "top_p": None, "top_k": None}
    return replace(
        model,
        display_name=after.get("displayName", ""),
        description=after.get("description", ""),
        temperature=after.get("temperature", cleared["temperature"]),
        top_p=after.get("topP", cleared["top_p"]),
        top_k=after.get("topK", cleared["top_k"]),
        reader_projects=tuple(after.get("readerProjectNumbers", ())),
    )

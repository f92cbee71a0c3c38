"""projects.locations.models: tuned models in the model registry, each with the versions jobs have made.

`models/N`, `models/N@1` and `models/N@default` are one resource; answers name it without the version [seen
for uploaded models]. No body of a tuned model was seen: the members are those clients read.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.dispatch.transactions import transactional
from mockserver.protojson.field_mask import merge
from mockserver.rpc.errors import ApiError, Code
from mockserver.rpc.paging import page
from mockserver.simulation.tuning import micros
from mockserver.state.clock import Nanos
from mockserver.state.store import Missing
from mockserver.vertex.errors import found_errors, not_found
from mockserver.vertex.etags import check_etag, etag
from mockserver.vertex.filters import Order, filtered, masked
from mockserver.vertex.locations import place_of, target_of
from mockserver.vertex.operations import begin
from mockserver.vertex.store import AGES, MODELS, Model, Registry, TuningJob, Version, VersionEdits, newest_first
from mockserver.vertex.tuning_specs import SPECS
from mockserver.vertex.versions import as_known, message_name

Json = dict[str, Any]

MUTABLE = {"displayName", "description", "versionDescription", "labels", "defaultCheckpointId"}
ORDERS = ("displayName", "createTime", "updateTime")


def get_model(call: Call) -> Json:
    """A model, by default or by version."""
    registry = Registry(call.world, call.now)
    return _shown(registry, _find(call, registry))


def list_models(call: Call) -> Json:
    """The models of a location, each in its default version, newest first [seen]."""
    registry = Registry(call.world, call.now)
    place = place_of(call).name
    there = {entry.name: (entry, _default(entry.record, versions)) for entry, versions in registry.models(place)}
    ranks = {name: newest_first(version.since, entry) for name, (entry, version) in there.items()}

    def view(name: str) -> Json:
        entry, version = there[name]
        return _model(registry, entry.record, version)

    return _listed(call, ranks, f"{place}/models", view)


def list_model_versions(call: Call) -> Json:
    """All versions of a model that are there, newest first."""
    registry = Registry(call.world, call.now)
    model, there = _find_all(call, registry)
    versions = {f"{model.name}/{version.number}": version for version in there}
    ranks = {name: -(version.since << AGES | version.number) for name, version in versions.items()}
    return _listed(call, ranks, model.name, lambda name: _model(registry, model, versions[name]))


def list_model_version_checkpoints(call: Call) -> Json:
    """The checkpoints of a model version."""
    registry = Registry(call.world, call.now)
    version = _find(call, registry)
    name = f"{version.job.model}/checkpoints"
    checkpoints, token = page(
        version.checkpoints,
        key=lambda each: f"{name}/{each.id}",
        rank=lambda each: int(each.id),
        page_size=call.message.get("pageSize"),
        page_token=call.message.get("pageToken"),
        default=50,  # model_service.proto
        maximum=50,
        scope=name,
    )
    listed = [{"checkpointId": each.id, "epoch": each.epoch, "step": each.step} for each in checkpoints]
    return {"checkpoints": listed} | ({"nextPageToken": token} if token else {})


@transactional
def update_model(call: Call) -> Json:
    """Change what a caller may change. Without a mask: whatever the body holds [google-genai sends none]."""
    registry = Registry(call.world, call.now)
    version = _find(call, registry)
    body = call.message.get("model", {})
    stored = as_known(call.version, "Model", _shown(registry, version))
    check_etag(body, stored)
    changed = merge(message_name(call.version, "Model"), stored, body, call.message.get("updateMask"), mutable=MUTABLE)
    chosen = changed.get("defaultCheckpointId", "")
    if chosen and chosen not in {each.id for each in version.checkpoints}:
        raise not_found("Checkpoint", chosen)  # our choice: not seen
    edits = VersionEdits(
        labels=changed.get("labels", {}),
        description=changed.get("description", ""),
        version_description=changed.get("versionDescription", ""),
        default_checkpoint=chosen or None,
        updated=micros(call.now),
    )
    call.world.store.change(
        MODELS,
        version.job.model,
        lambda model: _edited(replace(model, display_name=changed.get("displayName", "")), version.number, edits),
    )
    return get_model(call)


@transactional
def delete_model(call: Call) -> Json:
    """Delete a model, whichever version is named [google-genai names one].

    The real service wants it undeployed first; here endpoints go on serving what they have. Our choice:
    google-genai deletes a tuned model without a further word.
    """
    model, _ = _find_all(call, Registry(call.world, call.now))
    call.world.store.change(MODELS, model.name, lambda kept: replace(kept, deleted=True))
    return begin(call, model.name, "DeleteOperationMetadata")


@transactional
def delete_model_version(call: Call) -> Json:
    """Delete one of several versions; "deleting the only version in the Model is not allowed" (model_service.proto)."""
    registry = Registry(call.world, call.now)
    version = _find(call, registry)
    model, there = registry.model(version.job.model)
    if len(there) == 1 or model.aliases.get("default") == version.number:
        # our choice of words: not seen
        raise ApiError(
            Code.FAILED_PRECONDITION,
            f"Cannot delete the only or default version of Model {model.name}. Use DeleteModel instead.",
        )
    edits = replace(version.edits, deleted=True)
    call.world.store.change(MODELS, model.name, lambda kept: _edited(kept, version.number, edits))
    return begin(call, model.name, "DeleteOperationMetadata")


@transactional
def merge_version_aliases(call: Call) -> Json:
    """Give a version aliases, taking them from others; `-alias` takes one away. "default" can only be moved."""
    version = _find(call, Registry(call.world, call.now))
    wanted = call.message.get("versionAliases", [])
    if not wanted:
        raise found_errors([("version_aliases", "Required field is not set.")])
    gone = {alias[1:] for alias in wanted if alias.startswith("-")} - {"default"}
    given = {alias: version.number for alias in wanted if not alias.startswith("-")}
    call.world.store.change(
        MODELS,
        version.job.model,
        lambda model: replace(
            model, aliases={alias: of for alias, of in {**model.aliases, **given}.items() if alias not in gone}
        ),
    )
    return get_model(call)


def tuning_labels(job: TuningJob) -> Json:
    """The labels of a tuned model and its endpoint: the job's, and three by which clients know it [seen in clients]."""
    base = job.base_model.rpartition("/")[2].replace(".", "_")
    return {
        **job.request.get("labels", {}),
        "google-vertex-llm-tuning-base-model-id": base,
        "google-vertex-llm-tuning-job-id": job.id,
        "tune-type": SPECS[job.spec].tune_type,
    }


def _find(call: Call, registry: Registry) -> Version:
    name = target_of(call)
    try:
        return registry.version(name)
    except Missing:
        raise not_found("Model", name) from None  # the form is seen, for sessions


def _find_all(call: Call, registry: Registry) -> tuple[Model, tuple[Version, ...]]:
    name = target_of(call).partition("@")[0]
    try:
        return registry.model(name)
    except Missing:
        raise not_found("Model", name) from None  # the form is seen, for sessions


def _default(model: Model, there: tuple[Version, ...]) -> Version:
    wanted = (version for version in there if version.number == model.aliases.get("default"))
    return next(wanted, there[-1])


def _edited(model: Model, number: int, edits: VersionEdits) -> Model:
    return replace(model, edits={**model.edits, number: edits})


def _shown(registry: Registry, version: Version) -> Json:
    model, _ = registry.model(version.job.model)
    return _model(registry, model, version)


def _listed(call: Call, ranks: Mapping[str, int], scope: str, show: Callable[[str], Json]) -> Json:
    """A page of models. The order is by times that are computed; the page alone is put into words."""
    message = call.message
    text, order = message.get("filter", ""), message.get("orderBy", "")
    view = cache(show)
    fitting = filtered(ranks, text, facts=lambda name: _facts(view(name)))
    order_by = Order(order, ORDERS, view)
    names, token = page(
        order_by.sort(fitting, ranks.__getitem__),
        key=str,
        rank=ranks.__getitem__,
        order=order_by,
        page_size=message.get("pageSize"),
        page_token=message.get("pageToken"),
        default=100,  # our choice: not seen
        maximum=1000,  # our choice: not seen
        scope=f"{scope}?{text}&{order}",
    )
    shown = [masked(view(name), message.get("readMask", [])) for name in names]
    return {"models": shown} | ({"nextPageToken": token} if token else {})


def _facts(view: Json) -> Json:
    """What a filter may ask: `model` is the id, `base_model_name` the name of what was tuned [documented]."""
    base = view["baseModelSource"]["genieSource"]["baseModelUri"]
    return view | {"model": view["name"].rpartition("/")[2], "baseModelName": base.rpartition("/")[2]}


def _model(registry: Registry, model: Model, version: Version) -> Json:
    job, edits = version.job, version.edits
    updated = max(version.since, edits.updated or 0)
    checkpoint = version.default_checkpoint
    view: Json = {
        "name": model.name,
        "versionId": str(version.number),
        "versionAliases": sorted(alias for alias, number in model.aliases.items() if number == version.number),
        "versionCreateTime": version.since,
        "versionUpdateTime": updated,
        "displayName": version.display_name,
        "description": edits.description if edits.description is not None else job.request.get("description", ""),
        "versionDescription": edits.version_description or "",
        "deployedModels": [
            {"endpoint": endpoint, "deployedModelId": deployment.id, "checkpointId": deployment.checkpoint}
            for endpoint, deployment in registry.deployed(model, version)
        ],
        "createTime": _created(registry, model),
        "updateTime": updated,
        "etag": etag(model.name, version.number, version.display_name, model.aliases, edits, updated),
        "labels": tuning_labels(job) if edits.labels is None else dict(edits.labels),
        "modelSourceInfo": {"sourceType": "GENIE"},
        "baseModelSource": {"genieSource": {"baseModelUri": _base_uri(job)}},
        "checkpoints": [
            {"checkpointId": each.id, "epoch": each.epoch, "step": each.step} for each in version.checkpoints
        ],
    }
    return view | _encryption(job.request) | ({"defaultCheckpointId": checkpoint.id} if checkpoint else {})


def _created(registry: Registry, model: Model) -> Nanos:
    _, there = registry.model(model.name)
    return there[0].since


def _base_uri(job: TuningJob) -> str:
    """Our choice of form: not seen."""
    return job.base_model if "/" in job.base_model else f"publishers/google/models/{job.base_model}"


def _encryption(request: Mapping[str, Any]) -> Json:
    return {"encryptionSpec": request["encryptionSpec"]} if "encryptionSpec" in request else {}

"""projects.locations.models: get, list, patch, delete tuned models of the model registry, and their versions.

`models/N`, `models/N@1` and `models/N@default` are one resource; answers name it without the version [seen
for uploaded models]. No body of a tuned model was seen: the members are those that clients read.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mockserver.dispatch.lists import list_response, pack_position, unpack_position
from mockserver.dispatch.routing import Call
from mockserver.dispatch.transactions import transactional
from mockserver.protojson.field_mask import merge
from mockserver.protojson.version_trimming import trim_to_version
from mockserver.rpc.errors import ApiError, Code
from mockserver.simulation.tuning import micros
from mockserver.state.store import Entry, Position
from mockserver.vertex.errors import REQUIRED, check_labels, invalid_fields, not_found
from mockserver.vertex.etags import check_etag, etag
from mockserver.vertex.filters import ListRow, list_resources
from mockserver.vertex.locations import find_location, resource_name
from mockserver.vertex.operations import start_operation
from mockserver.vertex.records import MODELS, Checkpoint, Model, TuningJob, VersionEdits, creation_time
from mockserver.vertex.store import Repository, Version, find_model, find_version
from mockserver.vertex.tuning_specs import SPECS
from mockserver.vertex.versions import message_name

Json = dict[str, Any]

_MODEL_ID = re.compile(r"[\w-]+(@[\w-]+)?", re.ASCII)
_ALIAS = re.compile(r"[a-z][a-zA-Z0-9-]{0,126}[a-z0-9-]")  # model_service.proto
MUTABLE = {"displayName", "description", "versionDescription", "labels", "defaultCheckpointId"}


def get_model(call: Call) -> Json:
    """Return a model in one of its versions, by default the default one."""
    return _show_version(call, find_version(call, _version_name(call)))


def list_models(call: Call) -> Json:
    """List the models of a location, each in its default version, newest first [seen]."""
    repository = Repository(call.world, call.now)
    location = find_location(call).name

    def row(entry: Entry[Model]) -> ListRow:
        model = entry.record

        def show() -> Json:
            return show_model(repository, model, _default_version(model, repository.find_versions(model)))

        return ListRow(entry.name, pack_position(entry.position), show, _facts)

    return list_resources(
        call,
        "models",
        lambda after: map(row, repository.walk_models(location, unpack_position(after))),
        scope=f"{location}/models",
    )


def list_model_versions(call: Call) -> Json:
    """List the versions of a model, newest first."""
    repository = Repository(call.world, call.now)
    model, versions = find_model(call, _model_name(call))

    def row(version: Version) -> ListRow:
        rank = pack_position(Position(-version.since, -version.number))
        return ListRow(f"{model.name}/{version.number}", rank, lambda: show_model(repository, model, version), _facts)

    rows = sorted(map(row, versions), key=lambda row: row.rank)
    return list_resources(
        call,
        "models",
        lambda after: (row for row in rows if after is None or (row.rank, row.name) > after),
        scope=model.name,
        orders=("createTime", "updateTime"),  # model_service.proto
    )


def list_model_version_checkpoints(call: Call) -> Json:
    """List the checkpoints of a model version, by default of the latest one (model_service.proto)."""
    name = _version_name(call)
    version = find_version(call, name) if "@" in name else find_model(call, name)[1][-1]
    collection = f"{version.job.model}/checkpoints"
    return list_response(
        call,
        "checkpoints",
        version.checkpoints,
        show=_show_checkpoint,
        key=lambda checkpoint: f"{collection}/{checkpoint.id}",
        rank=lambda checkpoint: int(checkpoint.id),
        default=50,  # model_service.proto
        maximum=50,
        scope=collection,
    )


@transactional
def update_model(call: Call) -> Json:
    """Change the mutable members that the mask names; without a mask those of the body [google-genai sends none]."""
    version = find_version(call, _version_name(call))
    message = message_name(call.version, "Model")
    body, old = call.message.get("model", {}), trim_to_version(message, _show_version(call, version))
    check_etag(body, old)
    new = merge(message, old, body, call.message.get("updateMask"), mutable=MUTABLE)
    check_labels("model.labels", new.get("labels", {}))
    checkpoint = new.get("defaultCheckpointId", "")
    if checkpoint and checkpoint not in {each.id for each in version.checkpoints}:
        raise not_found("Checkpoint", checkpoint)  # our choice: not seen
    edits = VersionEdits(
        labels=new.get("labels", {}),
        description=new.get("description", ""),
        version_description=new.get("versionDescription", ""),
        default_checkpoint=checkpoint or None,
        updated=micros(call.now),
    )
    name = new.get("displayName", "")
    call.world.store.change(
        MODELS, version.job.model, lambda model: _edit_version(replace(model, display_name=name), version.number, edits)
    )
    return get_model(call)


@transactional
def merge_version_aliases(call: Call) -> Json:
    """Give a version aliases, taking them from others; `-alias` takes one of its own away.

    An alias with and without the sign cancels itself out (model_service.proto). "default" can only be moved.
    """
    version = find_version(call, _version_name(call))
    aliases = call.message.get("versionAliases", [])
    if not aliases:
        raise invalid_fields(("version_aliases", REQUIRED))
    if not all(_ALIAS.fullmatch(alias.removeprefix("-")) for alias in aliases):
        raise invalid_fields(("version_aliases", "Invalid version alias."))  # our choice of words: not seen
    given = {alias for alias in aliases if not alias.startswith("-")}
    taken = {alias[1:] for alias in aliases if alias.startswith("-")}

    def change(model: Model) -> Model:
        others = {
            alias: number
            for alias, number in model.aliases.items()
            if number != version.number or alias not in taken - given - {"default"}
        }
        return replace(model, aliases={**others, **dict.fromkeys(given - taken, version.number)})

    call.world.store.change(MODELS, version.job.model, change)
    return get_model(call)


@transactional
def delete_model(call: Call) -> Json:
    """Delete a model, whichever version is named [google-genai names one].

    The real service wants it undeployed first; here endpoints go on serving what they have. Our choice:
    google-genai deletes a tuned model without a further word.
    """
    model, _ = find_model(call, _model_name(call))
    call.world.store.replace(MODELS, model.name, replace(model, deleted=True))
    return start_operation(call, model.name, "DeleteOperationMetadata")


@transactional
def delete_model_version(call: Call) -> Json:
    """Delete one of several versions; "deleting the only version in the Model is not allowed" (model_service.proto)."""
    version = find_version(call, _version_name(call))
    model, versions = find_model(call, version.job.model)
    if len(versions) == 1 or model.aliases.get("default") == version.number:
        # our choice of words: not seen
        raise ApiError(
            Code.FAILED_PRECONDITION,
            f"Cannot delete the only or default version of Model {model.name}. Use DeleteModel instead.",
        )
    edits = replace(version.edits, deleted=True)
    call.world.store.replace(MODELS, model.name, _edit_version(model, version.number, edits))
    return start_operation(call, model.name, "DeleteOperationMetadata")


def show_model(repository: Repository, model: Model, version: Version) -> Json:
    """Return the resource, in one of its versions."""
    job, edits = version.job, version.edits
    updated = max(version.since, edits.updated or 0)
    checkpoint = version.default_checkpoint
    # Our choice of form: not seen.
    base_uri = job.base_model if "/" in job.base_model else f"publishers/google/models/{job.base_model}"
    resource: Json = {
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
            for endpoint, deployment in repository.walk_deployments(model, version)
        ],
        "createTime": creation_time(model),
        "updateTime": updated,
        "etag": etag(model.name, version.number, version.display_name, model.aliases, edits, updated),
        "labels": tuning_labels(job) if edits.labels is None else dict(edits.labels),
        "modelSourceInfo": {"sourceType": "GENIE"},
        "baseModelSource": {"genieSource": {"baseModelUri": base_uri}},
        "checkpoints": [_show_checkpoint(checkpoint) for checkpoint in version.checkpoints],
    }
    if "encryptionSpec" in job.request:
        resource["encryptionSpec"] = job.request["encryptionSpec"]
    return resource | ({"defaultCheckpointId": checkpoint.id} if checkpoint else {})


def tuning_labels(job: TuningJob) -> Json:
    """Return the labels of a tuned model and its endpoint: the job's, and three that clients read [seen in clients]."""
    base = job.base_model.rpartition("/")[2].replace(".", "_")
    return {
        **job.request.get("labels", {}),
        "google-vertex-llm-tuning-base-model-id": base,
        "google-vertex-llm-tuning-job-id": job.id,
        "tune-type": SPECS[job.spec].tune_type,
    }


def _show_version(call: Call, version: Version) -> Json:
    model, _ = find_model(call, version.job.model)
    return show_model(Repository(call.world, call.now), model, version)


def _show_checkpoint(checkpoint: Checkpoint) -> Json:
    return {"checkpointId": checkpoint.id, "epoch": checkpoint.epoch, "step": checkpoint.step}


def _facts(resource: Mapping[str, Any]) -> Json:
    """Return the fields of a filter: `model` is the id, `base_model_name` the name of what was tuned [documented]."""
    base = resource["baseModelSource"]["genieSource"]["baseModelUri"]
    return {**resource, "model": resource["name"].rpartition("/")[2], "baseModelName": base.rpartition("/")[2]}


def _model_name(call: Call) -> str:
    """Return the name of the model in the path, without its version."""
    return _version_name(call).partition("@")[0]


def _default_version(model: Model, versions: tuple[Version, ...]) -> Version:
    default = model.aliases.get("default")
    return next((version for version in versions if version.number == default), versions[-1])


def _edit_version(model: Model, number: int, edits: VersionEdits) -> Model:
    return replace(model, edits={**model.edits, number: edits})


def _version_name(call: Call) -> str:
    """Return the full name in the path. Raises 400 for an id that no model has [Google's tests: gemini-2.5-flash]."""
    name = resource_name(call)
    if not _MODEL_ID.fullmatch(name.rpartition("/")[2]):
        raise invalid_fields(("name", "Invalid Model resource name."))  # the words are our choice: seen of sessions
    return name

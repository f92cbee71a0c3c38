"""projects.locations.endpoints: create, get, list, patch, deploy, undeploy, delete.

A job deploys its model on an endpoint of its own, and every checkpoint on another. An endpoint that a caller
created is empty until a model is deployed on it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from mockserver.dispatch.lists import pack_position, unpack_position
from mockserver.dispatch.routing import Call
from mockserver.dispatch.transactions import transactional
from mockserver.protojson.field_mask import merge
from mockserver.protojson.version_trimming import trim_to_version
from mockserver.rpc.errors import ApiError, Code, invalid_argument
from mockserver.simulation.names import endpoint_id
from mockserver.simulation.tuning import micros
from mockserver.state.store import Entry, Exists
from mockserver.vertex.errors import REQUIRED, check_labels, invalid_fields, not_found
from mockserver.vertex.etags import check_etag, etag
from mockserver.vertex.filters import ListRow, list_resources
from mockserver.vertex.locations import canonical_name, find_location, resource_name
from mockserver.vertex.models import tuning_labels
from mockserver.vertex.operations import start_operation
from mockserver.vertex.records import ENDPOINTS, MODELS, Deployment, Endpoint
from mockserver.vertex.store import ActiveEndpoint, Repository, find_endpoint, find_version, unused_names
from mockserver.vertex.versions import message_name, type_url

Json = dict[str, Any]

MUTABLE = {"displayName", "description", "labels", "trafficSplit"}

# Up to 63 characters that begin with a letter, or up to 9 digits (endpoint_service.proto).
_ENDPOINT_ID = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?|[1-9][0-9]{0,8}")


@transactional
def create_endpoint(call: Call) -> Json:
    """Create an empty endpoint."""
    endpoint = new_endpoint(call)
    store = call.world.store
    try:
        store.insert(ENDPOINTS, endpoint.name, endpoint)
    except Exists:
        if not store.get(ENDPOINTS, endpoint.name).deleted:
            # "with user-provided ID '...' already exists." is seen, for sessions
            raise invalid_argument(f"Endpoint with user-provided ID '{endpoint.name}' already exists.") from None
        store.replace(ENDPOINTS, endpoint.name, endpoint)
    return _start_operation(call, endpoint.name, "CreateEndpoint", find_endpoint(call, endpoint.name))


def new_endpoint(call: Call) -> Endpoint:
    """Return the record of the endpoint that a request asks for, under the id in the request if it has one."""
    location = find_location(call).name
    body, id_ = call.message.get("endpoint", {}), call.message.get("endpointId")
    if not body.get("displayName"):
        raise invalid_fields(("endpoint.display_name", REQUIRED))
    check_labels("endpoint.labels", body.get("labels", {}))
    if id_ and not _ENDPOINT_ID.fullmatch(id_):
        raise invalid_fields(("endpoint_id", "Invalid Endpoint ID."))  # our choice of words: not seen
    if id_:
        name = f"{location}/endpoints/{id_}"
    else:
        rng = call.world.rng("vertex.endpoints")
        name = next(unused_names(call.world.store, ENDPOINTS, lambda: f"{location}/endpoints/{endpoint_id(rng)}"))
    return Endpoint(
        name=name,
        created=micros(call.now),
        since=micros(call.now),
        display_name=body["displayName"],
        description=body.get("description", ""),
        labels=body.get("labels", {}),
        deployments=(),
    )


def get_endpoint(call: Call) -> Json:
    """Return an endpoint and what is deployed on it."""
    return show_endpoint(find_endpoint(call, resource_name(call)))


def list_endpoints(call: Call) -> Json:
    """List the endpoints of a location, newest first."""
    location = find_location(call).name
    repository = Repository(call.world, call.now)

    def row(entry: Entry[Endpoint]) -> ListRow:
        active = repository.activate(entry.record)
        return ListRow(
            entry.name, pack_position(entry.position), partial(show_endpoint, active), partial(_facts, active)
        )

    return list_resources(
        call,
        "endpoints",
        lambda after: map(row, repository.walk_endpoints(location, unpack_position(after))),
        scope=f"{location}/endpoints",
    )


@transactional
def update_endpoint(call: Call) -> Json:
    """Change the mutable members that the mask names; without a mask, those of the body."""
    return show_endpoint(_update(call, call.message.get("updateMask")))


@transactional
def update_endpoint_long_running(call: Call) -> Json:
    """Return the same without a mask, as an operation."""
    active = _update(call, None)
    return _start_operation(call, active.endpoint.name, "UpdateEndpoint", active)


def _update(call: Call, mask: list[str] | None) -> ActiveEndpoint:
    active = find_endpoint(call, resource_name(call))
    message = message_name(call.version, "Endpoint")
    body, old = call.message.get("endpoint", {}), trim_to_version(message, show_endpoint(active))
    check_etag(body, old)
    new = merge(message, old, body, mask, mutable=MUTABLE)
    check_labels("endpoint.labels", new.get("labels", {}))
    if new.get("trafficSplit") != old.get("trafficSplit"):
        _check_traffic(new.get("trafficSplit", {}), active.deployments)
    endpoint = replace(
        active.endpoint,
        display_name=new.get("displayName", ""),
        description=new.get("description", ""),
        labels=new.get("labels", {}),
        traffic=new.get("trafficSplit", {}),
        updated=micros(call.now),
    )
    call.world.store.replace(ENDPOINTS, endpoint.name, endpoint)
    return find_endpoint(call, endpoint.name)


@transactional
def deploy_model(call: Call) -> Json:
    """Deploy a model version; traffic goes to it only if the split says so, where "0" stands for it [documented]."""
    active = find_endpoint(call, resource_name(call))
    deployment = new_deployment(call, active)
    deployments = (*active.deployments, deployment)
    traffic = _traffic(active)
    if split := call.message.get("trafficSplit"):
        traffic = {key if key != "0" else deployment.id: share for key, share in split.items()}
        _check_traffic(traffic, deployments)
    _replace_deployments(call, active, deployments, traffic)
    name = active.endpoint.name
    call.world.store.change(MODELS, deployment.model, lambda model: replace(model, endpoints=(*model.endpoints, name)))
    response = {
        "@type": type_url(call.version, "DeployModelResponse"),
        "deployedModel": _show_deployment(deployment),
    }
    return start_operation(call, name, "DeployModelOperationMetadata", response=response)


def new_deployment(call: Call, active: ActiveEndpoint) -> Deployment:
    """Return the record of the deployment that a request asks for."""
    body = call.message.get("deployedModel", {})
    if not body.get("model"):
        raise invalid_fields(("deployed_model.model", REQUIRED))
    version = find_version(call, canonical_name(body["model"]))
    checkpoint = body.get("checkpointId", "")
    if checkpoint and checkpoint not in {each.id for each in version.checkpoints}:
        raise not_found("Checkpoint", checkpoint)  # our choice: not seen
    if body.get("id") in {each.id for each in active.deployments}:
        raise invalid_fields(("deployed_model.id", "The ID is in use."))  # our choice of words: not seen
    return Deployment(
        id=body.get("id") or endpoint_id(call.world.rng("vertex.deployedModels")),
        model=version.job.model,
        version=version.number,
        display_name=body.get("displayName") or version.display_name,
        created=micros(call.now),
        checkpoint=checkpoint,
    )


@transactional
def undeploy_model(call: Call) -> Json:
    """Undeploy a model that has no traffic, or none any more as the caller splits it; or the last one [documented]."""
    active = find_endpoint(call, resource_name(call))
    id_ = call.message.get("deployedModelId", "")
    if not id_:
        raise invalid_fields(("deployed_model_id", REQUIRED))
    if id_ not in {deployment.id for deployment in active.deployments}:
        raise not_found("DeployedModel", id_)  # our choice: not seen
    deployments = tuple(deployment for deployment in active.deployments if deployment.id != id_)
    split = call.message.get("trafficSplit", {})
    _check_traffic(split, deployments)
    traffic = split or _traffic(active)
    if deployments and traffic.get(id_):
        # our choice of words: not seen
        raise ApiError(Code.FAILED_PRECONDITION, f"DeployedModel {id_} has traffic assigned to it.")
    rest = {key: share for key, share in traffic.items() if key != id_}
    _replace_deployments(call, active, deployments, rest)
    response = {"@type": type_url(call.version, "UndeployModelResponse")}
    return start_operation(call, active.endpoint.name, "UndeployModelOperationMetadata", response=response)


@transactional
def delete_endpoint(call: Call) -> Json:
    """Delete an endpoint. The operation is the location's [seen], and done at once [seen].

    The real service requires that it is empty; here its deployments are deleted with it. Our choice.
    """
    endpoint = find_endpoint(call, resource_name(call)).endpoint
    call.world.store.replace(ENDPOINTS, endpoint.name, replace(endpoint, deleted=True))
    return start_operation(call, find_location(call).name, "DeleteOperationMetadata")


def show_endpoint(active: ActiveEndpoint) -> Json:
    """Return the resource."""
    endpoint, job = active.endpoint, active.job
    updated = max(active.since, endpoint.updated or 0)
    name = job.display_name if job and endpoint.display_name is None else endpoint.display_name
    return {
        "name": endpoint.name,
        "displayName": name or "",
        "description": endpoint.description or "",
        "deployedModels": [_show_deployment(deployment) for deployment in active.deployments],
        "trafficSplit": dict(_traffic(active)),
        "etag": etag(endpoint, updated),
        "labels": tuning_labels(job) if job and endpoint.labels is None else dict(endpoint.labels or {}),
        "createTime": active.since,
        "updateTime": updated,
    }


def _facts(active: ActiveEndpoint, resource: Json) -> Json:
    """Return the fields of a filter: `endpoint` is the id, `base_model_name` the tuned model's name [documented]."""
    base = active.job.base_model if active.job else ""
    return resource | {
        "endpoint": active.endpoint.name.rpartition("/")[2],
        "baseModelName": base.rpartition("/")[2],
    }


def _show_deployment(deployment: Deployment) -> Json:
    return {
        "id": deployment.id,
        "model": deployment.model,
        "displayName": deployment.display_name,
        "createTime": deployment.created,
        "modelVersionId": str(deployment.version),
        "checkpointId": deployment.checkpoint,
    }


def _traffic(active: ActiveEndpoint) -> Mapping[str, int]:
    if active.endpoint.traffic is not None:
        return active.endpoint.traffic
    return {deployment.id: 100 for deployment in active.deployments}


def _check_traffic(split: Mapping[str, int], deployments: Sequence[Deployment]) -> None:
    """Raise 400 for shares that are not of deployed models or do not add up to 100; there may be none (endpoint.proto).

    The words are our choice: not seen.
    """
    if not split:
        return
    is_whole = sum(split.values()) == 100 and min(split.values()) >= 0
    if not is_whole or not split.keys() <= {each.id for each in deployments}:
        raise invalid_fields(("traffic_split", "The shares of deployed models must add up to 100."))


def _replace_deployments(
    call: Call, active: ActiveEndpoint, deployments: tuple[Deployment, ...], traffic: Mapping[str, int]
) -> None:
    endpoint = replace(active.endpoint, deployments=deployments, traffic=dict(traffic), updated=micros(call.now))
    call.world.store.replace(ENDPOINTS, endpoint.name, endpoint)


def _start_operation(call: Call, parent: str, method: str, active: ActiveEndpoint) -> Json:
    response = {"@type": type_url(call.version, "Endpoint"), **show_endpoint(active)}
    return start_operation(call, parent, f"{method}OperationMetadata", response=response)

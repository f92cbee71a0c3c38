"""projects.locations.endpoints: where tuned models answer, and what is deployed there.

A job deploys its model on an endpoint of its own, and every checkpoint on another. An endpoint somebody
created is empty until a model is deployed on it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.dispatch.transactions import transactional
from mockserver.protojson.field_mask import merge
from mockserver.rpc.errors import ApiError, Code
from mockserver.rpc.paging import page
from mockserver.simulation.names import endpoint_id
from mockserver.simulation.tuning import micros
from mockserver.state.store import Exists, Missing
from mockserver.vertex.errors import REQUIRED, found_errors, not_found
from mockserver.vertex.etags import check_etag, etag
from mockserver.vertex.filters import Order, filtered, masked
from mockserver.vertex.locations import canonical, place_of, target_of
from mockserver.vertex.models import tuning_labels
from mockserver.vertex.operations import begin
from mockserver.vertex.store import (
    ENDPOINTS,
    MODELS,
    Deployment,
    Endpoint,
    Registry,
    Served,
    Version,
    newest_first,
    unused_names,
)
from mockserver.vertex.versions import as_known, message_name, type_url

Json = dict[str, Any]

MUTABLE = {"displayName", "description", "labels", "trafficSplit"}
ORDERS = ("displayName", "createTime", "updateTime")

# Up to 63 characters that begin with a letter, or up to 9 digits (endpoint_service.proto).
_ENDPOINT_ID = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?|[1-9][0-9]{0,8}")


def get_endpoint(call: Call) -> Json:
    """An endpoint and what is deployed on it."""
    return _endpoint(find_endpoint(call))


def list_endpoints(call: Call) -> Json:
    """The endpoints of a location, newest first."""
    message = call.message
    place = place_of(call).name
    text, order = message.get("filter", ""), message.get("orderBy", "")
    # The order is by times that are computed, so all of the location's are looked at; the page alone is put into words.
    there = {entry.name: (entry, served) for entry, served in Registry(call.world, call.now).endpoints(place)}
    ranks = {name: newest_first(served.since, entry) for name, (entry, served) in there.items()}

    @cache
    def view(name: str) -> Json:
        return _endpoint(there[name][1])

    def facts(name: str) -> Json:
        job = there[name][1].job
        return _facts(view(name), job.base_model if job else "")

    fitting = filtered(there, text, facts=facts)
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
        scope=f"{place}/endpoints?{text}&{order}",
    )
    shown = [masked(view(name), message.get("readMask", [])) for name in names]
    return {"endpoints": shown} | ({"nextPageToken": token} if token else {})


@transactional
def create_endpoint(call: Call) -> Json:
    """An empty endpoint, under the id wished for if there is one."""
    place = place_of(call).name
    body = call.message.get("endpoint", {})
    if not body.get("displayName"):
        raise found_errors([("endpoint.display_name", REQUIRED)])
    wished = call.message.get("endpointId")
    if wished and not _ENDPOINT_ID.fullmatch(wished):
        raise found_errors([("endpoint_id", "Invalid Endpoint ID.")])  # our choice of words: not seen
    endpoint = Endpoint(
        name=f"{place}/endpoints/{wished}" if wished else _minted_name(call, place),
        created=micros(call.now),
        display_name=body["displayName"],
        description=body.get("description", ""),
        labels=body.get("labels", {}),
        deployments=(),
    )
    try:
        _keep(call, endpoint)
    except Exists:
        # "with user-provided ID '...' already exists." is seen, for sessions
        raise ApiError(
            Code.INVALID_ARGUMENT, f"Endpoint with user-provided ID '{endpoint.name}' already exists."
        ) from None
    return _begin(call, endpoint.name, "CreateEndpoint", _found(call, endpoint.name))


@transactional
def update_endpoint(call: Call) -> Json:
    """Change what a caller may change; without a mask, whatever the body holds."""
    return _endpoint(_updated(call, call.message.get("updateMask")))


@transactional
def update_endpoint_long_running(call: Call) -> Json:
    """The same, as an operation."""
    served = _updated(call, None)
    return _begin(call, served.endpoint.name, "UpdateEndpoint", served)


@transactional
def delete_endpoint(call: Call) -> Json:
    """Delete an endpoint. The operation is the location's [seen], and done at once [seen].

    The real service wants it empty first; what is deployed here goes with it. Our choice.
    """
    served = find_endpoint(call)
    call.world.store.change(ENDPOINTS, served.endpoint.name, lambda kept: replace(kept, deleted=True))
    return begin(call, place_of(call).name, "DeleteOperationMetadata")


@transactional
def deploy_model(call: Call) -> Json:
    """Deploy a model version. Key "0" of the traffic split stands for it (endpoint_service.proto)."""
    served = find_endpoint(call)
    wanted = call.message.get("deployedModel", {})
    version = _model(Registry(call.world, call.now), wanted.get("model", ""))
    checkpoint = wanted.get("checkpointId", "")
    if checkpoint and checkpoint not in {each.id for each in version.checkpoints}:
        raise not_found("Checkpoint", checkpoint)  # our choice: not seen
    if wanted.get("id") in {each.id for each in served.deployments}:
        raise found_errors([("deployed_model.id", "The ID is in use.")])  # our choice of words: not seen
    deployment = Deployment(
        id=wanted.get("id") or endpoint_id(call.world.rng("vertex.deployedModels")),
        model=version.job.model,
        version=version.number,
        display_name=wanted.get("displayName") or version.display_name,
        created=micros(call.now),
        checkpoint=checkpoint,
    )
    deployments = (*served.deployments, deployment)
    split = call.message.get("trafficSplit") or ({"0": 100} if not served.deployments else None)
    traffic = _traffic(served) if split is None else {key if key != "0" else deployment.id: split[key] for key in split}
    if split is not None:
        _check_traffic(traffic, deployments)
    _change(call, served, deployments, traffic)
    place = served.endpoint.name
    call.world.store.change(MODELS, deployment.model, lambda model: replace(model, endpoints=(*model.endpoints, place)))
    response = {
        "@type": type_url(call.version, "DeployModelResponse"),
        "deployedModel": _deployed(deployment),
    }
    return begin(call, served.endpoint.name, "DeployModelOperationMetadata", response=response)


@transactional
def undeploy_model(call: Call) -> Json:
    """Take a model off an endpoint; its share of the traffic goes, or is split as the caller says."""
    served = find_endpoint(call)
    wanted = call.message.get("deployedModelId", "")
    if not wanted:
        raise found_errors([("deployed_model_id", REQUIRED)])
    if wanted not in {deployment.id for deployment in served.deployments}:
        raise not_found("DeployedModel", wanted)  # our choice: not seen
    kept = tuple(deployment for deployment in served.deployments if deployment.id != wanted)
    traffic = call.message.get("trafficSplit", {})
    _check_traffic(traffic, kept)
    rest = {key: share for key, share in _traffic(served).items() if key != wanted}
    _change(call, served, kept, traffic or rest)
    response = {"@type": type_url(call.version, "UndeployModelResponse")}
    return begin(call, served.endpoint.name, "UndeployModelOperationMetadata", response=response)


def find_endpoint(call: Call) -> Served:
    """The endpoint the path names. Raises the real 404 of a model that is asked there."""
    return _found(call, target_of(call))


def endpoint_not_found(name: str) -> ApiError:
    """404, with the project's number [seen for generateContent]."""
    return ApiError(Code.NOT_FOUND, f"Endpoint `{name}` not found.")


def _minted_name(call: Call, place: str) -> str:
    rng = call.world.rng("vertex.endpoints")
    return next(unused_names(call.world.store, ENDPOINTS, lambda: f"{place}/endpoints/{endpoint_id(rng)}"))


def _found(call: Call, name: str) -> Served:
    try:
        return Registry(call.world, call.now).endpoint(name)
    except Missing:
        raise endpoint_not_found(name) from None


def _model(registry: Registry, name: str) -> Version:
    if not name:
        raise found_errors([("deployed_model.model", REQUIRED)])
    try:
        return registry.version(canonical(name))
    except Missing:
        raise not_found("Model", canonical(name)) from None


def _updated(call: Call, mask: list[str] | None) -> Served:
    served = find_endpoint(call)
    body = call.message.get("endpoint", {})
    stored = as_known(call.version, "Endpoint", _endpoint(served))
    check_etag(body, stored)
    changed = merge(message_name(call.version, "Endpoint"), stored, body, mask, mutable=MUTABLE)
    if changed.get("trafficSplit") != stored.get("trafficSplit"):
        _check_traffic(changed.get("trafficSplit", {}), served.deployments)
    call.world.store.change(
        ENDPOINTS,
        served.endpoint.name,
        lambda kept: replace(
            kept,
            display_name=changed.get("displayName", ""),
            description=changed.get("description", ""),
            labels=changed.get("labels", {}),
            traffic=changed.get("trafficSplit", {}),
            updated=micros(call.now),
        ),
    )
    return _found(call, served.endpoint.name)


def _keep(call: Call, endpoint: Endpoint) -> None:
    """Keep a new endpoint, perhaps in the place of one that was deleted. Raises Exists."""
    store = call.world.store
    try:
        store.insert(ENDPOINTS, endpoint.name, endpoint)
    except Exists:
        if not store.get(ENDPOINTS, endpoint.name).deleted:
            raise
        store.replace(ENDPOINTS, endpoint.name, endpoint)


def _check_traffic(split: Mapping[str, int], deployments: Sequence[Deployment]) -> None:
    """All of it goes to what is deployed, or there is none (endpoint.proto). The words are our choice: not seen."""
    if split and (sum(split.values()) != 100 or not split.keys() <= {each.id for each in deployments}):
        raise found_errors([("traffic_split", "The shares of deployed models must add up to 100.")])


def _change(call: Call, served: Served, deployments: tuple[Deployment, ...], traffic: Mapping[str, int]) -> None:
    call.world.store.change(
        ENDPOINTS,
        served.endpoint.name,
        lambda kept: replace(kept, deployments=deployments, traffic=dict(traffic), updated=micros(call.now)),
    )


def _begin(call: Call, parent: str, method: str, served: Served) -> Json:
    response = {"@type": type_url(call.version, "Endpoint"), **_endpoint(served)}
    return begin(call, parent, f"{method}OperationMetadata", response=response)


def _facts(view: Json, base: str) -> Json:
    """What a filter may ask: `endpoint` is the id, `base_model_name` the name of what was tuned [documented]."""
    return view | {"endpoint": view["name"].rpartition("/")[2], "baseModelName": base.rpartition("/")[2]}


def _endpoint(served: Served) -> Json:
    endpoint, job = served.endpoint, served.job
    updated = max(served.since, endpoint.updated or 0)
    name = job.display_name if job and endpoint.display_name is None else endpoint.display_name
    return {
        "name": endpoint.name,
        "displayName": name or "",
        "description": endpoint.description or "",
        "deployedModels": [_deployed(deployment) for deployment in served.deployments],
        "trafficSplit": dict(_traffic(served)),
        "etag": etag(endpoint, updated),
        "labels": tuning_labels(job) if job and endpoint.labels is None else dict(endpoint.labels or {}),
        "createTime": served.since,
        "updateTime": updated,
    }


def _traffic(served: Served) -> Mapping[str, int]:
    if served.endpoint.traffic is not None:
        return served.endpoint.traffic
    return {deployment.id: 100 for deployment in served.deployments}


def _deployed(deployment: Deployment) -> Json:
    return {
        "id": deployment.id,
        "model": deployment.model,
        "displayName": deployment.display_name,
        "createTime": deployment.created,
        "modelVersionId": str(deployment.version),
        "checkpointId": deployment.checkpoint,
    }

"""batchGenerateContent and asyncBatchEmbedContent, and the operations under `batches/` they are followed by.

A batch of three requests was recorded from PENDING to SUCCEEDED in 96 seconds (2025-12-03). Its requests are answered
when it is created, and their answers are there when its time is over.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.dispatch.transactions import transactional
from mockserver.gemini.embeddings import embedding
from mockserver.gemini.errors import invalid, not_found
from mockserver.gemini.generation import answer_request
from mockserver.gemini.models import find_target
from mockserver.gemini.responses import unary
from mockserver.gemini.versions import type_url
from mockserver.limits import ANSWER_CHARACTERS
from mockserver.rpc.errors import ApiError, Code
from mockserver.rpc.paging import page_walk
from mockserver.simulation.names import BASE36
from mockserver.state.clock import SECOND, Nanos
from mockserver.state.store import Index, Kind, Missing, Position

Json = dict[str, Any]

STARTS_AFTER: Nanos = 15 * SECOND  # our choice: not seen
ENDS_AFTER: Nanos = 96 * SECOND

GENERATE = "GenerateContentBatch"
EMBED = "EmbedContentBatch"


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as its maker requested it; `responses` holds an InlinedResponse for each of its requests."""

    name: str
    kind: str
    principal: str
    model: str
    display_name: str
    created: Nanos
    responses: tuple[Json, ...]
    priority: int = 0
    cancelled: Nanos | None = None

    @property
    def failures(self) -> int:
        """How many requests were refused."""
        return sum("error" in response for response in self.responses)


BY_PRINCIPAL: Index[Batch] = Index("principal", lambda batch: (batch.principal,), lambda batch: -batch.created)
BATCHES: Kind[Batch] = Kind("gemini.batches", Batch, (BY_PRINCIPAL,))


def batch_generate_content(call: Call) -> Json:
    """Answer many generate requests later, of a base model or a tuned one."""
    return _begin(call, GENERATE, "generateContent", lambda request: unary(*answer_request(call, request)))


def async_batch_embed_content(call: Call) -> Json:
    """Embed many contents later."""
    return _begin(call, EMBED, "embedContent", lambda request: embedding(call, request))


def get_batch(call: Call) -> Json:
    """The operation of a batch."""
    return _operation(_find(call, call.message["name"]), call.now)


def list_batches(call: Call) -> Json:
    """The operations of the caller's batches, newest first."""  # our choice: not seen

    def own(after: tuple[int, str] | None) -> Iterator[Batch]:
        behind = None if after is None else Position(*after)
        entries = call.world.store.walk(BATCHES, BY_PRINCIPAL, call.caller.principal, after=behind)
        return (entry.record for entry in entries)

    batches, token = page_walk(
        own,
        key=lambda batch: batch.name,
        rank=lambda batch: -batch.created,
        page_size=call.message.get("pageSize"),
        page_token=call.message.get("pageToken"),
        default=10,
        maximum=1000,
        scope="batches",
    )
    listing: Json = {"operations": [_operation(batch, call.now) for batch in batches]}
    return listing | ({"nextPageToken": token} if token else {})


@transactional
def cancel_batch(call: Call) -> Json:
    """Stop a batch; one that has ended stays as it is."""
    batch = _find(call, call.message["name"])
    if call.now < batch.created + ENDS_AFTER and batch.cancelled is None:
        call.world.store.replace(BATCHES, batch.name, replace(batch, cancelled=call.now))
    return {}


@transactional
def delete_batch(call: Call) -> Json:
    """Delete a batch."""
    batch = _find(call, call.message["name"])
    call.world.store.delete(BATCHES, batch.name)
    return {}


def _begin(call: Call, kind: str, method: str, reply: Callable[[Json], Json]) -> Json:
    message = call.message.get("batch", {})
    model = message["model"]
    requests = _requests(message, kind)
    find_target(call, model, method)
    rng = call.world.rng("gemini.batches")
    batch = Batch(
        name=f"batches/{''.join(rng.choices(BASE36, k=36))}",
        kind=kind,
        principal=call.caller.principal,
        model=model,
        display_name=message.get("displayName", ""),  # documented as required, but SDKs leave it out
        created=call.now,
        responses=tuple(_responses(requests, model, reply)),
        priority=message.get("priority", 0),
    )
    call.world.store.insert(BATCHES, batch.name, batch)
    return _operation(batch, call.now)


def _requests(message: Mapping[str, Any], kind: str) -> list[Json]:
    """The requests in the batch itself; those in a file cannot be read, as there are no files here."""
    request = "BatchGenerateContentRequest" if kind == GENERATE else "AsyncBatchEmbedContentRequest"
    config = message.get("inputConfig", {})
    if file := config.get("fileName"):
        # our choice: not seen
        sentence = f"You do not have permission to access the File {file.removeprefix('files/')} or it may not exist."
        raise ApiError(Code.PERMISSION_DENIED, sentence)
    requests: list[Json] = config.get("requests", {}).get("requests", [])
    if not requests:
        raise invalid(f"{request}.batch.input_config: requests is not specified")  # our choice: not seen
    return requests


def _responses(requests: Iterable[Json], model: str, reply: Callable[[Json], Json]) -> Iterator[Json]:
    """The response to each request, as long as all of them are no larger than a request may be."""
    size = 0
    for request in requests:
        response = _response(request, model, reply)
        size += len(str(response))
        if size > ANSWER_CHARACTERS:
            # our choice: not seen
            raise invalid(f"batch: the responses have more than {ANSWER_CHARACTERS} characters")
        yield response


def _response(inlined: Mapping[str, Any], model: str, reply: Callable[[Json], Json]) -> Json:
    metadata = {"metadata": inlined["metadata"]} if "metadata" in inlined else {}
    try:
        return {"response": reply({**inlined.get("request", {}), "model": model}), **metadata}
    except ApiError as error:
        return {"error": error.status, **metadata}


def _find(call: Call, name: str) -> Batch:
    """A batch of the caller's; other people's batches are not found."""  # our choice: not seen
    try:
        batch = call.world.store.get(BATCHES, name)
    except Missing:
        raise not_found() from None
    if batch.principal != call.caller.principal:
        raise not_found()
    return batch


def _operation(batch: Batch, now: Nanos) -> Json:
    """The operation: its types are those of the internal version "v1main" [seen], whatever version asks."""
    state, since = _state(batch, now)
    ended = state in {"BATCH_STATE_SUCCEEDED", "BATCH_STATE_CANCELLED"}
    metadata: Json = {
        "@type": type_url("v1main", batch.kind),
        "model": batch.model,
        "displayName": batch.display_name,
        "createTime": batch.created,
        "updateTime": since,
        "batchStats": _stats(batch, state),
        "state": state,
        "priority": batch.priority,
        "name": batch.name,
    }
    operation: Json = {"name": batch.name, "metadata": metadata}
    if ended:
        metadata["endTime"] = since
        operation["done"] = True
    if state == "BATCH_STATE_CANCELLED":
        operation["error"] = {"code": int(Code.CANCELLED), "message": "The operation was cancelled."}  # our choice
    elif ended:
        metadata["output"] = output = {"inlinedResponses": {"inlinedResponses": list(batch.responses)}}
        operation["response"] = {"@type": type_url("v1main", f"{batch.kind}Output"), **output}
    return operation


def _state(batch: Batch, now: Nanos) -> tuple[str, Nanos]:
    """The state, and since when."""
    if batch.cancelled is not None:
        return "BATCH_STATE_CANCELLED", batch.cancelled
    if now < batch.created + STARTS_AFTER:
        return "BATCH_STATE_PENDING", batch.created
    if now < batch.created + ENDS_AFTER:
        return "BATCH_STATE_RUNNING", batch.created + STARTS_AFTER
    return "BATCH_STATE_SUCCEEDED", batch.created + ENDS_AFTER


def _stats(batch: Batch, state: str) -> Json:
    total = len(batch.responses)
    if state != "BATCH_STATE_SUCCEEDED":
        return {"requestCount": total, "pendingRequestCount": total}
    failed = batch.failures
    return {"requestCount": total, "successfulRequestCount": total - failed, "failedRequestCount": failed}

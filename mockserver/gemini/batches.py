"""batchGenerateContent and asyncBatchEmbedContent, and their operations under `batches/`.

A batch of three requests was recorded from PENDING to SUCCEEDED in 96 seconds (2025-12-03). Its requests are answered
when it is created; its responses are visible once it has ended.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mockserver.dispatch.lists import list_index_response
from mockserver.dispatch.routing import Call
from mockserver.dispatch.transactions import transactional
from mockserver.gemini import owners
from mockserver.gemini.embeddings import embed_request
from mockserver.gemini.errors import invalid_fields, not_found
from mockserver.gemini.generation import answer_request
from mockserver.gemini.operations import operation_filter
from mockserver.gemini.responses import print_response
from mockserver.gemini.targets import find_target
from mockserver.gemini.versions import type_url
from mockserver.limits import ANSWER_CHARACTERS
from mockserver.rpc.errors import ApiError, Code
from mockserver.simulation.names import BASE36
from mockserver.state.clock import SECOND, Nanos
from mockserver.state.store import Collection, Index, Missing, Position

Json = dict[str, Any]

STARTS_AFTER: Nanos = 15 * SECOND  # our choice: not seen
ENDS_AFTER: Nanos = 96 * SECOND

GENERATE = "GenerateContentBatch"
EMBED = "EmbedContentBatch"


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it was created; `responses` holds an InlinedResponse for each of its requests."""

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
        """The number of requests that got an error."""
        return sum("error" in response for response in self.responses)


BY_PRINCIPAL: Index[Batch] = Index(
    "principal", lambda batch: owners.partitions(batch.principal), lambda batch: -batch.created
)
BATCHES: Collection[Batch] = Collection("gemini.batches", Batch, (BY_PRINCIPAL,))


def find_batch(call: Call, name: str) -> Batch:
    """Return a batch of the caller's. Raises 404 for other people's batches too."""  # our choice: not seen
    try:
        batch = call.world.store.get(BATCHES, name)
    except Missing:
        raise not_found() from None
    if not owners.is_caller(batch.principal, call):
        raise not_found()
    return batch


def batch_generate_content(call: Call) -> Json:
    """Answer many generate requests later, of a base model or a tuned one."""
    return _create_batch(
        call, GENERATE, "generateContent", lambda request: dict(print_response(*answer_request(call, request)))
    )


def async_batch_embed_content(call: Call) -> Json:
    """Embed many contents later."""
    return _create_batch(call, EMBED, "embedContent", lambda request: embed_request(call, request))


def _create_batch(call: Call, kind: str, method: str, answer: Callable[[Json], Json]) -> Json:
    batch = new_batch(call, kind, method, answer)
    call.world.store.insert(BATCHES, batch.name, batch)
    return show_batch(batch, call.now)


def new_batch(call: Call, kind: str, method: str, answer: Callable[[Json], Json]) -> Batch:
    """Return the record of the batch that a request asks for; `answer` answers each of its requests."""
    message = call.message.get("batch", {})
    model = message["model"]
    requests = _read_requests(message, kind)
    find_target(call, model, method)
    rng = call.world.rng("gemini.batches")
    return Batch(
        name=f"batches/{''.join(rng.choices(BASE36, k=36))}",
        kind=kind,
        principal=call.caller.principal,
        model=model,
        display_name=message.get("displayName", ""),  # documented as required, but SDKs leave it out
        created=call.now,
        responses=tuple(_inlined_responses(requests, model, answer)),
        priority=message.get("priority", 0),
    )


def _read_requests(message: Mapping[str, Any], kind: str) -> list[Json]:
    """Return the requests of the batch itself; those in a file cannot be read, as there are no files here."""
    request = "BatchGenerateContentRequest" if kind == GENERATE else "AsyncBatchEmbedContentRequest"
    config = message.get("inputConfig", {})
    if file := config.get("fileName"):
        # our choice: not seen
        sentence = f"You do not have permission to access the File {file.removeprefix('files/')} or it may not exist."
        raise ApiError(Code.PERMISSION_DENIED, sentence)
    requests: list[Json] = config.get("requests", {}).get("requests", [])
    if not requests:
        raise invalid_fields(f"{request}.batch.input_config: requests is not specified")  # our choice: not seen
    return requests


def _inlined_responses(requests: Iterable[Json], model: str, answer: Callable[[Json], Json]) -> Iterator[Json]:
    """Yield the response to each request. Raises 400 if they get longer than ANSWER_CHARACTERS together."""
    size = 0
    for request in requests:
        response = _inlined_response(request, model, answer)
        size += len(str(response))
        if size > ANSWER_CHARACTERS:
            # our choice: not seen
            raise invalid_fields(f"batch: the responses have more than {ANSWER_CHARACTERS} characters")
        yield response


def _inlined_response(entry: Mapping[str, Any], model: str, answer: Callable[[Json], Json]) -> Json:
    metadata = {"metadata": entry["metadata"]} if "metadata" in entry else {}
    try:
        return {"response": answer({**entry.get("request", {}), "model": model}), **metadata}
    except ApiError as error:
        return {"error": error.status, **metadata}


def get_batch(call: Call) -> Json:
    """Return the operation of a batch."""
    return show_batch(find_batch(call, call.message["name"]), call.now)


def list_batches(call: Call) -> Json:
    """List the operations of the caller's batches that fit the filter, newest first."""  # our choice: not seen
    text = call.message.get("filter", "")
    fits = operation_filter(text)

    def walk(after: Position | None) -> Iterable[Batch]:
        batches = owners.walk_partitions(call, BATCHES, BY_PRINCIPAL, owners.own_partitions(call), after)
        return (batch for batch in batches if fits(_state(batch, call.now)[0] in _ENDED))

    return list_index_response(
        call,
        "operations",
        walk,
        show=lambda batch: show_batch(batch, call.now),
        key=lambda batch: batch.name,
        rank=lambda batch: -batch.created,
        default=10,
        maximum=1000,
        scope=f"batches?{text}",
    )


@transactional
def cancel_batch(call: Call) -> Json:
    """Stop a batch; one that has ended stays as it is."""
    batch = find_batch(call, call.message["name"])
    if call.now < batch.created + ENDS_AFTER and batch.cancelled is None:
        call.world.store.replace(BATCHES, batch.name, replace(batch, cancelled=call.now))
    return {}


@transactional
def delete_batch(call: Call) -> Json:
    """Delete a batch."""
    batch = find_batch(call, call.message["name"])
    call.world.store.delete(BATCHES, batch.name)
    return {}


_ENDED = frozenset({"BATCH_STATE_SUCCEEDED", "BATCH_STATE_CANCELLED"})


def show_batch(batch: Batch, now: Nanos) -> Json:
    """Return the operation of a batch.

    Its types are of the internal version "v1main" [seen], in every version of the API.
    """
    state, since = _state(batch, now)
    has_ended = state in _ENDED
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
    if has_ended:
        metadata["endTime"] = since
        operation["done"] = True
    if state == "BATCH_STATE_CANCELLED":
        operation["error"] = {"code": int(Code.CANCELLED), "message": "The operation was cancelled."}  # our choice
    elif has_ended:
        metadata["output"] = output = {"inlinedResponses": {"inlinedResponses": list(batch.responses)}}
        operation["response"] = {"@type": type_url("v1main", f"{batch.kind}Output"), **output}
    return operation


def _state(batch: Batch, now: Nanos) -> tuple[str, Nanos]:
    """Return the state, and the time since which the batch has been in it."""
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

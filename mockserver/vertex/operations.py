"""Long-running operations, under every resource that begins some.

    {"name": ".../models/M/operations/N", "metadata": {"@type": ...DeleteOperationMetadata, "genericMetadata": {...}},
     "done": true, "response": {"@type": ...Empty}}

Deleting an endpoint, a model or a job was answered with `done` in the first reply [seen]; so are the other
changes here, our choice. A rebase takes as long as its job.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.dispatch.transactions import transactional
from mockserver.rpc.paging import page_walk
from mockserver.simulation.names import operation_number
from mockserver.simulation.tuning import micros
from mockserver.state.clock import Nanos
from mockserver.state.store import Entry, Index, Kind, Missing, Position
from mockserver.vertex.errors import not_found
from mockserver.vertex.locations import target_of
from mockserver.vertex.store import Registry, TuningJob, unused_names
from mockserver.vertex.tuning_jobs import STATES, tuning_job
from mockserver.vertex.versions import type_url

Json = dict[str, Any]

GENERIC = "GenericOperationMetadata"
EMPTY = {"@type": "type.googleapis.com/google.protobuf.Empty"}


@dataclass(frozen=True, slots=True)
class Operation:
    """A long-running operation. With `job` it is done when that job ends, and answers with it.

    `version` is the API's that began it: it names the types, whichever version is used to look.
    """

    name: str
    version: str
    metadata: str
    created: Nanos
    response: Mapping[str, Any] | None = None
    job: str = ""


def _above(operation: Operation) -> Iterator[str]:
    """Every resource that the operation is under: its parent, and what that lies in."""
    steps = operation.name.split("/")
    return ("/".join(steps[:count]) for count in range(2, len(steps), 2))


UNDER: Index[Operation] = Index("under", _above)
OPERATIONS: Kind[Operation] = Kind("vertex.operations", Operation, (UNDER,))


def begin(call: Call, parent: str, metadata: str, *, response: Json | None = None, job: str = "") -> Json:
    """A new operation under `parent`, as it is answered at once. `metadata` is the name of its type."""
    rng = call.world.rng("vertex.operations")
    minted = unused_names(call.world.store, OPERATIONS, lambda: f"{parent}/operations/{operation_number(rng)}")
    operation = Operation(
        name=next(minted),
        version=call.version,
        metadata=metadata,
        created=micros(call.now),
        response=response or (None if job else EMPTY),
        job=job,
    )
    call.world.store.insert(OPERATIONS, operation.name, operation)
    return _operation(call, operation)


def get_operation(call: Call) -> Json:
    """An operation as it is by now."""
    return _operation(call, _find(call))


def list_operations(call: Call) -> Json:
    """The operations under a resource, and under what lies in it."""
    parent = target_of(call)

    def under(after: tuple[int, str] | None) -> Iterator[Entry[Operation]]:
        behind = None if after is None else Position(*after)
        return call.world.store.walk(OPERATIONS, UNDER, parent, after=behind)

    operations, token = page_walk(
        under,
        key=lambda entry: entry.name,
        rank=lambda entry: entry.position.rank,
        page_size=call.message.get("pageSize"),
        page_token=call.message.get("pageToken"),
        default=100,  # our choice: not seen
        maximum=1000,  # our choice: not seen
        scope=parent,
    )
    return {"operations": [_operation(call, each.record) for each in operations]} | (
        {"nextPageToken": token} if token else {}
    )


def wait_operation(call: Call) -> Json:
    """The operation as it is: waiting is best effort, and the service may answer at any time (google.longrunning)."""
    return get_operation(call)


def cancel_operation(call: Call) -> Json:
    """Best effort, like the real one: an operation under way goes on. Unknown ones are not found."""
    _find(call)
    return {}


@transactional
def delete_operation(call: Call) -> Json:
    """Forget an operation; what it did stays."""
    call.world.store.delete(OPERATIONS, _find(call).name)
    return {}


def _find(call: Call) -> Operation:
    name = target_of(call)
    try:
        return call.world.store.get(OPERATIONS, name)
    except Missing:
        raise not_found("Operation", name) from None  # the form is seen, for sessions


def _operation(call: Call, operation: Operation) -> Json:
    ended, outcome = _outcome(call, operation)
    times = {"createTime": operation.created, "updateTime": ended or operation.created}
    metadata = times if operation.metadata == GENERIC else {"genericMetadata": times}
    return {
        "name": operation.name,
        "metadata": {"@type": type_url(operation.version, operation.metadata), **metadata},
        **outcome,
    }


def _outcome(call: Call, operation: Operation) -> tuple[Nanos | None, Json]:
    """When the operation ended, if it has, and how."""
    if not operation.job:
        return operation.created, {"done": True, "response": operation.response}
    registry = Registry(call.world, call.now)
    job: TuningJob = registry.job(operation.job)
    progress = registry.progress(job)
    if progress.ended is None:
        return None, {}
    view = tuning_job(registry, job, call.now)
    if STATES[progress.state] != "JOB_STATE_SUCCEEDED":
        return progress.ended, {"done": True, "error": view["error"]}
    return progress.ended, {"done": True, "response": {"@type": type_url(operation.version, "TuningJob"), **view}}

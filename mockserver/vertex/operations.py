"""Long-running operations, under every resource whose methods start some: get, list, wait, cancel, delete.

    {"name": ".../models/M/operations/N", "metadata": {"@type": ...DeleteOperationMetadata, "genericMetadata": {...}},
     "done": true, "response": {"@type": ...Empty}}

Deleting an endpoint, a model or a job was answered with `done` in the first reply [seen]; so are the other
changes here, our choice. A rebase takes as long as its job.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.dispatch.lists import list_index_response
from mockserver.dispatch.routing import Call
from mockserver.dispatch.transactions import transactional
from mockserver.simulation.names import operation_number
from mockserver.simulation.tuning import State, micros
from mockserver.state.clock import Nanos
from mockserver.state.store import Collection, Entry, Index, Missing, Position
from mockserver.vertex.errors import not_found
from mockserver.vertex.filters import compile_filter
from mockserver.vertex.locations import resource_name
from mockserver.vertex.records import TUNING_JOBS
from mockserver.vertex.store import Repository, unused_names
from mockserver.vertex.tuning_job_views import show_tuning_job
from mockserver.vertex.versions import type_url

Json = dict[str, Any]

GENERIC = "GenericOperationMetadata"
EMPTY = {"@type": "type.googleapis.com/google.protobuf.Empty"}


@dataclass(frozen=True, slots=True)
class Operation:
    """A long-running operation. With `job` it is done when that job ends, and its response is the job.

    `version` is the API version of the request that started it, and of its types in every answer.
    """

    name: str
    version: str
    metadata: str
    created: Nanos
    response: Mapping[str, Any] | None = None
    job: str = ""


def _ancestors(operation: Operation) -> Iterator[str]:
    """Return the names of the operation's parent, and of the parents of that."""
    steps = operation.name.split("/")
    return ("/".join(steps[:count]) for count in range(2, len(steps), 2))


BY_ANCESTOR: Index[Operation] = Index("ancestor", _ancestors)
OPERATIONS: Collection[Operation] = Collection("vertex.operations", Operation, (BY_ANCESTOR,))


def find_operation(call: Call, name: str) -> Operation:
    """Return the operation of that name. Raises 404."""
    try:
        return call.world.store.get(OPERATIONS, name)
    except Missing:
        raise not_found("Operation", name) from None  # the form is seen, for sessions


def start_operation(call: Call, parent: str, metadata: str, *, response: Json | None = None, job: str = "") -> Json:
    """Insert a new operation under `parent` and return it. `metadata` is the name of its type."""
    rng = call.world.rng("vertex.operations")
    name = next(unused_names(call.world.store, OPERATIONS, lambda: f"{parent}/operations/{operation_number(rng)}"))
    operation = Operation(
        name=name,
        version=call.version,
        metadata=metadata,
        created=micros(call.now),
        response=response or (None if job else EMPTY),
        job=job,
    )
    call.world.store.insert(OPERATIONS, name, operation)
    return show_operation(operation, call)


def get_operation(call: Call) -> Json:
    """Return an operation."""
    return show_operation(find_operation(call, resource_name(call)), call)


def list_operations(call: Call) -> Json:
    """List the operations under a resource, and under the resources in it, that fit the filter."""
    parent, text = resource_name(call), call.message.get("filter", "")
    test = compile_filter(text)

    def walk(after: Position | None) -> Iterator[Entry[Operation]]:
        for entry in call.world.store.walk(OPERATIONS, BY_ANCESTOR, parent, after=after):
            if test is None or test({"done": False} | show_operation(entry.record, call)):
                yield entry

    return list_index_response(
        call,
        "operations",
        walk,
        show=lambda entry: show_operation(entry.record, call),
        key=lambda entry: entry.name,
        rank=lambda entry: entry.position.rank,
        default=100,  # our choice: not seen
        maximum=1000,  # our choice: not seen
        scope=f"{parent}?{text}",
    )


def wait_operation(call: Call) -> Json:
    """Return an operation at once: waiting is best effort, the service may answer at any time (google.longrunning)."""
    return get_operation(call)


def cancel_operation(call: Call) -> Json:
    """Best effort, like the real one: the operation goes on."""
    find_operation(call, resource_name(call))
    return {}


@transactional
def delete_operation(call: Call) -> Json:
    """Delete an operation; what it did stays."""
    call.world.store.delete(OPERATIONS, find_operation(call, resource_name(call)).name)
    return {}


def show_operation(operation: Operation, call: Call) -> Json:
    """Return the resource. A job's operation ends when the job does."""
    end: Nanos | None = operation.created
    outcome: Json = {"done": True, "response": operation.response}
    if operation.job:
        repository = Repository(call.world, call.now)
        job = call.world.store.get(TUNING_JOBS, operation.job)
        progress = repository.observe(job)
        end, outcome = progress.ended, {}
        if end is not None:
            resource = show_tuning_job(repository, job, call.now)
            succeeded = progress.state is State.SUCCEEDED
            response = {"@type": type_url(operation.version, "TuningJob"), **resource}
            outcome = {"done": True} | ({"response": response} if succeeded else {"error": resource["error"]})
    times = {"createTime": operation.created, "updateTime": end or operation.created}
    metadata = times if operation.metadata == GENERIC else {"genericMetadata": times}
    return {
        "name": operation.name,
        "metadata": {"@type": type_url(operation.version, operation.metadata), **metadata},
        **outcome,
    }

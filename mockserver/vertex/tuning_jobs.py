"""projects.locations.tuningJobs: create, rebase, get, list, cancel.

PENDING --37 to 72 ms--> RUNNING --> SUCCEEDED | FAILED          PENDING | RUNNING --cancel--> CANCELLING --> CANCELLED
"""

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from mockserver.dispatch import runs
from mockserver.dispatch.lists import list_message, pack_position, unpack_position
from mockserver.dispatch.routing import Call, Handled, with_hint
from mockserver.dispatch.runs import StoredRun, describe_unreached_step
from mockserver.dispatch.transactions import in_transaction, transactional
from mockserver.protojson.version_trimming import trim_to_version
from mockserver.rpc.errors import ApiError, Code
from mockserver.rpc.paging import Paging, paging, ranked
from mockserver.simulation import tuning
from mockserver.simulation.tuning import State
from mockserver.state.clock import Nanos
from mockserver.state.store import Entry, Position, Store
from mockserver.vertex.errors import REQUIRED, does_not_exist, invalid_fields
from mockserver.vertex.filters import compile_filter
from mockserver.vertex.locations import GLOBAL, canonical_name, find_location, resource_name
from mockserver.vertex.operations import start_operation
from mockserver.vertex.records import STATES, TUNING_JOBS, TuningJob, insert_tuning_job
from mockserver.vertex.store import Repository, find_tuning_job, find_version
from mockserver.vertex.tuning_job_creation import new_tuning_job, prepare_tuning_job
from mockserver.vertex.tuning_job_views import poll_tuning_job, show_tuning_job
from mockserver.vertex.versions import message_name

Json = dict[str, Any]


def create_tuning_job(call: Call) -> Handled:
    """Begin a job, with 200 and the job itself: this is no long-running operation."""
    if find_location(call).id == GLOBAL:
        # "rejected at creation with FAILED_PRECONDITION" [documented]; our choice of words: not seen
        raise ApiError(Code.FAILED_PRECONDITION, "Tuning is not supported in location global.")
    body = call.message.get("tuningJob", {})
    preparation = prepare_tuning_job(call, body)  # reads the dataset, which may take long: not in a transaction

    def create(transaction: Store) -> TuningJob:
        job = new_tuning_job(in_transaction(call, transaction), body, preparation)
        insert_tuning_job(transaction, job)
        return job

    job = call.world.store.transact(create)
    shown = show_tuning_job(Repository(call.world, call.now), job, call.now)
    return with_hint(shown, describe_unreached_step(job.run))


def rebase_tuned_model(call: Call) -> Handled:
    """Begin a job like the one that made the model, changed by the members sent; the operation ends with the job.

    No recording of it was seen: what is copied is our choice.
    """
    source = _find_source(call, call.message.get("tunedModelRef", {}))
    body = _rebase_request(source, call.message.get("tuningJob", {}))
    preparation = prepare_tuning_job(call, body)  # reads the dataset, which may take long: not in a transaction

    def create(transaction: Store) -> Handled:
        within = in_transaction(call, transaction)
        job = new_tuning_job(within, body, preparation)
        insert_tuning_job(transaction, job)
        operation = start_operation(within, job.name, "RebaseTunedModelOperationMetadata", job=job.name)
        return with_hint(operation, describe_unreached_step(job.run))

    return call.world.store.transact(create)


def _find_source(call: Call, reference: Mapping[str, Any]) -> TuningJob:
    if "tuningJob" in reference:
        return find_tuning_job(call, canonical_name(reference["tuningJob"]))
    if "tunedModel" in reference:
        return find_version(call, canonical_name(reference["tunedModel"])).job
    if "pipelineJob" in reference:
        raise does_not_exist("PipelineJob")
    raise invalid_fields(("tuned_model_ref", REQUIRED))


def _rebase_request(source: TuningJob, body: Mapping[str, Any]) -> Json:
    """Return the source's request with the client's members; a source model or a spec replaces the old one."""
    request = {member: value for member, value in source.request.items() if member != "preTunedModel"}
    request.setdefault("baseModel", source.base_model)
    if "preTunedModel" in body:
        del request["baseModel"]
    if any(member.endswith("Spec") and member != "encryptionSpec" for member in body):
        del request[source.spec]
    return {"tunedModelDisplayName": source.display_name} | request | dict(body)


def get_tuning_job(call: Call) -> Json:
    """Return a job."""
    job = find_tuning_job(call, resource_name(call))
    return poll_tuning_job(Repository(call.world, call.now), job, call.now)


def list_tuning_jobs(call: Call) -> Json:
    """List the jobs of a location, the last updated first [seen]; of those updated at one moment the youngest."""
    repository = Repository(call.world, call.now)
    location = find_location(call).name
    text = call.message.get("filter", "")
    test = compile_filter(text)
    page = paging(
        page_size=call.message.get("pageSize"),
        page_token=call.message.get("pageToken"),
        default=100,  # our choice: not seen
        maximum=1000,  # our choice: not seen
        scope=f"{location}/tuningJobs?filter={text}",
        moment=call.now,
    )
    # A job that is updated while a client turns pages would move to a page that the client has read already. So all
    # pages have the order of the moment at which the first one was read; jobs created since are on none of them.
    at_first_page = Repository(call.world, page.moment or call.now)
    if page.after is None:
        changed_ordinals = tuple(entry.ordinal for entry in at_first_page.walk_requested(location))
    else:
        changed_ordinals = page.after.changed
    entries: Iterable[Entry[TuningJob]] = _walk_jobs(at_first_page, location, page, frozenset(changed_ordinals))
    if test:

        def matches_filter(entry: Entry[TuningJob]) -> bool:
            resource = show_tuning_job(repository, entry.record, call.now)
            return test(trim_to_version(message_name(call.version, "TuningJob"), resource))

        entries = filter(matches_filter, entries)
    page_entries, token = page.cut(
        entries,
        key=lambda entry: entry.name,
        rank=lambda entry: pack_position(entry.position),
        changed=changed_ordinals,
    )
    jobs = (show_tuning_job(repository, entry.record, call.now) for entry in page_entries)
    return list_message("tuningJobs", jobs, token)


def _walk_jobs(
    at_first_page: Repository, location: str, page: Paging, changed_ordinals: Collection[int]
) -> Iterator[Entry[TuningJob]]:
    """Return the jobs on the page and after it, in the order of the moment of the first page.

    The clock may stand still: a job whose end was requested at that moment, but after the first page was read, keeps
    the position that it had before. `changed_ordinals` are the jobs whose end was requested before the first page was
    read.
    """
    after = unpack_position(ranked(page.after))
    changed_since = {
        entry.name: _at_earlier_position(entry, at_first_page.now)
        for entry in at_first_page.walk_requested(location)
        if entry.ordinal not in changed_ordinals
    }
    unchanged = (entry for entry in at_first_page.walk_jobs(location, after) if entry.name not in changed_since)
    changed = (entry for entry in changed_since.values() if after is None or entry.position > after)
    return heapq.merge(unchanged, sorted(changed, key=_position), key=_position)


def _position(entry: Entry[TuningJob]) -> Position:
    return entry.position


def _at_earlier_position(entry: Entry[TuningJob], moment: Nanos) -> Entry[TuningJob]:
    """Return the entry at the position that it had before the end of the job was requested."""
    run = replace(entry.record.run, cancelled=None, failed=None, finished=None)
    return entry._replace(position=Position(-tuning.observe(run, moment).updated, -entry.ordinal))


@transactional
def cancel_tuning_job(call: Call) -> Json:
    """Ask a job to stop. One that has ended, or was cancelled before, cannot be canceled."""
    job = find_tuning_job(call, resource_name(call))
    state = tuning.state(job.run, call.now)
    if state not in {State.PENDING, State.RUNNING}:
        # seen for CANCELLED; our choice for the other states
        raise ApiError(
            Code.FAILED_PRECONDITION,
            f'The TuningJob "{job.name}" is in state {STATES[state]} and cannot be canceled.',
        )
    runs.change_run(call.world, StoredRun(TUNING_JOBS, job.name, job.run), tuning.cancel(job.run, call.now), call.now)
    return {}

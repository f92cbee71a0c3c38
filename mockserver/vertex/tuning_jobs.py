"""projects.locations.tuningJobs: what jobs there are, and how they look by now.

    PENDING --40 ms--> RUNNING --> SUCCEEDED | FAILED          PENDING | RUNNING --cancel--> CANCELLING --> CANCELLED

A job appears bit by bit, as real ones did [recordings of 2024-11 to 2026-10]: the answer to create holds
what was sent, a state and two equal times; a service account shows up half a minute later, the experiment
later still; model, statistics and the hyperparameters the service chose at the end.
"""

from dataclasses import replace
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.dispatch.transactions import in_transaction, transactional
from mockserver.rpc.errors import ApiError, Code
from mockserver.rpc.paging import paging, ranked
from mockserver.simulation import names, tuning
from mockserver.simulation.tuning import SECOND, Failure, Nanos, Progress, State
from mockserver.state.store import Missing
from mockserver.vertex import tuning_datasets
from mockserver.vertex.errors import does_not_exist
from mockserver.vertex.filters import filtered
from mockserver.vertex.locations import GLOBAL, place_of, target_of
from mockserver.vertex.store import (
    TUNING_JOBS,
    Registry,
    TuningJob,
    made_checkpoints,
    newest_first,
    registered,
    trained,
)
from mockserver.vertex.tuning_job_creation import new_job, prepare
from mockserver.vertex.versions import as_known

Json = dict[str, Any]

STATES = {
    State.PENDING: "JOB_STATE_PENDING",
    State.RUNNING: "JOB_STATE_RUNNING",
    State.SUCCEEDED: "JOB_STATE_SUCCEEDED",
    State.FAILED: "JOB_STATE_FAILED",
    State.CANCELLING: "JOB_STATE_CANCELLING",
    State.CANCELLED: "JOB_STATE_CANCELLED",
}

CANCELED = {"code": 1, "message": "CANCELED"}  # one L [seen]
INTERNAL = Failure(13, "Internal error occurred. Contact Vertex AI.")  # seen

# The kinds of tuning whose hyperparameters we know the defaults of.
COMPLETED = frozenset({"supervisedTuningSpec", "preferenceOptimizationSpec"})

SERVICE_ACCOUNT_SHOWN = 31 * SECOND  # with an update of the record [seen]
MODEL_NAMED = 40 * SECOND  # jobs that ended after 42 and 80 s of work named a model, one of 31 s did not [seen]

# Contexts were stamped 33 s after their jobs began, but jobs that ended after 43 to 80 s showed none.
EXPERIMENT_STAMPED = 33 * SECOND
EXPERIMENT_SHOWN = 90 * SECOND


def create_tuning_job(call: Call) -> Json:
    """Begin a job, with 200 and the job itself: this is no long-running operation."""
    if place_of(call).location == GLOBAL:
        # "rejected at creation with FAILED_PRECONDITION" [documented]; our choice of words: not seen
        raise ApiError(Code.FAILED_PRECONDITION, "Tuning is not supported in location global.")
    sent = call.message.get("tuningJob", {})
    prepared = prepare(call, sent)
    job = call.world.store.transact(lambda transaction: new_job(in_transaction(call, transaction), sent, prepared))
    return tuning_job(Registry(call.world, call.now), job, call.now)


def get_tuning_job(call: Call) -> Json:
    """A job as it is by now."""
    registry = Registry(call.world, call.now)
    return tuning_job(registry, _find(registry, call), call.now)


def list_tuning_jobs(call: Call) -> Json:
    """The jobs of a location, the last updated first [seen]; of those updated at one moment the youngest."""
    registry = Registry(call.world, call.now)
    place = place_of(call).name
    text = call.message.get("filter", "")
    wanted = paging(
        page_size=call.message.get("pageSize"),
        page_token=call.message.get("pageToken"),
        default=100,  # our choice: not seen
        maximum=1000,  # our choice: not seen
        scope=f"{place}/tuningJobs?filter={text}",
        moment=call.now,
    )
    # A job that is updated while somebody turns pages would move to a page that they have seen already. So the order
    # of all pages is that of the moment at which the first one was read; jobs created since are on none of them.
    moment = wanted.moment or call.now
    then = registry.at(moment)
    places = [
        (newest_first(then.progress(entry.record).updated, entry), entry.name, entry.record)
        for entry in registry.jobs(place)
        if entry.record.run.created <= moment
    ]
    if text.strip():

        def view(place: tuple[int, str, TuningJob]) -> Json:
            return as_known(call.version, "TuningJob", tuning_job(registry, place[2], call.now))

        places = filtered(places, text, facts=view)
    if behind := ranked(wanted.after):
        places = [place for place in places if place[:2] > behind]
    places.sort(key=lambda place: place[:2])
    jobs, token = wanted.cut(places, key=lambda place: place[1], rank=lambda place: place[0])
    shown = [tuning_job(registry, job, call.now) for _, _, job in jobs]
    return {"tuningJobs": shown} | ({"nextPageToken": token} if token else {})


@transactional
def cancel_tuning_job(call: Call) -> Json:
    """Ask a job to stop. One that has ended, or was asked before, cannot be canceled."""
    registry = Registry(call.world, call.now)
    job = _find(registry, call)
    state = registry.progress(job).state
    if state not in {State.PENDING, State.RUNNING}:
        # seen for CANCELLED; our choice for the other states
        raise ApiError(
            Code.FAILED_PRECONDITION,
            f'The TuningJob "{job.name}" is in state {STATES[state]} and cannot be canceled.',
        )
    start = registry.start(job)
    call.world.store.replace(TUNING_JOBS, job.name, replace(job, run=tuning.cancel(job.run, call.now, start=start)))
    return {}


def tuning_job(registry: Registry, job: TuningJob, now: Nanos) -> Json:
    """A job as it is now."""
    progress = registry.progress(job)
    view: Json = {
        **_given(job, progress, now),
        "name": job.name,
        "tunedModelDisplayName": job.display_name,
        "state": STATES[progress.state],
        "createTime": job.run.created,
        "updateTime": progress.updated,
        **_times(progress),
        **_ending(progress),
        **_experiment(job, progress, now),
        **_tuned_model(registry, job, progress),
        **_detail(job, progress, now),
    }
    if trained(progress):
        view[job.spec] = _completed(job)
        view |= tuning_datasets.stats(job.spec, job.dataset.statistics)
    return view


def experiment_id(job: TuningJob, progress: Progress) -> str | None:
    """The id of the context that holds the job's metrics, once it has begun."""
    if progress.started is None:
        return None
    return names.experiment_id(progress.started + EXPERIMENT_STAMPED + job.run.seed % SECOND)


def shows_experiment(job: TuningJob, progress: Progress, now: Nanos) -> bool:
    """Whether the job names its experiment by now."""
    return _worked(job, progress, now, EXPERIMENT_SHOWN)


def _find(registry: Registry, call: Call) -> TuningJob:
    try:
        return registry.job(target_of(call))
    except Missing:
        raise does_not_exist("TuningJob") from None


def _times(progress: Progress) -> Json:
    times = {"startTime": progress.started, "endTime": progress.ended}
    return {name: time for name, time in times.items() if time is not None}


def _ending(progress: Progress) -> Json:
    if progress.state is State.CANCELLED:
        return {"error": CANCELED}
    if progress.state is State.FAILED:
        failure = progress.failure or INTERNAL
        return {"error": {"code": failure.code, "message": failure.message}}
    return {}


def _given(job: TuningJob, progress: Progress, now: Nanos) -> Json:
    """What was sent; a service account is not shown at once, and never if the job has ended before."""
    seen = now if progress.ended is None else progress.ended
    shown = progress.started is not None and seen - progress.started >= SERVICE_ACCOUNT_SHOWN
    hidden = () if shown else ("serviceAccount",)
    return {member: value for member, value in job.request.items() if member not in hidden}


def _experiment(job: TuningJob, progress: Progress, now: Nanos) -> Json:
    if not shows_experiment(job, progress, now):
        return {}
    place = job.name.partition("/tuningJobs/")[0]
    return {"experiment": f"{place}/metadataStores/default/contexts/{experiment_id(job, progress)}"}


def _worked(job: TuningJob, progress: Progress, now: Nanos, time: Nanos) -> bool:
    """Whether the job was at work that long, by now or ever; one that is being cancelled works no more."""
    over = (moment for moment in (now, progress.ended, job.run.cancelled) if moment is not None)
    return progress.started is not None and min(over) - progress.started >= time


def _tuned_model(registry: Registry, job: TuningJob, progress: Progress) -> Json:
    """What the job has brought forth. Jobs that ended before there was a model may name one all the same [seen]."""
    tuned: Json = {}
    named = progress.ended is not None and _worked(job, progress, progress.ended, MODEL_NAMED)
    if named or registered(job, progress) is not None:
        tuned["model"] = job.model_version
    if progress.state is State.SUCCEEDED:
        tuned["endpoint"] = registry.default_endpoint(job)
    if checkpoints := made_checkpoints(job, progress):
        tuned["checkpoints"] = [
            {"checkpointId": each.id, "epoch": each.epoch, "step": each.step, "endpoint": each.endpoint}
            for each in checkpoints
        ]
    return {"tunedModel": tuned} if tuned else {}


def _detail(job: TuningJob, progress: Progress, now: Nanos) -> Json:
    """What v1beta1 tells of a job under way."""
    detail: Json = {}
    if state := _tuning_state(job, progress, now):
        detail["tuningJobState"] = state
    if progress.completed_steps:
        detail["tuningJobMetadata"] = {
            "completedEpochCount": progress.completed_epochs,
            "completedStepCount": progress.completed_steps,
        }
    return detail


def _tuning_state(job: TuningJob, progress: Progress, now: Nanos) -> str:
    """The names are documented, when each holds is our choice: not seen."""
    pace = job.run.pace
    if progress.state is State.PENDING and now - job.run.created > round(pace.start_seconds * SECOND):
        return "TUNING_JOB_STATE_WAITING_FOR_QUOTA"
    if progress.state is not State.RUNNING or progress.started is None:
        return ""
    if progress.completed_steps == progress.total_steps:
        return "TUNING_JOB_STATE_POST_PROCESSING"
    reading = progress.completed_steps == 0 and now - progress.started < round(pace.first_step_seconds / 2 * SECOND)
    return "TUNING_JOB_STATE_PROCESSING_DATASET" if reading else "TUNING_JOB_STATE_TUNING"


def _completed(job: TuningJob) -> Json:
    """The spec with the hyperparameters the service chose, which only a trained job shows [seen].

    A zero is as good as nothing; a learning rate excludes its multiplier (tuning_job.proto).
    """
    spec: Json = job.request[job.spec]
    if job.spec not in COMPLETED:
        return spec
    hyperparameters = spec.get("hyperParameters", {})
    sent = {name: value for name, value in hyperparameters.items() if value not in {0, "ADAPTER_SIZE_UNSPECIFIED"}}
    defaults = dict(job.defaults)
    if "learningRate" in sent:
        del defaults["learningRateMultiplier"]
    return spec | {"hyperParameters": defaults | sent}

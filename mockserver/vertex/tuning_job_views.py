"""The resource of a tuning job at a moment.

A job appears bit by bit, as real ones did [recordings of 2024-11 to 2026-10]: the answer to create holds
what was sent, a state and two equal times; the experiment shows up soon after the start, a service account half a
minute later; model, statistics and the hyperparameters that the service chose at the end.
"""

from datetime import date
from typing import Any

from mockserver.catalog import base_models
from mockserver.catalog.base_model import Shape
from mockserver.protojson.memoized import Views
from mockserver.simulation.tuning import SECOND, Failure, Nanos, Progress, State
from mockserver.vertex import reinforcement
from mockserver.vertex.records import (
    STATES,
    TuningJob,
    experiment_delay,
    experiment_id,
    exported_checkpoints,
    is_trained,
    registration_time,
)
from mockserver.vertex.store import Repository
from mockserver.vertex.training_data import show_statistics

Json = dict[str, Any]

CANCELED = {"code": 1, "message": "CANCELED"}  # one L [seen]
INTERNAL = Failure(13, "Internal error occurred. Contact Vertex AI.")  # seen

# The kinds of tuning whose default hyperparameters we know.
WITH_DEFAULTS = frozenset({"supervisedTuningSpec", "preferenceOptimizationSpec", reinforcement.SPEC})

SERVICE_ACCOUNT_SHOWN = 31 * SECOND  # with an update of the record [seen]
MODEL_NAMED = 40 * SECOND  # jobs that ended after 42 and 80 s of work named a model, one of 31 s did not [seen]

METRICS_SINCE = date(2026, 1, 1)
"""Google's own tests of 2026-10 expect the URI of the metrics, jobs of 2025-10 had none; the day is our choice."""


_ENDED = Views()


def poll_tuning_job(repository: Repository, job: TuningJob, now: Nanos) -> Json:
    """Return the resource for a client that gets it again and again: once the job has ended, the time is no matter."""
    progress = repository.observe(job)
    if progress.ended is None or now < progress.ended:
        return show_tuning_job(repository, job, now)
    endpoint = repository.find_default_endpoint(job) if progress.state is State.SUCCEEDED else ""
    state = progress, endpoint, repository.as_of
    return _ENDED.show(job, state, lambda: show_tuning_job(repository, job, now))


def show_tuning_job(repository: Repository, job: TuningJob, now: Nanos) -> Json:
    """Return the resource."""
    progress = repository.observe(job)
    resource: Json = {
        **_request(job, progress, now),
        "name": job.name,
        "tunedModelDisplayName": job.display_name,
        "state": STATES[progress.state],
        "createTime": job.run.created,
        "updateTime": progress.updated,
        **_times(progress),
        **_error(progress),
        **_experiment(job, progress, now),
        **_tuned_model(repository, job, progress, now),
        **_metrics(repository, job, progress),
        **_preview(job, progress, now),
    }
    if is_trained(progress):
        resource[job.spec] = _completed_spec(job)
        resource |= show_statistics(job.spec, job.dataset.statistics)
    return resource


def has_experiment(job: TuningJob, progress: Progress, now: Nanos) -> bool:
    """Return whether the resource names the job's experiment by now."""
    return _has_worked(job, progress, now, experiment_delay(job))


def _request(job: TuningJob, progress: Progress, now: Nanos) -> Json:
    """Return the members that were sent.

    A service account is missing at first, and for good if the job ended before.
    """
    moment = now if progress.ended is None else progress.ended
    has_account = progress.started is not None and moment - progress.started >= SERVICE_ACCOUNT_SHOWN
    return {member: value for member, value in job.request.items() if has_account or member != "serviceAccount"}


def _times(progress: Progress) -> Json:
    times = {"startTime": progress.started, "endTime": progress.ended}
    return {name: time for name, time in times.items() if time is not None}


def _error(progress: Progress) -> Json:
    if progress.state is State.CANCELLED:
        return {"error": CANCELED}
    if progress.state is State.FAILED:
        failure = progress.failure or INTERNAL
        return {"error": {"code": failure.code, "message": failure.message}}
    return {}


def _experiment(job: TuningJob, progress: Progress, now: Nanos) -> Json:
    if not has_experiment(job, progress, now):
        return {}
    location = job.name.partition("/tuningJobs/")[0]
    return {"experiment": f"{location}/metadataStores/default/contexts/{experiment_id(job, progress)}"}


def _has_worked(job: TuningJob, progress: Progress, now: Nanos, duration: Nanos) -> bool:
    """Return whether the job has worked that long; one that is being cancelled does not work any more."""
    ends = (moment for moment in (now, progress.ended, job.run.cancelled) if moment is not None)
    return progress.started is not None and min(ends) - progress.started >= duration


def _tuned_model(repository: Repository, job: TuningJob, progress: Progress, now: Nanos) -> Json:
    """Return the products of the job. Jobs that ended before there was a model may name one all the same [seen]."""
    tuned: Json = {}
    names_model = progress.ended is not None and _has_worked(job, progress, progress.ended, MODEL_NAMED)
    registered = registration_time(job) if progress.completed_steps else None
    if names_model or (registered is not None and registered <= now):
        tuned["model"] = job.model_version
    if progress.state is State.SUCCEEDED:
        tuned["endpoint"] = repository.find_default_endpoint(job)
    if checkpoints := exported_checkpoints(job, progress):
        tuned["checkpoints"] = [
            {"checkpointId": each.id, "epoch": each.epoch, "step": each.step, "endpoint": each.endpoint}
            for each in checkpoints
        ]
    return {"tunedModel": tuned} if tuned else {}


def _metrics(repository: Repository, job: TuningJob, progress: Progress) -> Json:
    """Return the URI of the metrics of a job that succeeded; its form is our choice: not seen."""
    base, as_of = base_models.find(job.run.base, None, vertex=True), repository.as_of
    has_metrics = (base is None or base.shape is Shape.V2_5) if as_of is None else as_of >= METRICS_SINCE
    if progress.state is not State.SUCCEEDED or not has_metrics:
        return {}
    _, project, _, location, _, id_ = job.name.split("/")
    folder = job.request.get("outputUri", "").rstrip("/") or f"gs://vertex-tuning-{location}-{project}"
    return {"gcsMetricsUri": f"{folder}/tuningJobs/{id_}/metrics.jsonl"}


def _preview(job: TuningJob, progress: Progress, now: Nanos) -> Json:
    """Return the members of a job under way that only v1beta1 has."""
    members: Json = {}
    if state := _tuning_state(job, progress, now):
        members["tuningJobState"] = state
    if progress.completed_steps:
        members["tuningJobMetadata"] = {
            "completedEpochCount": progress.completed_epochs,
            "completedStepCount": progress.completed_steps,
        }
    return members


def _tuning_state(job: TuningJob, progress: Progress, now: Nanos) -> str:
    """The names are documented, when each holds is our choice: not seen."""
    pace = job.run.pace
    if progress.state is State.PENDING and now - job.run.created > round(pace.start_seconds * SECOND):
        return "TUNING_JOB_STATE_WAITING_FOR_QUOTA"
    if progress.state is not State.RUNNING or progress.started is None:
        return ""
    if progress.completed_steps == progress.total_steps:
        return "TUNING_JOB_STATE_POST_PROCESSING"
    first_half = round(pace.first_step_seconds / 2 * SECOND)
    is_reading = progress.completed_steps == 0 and now - progress.started < first_half
    return "TUNING_JOB_STATE_PROCESSING_DATASET" if is_reading else "TUNING_JOB_STATE_TUNING"


def _completed_spec(job: TuningJob) -> Json:
    """Return the spec with the hyperparameters that the service chose, which only a trained job shows [seen].

    A zero is the same as an absent member; a learning rate excludes its multiplier (tuning_job.proto).
    """
    spec: Json = job.request[job.spec]
    if job.spec not in WITH_DEFAULTS:
        return spec
    hyperparameters = spec.get("hyperParameters", {})
    values = {name: value for name, value in hyperparameters.items() if value not in {0, "ADAPTER_SIZE_UNSPECIFIED"}}
    defaults = dict(job.defaults)
    if "learningRate" in values:
        del defaults["learningRateMultiplier"]
    return spec | {"hyperParameters": defaults | values}

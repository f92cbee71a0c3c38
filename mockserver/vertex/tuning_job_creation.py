"""Makes the record of the tuning job that a create request asks for, its run included.

The names of its model and its endpoints are minted now, though these resources exist only once the job has
come that far. The training data is read now too: rows without a required field refuse the request, other errors fail
the run.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from random import Random
from typing import Any

from mockserver.catalog import base_models, training_plan
from mockserver.catalog.base_model import Shape
from mockserver.catalog.training_plan import VertexHyperparameters
from mockserver.datasets.dataset import Dataset
from mockserver.dispatch import runs
from mockserver.dispatch.routing import Call
from mockserver.rpc.errors import ApiError, Code
from mockserver.simulation import names, tuning
from mockserver.simulation.noise import seed_of
from mockserver.simulation.tuning import Run
from mockserver.vertex import reinforcement
from mockserver.vertex.errors import not_found
from mockserver.vertex.locations import Location, canonical_name, find_location, serving_location
from mockserver.vertex.records import ENDPOINTS, MODELS, TUNING_JOBS, Checkpoint, TuningJob
from mockserver.vertex.store import Version, find_version, unused_names
from mockserver.vertex.training_data import read_training_data
from mockserver.vertex.tuning_specs import ADAPTER_SIZES, TuningRequest, check_request, source_model

Json = dict[str, Any]

# The members of TuningJob that a caller sets; the others are ignored when sent (AIP-203).
REQUEST_MEMBERS = (
    "tunedModelDisplayName",
    "description",
    "baseModel",
    "preTunedModel",
    "customBaseModel",
    "labels",
    "encryptionSpec",
    "serviceAccount",
    "outputUri",
)

# Jobs of 2025-03 and before kept no checkpoints [seen], those of today do [documented]: models from 2.5 on
# always did, for 2.0 it depends on the day, which is our choice.
CHECKPOINTS_SINCE = date(2025, 6, 1)
MOST_CHECKPOINTS = 10

FALLBACK_BASE = "gemini-2.0-flash-001"
"""The base model whose pace and defaults a model takes that is not in the catalog."""


@dataclass(frozen=True, slots=True)
class PreparedJob:
    """A valid create request, and its training data."""

    request: TuningRequest
    dataset: Dataset


def prepare_tuning_job(call: Call, body: Mapping[str, Any]) -> PreparedJob:
    """Check a create request and read its training data, before any transaction: reading may take its time.

    Raises ApiError for a request that the service refuses.
    """
    request, _ = _check_request(call, body)
    return PreparedJob(request, read_training_data(call.world, request))


def new_tuning_job(call: Call, body: Mapping[str, Any], preparation: PreparedJob) -> TuningJob:
    """Return the record of a tuning job; to be inserted in the same transaction.

    Raises ApiError if the service does not accept the request any more.
    """
    request, parent = _check_request(call, body, preparation.request)
    location, dataset = find_location(call), preparation.dataset
    store, rng = call.world.store, call.world.rng("vertex.tuningJobs")
    name = next(unused_names(store, TUNING_JOBS, lambda: f"{location.name}/tuningJobs/{names.tuning_job_id(rng)}"))
    run, defaults = _new_run(call, location, request, dataset, rng.getrandbits(64))
    display_name = _choose_display_name(request, parent, rng)
    model, version = _choose_model(call, location, display_name, parent, rng)
    serving = replace(location, id=serving_location(location.id, request.base_model)).name
    endpoints = unused_names(store, ENDPOINTS, lambda: f"{serving}/endpoints/{names.endpoint_id(rng)}")
    endpoint = next(endpoints)
    return TuningJob(
        name=name,
        run=run,
        request=_stored_request(request, parent),
        spec=request.spec.member,
        base_model=request.base_model,
        display_name=display_name,
        model=model,
        version=version,
        endpoint=endpoint,
        deployment=names.endpoint_id(rng),
        checkpoints=_new_checkpoints(request, run, endpoint, endpoints, rng)
        if _exports_checkpoints(call, request)
        else (),
        defaults=_shown_defaults(request, run, defaults),
        dataset=dataset,
    )


def _check_request(
    call: Call, body: Mapping[str, Any], valid: TuningRequest | None = None
) -> tuple[TuningRequest, Version | None]:
    """Return the request, and the model version that it continues from.

    A request known as valid is checked for its quota only.
    """
    parent = _find_parent(call, body)
    base_model = parent.job.base_model if parent else source_model(body)
    if valid is None or valid.base_model != base_model:
        valid = check_request(body, base_model, call.settings.as_of)
    _check_quota(call)
    return valid, parent


def _find_parent(call: Call, body: Mapping[str, Any]) -> Version | None:
    """Return the model version that continuous tuning continues from, if the request names one."""
    name = canonical_name(body.get("preTunedModel", {}).get("tunedModelName", ""))
    if not name:
        return None
    version = find_version(call, name)
    checkpoint = body["preTunedModel"].get("checkpointId")
    if checkpoint and checkpoint not in {each.id for each in version.checkpoints}:
        raise not_found("Checkpoint", f"{checkpoint} of {name}")  # our choice: not seen
    return version


def _check_quota(call: Call) -> None:
    """Older projects were refused where newer ones wait [second-hand]."""
    quota = f"projects/{find_location(call).number}"
    if call.settings.over_quota == "refuse" and runs.is_full(call.world, TUNING_JOBS, quota, call.now):
        # the form is that of generateContent's quotas [seen]; the metric is named so by two users
        raise ApiError(
            Code.RESOURCE_EXHAUSTED,
            "Quota exceeded for aiplatform.googleapis.com/global_concurrent_tuning_jobs. Please submit a quota "
            "increase request. https://cloud.google.com/vertex-ai/docs/generative-ai/quotas-genai.",
        )


def _new_run(
    call: Call, location: Location, request: TuningRequest, dataset: Dataset, seed: int
) -> tuple[Run, VertexHyperparameters]:
    """Return the run, and the hyperparameters that the service chooses where the request has none."""
    base = request.base if request.base and request.base.vertex else base_models.find(FALLBACK_BASE, None, vertex=True)
    if base is None:
        raise LookupError(FALLBACK_BASE)
    hyperparameters, examples = request.hyperparameters, dataset.statistics.trained
    defaults = training_plan.vertex_defaults(base, examples)
    pace = training_plan.vertex_pace(base, seed)
    plan = reinforcement.plan(hyperparameters, examples) if request.spec.member == reinforcement.SPEC else None
    run = Run(
        created=tuning.micros(call.now),
        seed=seed,
        base=base.id,
        examples=examples,
        epochs=plan.epochs if plan else hyperparameters.get("epochCount") or defaults.epochs,
        batch=plan.batch if plan else hyperparameters.get("batchSize") or defaults.batch,
        learning_rate=0.001 * (hyperparameters.get("learningRateMultiplier") or defaults.learning_rate_multiplier),
        data_seed=seed_of(request.dataset),
        # Of the two ways in which jobs cancelled at once were seen to end, the one recorded whole.
        pace=replace(pace, early_cancel_seconds=pace.early_cancel_seconds or 60.5),
        fail_at_step=0 if dataset.failure else None,
        failure=dataset.failure,
        quota=f"projects/{location.number}",
        most_steps=plan.most_steps if plan else None,
    )
    job = request.job
    labels = (text for label in job.get("labels", {}).items() for text in label)
    for directives in call.job_directives(job.get("tunedModelDisplayName", ""), job.get("description", ""), *labels):
        run = directives.apply_to(run)
    return runs.find_place(call.world, TUNING_JOBS, run), defaults


def _shown_defaults(request: TuningRequest, run: Run, defaults: VertexHyperparameters) -> Mapping[str, Any]:
    """Return the hyperparameters that a trained job shows where the request has none."""
    sizes = {size: name for name, size in ADAPTER_SIZES.items()}
    if request.spec.member == reinforcement.SPEC:
        adapter_sizes = (
            request.base.adapter_sizes if request.base and request.base.vertex else (reinforcement.ADAPTER_SIZE,)
        )
        size = max(each for each in adapter_sizes if each <= reinforcement.ADAPTER_SIZE)
        return reinforcement.defaults(request.hyperparameters, run.examples, sizes[size])
    return {
        "epochCount": defaults.epochs,
        "learningRateMultiplier": defaults.learning_rate_multiplier,
        "adapterSize": sizes[defaults.adapter_size],
    }


def _choose_display_name(request: TuningRequest, parent: Version | None, rng: Random) -> str:
    """Return the name sent; else the parent's; else the base model and a UUID [seen]."""
    name: str = request.job.get("tunedModelDisplayName", "")
    if name:
        return name
    return parent.display_name if parent else names.tuned_display_name(request.base_model.rpartition("/")[2], rng)


def _choose_model(
    call: Call, location: Location, display_name: str, parent: Version | None, rng: Random
) -> tuple[str, int]:
    """Return the model and version that the job makes: the parent's next, unless a new display name means a new model.

    Of a parent in another project or location too a new one: a job writes only where it runs. Our choice: not seen.
    """
    if parent and display_name == parent.display_name and parent.job.model.startswith(f"{location.name}/"):
        return parent.job.model, len(call.world.store.get(MODELS, parent.job.model).jobs) + 1
    minted = unused_names(call.world.store, MODELS, lambda: f"{location.name}/models/{names.model_id(rng)}")
    return next(minted), 1


def _stored_request(request: TuningRequest, parent: Version | None) -> Json:
    """Return the members sent, without output-only ones.

    A job with a service account came back with exportLastCheckpointOnly though nobody had asked for it
    [seen in four jobs of four; five without an account had it not].
    """
    result: Json = {member: request.job[member] for member in REQUEST_MEMBERS if member in request.job}
    result[request.spec.member] = settings = dict(request.settings)
    if request.job.get("serviceAccount") and request.spec.member in _EXPORTING:
        settings["exportLastCheckpointOnly"] = True
    if parent:
        name = canonical_name(result["preTunedModel"]["tunedModelName"])
        result["preTunedModel"] = result["preTunedModel"] | {"tunedModelName": name, "baseModel": request.base_model}
    return result


_EXPORTING = frozenset({"supervisedTuningSpec", "preferenceOptimizationSpec", reinforcement.SPEC})


def _exports_checkpoints(call: Call, request: TuningRequest) -> bool:
    only_last = request.settings.get("exportLastCheckpointOnly") or request.job.get("serviceAccount")
    if only_last or request.spec.member not in _EXPORTING or request.base is None:
        return False
    shape = request.base.shape
    return shape is Shape.V2_5 or (shape is Shape.V2_0 and call.day >= CHECKPOINTS_SINCE)


def _new_checkpoints(
    request: TuningRequest, run: Run, endpoint: str, other_endpoints: Iterator[str], rng: Random
) -> tuple[Checkpoint, ...]:
    """Return the checkpoints of a run; the last is the end of training [documented], which the endpoint serves."""
    places = _checkpoint_places(request, run)
    return tuple(
        Checkpoint(
            id=str(number),
            epoch=epoch,
            step=step,
            endpoint=endpoint if number == len(places) else next(other_endpoints),
            deployment=names.endpoint_id(rng),
        )
        for number, (epoch, step) in enumerate(places, 1)
    )


def _checkpoint_places(request: TuningRequest, run: Run) -> list[tuple[int, int]]:
    """Epoch and step of every checkpoint: one an epoch, or about ten evenly spaced [documented].

    Of reinforcement tuning they are as many steps apart as was asked.
    """
    total = run.total_steps
    if request.spec.member == reinforcement.SPEC:
        interval = reinforcement.checkpoint_interval(request.hyperparameters, run.examples)
        interval = max(interval, -(-total // MOST_CHECKPOINTS))  # our choice: not more than of other kinds
        return [(run.epoch(step), step) for step in (*range(interval, total, interval), total)]
    count = min(run.epochs, MOST_CHECKPOINTS, total)
    epochs = [-(-run.epochs * number // count) for number in range(1, count + 1)]
    return [(epoch, -(-total * epoch // run.epochs)) for epoch in epochs]

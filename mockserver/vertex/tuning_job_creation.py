"""The birth of a tuning job: everything that is settled when it is created, and kept.

The names of its model and its endpoints are minted now, though they will lead nowhere until the job has
come that far. The training data is looked at now too; what is wrong with it fails the run, not the request.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from random import Random
from typing import Any

from mockserver.catalog import base_models, training_plan
from mockserver.catalog.base_model import BaseModel, Shape
from mockserver.catalog.training_plan import VertexHyperparameters
from mockserver.datasets.dataset import Dataset
from mockserver.dispatch.routing import Call
from mockserver.rpc.errors import ApiError, Code
from mockserver.simulation import names, tuning
from mockserver.simulation.noise import seed_of
from mockserver.simulation.tuning import Pace, Run
from mockserver.state.clock import to_datetime
from mockserver.state.store import Missing
from mockserver.vertex import tuning_datasets, tuning_specs
from mockserver.vertex.errors import not_found
from mockserver.vertex.locations import Place, canonical, place_of, serving_location
from mockserver.vertex.store import (
    ENDPOINTS,
    MODELS,
    TUNING_JOBS,
    Checkpoint,
    Endpoint,
    Model,
    Registry,
    TuningJob,
    Version,
    unused_names,
)
from mockserver.vertex.tuning_specs import ADAPTER_SIZES, Request

Json = dict[str, Any]

# The members of TuningJob that are a caller's to give; the others are ignored when sent (AIP-203).
GIVEN = (
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

STAND_IN = "gemini-2.0-flash-001"
"""Whose pace and defaults a model takes that the catalog does not have."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request for a job that the service takes, and its training data."""

    request: Request
    dataset: Dataset


def prepare(call: Call, sent: Mapping[str, Any]) -> Prepared:
    """What comes before the transaction in which a job is created: reading the data may take its time.

    Raises what the service says of a request it does not take.
    """
    request, _ = _checked(call, sent)
    return Prepared(request, tuning_datasets.read(call.world, request))


def new_job(call: Call, sent: Mapping[str, Any], prepared: Prepared) -> TuningJob:
    """A new job, kept: part of a transaction. Raises what the service says if it does not take the request any more."""
    request, parent = _checked(call, sent, prepared.request)
    job = _settled(call, place_of(call), request, parent, prepared.dataset)
    _keep(call, job)
    return job


def _checked(call: Call, sent: Mapping[str, Any], known: Request | None = None) -> tuple[Request, Version | None]:
    """The request and the model it goes on from. A request that is known already is checked for its quota alone."""
    registry = Registry(call.world, call.now)
    parent = _parent(registry, sent)
    base_model = parent.job.base_model if parent else tuning_specs.source_model(sent)
    if known is None or known.base_model != base_model:
        known = tuning_specs.checked(sent, base_model, call.world.settings.as_of)
    _check_quota(call, registry, place_of(call))
    return known, parent


def _parent(registry: Registry, sent: Mapping[str, Any]) -> Version | None:
    """The model version that continuous tuning goes on from, if one is named."""
    name = canonical(sent.get("preTunedModel", {}).get("tunedModelName", ""))
    if not name:
        return None
    try:
        version = registry.version(name)
    except Missing:
        raise not_found("Model", name) from None  # our choice: not seen
    wanted = sent["preTunedModel"].get("checkpointId")
    if wanted and wanted not in {each.id for each in version.checkpoints}:
        raise not_found("Checkpoint", f"{wanted} of {name}")  # our choice: not seen
    return version


def _check_quota(call: Call, registry: Registry, place: Place) -> None:
    """Older projects were refused where newer ones wait [second-hand]."""
    settings = call.world.settings
    if settings.max_concurrent_jobs is None or settings.over_quota != "refuse":
        return
    project = f"projects/{place.number}"
    busy = sum(not registry.progress(entry.record).state.terminal for entry in registry.jobs(project))
    if busy >= settings.max_concurrent_jobs:
        # the form is that of generateContent's quotas [seen]; the metric is our choice
        raise ApiError(
            Code.RESOURCE_EXHAUSTED,
            "Quota exceeded for aiplatform.googleapis.com/global_concurrent_tuning_jobs. Please submit a quota "
            "increase request. https://cloud.google.com/vertex-ai/docs/generative-ai/quotas-genai.",
        )


def _settled(call: Call, place: Place, request: Request, parent: Version | None, dataset: Dataset) -> TuningJob:
    """Everything about the job that will not change any more."""
    store, rng = call.world.store, call.world.rng("vertex.tuningJobs")
    name = next(unused_names(store, TUNING_JOBS, lambda: f"{place.name}/tuningJobs/{names.tuning_job_id(rng)}"))
    run, defaults = _run(call, place, request, dataset, rng.getrandbits(64))
    display_name = _display_name(request, parent, rng)
    model, version = _place_in_registry(call, place, display_name, parent, rng)
    serving = replace(place, location=serving_location(place.location, request.base_model)).name
    endpoints = unused_names(store, ENDPOINTS, lambda: f"{serving}/endpoints/{names.endpoint_id(rng)}")
    endpoint = next(endpoints)
    return TuningJob(
        name=name,
        run=run,
        request=_kept_request(request, parent),
        spec=request.spec.member,
        base_model=request.base_model,
        display_name=display_name,
        model=model,
        version=version,
        endpoint=endpoint,
        deployment=names.endpoint_id(rng),
        checkpoints=_checkpoints(run, endpoint, endpoints, rng) if _keeps_checkpoints(call, request) else (),
        defaults=_shown_defaults(defaults),
        dataset=dataset,
    )


def _run(call: Call, place: Place, request: Request, dataset: Dataset, seed: int) -> tuple[Run, VertexHyperparameters]:
    base = request.base if request.base and request.base.vertex else _stand_in()
    sent, examples = request.hyperparameters, dataset.statistics.trained
    defaults = training_plan.vertex_defaults(base, examples)
    run = Run(
        created=tuning.micros(call.now),
        seed=seed,
        base=base.id,
        examples=examples,
        epochs=sent.get("epochCount") or defaults.epochs,
        batch=sent.get("batchSize") or defaults.batch,
        learning_rate=0.001 * (sent.get("learningRateMultiplier") or defaults.learning_rate_multiplier),
        data_seed=seed_of(request.dataset),
        pace=_pace(base, seed),
        fail_at_step=0 if dataset.failure else None,
        failure=dataset.failure,
        quota=f"projects/{place.number}",
    )
    for directives in call.job_directives(*_words(request)):
        run = directives.direct(run)
    return run, defaults


def _words(request: Request) -> Iterator[str]:
    """Where magic words may stand."""
    job = request.job
    yield from (job.get("tunedModelDisplayName", ""), job.get("description", ""))
    yield from (text for label in job.get("labels", {}).items() for text in label)


def _pace(base: BaseModel, seed: int) -> Pace:
    """The base model's pace. Of the two ways in which jobs cancelled at once were seen to end, the one recorded whole."""
    pace = training_plan.vertex_pace(base, seed)
    return replace(pace, early_cancel_seconds=pace.early_cancel_seconds or 60.5)


def _stand_in() -> BaseModel:
    base = base_models.find(STAND_IN, None, vertex=True)
    if base is None:
        raise LookupError(STAND_IN)
    return base


def _display_name(request: Request, parent: Version | None, rng: Random) -> str:
    """The one sent; else the parent's; else the base model and a UUID [seen]."""
    sent: str = request.job.get("tunedModelDisplayName", "")
    return sent or (parent.display_name if parent else names.tuned_display_name(_bare(request), rng))


def _bare(request: Request) -> str:
    return request.base_model.rpartition("/")[2]


def _place_in_registry(
    call: Call, place: Place, display_name: str, parent: Version | None, rng: Random
) -> tuple[str, int]:
    """The model and version the job makes: the parent's next one, unless a new display name asks for a new model.

    Of a parent in another project or location too a new one: a job writes only where it runs. Our choice: not seen.
    """
    if parent and display_name == parent.display_name and parent.job.model.startswith(f"{place.name}/"):
        return parent.job.model, len(call.world.store.get(MODELS, parent.job.model).jobs) + 1
    minted = unused_names(call.world.store, MODELS, lambda: f"{place.name}/models/{names.model_id(rng)}")
    return next(minted), 1


def _kept_request(request: Request, parent: Version | None) -> Json:
    """What was sent, output-only members left out.

    A job with a service account came back with exportLastCheckpointOnly though nobody had asked for it
    [seen in four jobs of four; five without an account had it not].
    """
    kept: Json = {member: request.job[member] for member in GIVEN if member in request.job}
    kept[request.spec.member] = settings = dict(request.settings)
    if request.job.get("serviceAccount") and request.spec.member in _EXPORTING:
        settings["exportLastCheckpointOnly"] = True
    if parent:
        name = canonical(kept["preTunedModel"]["tunedModelName"])
        kept["preTunedModel"] = kept["preTunedModel"] | {"tunedModelName": name, "baseModel": request.base_model}
    return kept


_EXPORTING = frozenset({"supervisedTuningSpec", "preferenceOptimizationSpec"})


def _keeps_checkpoints(call: Call, request: Request) -> bool:
    only_last = request.settings.get("exportLastCheckpointOnly") or request.job.get("serviceAccount")
    if only_last or request.spec.member not in _EXPORTING or request.base is None:
        return False
    today = call.world.settings.as_of or to_datetime(call.now).date()
    return request.base.shape is Shape.V2_5 or (request.base.shape is Shape.V2_0 and today >= CHECKPOINTS_SINCE)


def _checkpoints(run: Run, endpoint: str, others: Iterator[str], rng: Random) -> tuple[Checkpoint, ...]:
    """One an epoch, or about ten evenly spaced; the last is the end of the training [documented]."""
    count = min(run.epochs, MOST_CHECKPOINTS, run.total_steps)
    epochs = [-(-run.epochs * place // count) for place in range(1, count + 1)]
    return tuple(
        Checkpoint(
            id=str(place),
            epoch=epoch,
            step=-(-run.total_steps * epoch // run.epochs),
            endpoint=endpoint if place == count else next(others),
            deployment=names.endpoint_id(rng),
        )
        for place, epoch in enumerate(epochs, 1)
    )


def _shown_defaults(defaults: VertexHyperparameters) -> Json:
    sizes = {size: name for name, size in ADAPTER_SIZES.items()}
    return {
        "epochCount": defaults.epochs,
        "learningRateMultiplier": defaults.learning_rate_multiplier,
        "adapterSize": sizes[defaults.adapter_size],
    }


def _keep(call: Call, job: TuningJob) -> None:
    store = call.world.store
    store.insert(TUNING_JOBS, job.name, job)
    for endpoint in dict.fromkeys([job.endpoint, *(each.endpoint for each in job.checkpoints)]):
        store.insert(ENDPOINTS, endpoint, Endpoint(endpoint, job=job.name))
    if job.version == 1:
        store.insert(MODELS, job.model, Model(job.model, (job.name,)))
    else:
        store.change(MODELS, job.model, lambda model: replace(model, jobs=(*model.jobs, job.name)))

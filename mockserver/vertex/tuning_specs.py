"""The members of the tuning_spec oneof, and the checks of a create request.

The fields of a request are checked here. The form of the dataset's rows is checked at create too (training_data.py);
other errors in a dataset fail the run.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from mockserver.catalog import base_models
from mockserver.catalog.base_model import BaseModel
from mockserver.catalog.suggestions import describe_tunable
from mockserver.protojson.schema import json_name
from mockserver.rpc.errors import ApiError, Code
from mockserver.vertex import reinforcement
from mockserver.vertex.errors import REQUIRED, Violation, invalid_fields, label_violations

Json = dict[str, Any]

ADAPTER_SIZES: Mapping[str, int] = {
    "ADAPTER_SIZE_ONE": 1,
    "ADAPTER_SIZE_TWO": 2,
    "ADAPTER_SIZE_FOUR": 4,
    "ADAPTER_SIZE_EIGHT": 8,
    "ADAPTER_SIZE_SIXTEEN": 16,
    "ADAPTER_SIZE_THIRTY_TWO": 32,
}


@dataclass(frozen=True, slots=True)
class Spec:
    """A kind of tuning. `name` and `dataset` are proto names; `tune_type` is the label its model gets.

    Only "sft" was seen as a label, the others are our choice. `gemini` says whether the base must be a
    Gemini model this service tunes.
    """

    name: str
    tune_type: str
    dataset: str = "training_dataset_uri"
    gemini: bool = True

    @property
    def member(self) -> str:
        """The member of TuningJob."""
        return _spec_member(self.name)


_spec_member = cache(json_name)  # of the few kinds of tuning, a dozen times for each new job


SPECS: Mapping[str, Spec] = {
    spec.member: spec
    for spec in (
        Spec("supervised_tuning_spec", "sft"),
        Spec("preference_optimization_spec", "preference"),
        Spec("distillation_spec", "distillation", dataset="prompt_dataset_uri", gemini=False),
        Spec("distillation_sampling_spec", "distillation-sampling", dataset="prompt_dataset_uri", gemini=False),
        Spec("partner_model_tuning_spec", "partner", gemini=False),
        Spec("reinforcement_tuning_spec", "reinforcement"),
        Spec("veo_tuning_spec", "veo", gemini=False),
        Spec("veo_lora_tuning_spec", "veo-lora", gemini=False),
        Spec("full_fine_tuning_spec", "full"),
    )
}

# The service has limits, but no sentence about them was found: these are our choice.
MOST: Mapping[str, int] = {
    "epoch_count": 10_000,
    "learning_rate_multiplier": 1_000_000,
    "learning_rate": 1_000_000,
    "batch_size": 1_000_000,
}

# A Vertex Multimodal Dataset may stand for a file.
_DATASET = re.compile(r"projects/[^/]+/locations/[^/]+/datasets/[^/]+")
_JSONL = re.compile(r"gs://[^/]+/.+\.jsonl")


@dataclass(frozen=True, slots=True)
class TuningRequest:
    """A valid TuningJob as it was sent. `base` is None for a model that is not in the catalog."""

    job: Mapping[str, Any]
    spec: Spec
    base_model: str
    base: BaseModel | None

    @property
    def settings(self) -> Mapping[str, Any]:
        """The spec's members."""
        settings: Mapping[str, Any] = self.job[self.spec.member]
        return settings

    @property
    def hyperparameters(self) -> Mapping[str, Any]:
        """The hyperparameters sent; none of a partner's."""
        return hyperparameters(self.spec, self.settings)

    @property
    def dataset(self) -> str:
        """The URI of the training data."""
        uri: str = _dataset(self.spec, self.settings)
        return uri


def source_model(job: Mapping[str, Any]) -> str:
    """Return the base model sent; a distillation may name it as the student [google-cloud-aiplatform does]."""
    name: str = job.get("baseModel") or job.get("distillationSpec", {}).get("studentModel", "")
    return name


def hyperparameters(spec: Spec, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the hyperparameters of a spec; none of a partner's, which are any JSON and mean what the partner says."""
    values: Mapping[str, Any] = {} if spec.name == "partner_model_tuning_spec" else settings.get("hyperParameters", {})
    return values


def check_request(job: Mapping[str, Any], base_model: str, as_of: date | None) -> TuningRequest:
    """Return the request, if the service accepts it; else raises its real 400.

    `base_model` is the name sent, or the base model of the pre-tuned model.
    """
    if violations := list(_violations(job)):
        raise invalid_fields(*violations)
    spec = next(SPECS[member] for member in job if member in SPECS)
    base = base_models.find(base_model.rpartition("/")[2], as_of, vertex=True)
    if not _is_tunable(spec, base_model, base, as_of):
        refused = ApiError(Code.INVALID_ARGUMENT, f"Base model {base_model} is not supported.")  # seen 2025-10-05
        raise refused.with_hint(_describe_refused(base_model, as_of))
    request = TuningRequest(job, spec, base_model, base)
    _check_adapter_size(request)
    return request


def _violations(job: Mapping[str, Any]) -> Iterator[Violation]:
    """Yield every violation, in the order of the job's fields."""
    if len(job.get("tunedModelDisplayName", "")) > 128:
        yield "tuning_job.tuned_model_display_name", "The display name can be up to 128 characters long."  # our choice
    if "preTunedModel" in job:
        if not job["preTunedModel"].get("tunedModelName"):
            yield "tuning_job.pre_tuned_model.tuned_model_name", REQUIRED
    elif not source_model(job):
        yield "tuning_job.base_model", REQUIRED
    spec = next((SPECS[member] for member in job if member in SPECS), SPECS["supervisedTuningSpec"])
    yield from _spec_violations(spec, job.get(spec.member, {}))
    yield from label_violations("tuning_job.labels", job.get("labels", {}))


def _spec_violations(spec: Spec, settings: Mapping[str, Any]) -> Iterator[Violation]:
    path = f"tuning_job.{spec.name}"
    training = _dataset(spec, settings)
    if not training:
        yield f"{path}.{spec.dataset}", REQUIRED
    elif not _is_dataset(training):
        yield _not_jsonl(path, spec.dataset)
    validation = settings.get("validationDatasetUri")  # "" is as good as unset, as ever in proto3
    if validation and not _is_dataset(validation):
        yield _not_jsonl(path, "validation_dataset_uri")
    yield from _hyperparameter_violations(f"{path}.hyper_parameters", hyperparameters(spec, settings))
    if spec.member == reinforcement.SPEC:
        yield from reinforcement.violations(f"{path}.hyper_parameters", hyperparameters(spec, settings))
    if "evaluationConfig" in settings:
        yield from _evaluation_violations(f"{path}.evaluation_config", settings["evaluationConfig"])


def _evaluation_violations(path: str, config: Mapping[str, Any]) -> Iterator[Violation]:
    """Violations of the fields that an evaluation requires (evaluation_service.proto)."""
    if not config.get("metrics"):
        yield f"{path}.metrics", REQUIRED
    if "outputConfig" not in config:
        yield f"{path}.output_config", REQUIRED
        return
    prefix = config["outputConfig"].get("gcsDestination", {}).get("outputUriPrefix", "")
    field = f"{path}.output_config.gcs_destination.output_uri_prefix"
    if not prefix:
        yield field, REQUIRED
    elif not prefix.startswith("gs://"):
        yield field, "output_uri_prefix should be a GCS URI."  # our choice of words: not seen


def _not_jsonl(path: str, field: str) -> Violation:
    """Seen for both fields of supervised tuning at once."""
    return f"{path}.{field}", f"{field} should be a GCS object of type JSONL."


def _hyperparameter_violations(path: str, values: Mapping[str, Any]) -> Iterator[Violation]:
    """Numbers out of range. Our choice of words: not seen."""
    for name, most in MOST.items():
        if not 0 <= values.get(json_name(name), 0) <= most:
            yield f"{path}.{name}", f"{name} must be positive and at most {most}."
    if values.get("learningRate") and values.get("learningRateMultiplier"):
        yield f"{path}.learning_rate", "learning_rate and learning_rate_multiplier cannot be set both."


def _is_dataset(uri: str) -> bool:
    return bool(_JSONL.fullmatch(uri) or _DATASET.fullmatch(uri))


def _dataset(spec: Spec, settings: Mapping[str, Any]) -> str:
    """Return the training data; a distillation's may be under its older name."""
    uri: str = settings.get(json_name(spec.dataset)) or settings.get("trainingDatasetUri", "")
    return uri


def _is_tunable(spec: Spec, name: str, base: BaseModel | None, as_of: date | None) -> bool:
    """Return whether the service tunes this model by this spec. We know no list of other publishers' models."""
    if base is not None:
        return base.tunes_on_vertex(as_of)
    publisher, slash, _ = name.rpartition("publishers/")[2].partition("/")
    foreign = bool(slash) and publisher not in {"google", "models", "projects"}
    return foreign or not spec.gemini or name.rpartition("/")[2].startswith(("translation-llm-", "gemma"))


def _describe_refused(name: str, as_of: date | None) -> str:
    """Return a hint for a base model that the service does not tune on that day."""
    if "/models/" in name and "publishers/" not in name:
        return (
            "a tuned model is no base model. To tune it further, send it as preTunedModel.tunedModelName: google-genai"
            " does for tunings.tune(base_model=job.tuned_model.model), vertexai cannot"
        )
    tunable = [model.id for model in base_models.models(as_of, vertex=True) if model.tunes_on_vertex(as_of)]
    return describe_tunable(name.rpartition("/")[2], tunable, as_of)


def _check_adapter_size(request: TuningRequest) -> None:
    size = request.hyperparameters.get("adapterSize") or "ADAPTER_SIZE_UNSPECIFIED"
    is_chosen = size != "ADAPTER_SIZE_UNSPECIFIED"
    if is_chosen and request.base is not None and ADAPTER_SIZES.get(size) not in request.base.adapter_sizes:
        # seen 2025-06, for ADAPTER_SIZE_THIRTY_TWO; of a number that is no size it is derived
        raise ApiError(Code.INVALID_ARGUMENT, "The adapter size is not supported for this base model.")

"""The training data of a tuning job: reading it, and its statistics as the resource shows them."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from mockserver.datasets import dataset, files, storage
from mockserver.datasets.dataset import Dataset, Distribution, Sample, Statistics
from mockserver.datasets.lines import Kind
from mockserver.protojson.memoized import MemoizedMessage
from mockserver.rpc.errors import invalid_argument
from mockserver.state.world import World
from mockserver.vertex import reinforcement
from mockserver.vertex.dataset_rules import missing_dataset, oversized_validation, rules_for
from mockserver.vertex.errors import invalid_fields
from mockserver.vertex.tuning_specs import TuningRequest

Json = dict[str, Any]

PUBLIC_SAMPLES = "gs://cloud-samples-data/"
"""The bucket of the documentation's samples."""

# The kinds of tuning whose data format is documented.
KINDS: Mapping[str, Kind] = {
    "supervisedTuningSpec": Kind.SUPERVISED,
    "partnerModelTuningSpec": Kind.SUPERVISED,
    "fullFineTuningSpec": Kind.SUPERVISED,
    "preferenceOptimizationSpec": Kind.PREFERENCE,
    "reinforcementTuningSpec": Kind.PROMPTS,
}


def reads_storage(world: World) -> bool:
    """Return whether reading training data may take its time: from a folder, or from an emulator of Cloud Storage."""
    return storage.buckets(world).is_slow


def read_training_data(world: World, request: TuningRequest) -> Dataset:
    """Return the dataset of a job: read from the world's buckets, made up for a bucket that nobody knows here.

    Raises ApiError for training or validation data without a required field: the real service looks at the form of the
    rows when the job is created. Any other error in them is the dataset's failure.
    """
    kind, buckets = KINDS.get(request.spec.member), storage.buckets(world)
    if kind is None or not request.dataset.startswith("gs://") or not buckets.has(request.dataset):
        return dataset.synthesize(request.dataset, preference=kind is Kind.PREFERENCE)
    uri: str = request.settings.get("validationDatasetUri", "")
    training = _load_dataset(buckets, request.dataset, kind, request.base_model)
    validation = None
    if uri.startswith("gs://") and buckets.has(uri):
        validation = _load_dataset(buckets, uri, kind, request.base_model)
    if refusal := training.refusal or (validation and validation.refusal):
        # seen 2025-10 for `contents` of training data; how many rows it reads is not known: ours are all
        raise invalid_argument(refusal)
    if training.multimodal and request.spec.member == reinforcement.SPEC:
        path, most = "tuning_job.reinforcement_tuning_spec.hyper_parameters", reinforcement.MOST_MULTIMODAL_RESPONSES
        if wrong := [*reinforcement.responses_violations(path, request.hyperparameters, most)]:
            raise invalid_fields(*wrong)
    if training.failure or validation is None:
        return training
    counts = validation.statistics.examples, training.statistics.examples
    return replace(training, failure=validation.failure or oversized_validation(*counts))


def _load_dataset(buckets: storage.Buckets, uri: str, kind: Kind, base_model: str) -> Dataset:
    """Return the dataset of a URI. Samples of the documentation, which every real project can read, are made up."""
    try:
        return files.load(buckets, uri, rules_for(kind, base_model))
    except storage.NoSuchObject:
        if uri.startswith(PUBLIC_SAMPLES):
            return dataset.synthesize(uri, preference=kind is Kind.PREFERENCE)
        return dataset.unreadable(missing_dataset(uri))


def show_statistics(spec: str, statistics: Statistics) -> Json:
    """Return the member `tuningDataStats` of a trained job; none for kinds of tuning with no statistics seen."""
    if spec == "supervisedTuningSpec":
        return {"tuningDataStats": {"supervisedTuningDataStats": _supervised(statistics)}}
    if spec == "preferenceOptimizationSpec":
        return {"tuningDataStats": {"preferenceOptimizationDataStats": _preference(statistics)}}
    return {}


@lru_cache(maxsize=64)
def _supervised(statistics: Statistics) -> MemoizedMessage:
    """As in three real bodies: no steps, no characters, no billable sums."""
    view: Json = {
        "tuningDatasetExampleCount": statistics.examples,
        "userInputTokenDistribution": _whole_distribution(statistics.inputs),
        "userOutputTokenDistribution": _whole_distribution(statistics.outputs),
        "userMessagePerExampleDistribution": _whole_distribution(statistics.messages),
        "userDatasetExamples": [_content(*turn) for sample in statistics.samples for turn in sample.turns],
        "totalBillableTokenCount": statistics.billable_tokens,
    }
    if statistics.truncated:
        view |= {
            "totalTruncatedExampleCount": len(statistics.truncated),
            "truncatedExampleIndices": list(statistics.truncated),
            "droppedExampleReasons": list(statistics.dropped_reasons),
        }
    return MemoizedMessage(view)


@lru_cache(maxsize=64)
def _preference(statistics: Statistics) -> MemoizedMessage:
    """The fields are documented, a real body was not seen."""
    view: Json = {
        "tuningDatasetExampleCount": statistics.examples,
        "totalBillableTokenCount": statistics.billable_tokens,
        "userInputTokenDistribution": _distribution(statistics.inputs),
        "userOutputTokenDistribution": _distribution(statistics.outputs),
        "userDatasetExamples": [_comparison(sample) for sample in statistics.samples],
    }
    if statistics.scores and statistics.score_variance:
        view["scoresDistribution"] = _distribution(statistics.scores)
        view["scoreVariancePerExampleDistribution"] = _distribution(statistics.score_variance)
    if statistics.truncated:
        view["droppedExampleIndices"] = list(statistics.truncated)
        view["droppedExampleReasons"] = list(statistics.dropped_reasons)
    return MemoizedMessage(view)


def _comparison(sample: Sample) -> Json:
    return {
        "contents": [_content(*turn) for turn in sample.turns],
        "completions": [{"score": score, "completion": _content("model", text)} for score, text in sample.completions],
    }


def _content(role: str, text: str) -> Json:
    return {"role": role, "parts": [{"text": text}]}


def _whole_distribution(values: Distribution) -> Mapping[str, Any]:
    """Return the distribution of whole numbers, whose `sum` is an int64 in the message for supervised tuning."""
    return {**_distribution(values), "sum": int(values.total)}


def _distribution(values: Distribution) -> Mapping[str, Any]:
    return {
        "sum": values.total,
        "min": values.least,
        "max": values.most,
        "mean": values.mean,
        "median": values.median,
        "p5": values.p5,
        "p95": values.p95,
        "buckets": [{"count": bucket.count, "left": bucket.left, "right": bucket.right} for bucket in values.buckets],
    }

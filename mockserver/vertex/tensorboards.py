"""tensorboards: get and list the tensorboard of a location, its experiments, their runs and metrics; read the metrics.

Metrics were recorded for every step of the training data, and for steps 1, 10, 20, ... and the last of the
validation data; of a short run for the first and the last only.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.simulation import tuning
from mockserver.simulation.losses import VertexLosses, vertex_losses
from mockserver.simulation.rewards import Rewards
from mockserver.simulation.tuning import Progress
from mockserver.vertex import reinforcement
from mockserver.vertex.errors import not_found
from mockserver.vertex.etags import etag
from mockserver.vertex.experiments import (
    Experiment,
    board_name,
    find_experiments,
    list_ranked,
    oldest_first,
    walk_experiments,
)
from mockserver.vertex.locations import find_location, resource_name
from mockserver.vertex.records import JOBS_BY_CREATED_EXPERIMENT, TuningJob

Json = dict[str, Any]

EVALUATED_EVERY = 10
FEWEST_EVALUATED = 100
"""How many steps a run has in which validation data is measured between the first and the last: 152 had, 67 had not."""

Series = Callable[[int], float]
"""The value of a metric at a step."""


def _losses(experiment: Experiment) -> VertexLosses:
    run, total = experiment.job.run, experiment.progress.total_steps
    return vertex_losses(run.base, total, run.epochs, run.learning_rate, run.data_seed, run.seed)


def _rewards(experiment: Experiment) -> Rewards:
    return Rewards(experiment.progress.total_steps, experiment.job.run.seed)


def _correct_fraction(loss: Series) -> Series:
    """Our choice: not seen."""
    return lambda step: 1 / (1 + loss(step))


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric by its display name, and its series."""

    name: str
    series: Callable[[Experiment], Series]

    @property
    def of_validation(self) -> bool:
        """Whether the validation data is measured."""
        return self.name.startswith("/eval_")


# Seen in programs that read them.
METRICS: tuple[Metric, ...] = (
    Metric("/train_total_loss", lambda job: _losses(job).train),
    Metric("/train_fraction_of_correct_next_step_preds", lambda job: _correct_fraction(_losses(job).train)),
    Metric("/eval_total_loss", lambda job: _losses(job).validation),
    Metric("/eval_fraction_of_correct_next_step_preds", lambda job: _correct_fraction(_losses(job).validation)),
)

# Documented ("Metrics and monitoring for reinforcement learning fine-tuning", 2026).
_REWARD_SERIES: Mapping[str, Callable[[Rewards], Callable[..., float]]] = {
    "mean_reward": lambda rewards: rewards.mean_reward,
    "generation_length": lambda rewards: rewards.generation_length,
    "thinking_token_length": lambda rewards: rewards.thinking_length,
    "mean_reward_latency": lambda rewards: rewards.latency,
    "p95_reward_latency": lambda rewards: partial(rewards.latency, share=2.5),
}


def _reward_metric(name: str, *, of_validation: bool) -> Metric:
    return Metric(
        f"/{'eval' if of_validation else 'train'}_{name}",
        lambda job: partial(_REWARD_SERIES[name](_rewards(job)), validation=of_validation),
    )


REWARD_METRICS = tuple(
    _reward_metric(name, of_validation=of_validation) for of_validation in (False, True) for name in _REWARD_SERIES
)


def _metrics(experiment: Experiment) -> tuple[Metric, ...]:
    """Return the metrics of a job's kind of tuning."""
    return REWARD_METRICS if experiment.job.spec == reinforcement.SPEC else METRICS


def find_experiment(call: Call, kind: str) -> Experiment:
    """Return the experiment in a tensorboard path. A run may be named by its own id or by its context's. Raises 404."""
    name = resource_name(call)
    board, _, rest = name.partition("/experiments/")
    id_, _, run = rest.partition("/runs/")
    for experiment in find_experiments(call, id_):
        runs = {"", experiment.run_id, f"{experiment.id}-{experiment.run_id}"}
        if (board, id_) == (experiment.board, experiment.id) and run.partition("/")[0] in runs:
            return experiment
    raise not_found(kind, name)


def find_time_series(call: Call) -> tuple[Experiment, int]:
    """Return the experiment and the number of the metric in a path. Raises 404."""
    experiment = find_experiment(call, "TensorboardTimeSeries")
    name = resource_name(call)
    for number in _metric_numbers(experiment):
        if name.endswith(f"/timeSeries/{number}"):
            return experiment, number
    raise not_found("TensorboardTimeSeries", name)


def _check_board(call: Call) -> None:
    """Raise 404 for any tensorboard but the location's."""
    name = resource_name(call)
    if name != board_name(find_location(call).name):
        raise not_found("Tensorboard", name)


def get_tensorboard(call: Call) -> Json:
    """Return the tensorboard of the location."""
    _check_board(call)
    return show_tensorboard(call)


def get_tensorboard_experiment(call: Call) -> Json:
    """Return an experiment on the tensorboard."""
    return show_experiment(find_experiment(call, "TensorboardExperiment"))


def get_tensorboard_run(call: Call) -> Json:
    """Return a run on the tensorboard."""
    return show_run(find_experiment(call, "TensorboardRun"))


def get_tensorboard_time_series(call: Call) -> Json:
    """Return a metric of a run, without its values."""
    experiment, number = find_time_series(call)
    return show_time_series(experiment, number)


def list_tensorboards(call: Call) -> Json:
    """List the only tensorboard of the location, once a job has written to it."""
    rows = [(0, show_tensorboard(call))] if any(walk_experiments(call)) else []
    return list_ranked(call, "tensorboards", lambda _: rows, f"{find_location(call).name}/tensorboards", maximum=100)


def list_tensorboard_experiments(call: Call) -> Json:
    """List the experiments on the tensorboard."""
    _check_board(call)

    def rows(rank: int | None) -> Iterator[tuple[int, Json]]:
        experiments = walk_experiments(call, after=oldest_first(rank))
        return ((experiment.ordinal, show_experiment(experiment)) for experiment in experiments)

    return list_ranked(call, "tensorboardExperiments", rows, f"{resource_name(call)}/experiments", default=50)


def list_tensorboard_runs(call: Call) -> Json:
    """List the only run of an experiment."""
    rows = [(0, show_run(find_experiment(call, "TensorboardExperiment")))]
    return list_ranked(call, "tensorboardRuns", lambda _: rows, f"{resource_name(call)}/runs", default=50)


def list_tensorboard_time_series(call: Call) -> Json:
    """List the metrics of a run."""
    experiment = find_experiment(call, "TensorboardRun")
    rows = [(number, show_time_series(experiment, number)) for number in _metric_numbers(experiment)]
    return list_ranked(call, "tensorboardTimeSeries", lambda _: rows, f"{experiment.board_run}/timeSeries", default=50)


def read_tensorboard_time_series_data(call: Call) -> Json:
    """Return the values of a metric."""
    experiment, number = find_time_series(call)
    return {"timeSeriesData": _show_data(experiment, number)}


def batch_read_tensorboard_time_series_data(call: Call) -> Json:
    """Return the values of several metrics, of any runs."""
    _check_board(call)
    names = [name.split("/") for name in call.message.get("timeSeries", [])]
    experiments = {
        experiment.job.name: experiment
        for id_ in {part for parts in names for part in parts if part}
        for experiment in walk_experiments(call, id_=id_)
    }
    data = [
        _show_data(experiment, number)
        for experiment in sorted(experiments.values(), key=lambda experiment: experiment.ordinal)
        for number in _metric_numbers(experiment)
        if any(parts[-1] == str(number) and experiment.id in parts for parts in names)
    ]
    return {"timeSeriesData": data}


def show_tensorboard(call: Call) -> Json:
    """Return the resource."""
    name = board_name(find_location(call).name)
    oldest = next(walk_experiments(call, JOBS_BY_CREATED_EXPERIMENT), None)
    first = oldest.job.run.created if oldest else call.now
    return {
        "name": name,
        "displayName": "Default Tensorboard",  # our choice: not seen
        "createTime": tuning.micros(first),
        "updateTime": tuning.micros(first),
        "etag": etag(name, first),
        "isDefault": True,
    }


def show_experiment(experiment: Experiment) -> Json:
    """Return the resource."""
    return _show(experiment, f"{experiment.board}/experiments/{experiment.id}", experiment.id)


def show_run(experiment: Experiment) -> Json:
    """Return the resource."""
    return _show(experiment, experiment.board_run, experiment.run_id)


def show_time_series(experiment: Experiment, number: int) -> Json:
    """Return the resource."""
    values = _values(experiment, number)
    resource = _show(experiment, f"{experiment.board_run}/timeSeries/{number}", _metrics(experiment)[number - 1].name)
    resource |= {"valueType": "SCALAR", "pluginName": "scalars"}
    if values:
        resource["metadata"] = {"maxStep": values[-1]["step"], "maxWallTime": values[-1]["wallTime"]}
    return resource


def _show(experiment: Experiment, name: str, title: str) -> Json:
    start = tuning.micros(experiment.progress.started or 0)
    return {
        "name": name,
        "displayName": title,
        "createTime": start,
        "updateTime": max(start, experiment.progress.updated),
        "etag": etag(name, start),
    }


def _show_data(experiment: Experiment, number: int) -> Json:
    return {"tensorboardTimeSeriesId": str(number), "valueType": "SCALAR", "values": _values(experiment, number)}


def _values(experiment: Experiment, number: int) -> list[Json]:
    metric = _metrics(experiment)[number - 1]
    series = metric.series(experiment)
    return [
        {"wallTime": snapshot.computed, "step": snapshot.step, "scalar": {"value": series(snapshot.step)}}
        for snapshot in tuning.snapshots(experiment.job.run, experiment.progress)
        if not metric.of_validation or _is_evaluated(experiment, snapshot.step)
    ]


def _is_evaluated(experiment: Experiment, step: int) -> bool:
    """Return whether validation data is measured at a step; the default interval for rewards is our choice."""
    total, every = experiment.progress.total_steps, EVALUATED_EVERY
    if experiment.job.spec == reinforcement.SPEC:
        every = experiment.job.request[reinforcement.SPEC].get("hyperParameters", {}).get("evaluateInterval") or every
        return step == total or step % every == 0
    return step in {1, total} or (total >= FEWEST_EVALUATED and step % every == 0)


def _metric_numbers(experiment: Experiment) -> Iterator[int]:
    """Return the numbers of the run's metrics: those of validation data only if the job has some."""
    has_validation = bool(experiment.job.request[experiment.job.spec].get("validationDatasetUri"))
    metrics = enumerate(_metrics(experiment), 1)
    return (number for number, metric in metrics if has_validation or not metric.of_validation)


def loss_series(job: TuningJob, progress: Progress) -> list[tuple[int, float]]:
    """Return the steps at which validation data was measured so far, and the losses; empty without such data."""
    experiment = Experiment(job, progress, "", "", 0)
    metrics = _metrics(experiment)
    number = next(number for number, metric in enumerate(metrics, 1) if metric.of_validation)
    if number not in _metric_numbers(experiment):
        return []
    return [(value["step"], value["scalar"]["value"]) for value in _values(experiment, number)]

"""The resources that `sft_tuning_job.experiment` reads: the metadata contexts of a job and its metrics on a tensorboard.

    metadataStores/default/contexts/tuning-experiment-S           system.Experiment
    metadataStores/default/contexts/tuning-experiment-S-run-id    system.ExperimentRun, whose parent is the first
    tensorboards/T/experiments/tuning-experiment-S/runs/run-id/timeSeries/N

with S the timestamp of the job's experiment. Metrics were recorded for every step of the training data, and
for steps 1, 10, 20, ... and the last of the validation data.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.dispatch.lists import list_response
from mockserver.dispatch.routing import Call
from mockserver.simulation import tuning
from mockserver.simulation.noise import seed_of
from mockserver.simulation.tuning import Progress, Snapshot
from mockserver.vertex.errors import not_found
from mockserver.vertex.etags import etag
from mockserver.vertex.filters import filter_resources
from mockserver.vertex.locations import find_location, resource_name
from mockserver.vertex.store import Repository, TuningJob
from mockserver.vertex.tuning_job_views import experiment_id, has_experiment

Json = dict[str, Any]

STORE = "metadataStores/default"
EVALUATED_EVERY = 10


@dataclass(frozen=True, slots=True)
class Experiment:
    """The experiment of a job that has one by now. `ordinal` is the job's among those of its location."""

    job: TuningJob
    progress: Progress
    location: str
    id: str
    ordinal: int

    @property
    def run_id(self) -> str:
        """The id of its only run."""
        return self.id.replace("tuning-experiment-", "tuning-experiment-run-")

    @property
    def context(self) -> str:
        """The name of its context."""
        return f"{self.location}/{STORE}/contexts/{self.id}"

    @property
    def run_context(self) -> str:
        """The name of its run's context."""
        return f"{self.context}-{self.run_id}"

    @property
    def artifact(self) -> str:
        """The name of the artifact that links the two runs; its id is the one that google-cloud-aiplatform computes."""
        return f"{self.location}/{STORE}/artifacts/{self.id}-{self.run_id}-tb-run"

    @property
    def board(self) -> str:
        """The name of its tensorboard, one for the location."""
        return board_name(self.location)

    @property
    def board_run(self) -> str:
        """The name of its run on the tensorboard."""
        return f"{self.board}/experiments/{self.id}/runs/{self.run_id}"


Metric = Callable[[Experiment, Snapshot], float]


def _loss(_: Experiment, snapshot: Snapshot) -> float:
    return snapshot.mean_loss


def _eval_loss(experiment: Experiment, snapshot: Snapshot) -> float:
    """Falls with the other and rises again, as in the one recorded series: 3.05, 1.31 at a third, 1.97."""
    fraction = snapshot.step / experiment.progress.total_steps
    return snapshot.mean_loss + 0.3 + fraction * fraction


def _correct_fraction(_: Experiment, snapshot: Snapshot) -> float:
    """Our choice: not seen."""
    return 1 / (1 + snapshot.mean_loss)


# By display name [seen in programs that read them]; whether the validation data is measured.
METRICS: tuple[tuple[str, bool, Metric], ...] = (
    ("/train_total_loss", False, _loss),
    ("/train_fraction_of_correct_next_step_preds", False, _correct_fraction),
    ("/eval_total_loss", True, _eval_loss),
    ("/eval_fraction_of_correct_next_step_preds", True, _correct_fraction),
)


def get_context(call: Call) -> Json:
    """Return a context: an experiment's or its run's."""
    name = resource_name(call)
    for experiment in _experiments(call):
        if name == experiment.context:
            return _show_context(experiment)
        if name == experiment.run_context:
            return _show_run_context(experiment)
    raise not_found("Context", name)


def list_contexts(call: Call) -> Json:
    """List the contexts of the default metadata store, newest first."""
    store, text = _store(call), call.message.get("filter", "")
    contexts = list(_contexts(call))
    ranks = {context["name"]: -rank for rank, context in contexts}
    resources = filter_resources((context for _, context in reversed(contexts)), text, facts=dict)
    return _list_response(call, "contexts", resources, f"{store}/contexts?{text}", ranks)


def list_executions(call: Call) -> Json:
    """List no executions: a tuning experiment consists of contexts."""
    return _list_response(call, "executions", [], f"{_store(call)}/executions", {})


def get_execution(call: Call) -> Json:
    """Raise 404: there are no executions."""
    raise not_found("Execution", resource_name(call))


def get_artifact(call: Call) -> Json:
    """Return the artifact that links a run's context to its run on the tensorboard."""
    name = resource_name(call)
    for experiment in _experiments(call):
        if name == experiment.artifact:
            return _show_artifact(experiment)
    raise not_found("Artifact", name)


def list_artifacts(call: Call) -> Json:
    """List these artifacts."""
    store, text = _store(call), call.message.get("filter", "")
    experiments = list(_experiments(call))
    ranks = {experiment.artifact: experiment.ordinal for experiment in experiments}
    resources = filter_resources(map(_show_artifact, experiments), text, facts=dict)
    return _list_response(call, "artifacts", resources, f"{store}/artifacts?{text}", ranks)


def get_tensorboard(call: Call) -> Json:
    """Return the tensorboard of the location."""
    _check_board(call)
    return _show_tensorboard(call)


def list_tensorboards(call: Call) -> Json:
    """List the only tensorboard of the location, once a job has written to it."""
    boards = [_show_tensorboard(call)] if any(_experiments(call)) else []
    return _list_response(call, "tensorboards", boards, f"{find_location(call).name}/tensorboards", {})


def get_tensorboard_experiment(call: Call) -> Json:
    """Return an experiment on the tensorboard."""
    return _show_experiment(_find_experiment(call, "TensorboardExperiment"))


def list_tensorboard_experiments(call: Call) -> Json:
    """List the experiments on the tensorboard."""
    _check_board(call)
    experiments = list(_experiments(call))
    resources = list(map(_show_experiment, experiments))
    ranks = {resource["name"]: experiment.ordinal for resource, experiment in zip(resources, experiments, strict=True)}
    return _list_response(call, "tensorboardExperiments", resources, f"{resource_name(call)}/experiments", ranks)


def get_tensorboard_run(call: Call) -> Json:
    """Return a run on the tensorboard."""
    return _show_run(_find_experiment(call, "TensorboardRun"))


def list_tensorboard_runs(call: Call) -> Json:
    """List the only run of an experiment."""
    return _list_response(
        call,
        "tensorboardRuns",
        [_show_run(_find_experiment(call, "TensorboardExperiment"))],
        f"{resource_name(call)}/runs",
        {},
    )


def get_tensorboard_time_series(call: Call) -> Json:
    """Return a metric of a run, without its values."""
    experiment, number = _find_series(call)
    return _show_time_series(experiment, number)


def list_tensorboard_time_series(call: Call) -> Json:
    """List the metrics of a run."""
    experiment = _find_experiment(call, "TensorboardRun")
    resources = [_show_time_series(experiment, number) for number in _metric_numbers(experiment)]
    ranks = {_time_series_name(experiment, number): number for number in _metric_numbers(experiment)}
    return _list_response(call, "tensorboardTimeSeries", resources, f"{experiment.board_run}/timeSeries", ranks)


def read_tensorboard_time_series_data(call: Call) -> Json:
    """Return the values of a metric."""
    experiment, number = _find_series(call)
    return {"timeSeriesData": _show_data(experiment, number)}


def batch_read_tensorboard_time_series_data(call: Call) -> Json:
    """Return the values of several metrics, of any runs."""
    _check_board(call)
    data = [
        _show_data(experiment, number)
        for experiment in _experiments(call)
        for number in _metric_numbers(experiment)
        if any(_is_time_series(experiment, number, name) for name in call.message.get("timeSeries", []))
    ]
    return {"timeSeriesData": data}


def board_name(location: str) -> str:
    """The name of a location's tensorboard."""
    return f"{location}/tensorboards/{10**18 + seed_of('tensorboard', location) % (8 * 10**18)}"


def _store(call: Call) -> str:
    """The name of the metadata store in the path. Raises 404 for any but the default one."""
    name = resource_name(call)
    if name != f"{find_location(call).name}/{STORE}":
        raise not_found("MetadataStore", name)
    return name


def _check_board(call: Call) -> None:
    """Raise 404 for any tensorboard but the location's."""
    name = resource_name(call)
    if name != board_name(find_location(call).name):
        raise not_found("Tensorboard", name)


def _experiments(call: Call) -> Iterator[Experiment]:
    repository = Repository(call.world, call.now)
    location = find_location(call).name
    for entry in repository.walk_jobs(location):
        job = entry.record
        progress = repository.observe(job)
        id_ = experiment_id(job, progress)
        if id_ and has_experiment(job, progress, call.now):
            yield Experiment(job, progress, location, id_, entry.position.rank)


def _find_experiment(call: Call, kind: str) -> Experiment:
    """The experiment in a tensorboard path. A run may be named by its own id or by its context's."""
    name = resource_name(call)
    board, _, rest = name.partition("/experiments/")
    id_, _, run = rest.partition("/runs/")
    for experiment in _experiments(call):
        runs = {"", experiment.run_id, f"{experiment.id}-{experiment.run_id}"}
        if (board, id_) == (experiment.board, experiment.id) and run.partition("/")[0] in runs:
            return experiment
    raise not_found(kind, name)


def _find_series(call: Call) -> tuple[Experiment, int]:
    """The experiment and the number of the metric in a path."""
    experiment = _find_experiment(call, "TensorboardTimeSeries")
    name = resource_name(call)
    for number in _metric_numbers(experiment):
        if name.endswith(f"/timeSeries/{number}"):
            return experiment, number
    raise not_found("TensorboardTimeSeries", name)


def _contexts(call: Call) -> Iterator[tuple[int, Json]]:
    """The contexts with their ordinals among all that the location will ever have: every job has two."""
    for experiment in _experiments(call):
        yield 2 * experiment.ordinal, _show_context(experiment)
        yield 2 * experiment.ordinal + 1, _show_run_context(experiment)


def _show_context(experiment: Experiment) -> Json:
    """Clients require the schema and the metadata. The rest is our choice: no body was seen."""
    metadata = {"experiment_deleted": False, "backing_tensorboard_resource": experiment.board}
    return _metadata_resource(experiment, experiment.context, experiment.id, "system.Experiment", metadata)


def _show_run_context(experiment: Experiment) -> Json:
    metadata = {"_params": {}, "_metrics": {}, "_state": _state(experiment.progress)}
    context = _metadata_resource(
        experiment, experiment.run_context, experiment.run_id, "system.ExperimentRun", metadata
    )
    return context | {"parentContexts": [experiment.context]}


def _metadata_resource(experiment: Experiment, name: str, title: str, schema: str, metadata: Json) -> Json:
    started = experiment.progress.started or 0
    return {
        "name": name,
        "displayName": title,
        "etag": etag(name, started),
        "createTime": tuning.micros(started),
        "updateTime": tuning.micros(started),
        "schemaTitle": schema,
        "schemaVersion": "0.0.1",
        "metadata": metadata,
    }


def _state(progress: Progress) -> str:
    """google.cloud.aiplatform.v1.Execution.State, as the metadata of a run has it."""
    if not progress.state.terminal:
        return "RUNNING"
    return {"SUCCEEDED": "COMPLETE", "FAILED": "FAILED"}.get(progress.state.name, "CANCELLED")


def _show_artifact(experiment: Experiment) -> Json:
    """With the metadata google-cloud-aiplatform looks for."""
    metadata = {"resourceName": experiment.board_run, "vertex_experiment_tracking": True}
    context = _metadata_resource(
        experiment, experiment.artifact, experiment.run_id, "google.VertexTensorboardRun", metadata
    )
    return context | {"state": "LIVE", "uri": f"https://aiplatform.googleapis.com/v1/{experiment.board_run}"}


def _show_tensorboard(call: Call) -> Json:
    name = board_name(find_location(call).name)
    first = min((experiment.job.run.created for experiment in _experiments(call)), default=call.now)
    return {
        "name": name,
        "displayName": "Default Tensorboard",  # our choice: not seen
        "createTime": tuning.micros(first),
        "updateTime": tuning.micros(first),
        "etag": etag(name, first),
        "isDefault": True,
    }


def _show_experiment(experiment: Experiment) -> Json:
    name = f"{experiment.board}/experiments/{experiment.id}"
    return _tensorboard_resource(experiment, name, experiment.id)


def _show_run(experiment: Experiment) -> Json:
    return _tensorboard_resource(experiment, experiment.board_run, experiment.run_id)


def _tensorboard_resource(experiment: Experiment, name: str, title: str) -> Json:
    started = tuning.micros(experiment.progress.started or 0)
    return {
        "name": name,
        "displayName": title,
        "createTime": started,
        "updateTime": max(started, experiment.progress.updated),
        "etag": etag(name, started),
    }


def _metric_numbers(experiment: Experiment) -> Iterator[int]:
    """The numbers of the run's metrics: those of validation data only if the job has some."""
    has_validation = bool(experiment.job.request[experiment.job.spec].get("validationDatasetUri"))
    return (number for number, (_, of_validation, _) in enumerate(METRICS, 1) if has_validation or not of_validation)


def _time_series_name(experiment: Experiment, number: int) -> str:
    return f"{experiment.board_run}/timeSeries/{number}"


def _is_time_series(experiment: Experiment, number: int, name: str) -> bool:
    parts = name.split("/")
    return parts[-1] == str(number) and experiment.id in parts


def _show_time_series(experiment: Experiment, number: int) -> Json:
    values = _values(experiment, number)
    written = _tensorboard_resource(experiment, _time_series_name(experiment, number), METRICS[number - 1][0])
    if not values:
        return written | {"valueType": "SCALAR", "pluginName": "scalars"}
    extent = {"maxStep": values[-1]["step"], "maxWallTime": values[-1]["wallTime"]}
    return written | {"valueType": "SCALAR", "pluginName": "scalars", "metadata": extent}


def _show_data(experiment: Experiment, number: int) -> Json:
    return {"tensorboardTimeSeriesId": str(number), "valueType": "SCALAR", "values": _values(experiment, number)}


def _values(experiment: Experiment, number: int) -> list[Json]:
    _, of_validation, metric = METRICS[number - 1]
    snapshots = tuning.snapshots(experiment.job.run, experiment.progress)
    return [
        {"wallTime": snapshot.computed, "step": snapshot.step, "scalar": {"value": metric(experiment, snapshot)}}
        for snapshot in snapshots
        if not of_validation or _is_evaluated(snapshot.step, experiment.progress.total_steps)
    ]


def _is_evaluated(step: int, last: int) -> bool:
    return step in {1, last} or step % EVALUATED_EVERY == 0


def _list_response(call: Call, member: str, resources: Sequence[Json], scope: str, ranks: Mapping[str, int]) -> Json:
    """One page of resources in the order of their ranks; what has none is the only one of its list."""
    return list_response(
        call,
        member,
        resources,
        show=dict,
        key=lambda resource: str(resource["name"]),
        rank=lambda resource: ranks.get(resource["name"], 0),
        default=100,  # metadata_service.proto
        maximum=1000,
        scope=scope,
    )

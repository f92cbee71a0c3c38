"""What `sft_tuning_job.experiment` reads: the metadata contexts of a job and its metrics on a tensorboard.

    metadataStores/default/contexts/tuning-experiment-S           system.Experiment
    metadataStores/default/contexts/tuning-experiment-S-run-id    system.ExperimentRun, whose parent is the first
    tensorboards/T/experiments/tuning-experiment-S/runs/run-id/timeSeries/N

with S the stamp of the job's experiment. Metrics were recorded for every step of the training data, and
for steps 1, 10, 20, ... and the last of the validation data.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.rpc.paging import page
from mockserver.simulation import tuning
from mockserver.simulation.noise import seed_of
from mockserver.simulation.tuning import Progress, Snapshot
from mockserver.vertex.errors import not_found
from mockserver.vertex.etags import etag
from mockserver.vertex.filters import filtered
from mockserver.vertex.locations import place_of, target_of
from mockserver.vertex.store import Registry, TuningJob
from mockserver.vertex.tuning_jobs import experiment_id, shows_experiment

Json = dict[str, Any]

STORE = "metadataStores/default"
EVALUATED_EVERY = 10


@dataclass(frozen=True, slots=True)
class Experiment:
    """A job that has an experiment by now. `place` is its location, `age` its place among the jobs there."""

    job: TuningJob
    progress: Progress
    place: str
    id: str
    age: int

    @property
    def run_id(self) -> str:
        """The id of its one run."""
        return self.id.replace("tuning-experiment-", "tuning-experiment-run-")

    @property
    def context(self) -> str:
        """The name of its context."""
        return f"{self.place}/{STORE}/contexts/{self.id}"

    @property
    def run_context(self) -> str:
        """The name of its run's context."""
        return f"{self.context}-{self.run_id}"

    @property
    def artifact(self) -> str:
        """The name of what ties the two runs together; its id is the one google-cloud-aiplatform computes."""
        return f"{self.place}/{STORE}/artifacts/{self.id}-{self.run_id}-tb-run"

    @property
    def board(self) -> str:
        """The name of its tensorboard, one for the location."""
        return board_name(self.place)

    @property
    def board_run(self) -> str:
        """The name of its run on the tensorboard."""
        return f"{self.board}/experiments/{self.id}/runs/{self.run_id}"


Metric = Callable[[Experiment, Snapshot], float]


def _loss(_: Experiment, snapshot: Snapshot) -> float:
    return snapshot.mean_loss


def _eval_loss(experiment: Experiment, snapshot: Snapshot) -> float:
    """Falls with the other and rises again, as in the one recorded series: 3.05, 1.31 at a third, 1.97."""
    done = snapshot.step / experiment.progress.total_steps
    return snapshot.mean_loss + 0.3 + done * done


def _right(_: Experiment, snapshot: Snapshot) -> float:
    """Our choice: not seen."""
    return 1 / (1 + snapshot.mean_loss)


# By display name [seen in programs that read them]; whether the validation data is measured.
METRICS: tuple[tuple[str, bool, Metric], ...] = (
    ("/train_total_loss", False, _loss),
    ("/train_fraction_of_correct_next_step_preds", False, _right),
    ("/eval_total_loss", True, _eval_loss),
    ("/eval_fraction_of_correct_next_step_preds", True, _right),
)


def get_context(call: Call) -> Json:
    """A context: an experiment's or its run's."""
    name = target_of(call)
    for experiment in _experiments(call):
        if name == experiment.context:
            return _context(experiment)
        if name == experiment.run_context:
            return _run_context(experiment)
    raise not_found("Context", name)


def list_contexts(call: Call) -> Json:
    """The contexts of the default metadata store that fit a filter, newest first."""
    store, text = _store(call), call.message.get("filter", "")
    contexts = list(_contexts(call))
    ranks = {context["name"]: -rank for rank, context in contexts}
    views = filtered((context for _, context in reversed(contexts)), text, facts=dict)
    return _page(call, "contexts", views, f"{store}/contexts?{text}", ranks)


def list_executions(call: Call) -> Json:
    """None: a tuning experiment is made of contexts."""
    return _page(call, "executions", [], f"{_store(call)}/executions", {})


def get_execution(call: Call) -> Json:
    """There is none."""
    raise not_found("Execution", target_of(call))


def get_artifact(call: Call) -> Json:
    """The artifact that ties a run's context to its run on the tensorboard."""
    name = target_of(call)
    for experiment in _experiments(call):
        if name == experiment.artifact:
            return _artifact(experiment)
    raise not_found("Artifact", name)


def list_artifacts(call: Call) -> Json:
    """Those artifacts, by filter."""
    store, text = _store(call), call.message.get("filter", "")
    experiments = list(_experiments(call))
    ranks = {experiment.artifact: experiment.age for experiment in experiments}
    return _page(
        call, "artifacts", filtered(map(_artifact, experiments), text, facts=dict), f"{store}/artifacts?{text}", ranks
    )


def get_tensorboard(call: Call) -> Json:
    """The tensorboard of the location."""
    _check_board(call)
    return _board(call)


def list_tensorboards(call: Call) -> Json:
    """The one tensorboard of the location, once a job has written to it."""
    boards = [_board(call)] if any(_experiments(call)) else []
    return _page(call, "tensorboards", boards, f"{place_of(call).name}/tensorboards", {})


def get_tensorboard_experiment(call: Call) -> Json:
    """An experiment on the tensorboard."""
    return _experiment(_at(call, "TensorboardExperiment"))


def list_tensorboard_experiments(call: Call) -> Json:
    """The experiments on the tensorboard."""
    _check_board(call)
    experiments = list(_experiments(call))
    views = list(map(_experiment, experiments))
    ranks = {view["name"]: experiment.age for view, experiment in zip(views, experiments, strict=True)}
    return _page(call, "tensorboardExperiments", views, f"{target_of(call)}/experiments", ranks)


def get_tensorboard_run(call: Call) -> Json:
    """A run on the tensorboard."""
    return _run(_at(call, "TensorboardRun"))


def list_tensorboard_runs(call: Call) -> Json:
    """The one run of an experiment."""
    return _page(call, "tensorboardRuns", [_run(_at(call, "TensorboardExperiment"))], f"{target_of(call)}/runs", {})


def get_tensorboard_time_series(call: Call) -> Json:
    """One metric of a run, without its values."""
    experiment, number = _series_at(call)
    return _series(experiment, number)


def list_tensorboard_time_series(call: Call) -> Json:
    """The metrics of a run."""
    experiment = _at(call, "TensorboardRun")
    views = [_series(experiment, number) for number in _measured(experiment)]
    ranks = {_series_name(experiment, number): number for number in _measured(experiment)}
    return _page(call, "tensorboardTimeSeries", views, f"{experiment.board_run}/timeSeries", ranks)


def read_tensorboard_time_series_data(call: Call) -> Json:
    """The values of one metric."""
    experiment, number = _series_at(call)
    return {"timeSeriesData": _data(experiment, number)}


def batch_read_tensorboard_time_series_data(call: Call) -> Json:
    """The values of several metrics, of whichever runs."""
    _check_board(call)
    found = [
        _data(experiment, number)
        for experiment in _experiments(call)
        for number in _measured(experiment)
        if any(_is_series(experiment, number, name) for name in call.message.get("timeSeries", []))
    ]
    return {"timeSeriesData": found}


def board_name(place: str) -> str:
    """The name of a location's tensorboard."""
    return f"{place}/tensorboards/{10**18 + seed_of('tensorboard', place) % (8 * 10**18)}"


def _store(call: Call) -> str:
    """The metadata store that is listed. There is only the default one."""
    name = target_of(call)
    if name != f"{place_of(call).name}/{STORE}":
        raise not_found("MetadataStore", name)
    return name


def _check_board(call: Call) -> None:
    """There is only the one of the location."""
    name = target_of(call)
    if name != board_name(place_of(call).name):
        raise not_found("Tensorboard", name)


def _experiments(call: Call) -> Iterator[Experiment]:
    registry = Registry(call.world, call.now)
    place = place_of(call).name
    for entry in registry.jobs(place):
        job = entry.record
        progress = registry.progress(job)
        name = experiment_id(job, progress)
        if name and shows_experiment(job, progress, call.now):
            yield Experiment(job, progress, place, name, entry.position.rank)


def _at(call: Call, kind: str) -> Experiment:
    """The experiment a tensorboard path is about. A run may go by its own id or by its context's."""
    name = target_of(call)
    board, _, rest = name.partition("/experiments/")
    wanted, _, run = rest.partition("/runs/")
    for experiment in _experiments(call):
        runs = {"", experiment.run_id, f"{experiment.id}-{experiment.run_id}"}
        if (board, wanted) == (experiment.board, experiment.id) and run.partition("/")[0] in runs:
            return experiment
    raise not_found(kind, name)


def _series_at(call: Call) -> tuple[Experiment, int]:
    """The metric a path is about, by the number it has."""
    experiment = _at(call, "TensorboardTimeSeries")
    name = target_of(call)
    for number in _measured(experiment):
        if name.endswith(f"/timeSeries/{number}"):
            return experiment, number
    raise not_found("TensorboardTimeSeries", name)


def _contexts(call: Call) -> Iterator[tuple[int, Json]]:
    """The contexts and their places among all that the location will ever have: every job has two."""
    for experiment in _experiments(call):
        yield 2 * experiment.age, _context(experiment)
        yield 2 * experiment.age + 1, _run_context(experiment)


def _context(experiment: Experiment) -> Json:
    """Clients refuse it without the schema and without metadata. The rest is our choice: no body was seen."""
    metadata = {"experiment_deleted": False, "backing_tensorboard_resource": experiment.board}
    return _node(experiment, experiment.context, experiment.id, "system.Experiment", metadata)


def _run_context(experiment: Experiment) -> Json:
    metadata = {"_params": {}, "_metrics": {}, "_state": _state(experiment.progress)}
    node = _node(experiment, experiment.run_context, experiment.run_id, "system.ExperimentRun", metadata)
    return node | {"parentContexts": [experiment.context]}


def _node(experiment: Experiment, name: str, title: str, schema: str, metadata: Json) -> Json:
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


def _artifact(experiment: Experiment) -> Json:
    """With the metadata google-cloud-aiplatform looks for."""
    metadata = {"resourceName": experiment.board_run, "vertex_experiment_tracking": True}
    node = _node(experiment, experiment.artifact, experiment.run_id, "google.VertexTensorboardRun", metadata)
    return node | {"state": "LIVE", "uri": f"https://aiplatform.googleapis.com/v1/{experiment.board_run}"}


def _board(call: Call) -> Json:
    name = board_name(place_of(call).name)
    first = min((experiment.job.run.created for experiment in _experiments(call)), default=call.now)
    return {
        "name": name,
        "displayName": "Default Tensorboard",  # our choice: not seen
        "createTime": tuning.micros(first),
        "updateTime": tuning.micros(first),
        "etag": etag(name, first),
        "isDefault": True,
    }


def _experiment(experiment: Experiment) -> Json:
    name = f"{experiment.board}/experiments/{experiment.id}"
    return _written(experiment, name, experiment.id)


def _run(experiment: Experiment) -> Json:
    return _written(experiment, experiment.board_run, experiment.run_id)


def _written(experiment: Experiment, name: str, title: str) -> Json:
    started = tuning.micros(experiment.progress.started or 0)
    return {
        "name": name,
        "displayName": title,
        "createTime": started,
        "updateTime": max(started, experiment.progress.updated),
        "etag": etag(name, started),
    }


def _measured(experiment: Experiment) -> Iterator[int]:
    """The numbers of the metrics the run has: those of validation data only where there is some."""
    validated = bool(experiment.job.request[experiment.job.spec].get("validationDatasetUri"))
    return (number for number, (_, of_validation, _) in enumerate(METRICS, 1) if validated or not of_validation)


def _series_name(experiment: Experiment, number: int) -> str:
    return f"{experiment.board_run}/timeSeries/{number}"


def _is_series(experiment: Experiment, number: int, name: str) -> bool:
    parts = name.split("/")
    return parts[-1] == str(number) and experiment.id in parts


def _series(experiment: Experiment, number: int) -> Json:
    values = _values(experiment, number)
    written = _written(experiment, _series_name(experiment, number), METRICS[number - 1][0])
    if not values:
        return written | {"valueType": "SCALAR", "pluginName": "scalars"}
    extent = {"maxStep": values[-1]["step"], "maxWallTime": values[-1]["wallTime"]}
    return written | {"valueType": "SCALAR", "pluginName": "scalars", "metadata": extent}


def _data(experiment: Experiment, number: int) -> Json:
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


def _page(call: Call, member: str, views: Sequence[Json], scope: str, ranks: Mapping[str, int]) -> Json:
    """A page of views in the order of their ranks; what has none is the only one of its list."""
    shown, token = page(
        views,
        key=lambda view: str(view["name"]),
        rank=lambda view: ranks.get(view["name"], 0),
        page_size=call.message.get("pageSize"),
        page_token=call.message.get("pageToken"),
        default=100,  # metadata_service.proto
        maximum=1000,
        scope=scope,
    )
    return {member: shown} | ({"nextPageToken": token} if token else {})

"""metadataStores: get and list the contexts and the artifacts of experiments. There are no executions."""

from collections.abc import Iterator
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.simulation import tuning
from mockserver.simulation.tuning import Progress
from mockserver.vertex.errors import not_found
from mockserver.vertex.etags import etag
from mockserver.vertex.experiments import (
    STORE,
    Experiment,
    find_experiments,
    list_ranked,
    newest_first,
    oldest_first,
    walk_experiments,
)
from mockserver.vertex.locations import find_location, resource_name
from mockserver.vertex.records import JOBS_BY_NEWEST_EXPERIMENT

Json = dict[str, Any]


def find_store(call: Call) -> str:
    """Return the name of the metadata store in the path. Raises 404 for any but the default one."""
    name = resource_name(call)
    if name != f"{find_location(call).name}/{STORE}":
        raise not_found("MetadataStore", name)
    return name


def get_context(call: Call) -> Json:
    """Return a context: an experiment's or its run's."""
    name = resource_name(call)
    for experiment in find_experiments(call, name):
        if name == experiment.context:
            return show_context(experiment)
        if name == experiment.run_context:
            return show_run_context(experiment)
    raise not_found("Context", name)


def get_execution(call: Call) -> Json:
    """Raise 404: there are no executions."""
    raise not_found("Execution", resource_name(call))


def get_artifact(call: Call) -> Json:
    """Return the artifact that links a run's context to its run on the tensorboard."""
    name = resource_name(call)
    for experiment in find_experiments(call, name):
        if name == experiment.artifact:
            return show_artifact(experiment)
    raise not_found("Artifact", name)


def list_contexts(call: Call) -> Json:
    """List the contexts of the default metadata store, newest first."""
    store = find_store(call)

    def rows(rank: int | None) -> Iterator[tuple[int, Json]]:
        # Ranked among all that the location will ever have: every job has two.
        after = newest_first(None if rank is None else -rank // 2)
        for experiment in walk_experiments(call, JOBS_BY_NEWEST_EXPERIMENT, after=after):
            yield -2 * experiment.ordinal - 1, show_run_context(experiment)
            yield -2 * experiment.ordinal, show_context(experiment)

    return list_ranked(call, "contexts", rows, f"{store}/contexts")


def list_executions(call: Call) -> Json:
    """List no executions: a tuning experiment consists of contexts."""
    return list_ranked(call, "executions", lambda _: (), f"{find_store(call)}/executions")


def list_artifacts(call: Call) -> Json:
    """List the artifacts, oldest first."""
    store = find_store(call)

    def rows(rank: int | None) -> Iterator[tuple[int, Json]]:
        experiments = walk_experiments(call, after=oldest_first(rank))
        return ((experiment.ordinal, show_artifact(experiment)) for experiment in experiments)

    return list_ranked(call, "artifacts", rows, f"{store}/artifacts")


def show_context(experiment: Experiment) -> Json:
    """Return the resource. Clients require the schema and the metadata. The rest is our choice: no body was seen."""
    metadata = {"experiment_deleted": False, "backing_tensorboard_resource": experiment.board}
    return _metadata_resource(experiment, experiment.context, experiment.id, "system.Experiment", metadata)


def show_run_context(experiment: Experiment) -> Json:
    """Return the context of the experiment's run."""
    metadata = {"_params": {}, "_metrics": {}, "_state": _state(experiment.progress)}
    context = _metadata_resource(
        experiment, experiment.run_context, experiment.run_id, "system.ExperimentRun", metadata
    )
    return context | {"parentContexts": [experiment.context]}


def show_artifact(experiment: Experiment) -> Json:
    """Return the resource, with the metadata that google-cloud-aiplatform requires."""
    metadata = {"resourceName": experiment.board_run, "vertex_experiment_tracking": True}
    artifact = _metadata_resource(
        experiment, experiment.artifact, experiment.run_id, "google.VertexTensorboardRun", metadata
    )
    return artifact | {"state": "LIVE", "uri": f"https://aiplatform.googleapis.com/v1/{experiment.board_run}"}


def _metadata_resource(experiment: Experiment, name: str, title: str, schema: str, metadata: Json) -> Json:
    start = experiment.progress.started or 0
    return {
        "name": name,
        "displayName": title,
        "etag": etag(name, start),
        "createTime": tuning.micros(start),
        "updateTime": tuning.micros(start),
        "schemaTitle": schema,
        "schemaVersion": "0.0.1",
        "metadata": metadata,
    }


def _state(progress: Progress) -> str:
    """google.cloud.aiplatform.v1.Execution.State, as the metadata of a run has it."""
    if not progress.state.terminal:
        return "RUNNING"
    return {"SUCCEEDED": "COMPLETE", "FAILED": "FAILED"}.get(progress.state.name, "CANCELLED")

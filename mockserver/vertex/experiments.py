"""The experiments of tuning jobs, which `sft_tuning_job.experiment` reads from a metadata store and a tensorboard.

    metadataStores/default/contexts/tuning-experiment-S           system.Experiment
    metadataStores/default/contexts/tuning-experiment-S-run-id    system.ExperimentRun, whose parent is the first
    tensorboards/T/experiments/tuning-experiment-S/runs/run-id/timeSeries/N

with S the timestamp of the job's experiment.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.dispatch.lists import list_response
from mockserver.dispatch.routing import Call
from mockserver.simulation.noise import seed_of
from mockserver.simulation.tuning import Progress
from mockserver.vertex.locations import find_location
from mockserver.vertex.store import Repository, TuningJob
from mockserver.vertex.tuning_job_views import experiment_id, has_experiment

Json = dict[str, Any]

STORE = "metadataStores/default"


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


def board_name(location: str) -> str:
    """The name of a location's tensorboard."""
    return f"{location}/tensorboards/{10**18 + seed_of('tensorboard', location) % (8 * 10**18)}"


def walk_experiments(call: Call) -> Iterator[Experiment]:
    """The experiments of a location, oldest first."""
    repository = Repository(call.world, call.now)
    location = find_location(call).name
    for entry in repository.walk_jobs(location):
        job = entry.record
        progress = repository.observe(job)
        id_ = experiment_id(job, progress)
        if id_ and has_experiment(job, progress, call.now):
            yield Experiment(job, progress, location, id_, entry.position.rank)


def list_ranked(call: Call, member: str, rows: Sequence[tuple[int, Json]], scope: str) -> Json:
    """List resources that are given with their ranks, in the order of these."""
    return list_response(
        call,
        member,
        rows,
        show=lambda row: row[1],
        key=lambda row: str(row[1]["name"]),
        rank=lambda row: row[0],
        default=100,  # metadata_service.proto
        maximum=1000,
        scope=scope,
    )

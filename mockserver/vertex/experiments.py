"""The experiments of tuning jobs, which `sft_tuning_job.experiment` reads from a metadata store and a tensorboard.

    metadataStores/default/contexts/tuning-experiment-S           system.Experiment
    metadataStores/default/contexts/tuning-experiment-S-run-id    system.ExperimentRun, whose parent is the first
    tensorboards/T/experiments/tuning-experiment-S/runs/run-id/timeSeries/N

with S the timestamp of the job's experiment.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.simulation import tuning
from mockserver.simulation.noise import seed_of
from mockserver.simulation.tuning import Progress
from mockserver.state.store import Index, Position
from mockserver.vertex.filters import ListRow, list_resources
from mockserver.vertex.locations import find_location
from mockserver.vertex.records import JOBS_BY_EXPERIMENT, TUNING_JOBS, TuningJob, experiment_id

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
    """Return the name of a location's tensorboard."""
    return f"{location}/tensorboards/{10**18 + seed_of('tensorboard', location) % (8 * 10**18)}"


def walk_experiments(
    call: Call, index: Index[TuningJob] = JOBS_BY_EXPERIMENT, *, id_: str = "", after: Position | None = None
) -> Iterator[Experiment]:
    """Yield a location's experiments, oldest first or in an index's order, behind a position; or those of an id."""
    location = find_location(call).name
    partition = f"{location}/{id_}" if id_ else location
    for entry in call.world.store.walk(TUNING_JOBS, index, partition, after=after, at=call.now):
        job = entry.record
        progress = tuning.observe(job.run, call.now)
        if found_id := experiment_id(job, progress):
            yield Experiment(job, progress, location, found_id, entry.ordinal)


def find_experiments(call: Call, name: str) -> Iterator[Experiment]:
    """Return the experiments of which the id begins the last part of a name, as of a context or an artifact."""
    return walk_experiments(call, id_="-".join(name.rpartition("/")[2].split("-", 3)[:3]))


def oldest_first(ordinal: int | None) -> Position | None:
    """Return the position before the experiment of the job with that ordinal."""
    return None if ordinal is None else Position(ordinal, "")


def newest_first(ordinal: int | None) -> Position | None:
    """Return the same in the list that begins with the newest."""
    return None if ordinal is None else Position(-ordinal - 1, 0)


def list_ranked(
    call: Call,
    member: str,
    rows: Callable[[int | None], Iterable[tuple[int, Json]]],
    scope: str,
    *,
    default: int = 100,
    maximum: int = 1000,
) -> Json:
    """List resources by their ranks, as `list_resources` does; `rows` returns those from a rank on, or all.

    The sizes of a page are by default those of metadata_service.proto.
    """

    def walk(after: tuple[int, str] | None) -> Iterator[ListRow]:
        for rank, resource in rows(None if after is None else after[0]):
            row = ListRow(str(resource["name"]), rank, partial(dict, resource))
            if after is None or (row.rank, row.name) > after:
                yield row

    return list_resources(call, member, walk, scope=scope, default=default, maximum=maximum)

"""Leftovers of a test: running jobs, models that were not deleted, answers and faults that were not used."""

from collections.abc import Iterator
from dataclasses import dataclass

from mockserver.dispatch import runs
from mockserver.gemini.store import TUNED_MODELS
from mockserver.scripting.faults import FaultRecord
from mockserver.scripting.scenario import AnswerRecord, Scenario
from mockserver.state.world import World
from mockserver.vertex.records import MODELS
from mockserver.vertex.store import Repository


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What a test left behind; false if there is nothing."""

    unfinished: tuple[str, ...]
    undeleted: tuple[str, ...]
    answers: tuple[AnswerRecord, ...]
    faults: tuple[FaultRecord, ...]

    def __bool__(self) -> bool:
        return bool(self.unfinished or self.undeleted or self.answers or self.faults)

    def __str__(self) -> str:
        return "\n".join(self._lines()) or "nothing was left behind"

    def _lines(self) -> Iterator[str]:
        yield from (f"{name} is still running" for name in self.unfinished)
        yield from (f"{name} was not deleted" for name in self.undeleted)
        yield from self.unused()

    def unused(self) -> Iterator[str]:
        """Yield a sentence for each answer and each fault that was never used."""
        yield from (f"never used: {record.rule!r}" for record in self.answers)
        yield from (f"never used: {record.fault!r} ({record.matched} calls matched it)" for record in self.faults)


def find_leftovers(world: World) -> Leftovers:
    """Return the leftovers of a world. A model counts once its run has ended."""
    running = [it.name for it in runs.runs(world) if not runs.progress(world, it.run).state.terminal]
    tuned = [entry.name for entry in world.store.walk(TUNED_MODELS) if entry.name not in running]
    repository = Repository(world, world.clock.now())
    registered = [entry.name for entry in world.store.walk(MODELS) if repository.find_versions(entry.record)]
    return Leftovers(
        unfinished=tuple(running),
        undeleted=(*tuned, *registered),
        answers=tuple(record for record in Scenario(world.store).answers if not record.used),
        faults=tuple(record for record in Scenario(world.store).faults if not record.injected),
    )

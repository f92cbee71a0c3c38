"""What a test leaves behind: jobs that still run, models nobody deleted, answers and faults that never struck."""

from collections.abc import Iterator
from dataclasses import dataclass

from mockserver.dispatch import runs
from mockserver.gemini.store import TUNED_MODELS
from mockserver.scripting.faults import FaultRecord
from mockserver.scripting.scenario import AnswerRecord, Scenario
from mockserver.state.world import World
from mockserver.vertex.store import Registry


@dataclass(frozen=True, slots=True)
class Leftovers:
    """All there is to tidy up; false when that is nothing."""

    unfinished: tuple[str, ...]
    undeleted: tuple[str, ...]
    answers: tuple[AnswerRecord, ...]
    faults: tuple[FaultRecord, ...]

    def __bool__(self) -> bool:
        return bool(self.unfinished or self.undeleted or self.answers or self.faults)

    def __str__(self) -> str:
        return "\n".join(self._lines()) or "nothing was left behind"

    def _lines(self) -> Iterator[str]:
        yield from (f"{name} is still under way" for name in self.unfinished)
        yield from (f"{name} was not deleted" for name in self.undeleted)
        yield from (f"never used: {record.rule!r}" for record in self.answers)
        yield from (f"never struck: {record.fault!r} ({record.seen} calls concerned it)" for record in self.faults)


def leftovers(world: World) -> Leftovers:
    """What is left in a world now. A model counts from the moment there is one to delete."""
    running = [it.name for it in runs.runs(world) if not runs.progress(world, it.run).state.terminal]
    tuned = [entry.name for entry in world.store.walk(TUNED_MODELS) if entry.name not in running]
    registered = [entry.name for entry, _ in Registry(world, world.clock.now()).models()]
    return Leftovers(
        unfinished=tuple(running),
        undeleted=(*tuned, *registered),
        answers=tuple(record for record in Scenario(world.store).answers if not record.used),
        faults=tuple(record for record in Scenario(world.store).faults if not record.struck),
    )

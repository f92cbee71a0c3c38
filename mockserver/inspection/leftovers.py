"""Leftovers of a test: running jobs, models that were not deleted, answers and faults that were not used."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mockserver.dispatch import runs
from mockserver.gemini.store import TUNED_MODELS
from mockserver.rpc.method_ids import matches_method
from mockserver.scripting.faults import Fault, FaultRecord
from mockserver.scripting.scenario import AnswerRecord, Scenario
from mockserver.state.calls import RecordedCall
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
    calls: tuple[RecordedCall, ...] = ()

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
        for record in self.faults:
            nearest = "" if record.matched else _describe_nearest(record.fault, self.calls)
            yield f"never used: {record.fault!r} ({record.matched} calls matched it{nearest})"


def _describe_nearest(fault: Fault, calls: Sequence[RecordedCall]) -> str:
    """Return which call a fault may have been meant for: of its method, or of another one with the same action."""
    action = fault.method.rpartition(".")[2]
    for matches in (
        lambda call: matches_method(call.method, fault.method),
        lambda call: action != "*" and call.method.rpartition(".")[2] == action,
    ):
        if call := next(filter(matches, calls), None):
            return f"; the nearest call was {call.method} of {call.resource}"
    return ""


def find_leftovers(world: World) -> Leftovers:
    """Return the leftovers of a world. A model counts once its run has ended."""
    running = [it.name for it in runs.runs(world) if not runs.progress(world, it.run).state.terminal]
    tuned = [entry.name for entry in world.store.walk(TUNED_MODELS) if entry.name not in running]
    repository = Repository(world, world.clock.now())
    registered = [entry.name for entry in world.store.walk(MODELS) if repository.find_versions(entry.record)]
    faults = tuple(record for record in Scenario(world.store).faults if not record.injected)
    return Leftovers(
        unfinished=tuple(running),
        undeleted=(*tuned, *registered),
        answers=tuple(record for record in Scenario(world.store).answers if not record.used),
        faults=faults,
        calls=tuple(world.calls) if faults else (),
    )

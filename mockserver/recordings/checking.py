"""`mockserver check`: every transcript of a folder against the mock server, and what came of it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from mockserver.recordings.comparing import Difference, Grade
from mockserver.recordings.exchange import NothingToReplay, Unreadable
from mockserver.recordings.reading import SUFFIXES, files, read
from mockserver.recordings.replaying import Outcome, Replay
from mockserver.settings import BadOption

COLUMNS = ("same", "shape", "differs", "skipped")


@dataclass(slots=True)
class Report:
    """What came of each file: outcomes, or why there are none."""

    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    remarks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    nothing: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """2 when a file could not be read, else 1 when something has drifted, else 0."""
        if self.unreadable:
            return 2
        return int(any(_column(outcome) == "differs" for rows in self.outcomes.values() for outcome in rows))

    def text(self, *, details: bool = True) -> str:
        """The report as people read it: differences first, the table last."""
        lines = [*self._differences(), *self._unasked()] if details else []
        return "\n".join([*lines, *self._unread(), *self._table()])

    def _differences(self) -> Iterator[str]:
        for name, rows in self.outcomes.items():
            for outcome in rows:
                if outcome.skipped or (outcome.grade is Grade.SAME):
                    continue
                yield f"{name} #{outcome.number} {outcome.method}: {outcome.grade.name.lower()}{_late(outcome)}"
                yield from (line for difference in outcome.differences for line in _shown(difference))
                yield ""

    def _unasked(self) -> Iterator[str]:
        for name, rows in self.outcomes.items():
            skipped = (outcome for outcome in rows if outcome.skipped)
            for (method, reason), same in groupby(skipped, key=lambda outcome: (outcome.method, outcome.skipped)):
                numbers = ", ".join(f"#{outcome.number}" for outcome in same)
                yield f"not asked: {name} {numbers} {method}: {reason}"
        for name, remarks in self.remarks.items():
            yield from (f"not asked: {name}: {remark}" for remark in remarks)
        for name, reason in self.nothing.items():
            yield f"nothing to replay: {name}: {reason}"

    def _unread(self) -> Iterator[str]:
        for name, reason in self.unreadable.items():
            yield f"unreadable: {name}: {reason}"

    def _table(self) -> Iterator[str]:
        counts = Counter((outcome.method, _column(outcome)) for rows in self.outcomes.values() for outcome in rows)
        methods = sorted({method for method, _ in counts})
        width = max(map(len, ["method", *methods]))
        yield ""
        yield f"{'method':{width}}" + "".join(f"{column:>9}" for column in COLUMNS)
        for method in methods:
            yield f"{method:{width}}" + "".join(f"{counts[method, column] or '-':>9}" for column in COLUMNS)
        totals = Counter(column for (_, column), number in counts.items() for _ in range(number))
        yield f"{'in all':{width}}" + "".join(f"{totals[column]:>9}" for column in COLUMNS)
        replayed, others = len(self.outcomes), len(self.nothing) + len(self.unreadable)
        yield f"{replayed} files with exchanges, {others} without; {_verdict(self.status)}"


def check(folder: Path) -> Report:
    """Replay every transcript of a folder, or the one that is given. BadOption when there is none."""
    if not folder.exists():
        raise BadOption(f"no such file or directory: {str(folder)!r}")
    paths = files(folder)
    if not paths:
        raise BadOption(f"no recordings in {str(folder)!r}: their names end in {', '.join(SUFFIXES)}")
    report = Report()
    for path in paths:
        name = path.name if folder.is_file() else str(path.relative_to(folder))
        try:
            transcript = read(path)
        except NothingToReplay as reason:
            report.nothing[name] = str(reason)
        except Unreadable as reason:
            report.unreadable[name] = str(reason)
        else:
            report.outcomes[name] = list(Replay(transcript).outcomes())
            report.remarks[name] = transcript.remarks
    return report


def _column(outcome: Outcome) -> str:
    return "skipped" if outcome.skipped else outcome.grade.name.lower()


def _late(outcome: Outcome) -> str:
    if not outcome.seconds_off:
        return ""
    return f" (asked {abs(outcome.seconds_off):.0f} s {'later' if outcome.seconds_off > 0 else 'earlier'})"


def _shown(difference: Difference) -> Iterator[str]:
    yield f"  {difference.where}  [{difference.grade.name.lower()}]"
    yield f"    - {_cut(difference.recorded)}"
    yield f"    + {_cut(difference.ours)}"


def _cut(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 300 else f"{text[:300]}... ({len(text)} characters)"


def _verdict(status: int) -> str:
    return ("no drift", "drift", "some could not be read")[status]

"""`mockserver check`: replays every transcript of a folder against the mock server and reports the differences."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from mockserver.recordings.comparison import Difference, Grade
from mockserver.recordings.replay import Replay, ReplayOutcome
from mockserver.settings import BadOption
from mockserver.transcripts.exchange import NothingToReplay, UnreadableFile
from mockserver.transcripts.reading import SUFFIXES, find_files, read

COLUMNS = ("same", "shape", "differs", "skipped")


@dataclass(slots=True)
class DriftReport:
    """For each file: its outcomes, or why there are none."""

    outcomes: dict[str, list[ReplayOutcome]] = field(default_factory=dict)
    remarks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    nothing: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """2 if a file could not be read, else 1 if a response differs, else 0."""
        if self.unreadable:
            return 2
        return int(any(_column(outcome) == "differs" for rows in self.outcomes.values() for outcome in rows))

    def text(self, *, details: bool = True) -> str:
        """Return the report as text: the differences first, the table last."""
        lines = [*self._differences(), *self._skipped()] if details else []
        return "\n".join([*lines, *self._unreadable(), *self._table()])

    def _differences(self) -> Iterator[str]:
        for name, rows in self.outcomes.items():
            for outcome in rows:
                if outcome.skipped or (outcome.grade is Grade.SAME):
                    continue
                yield f"{name} #{outcome.number} {outcome.method}: {outcome.grade.name.lower()}{_time_shift(outcome)}"
                yield from (line for difference in outcome.differences for line in _format_difference(difference))
                yield ""

    def _skipped(self) -> Iterator[str]:
        for name, rows in self.outcomes.items():
            outcomes = (outcome for outcome in rows if outcome.skipped)
            for (method, reason), group in groupby(outcomes, key=lambda outcome: (outcome.method, outcome.skipped)):
                numbers = ", ".join(f"#{outcome.number}" for outcome in group)
                yield f"skipped: {name} {numbers} {method}: {reason}"
        for name, remarks in self.remarks.items():
            yield from (f"skipped: {name}: {remark}" for remark in remarks)
        for name, reason in self.nothing.items():
            yield f"nothing to replay: {name}: {reason}"

    def _unreadable(self) -> Iterator[str]:
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
        yield f"{'total':{width}}" + "".join(f"{totals[column]:>9}" for column in COLUMNS)
        others = len(self.nothing) + len(self.unreadable)
        verdict = ("no drift", "drift", "some could not be read")[self.status]
        yield f"{len(self.outcomes)} files with exchanges, {others} without; {verdict}"


def check(folder: Path) -> DriftReport:
    """Replay every transcript of a folder, or one file. BadOption if there is none."""
    if not folder.exists():
        raise BadOption(f"no such file or directory: {str(folder)!r}")
    paths = find_files(folder)
    if not paths:
        raise BadOption(f"no recordings in {str(folder)!r}: their names end in {', '.join(SUFFIXES)}")
    report = DriftReport()
    for path in paths:
        name = path.name if folder.is_file() else str(path.relative_to(folder))
        try:
            transcript = read(path)
        except NothingToReplay as reason:
            report.nothing[name] = str(reason)
        except UnreadableFile as reason:
            report.unreadable[name] = str(reason)
        else:
            report.outcomes[name] = list(Replay(transcript).outcomes())
            report.remarks[name] = transcript.remarks
    return report


def _column(outcome: ReplayOutcome) -> str:
    return "skipped" if outcome.skipped else outcome.grade.name.lower()


def _time_shift(outcome: ReplayOutcome) -> str:
    if not outcome.seconds_off:
        return ""
    return f" (requested {abs(outcome.seconds_off):.0f} s {'later' if outcome.seconds_off > 0 else 'earlier'})"


def _format_difference(difference: Difference) -> Iterator[str]:
    yield f"  {difference.where}  [{difference.grade.name.lower()}]"
    yield f"    - {_shorten(difference.recorded)}"
    yield f"    + {_shorten(difference.ours)}"


def _shorten(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 300 else f"{text[:300]}... ({len(text)} characters)"

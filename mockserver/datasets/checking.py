"""Checks a file of training data: finds every problem that a create would find, and counts what is in the data."""

from collections.abc import Iterable, Iterator

from mockserver.catalog.base_model import BaseModel
from mockserver.datasets.dataset import Dataset, collect
from mockserver.datasets.lines import Line
from mockserver.datasets.report import Problem, Report
from mockserver.datasets.rules import Row, Rules, examine


def check(file: str, rows: Iterable[Row], rules: Rules, base: BaseModel, epochs: int | None) -> Report:
    """Check every row of a file."""
    invalid: list[tuple[int, Line]] = []
    dataset = collect(_collect_invalid(examine(rows, rules), invalid), rules)
    statistics = dataset.statistics
    usable = statistics.examples - len(invalid) - len(statistics.truncated)
    return Report(
        file=file,
        api=rules.api,
        kind=rules.kind,
        problems=tuple(_problems(dataset, invalid, rules)),
        notes=tuple(_notes(dataset, rules)),
        examples=statistics.examples,
        inputs=statistics.inputs,
        outputs=statistics.outputs,
        estimate=rules.estimate(base, usable, epochs) if usable else None,
    )


def _collect_invalid(lines: Iterable[Line], invalid: list[tuple[int, Line]]) -> Iterator[Line]:
    """Pass the lines on, and append the invalid ones to `invalid`, each with its position from 1."""
    for position, line in enumerate(lines, 1):
        if line.problems:
            invalid.append((position, line))
        yield line


def _problems(dataset: Dataset, invalid: list[tuple[int, Line]], rules: Rules) -> Iterator[Problem]:
    for position, line in invalid:
        for problem in line.problems:
            yield Problem(line.number, rules.sentence(problem, position, dataset.statistics.examples))
    if dataset.failure and not invalid:
        yield Problem(1, dataset.failure.message)


def _notes(dataset: Dataset, rules: Rules) -> Iterator[str]:
    statistics = dataset.statistics
    if advice := rules.advice(statistics.examples):
        yield advice
    for position, reason in zip(statistics.truncated, statistics.dropped_reasons, strict=True):
        yield f"example {position} will be dropped. {reason}"

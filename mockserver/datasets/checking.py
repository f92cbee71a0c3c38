"""The report on a file of training data: every problem that a create would find, and what is in the data."""

from collections.abc import Iterable, Iterator

from mockserver.catalog.base_model import BaseModel
from mockserver.datasets.dataset import Dataset, collect
from mockserver.datasets.lines import Line
from mockserver.datasets.report import Problem, Report
from mockserver.datasets.rules import Row, Rules, examine


def check(file: str, rows: Iterable[Row], rules: Rules, base: BaseModel, epochs: int | None) -> Report:
    """Examine every row of a file."""
    wrong: list[tuple[int, Line]] = []
    dataset = collect(_watched(examine(rows, rules), wrong), rules)
    statistics = dataset.statistics
    usable = statistics.examples - len(wrong) - len(statistics.truncated)
    return Report(
        file=file,
        api=rules.api,
        kind=rules.kind,
        problems=tuple(_problems(dataset, wrong, rules)),
        notes=tuple(_notes(dataset, rules)),
        examples=statistics.examples,
        inputs=statistics.inputs,
        outputs=statistics.outputs,
        estimate=rules.estimate(base, usable, epochs) if usable else None,
    )


def _watched(lines: Iterable[Line], wrong: list[tuple[int, Line]]) -> Iterator[Line]:
    for place, line in enumerate(lines, 1):
        if line.problems:
            wrong.append((place, line))
        yield line


def _problems(dataset: Dataset, wrong: list[tuple[int, Line]], rules: Rules) -> Iterator[Problem]:
    for place, line in wrong:
        for problem in line.problems:
            yield Problem(line.number, rules.sentence(problem, place, dataset.statistics.examples))
    if dataset.failure and not wrong:
        yield Problem(1, dataset.failure.message)


def _notes(dataset: Dataset, rules: Rules) -> Iterator[str]:
    statistics = dataset.statistics
    if advice := rules.advice(statistics.examples):
        yield advice
    for place, reason in zip(statistics.truncated, statistics.dropped_reasons, strict=True):
        yield f"example {place} will be dropped. {reason}"

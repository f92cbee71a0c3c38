"""JSONL for Vertex AI: what a tuning job would say of it, of every line and not only of the first that is wrong."""

from collections.abc import Iterable, Iterator

from mockserver.catalog.base_model import BaseModel
from mockserver.datasets.dataset import Dataset, collect
from mockserver.datasets.estimates import vertex_estimate
from mockserver.datasets.lines import Kind, Line
from mockserver.datasets.report import Problem, Report

API = "Vertex AI"
USUAL_BASE = "gemini-2.5-flash"
FEWEST_ADVISED = 100


def check_lines(file: str, lines: Iterable[Line], kind: Kind, base: BaseModel, epochs: int | None) -> Report:
    """Look at every line."""
    wrong: list[tuple[int, Line]] = []
    dataset = collect(_watched(lines, wrong))
    statistics = dataset.statistics
    usable = statistics.examples - len(wrong) - len(statistics.truncated)
    return Report(
        file=file,
        api=API,
        kind=f"{kind.value} tuning data",
        problems=tuple(_problems(dataset, wrong)),
        notes=tuple(_notes(dataset)),
        examples=statistics.examples,
        inputs=statistics.inputs,
        outputs=statistics.outputs,
        estimate=vertex_estimate(base, usable, epochs) if usable else None,
    )


def _watched(lines: Iterable[Line], wrong: list[tuple[int, Line]]) -> Iterator[Line]:
    for place, line in enumerate(lines, 1):
        if line.problems:
            wrong.append((place, line))
        yield line


def _problems(dataset: Dataset, wrong: list[tuple[int, Line]]) -> Iterator[Problem]:
    count = dataset.statistics.examples
    for place, line in wrong:
        for problem in line.problems:
            yield Problem(line.number, f"Dataset example {place} of {count} {problem}")
    if dataset.failure and not wrong:
        yield Problem(1, dataset.failure.message)


def _notes(dataset: Dataset) -> Iterator[str]:
    statistics = dataset.statistics
    if 0 < statistics.examples < FEWEST_ADVISED:
        yield f"has {statistics.examples} of the {FEWEST_ADVISED} examples that are advised at least."
    for place, reason in zip(statistics.truncated, statistics.dropped_reasons, strict=True):
        yield f"example {place} will be dropped. {reason}"

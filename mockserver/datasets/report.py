"""The report on a file of training data, as text and as JSON."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mockserver.datasets.dataset import Distribution
from mockserver.datasets.rules import Estimate

NOT_JSON = " is not valid JSON: "
"""What the problem of a line says that is not JSON."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem that the service would refuse: its line, and the service's error message."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """The report. `examples` includes examples with problems; tokens, distributions and the estimate do not.

    Without a valid example there is no estimate.
    """

    file: str
    api: str
    kind: str
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    examples: int
    inputs: Distribution
    outputs: Distribution
    estimate: Estimate | None

    @property
    def tokens(self) -> int:
        """Return the tokens of inputs and outputs."""
        return int(self.inputs.total + self.outputs.total)

    def text(self) -> str:
        """Return the text: a line for each problem, as compilers print them, and a summary."""
        return "".join(f"{line}\n" for line in self._lines())

    def tree(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "file": self.file,
            "api": self.api,
            "kind": self.kind,
            "problems": [{"line": problem.line, "message": problem.message} for problem in self.problems],
            "notes": list(self.notes),
            "examples": self.examples,
            "inputTokens": _tree(self.inputs),
            "outputTokens": _tree(self.outputs),
            "tokens": self.tokens,
            "estimate": self.estimate and _estimate_tree(self.estimate),
        }

    @property
    def is_json(self) -> bool:
        """Return whether any part of the file is JSON. If none is, the file is not a dataset at all."""
        return not self.examples or self.examples != sum(NOT_JSON in problem.message for problem in self.problems)

    def _equal_problems(self) -> Iterable[list[Problem]]:
        """Return the problems, those together whose messages differ in the number of the example alone."""
        groups: dict[str, list[Problem]] = {}
        for problem in self.problems:
            groups.setdefault(_PLACE.sub(r"\1", problem.message), []).append(problem)
        return groups.values()

    def _lines(self) -> Iterator[str]:
        if not self.is_json:
            first = self.problems[0]
            yield f"{self.file}:{first.line}: {first.message}"
            yield f"{self.file} is neither JSON nor JSONL, so nothing else was checked."
            return
        for first, *others in self._equal_problems():
            more = f" (and {len(others)} more like it, to line {others[-1].line})" if others else ""
            yield f"{self.file}:{first.line}: {first.message}{more}"
        for note in self.notes:
            yield f"{self.file}: note: {note}"
        if self.problems or self.notes:
            yield ""
        yield f"{self.kind} for {self.api}"
        yield f"  problems      {len(self.problems) or 'none'}"
        yield f"  examples      {self.examples}"
        yield f"  input tokens  {_summary(self.inputs)}"
        yield f"  output tokens {_summary(self.outputs)}"
        if self.estimate:
            yield from _estimate_lines(self.estimate, self.tokens)


_PLACE = re.compile(r"\b(Row: |example |examples\[)\d+")
"""Where a message says which example it is about."""


def _estimate_lines(estimate: Estimate, tokens: int) -> Iterator[str]:
    epochs = _count(estimate.epochs, "epoch")
    yield f"  base model    {estimate.base_model}"
    yield f"  steps         {estimate.steps}: {epochs}, {_count(estimate.batch, 'example')} a step"
    yield f"  training      {tokens * estimate.epochs} tokens: {tokens} an epoch"
    yield f"  duration      about {_duration(estimate.seconds)}"


def _summary(distribution: Distribution) -> str:
    if not distribution.buckets:
        return "0"
    return f"{int(distribution.total)}; {int(distribution.least)} to {int(distribution.most)} an example, median {int(distribution.median)}"


def _tree(distribution: Distribution) -> dict[str, Any]:
    return {
        "sum": distribution.total,
        "min": distribution.least,
        "max": distribution.most,
        "mean": distribution.mean,
        "median": distribution.median,
        "p5": distribution.p5,
        "p95": distribution.p95,
    }


def _estimate_tree(estimate: Estimate) -> dict[str, Any]:
    return {
        "baseModel": estimate.base_model,
        "epochs": estimate.epochs,
        "batchSize": estimate.batch,
        "steps": estimate.steps,
        "seconds": round(estimate.seconds, 1),
    }


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return _count(round(seconds), "second")
    if seconds < 5400:
        return _count(round(seconds / 60), "minute")
    return f"{seconds / 3600:.1f} hours"

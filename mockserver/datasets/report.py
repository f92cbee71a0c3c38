"""What there is to say of a file of training data, for people and for programs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mockserver.datasets.dataset import Distribution
from mockserver.datasets.rules import Estimate


@dataclass(frozen=True, slots=True)
class Problem:
    """Something the service would refuse: the line it is on, and the service's words."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found. `examples` counts those with problems too; tokens, distributions and the estimate leave them out.

    The estimate is there when there is something to train on.
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
        """Inputs and outputs."""
        return int(self.inputs.total + self.outputs.total)

    def text(self) -> str:
        """For people: a line for each problem, as compilers write them, and a summary."""
        return "".join(f"{line}\n" for line in self._lines())

    def tree(self) -> dict[str, Any]:
        """For programs: JSON in the making."""
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

    def _lines(self) -> Iterator[str]:
        for problem in self.problems:
            yield f"{self.file}:{problem.line}: {problem.message}"
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


def _estimate_lines(estimate: Estimate, tokens: int) -> Iterator[str]:
    epochs = _counted(estimate.epochs, "epoch")
    yield f"  base model    {estimate.base_model}"
    yield f"  steps         {estimate.steps}: {epochs}, {_counted(estimate.batch, 'example')} a step"
    yield f"  to be trained {tokens * estimate.epochs} tokens: {tokens} an epoch"
    yield f"  duration      about {_duration(estimate.seconds)}"


def _summary(lie: Distribution) -> str:
    if not lie.buckets:
        return "0"
    return f"{int(lie.total)}; an example {int(lie.least)} to {int(lie.most)}, median {int(lie.median)}"


def _tree(lie: Distribution) -> dict[str, Any]:
    return {
        "sum": lie.total,
        "min": lie.least,
        "max": lie.most,
        "mean": lie.mean,
        "median": lie.median,
        "p5": lie.p5,
        "p95": lie.p95,
    }


def _estimate_tree(estimate: Estimate) -> dict[str, Any]:
    return {
        "baseModel": estimate.base_model,
        "epochs": estimate.epochs,
        "batchSize": estimate.batch,
        "steps": estimate.steps,
        "seconds": round(estimate.seconds, 1),
    }


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return _counted(round(seconds), "second")
    if seconds < 5400:
        return _counted(round(seconds / 60), "minute")
    return f"{seconds / 3600:.1f} hours"

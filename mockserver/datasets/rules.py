"""The interface of a service's rules for training data. Creating a job and `check-dataset` use the same rules."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from mockserver.catalog.base_model import BaseModel
from mockserver.datasets.lines import Line
from mockserver.simulation.tuning import Failure


@dataclass(frozen=True, slots=True)
class Row:
    """An example in a file: the line on which it begins, its JSON and its text, or why it cannot be read."""

    line: int
    tree: Any = None
    text: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate of a run with a base model, in steps and seconds."""

    base_model: str
    epochs: int
    batch: int
    steps: int
    seconds: float


@dataclass(slots=True)
class Counts:
    """Counts of a dataset after all lines have been read. Positions count from 1.

    `first_wrong` is the first line with a problem, `first_formless` the first one without a required field.
    """

    examples: int = 0
    usable: int = 0
    multimodal: int = 0
    first_wrong: tuple[int, Line] | None = None
    first_formless: tuple[int, Line] | None = None
    dropped: list[tuple[int, str]] = field(default_factory=list)
    """The positions of examples that are too long, and the service's message for each."""


class Rules(Protocol):
    """The rules of one service for one kind of training data."""

    api: str
    usual_base: str
    """The base model of the estimate if the user names none."""

    kind: str
    """The name of the kind of data in a report."""

    def tunes(self, base: BaseModel) -> bool:
        """Return whether the service tunes this base model."""

    def examine(self, row: Row, place: int) -> Line | None:
        """Check a row; None if it does not count. `place` is its position from 0."""

    def sentence(self, problem: str, place: int, examples: int) -> str:
        """Return the service's message for a problem of a line. `place` is its position from 1."""

    def drop(self, tokens: int) -> str:
        """Return why the service drops an example of that many tokens, "" if it does not."""

    def failure(self, counts: Counts) -> Failure | None:
        """Return why every run with this data fails; None if runs can succeed."""

    def advice(self, examples: int) -> str:
        """Return the service's advice for too few examples, "" if there are enough."""

    def estimate(self, base: BaseModel, examples: int, epochs: int | None) -> Estimate:
        """Estimate how long tuning takes."""


def examine(rows: Iterable[Row], rules: Rules) -> Iterator[Line]:
    """Check the rows of a dataset by these rules."""
    place = 0
    for row in rows:
        line = rules.examine(row, place)
        if line is not None:
            place += 1
            yield line

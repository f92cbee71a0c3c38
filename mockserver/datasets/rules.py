"""What a service says of training data. Its surface hands in the rules: to a create and to the report alike."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from mockserver.catalog.base_model import BaseModel
from mockserver.datasets.lines import Line
from mockserver.simulation.tuning import Failure


@dataclass(frozen=True, slots=True)
class Row:
    """An example as it stands in a file: the line it begins on, its JSON and its text, or the problem of reading it."""

    line: int
    tree: Any = None
    text: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a run over the data would take with a base model: in steps, and in seconds."""

    base_model: str
    epochs: int
    batch: int
    steps: int
    seconds: float


@dataclass(slots=True)
class Counts:
    """What is known of a dataset when all its lines have been read. Places count from 1."""

    examples: int = 0
    usable: int = 0
    multimodal: int = 0
    first_wrong: tuple[int, Line] | None = None
    dropped: list[tuple[int, str]] = field(default_factory=list)
    """The places of examples that are too long, and what the service says of each."""


class Rules(Protocol):
    """The rules of one service for one kind of training data."""

    api: str
    usual_base: str
    """The base model whose times are given when nobody names one."""

    kind: str
    """What the data is called in a report."""

    def tunes(self, base: BaseModel) -> bool:
        """Whether the service tunes this base model."""

    def examine(self, row: Row, place: int) -> Line | None:
        """The example of a row, or its problems; None if it does not count. Places count from 0."""

    def sentence(self, problem: str, place: int, examples: int) -> str:
        """A problem of a line, in a sentence of the service. Places count from 1."""

    def drop(self, tokens: int) -> str:
        """Why the service drops an example of so many tokens, "" if it does not."""

    def failure(self, counts: Counts) -> Failure | None:
        """Why no run over the data can succeed, if none can."""

    def advice(self, examples: int) -> str:
        """What the service recommends to somebody with so few examples, "" for enough of them."""

    def estimate(self, base: BaseModel, examples: int, epochs: int | None) -> Estimate:
        """How long tuning would take."""


def examine(rows: Iterable[Row], rules: Rules) -> Iterator[Line]:
    """The lines of a dataset by these rules."""
    place = 0
    for row in rows:
        line = rules.examine(row, place)
        if line is not None:
            place += 1
            yield line

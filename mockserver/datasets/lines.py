"""Lines of training data: each has an example, or problems."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

SHOWN_JSON = 1000
"""How many characters of an invalid line an error quotes. # our choice: the one seen was cut by a person"""

MISSING_FIELD = "Missing required"
"""How the problem of a line without a required field begins."""


class Kind(Enum):
    """The kind of tuning that a dataset is for."""

    SUPERVISED = "supervised"
    PREFERENCE = "preference"
    PROMPTS = "reinforcement"


@dataclass(frozen=True, slots=True)
class ExampleTurn:
    """A content: `words` is its text, `preview` its text in statistics, with placeholders for parts without text."""

    role: str
    words: str
    preview: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Example:
    """A valid example. `completions` of preference data have scores."""

    turns: tuple[ExampleTurn, ...]
    tokens_in: int
    tokens_out: int
    completions: tuple[tuple[float, ExampleTurn], ...] = ()
    multimodal: bool = False

    def exchanges(self) -> Iterator[tuple[str, str]]:
        """Yield the prompts of the example with the preferred answers."""
        for turn, following in zip(self.turns, self.turns[1:], strict=False):
            if turn.role == "user" and following.role == "model" and turn.words and following.words:
                yield turn.words, following.words
        for score, completion in self.completions:
            if score:
                yield self.turns[-1].words, completion.words


@dataclass(frozen=True, slots=True)
class Line:
    """A line after the check: an example, or problems and the beginning of the line."""

    number: int
    example: Example | None = None
    problems: tuple[str, ...] = ()
    json: str = ""

    @property
    def form_problem(self) -> str:
        """Return the problem for which a service refuses the data before any run; "" if there is none."""
        return next((problem for problem in self.problems if problem.startswith(MISSING_FIELD)), "")


def unusable(number: int, json: str, *problems: str) -> Line:
    """Return an invalid line."""
    return Line(number, problems=problems, json=json if len(json) <= SHOWN_JSON else json[: SHOWN_JSON - 3] + "...")

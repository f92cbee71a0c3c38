"""Lines of training data: the example that is in one, or the problems that it has."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

SHOWN_JSON = 1000
"""How many characters of a wrong line a sentence about it quotes. # our choice: the one seen was cut by a person"""


class Kind(Enum):
    """What a dataset is for."""

    SUPERVISED = "supervised"
    PREFERENCE = "preference"
    PROMPTS = "reinforcement"


@dataclass(frozen=True, slots=True)
class Turn:
    """A content: its words alone, and as the statistics show it, with placeholders for what is no text."""

    role: str
    words: str
    shown: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Example:
    """An example nothing is wrong with. `completions` of preference data come with their scores."""

    turns: tuple[Turn, ...]
    tokens_in: int
    tokens_out: int
    completions: tuple[tuple[float, Turn], ...] = ()
    multimodal: bool = False

    def exchanges(self) -> Iterator[tuple[str, str]]:
        """The prompts of the example and the answers it wants to them."""
        for turn, following in zip(self.turns, self.turns[1:], strict=False):
            if turn.role == "user" and following.role == "model" and turn.words and following.words:
                yield turn.words, following.words
        for score, completion in self.completions:
            if score:
                yield self.turns[-1].words, completion.words


@dataclass(frozen=True, slots=True)
class Line:
    """A line that has been looked at: an example, or problems and the line's beginning."""

    number: int
    example: Example | None = None
    problems: tuple[str, ...] = ()
    json: str = ""


def unusable(number: int, json: str, *problems: str) -> Line:
    """A line no example can be made of."""
    return Line(number, problems=problems, json=json if len(json) <= SHOWN_JSON else json[: SHOWN_JSON - 3] + "...")

"""The parts of a GenerateContentResponse that both services print alike, in the caller's version of the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.generation.outcome import Candidate, Outcome
from mockserver.generation.safety import Rating, Ratings, harmless
from mockserver.protojson import schema
from mockserver.protojson.reading import bind_tree
from mockserver.protojson.variations import COUNT, TEXT
from mockserver.scripting.answers import Answer

Json = dict[str, Any]

INT32 = 2**31


def reason_name(enum: str, reason: str) -> str:
    """Return the reason, or OTHER if the enum does not have it: the services have different reasons."""
    return reason if reason in schema.enum(enum).by_name else "OTHER"


def rated_categories(enum: str, ratings: Ratings) -> list[tuple[str, Rating]]:
    """Return the ratings by short category name, without categories that the enum does not have."""
    names = schema.enum(enum).by_name
    return [(category, rating) for category, rating in ratings.items() if f"HARM_CATEGORY_{category}" in names]


def bind_parts(message: str, parts: Sequence[Json]) -> list[Json]:
    """Return the parts as messages. A scripted part may be any JSON, so it is read as a part of a request is."""
    return [part if part.keys() == {"text"} else bind_tree(message, part) for part in parts]


PLAIN_HOLES = (TEXT, COUNT, COUNT, COUNT, COUNT)
"""In what the outcomes differ that are plain: their text, and the tokens of prompt, answer and thoughts, and of all."""


def plain_values(outcome: Outcome, categories: tuple[str, ...]) -> tuple[str, int, int, int, int] | None:
    """Return the values for the holes if the outcome is a harmless text and nothing else, as nearly all are.

    `categories` are the rated ones. No count is 0 but that of thoughts.
    """
    if len(outcome.candidates) != 1:
        return None
    candidate = outcome.candidates[0]
    answer, parts, spoken, total = candidate.answer, candidate.parts, outcome.candidate_tokens, outcome.total_tokens
    is_scripted = answer.usage or answer.logprobs or candidate.citations or candidate.likely_tokens is not None
    if is_scripted or len(parts) != 1 or parts[0].keys() != {"text"} or type(text := parts[0]["text"]) is not str:
        return None
    is_rated = candidate.ratings is not harmless(categories) or outcome.prompt_ratings is not harmless(categories)
    if is_rated or outcome.cached_tokens or not (outcome.prompt_tokens and spoken) or total >= INT32:
        return None
    return text, outcome.prompt_tokens, spoken, outcome.thought_tokens, total


@dataclass(slots=True)
class _PlainOutcome(Outcome):
    total: int = 0

    @property
    def total_tokens(self) -> int:
        """Return the total, which is a value of its own here."""
        return self.total


def plain_outcome(values: Sequence[Any], finish: str, categories: tuple[str, ...], *, thinks: bool) -> Outcome:
    """Return the outcome with these values. One that does not think has no thoughts, whatever their value is."""
    text, prompt, spoken, thoughts, total = values
    ratings = harmless(categories)
    candidate = Candidate(({"text": text},), finish, ratings, (), (), Answer(text), likely_tokens=None, seed=0)
    return _PlainOutcome(
        (candidate,), None, ratings, prompt, spoken, seed=0, thought_tokens=thoughts if thinks else 0, total=total
    )

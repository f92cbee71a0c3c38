"""The parts of a GenerateContentResponse that both services print alike, in the words of the caller's version."""

from collections.abc import Sequence
from typing import Any

from mockserver.generation.safety import Rating, Ratings
from mockserver.protojson import schema
from mockserver.protojson.reading import bind_tree

Json = dict[str, Any]


def reason_name(enum: str, reason: str) -> str:
    """The reason, or OTHER where the enum does not have it: each service has reasons of its own."""
    return reason if reason in schema.enum(enum).by_name else "OTHER"


def rated_categories(enum: str, ratings: Ratings) -> list[tuple[str, Rating]]:
    """The ratings by the full names of their categories, without categories that the enum does not have."""
    names = schema.enum(enum).by_name
    full = ((f"HARM_CATEGORY_{category}", rating) for category, rating in ratings.items())
    return [(category, rating) for category, rating in full if category in names]


def bind_parts(message: str, parts: Sequence[Json]) -> list[Json]:
    """The parts as messages. A scripted part may be any JSON: more than text is read as a part of a request is."""
    return [part if part.keys() == {"text"} else bind_tree(message, part) for part in parts]

"""The parts of a GenerateContentResponse that both services print alike, in the caller's version of the API."""

from collections.abc import Sequence
from typing import Any

from mockserver.generation.safety import Rating, Ratings
from mockserver.protojson import schema
from mockserver.protojson.reading import bind_tree

Json = dict[str, Any]


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

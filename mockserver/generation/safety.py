"""Rates a text for safety, and finds the ratings that block it.

Categories and levels have the names of `scripting.safety`.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from mockserver.scripting.safety import CATEGORIES, GEMINI_CATEGORIES, LEVELS
from mockserver.simulation.noise import uniforms

_CATEGORY_INDEX = {category: index for index, category in enumerate(CATEGORIES)}
_LEVEL_RANK = {level: rank for rank, level in enumerate(LEVELS)}

DEFAULT_THRESHOLD = "BLOCK_MEDIUM_AND_ABOVE"
"""The default threshold of the 1.x models."""

# The rank of the lowest level that a threshold blocks. No level has rank 4.
_BLOCKS_FROM = {
    "BLOCK_LOW_AND_ABOVE": 1,
    "BLOCK_MEDIUM_AND_ABOVE": 2,
    "BLOCK_ONLY_HIGH": 3,
    "BLOCK_NONE": 4,
    "OFF": 4,
}
THRESHOLDS = tuple(_BLOCKS_FROM)

# Bands of the scores, around those recorded on Vertex AI in 2024 (probability: NEGLIGIBLE 0.042 to
# 0.404, LOW 0.551 and 0.613; severity: NEGLIGIBLE 0.022 to 0.186, LOW 0.216 to 0.318).
# The two upper bands are our choice: not seen.
_PROBABILITY = {"NEGLIGIBLE": (0.04, 0.42), "LOW": (0.5, 0.65), "MEDIUM": (0.7, 0.82), "HIGH": (0.88, 0.97)}
_SEVERITY = {"NEGLIGIBLE": (0.02, 0.19), "LOW": (0.21, 0.38), "MEDIUM": (0.42, 0.58), "HIGH": (0.62, 0.9)}


class Rating(NamedTuple):
    """The level of one category, by probability and by severity, and whether it is above its threshold."""

    level: str
    blocked: bool


Ratings = Mapping[str, Rating]


@lru_cache(maxsize=64)
def harmless(categories: tuple[str, ...]) -> Ratings:
    """Return the ratings of a text that is NEGLIGIBLE in all of these categories, which no threshold blocks.

    It is always the same object.
    """
    return dict.fromkeys(categories, Rating("NEGLIGIBLE", blocked=False))


def rate(
    levels: Mapping[str, str],
    thresholds: Mapping[str, str],
    *,
    categories: tuple[str, ...] = GEMINI_CATEGORIES,
    default_threshold: str = DEFAULT_THRESHOLD,
) -> Ratings:
    """Rate these categories, then the others in `levels`. A category that is not in `levels` is NEGLIGIBLE.

    The default threshold replaces one that is absent or not in THRESHOLDS (UNSPECIFIED).
    """
    fallback = _BLOCKS_FROM[default_threshold]
    ratings = {}
    for category in dict.fromkeys((*categories, *levels)):
        level = levels.get(category, "NEGLIGIBLE")
        blocks_from = _BLOCKS_FROM.get(thresholds.get(category, ""), fallback)
        ratings[category] = Rating(level, _LEVEL_RANK[level] >= blocks_from)
    return ratings


def is_blocked(ratings: Ratings) -> bool:
    """Return whether any category is rated above its threshold."""
    return any(rating.blocked for rating in ratings.values())


def mark_blocking(ratings: Ratings) -> Ratings:
    """Return the ratings of a text that was blocked for safety. If no threshold blocks it, the highest rating does."""
    if is_blocked(ratings):
        return ratings
    highest = max((_LEVEL_RANK[rating.level] for rating in ratings.values()), default=0)
    return {
        category: rating._replace(blocked=_LEVEL_RANK[rating.level] == highest > 0)
        for category, rating in ratings.items()
    }


def scores(category: str, level: str, seed: int) -> tuple[float, float]:
    """Return how likely the text is harmful, and how harmful it would be: in [0, 1] and exact in 32 bits.

    Only Vertex AI prints them.
    """
    likely, harmful = uniforms(seed + 1000 * _CATEGORY_INDEX[category], 2)
    return _score(_PROBABILITY[level], likely), _score(_SEVERITY[level], harmful)


def harmless_scores(categories: Sequence[str], seed: int) -> list[float]:
    """Return both scores of each category where all are NEGLIGIBLE: those of `scores`, and faster."""
    result = []
    for category in categories:
        shares = uniforms(seed + 1000 * _CATEGORY_INDEX[category], 2)
        for (low, width), share in zip(_NEGLIGIBLE, shares, strict=True):
            mantissa, exponent = math.frexp(low + width * share)
            result.append(math.ldexp(round(mantissa * 256), exponent - 8))
    return result


_NEGLIGIBLE = tuple((low, high - low) for low, high in (_PROBABILITY["NEGLIGIBLE"], _SEVERITY["NEGLIGIBLE"]))


def _score(band: tuple[float, float], share: float) -> float:
    """Return a value in the band with eight significant bits, like the real scores (0.40429688, 0.030639648)."""
    low, high = band
    mantissa, exponent = math.frexp(low + (high - low) * share)
    return math.ldexp(round(mantissa * 256), exponent - 8)

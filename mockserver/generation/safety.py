"""Rates a text for safety, and finds the ratings that block it.

Categories and levels have the names of `scripting.safety`.
"""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mockserver.scripting.safety import CATEGORIES, GEMINI_CATEGORIES, LEVELS
from mockserver.simulation.noise import uniform

_PLACE = {category: place for place, category in enumerate(CATEGORIES)}
_HEIGHT = {level: height for height, level in enumerate(LEVELS)}

DEFAULT_THRESHOLD = "BLOCK_MEDIUM_AND_ABOVE"
"""The threshold of a category that the client does not set, of the 1.x models."""

# The height of the lowest level that a threshold blocks. No level is as high as 4.
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


class Rating(NamedTuple):  # four and more are made for every answer, so they must be cheap
    """The level of one category, by probability and by severity, and whether it is above its threshold.

    The scores, which only Vertex AI prints, are in [0, 1], exact in 32 bits, and depend on `seed`.
    """

    level: str
    blocked: bool
    seed: int

    @property
    def probability_score(self) -> float:
        """How likely the text is harmful."""
        return _score(_PROBABILITY[self.level], uniform(self.seed, 0))

    @property
    def severity_score(self) -> float:
        """How harmful the text would be, as a number."""
        return _score(_SEVERITY[self.level], uniform(self.seed, 1))


Ratings = Mapping[str, Rating]


def rate(
    levels: Mapping[str, str],
    thresholds: Mapping[str, str],
    seed: int,
    *,
    categories: Iterable[str] = GEMINI_CATEGORIES,
    default_threshold: str = DEFAULT_THRESHOLD,
) -> dict[str, Rating]:
    """Rate these categories, then the others in `levels`. A category that is not in `levels` is NEGLIGIBLE.

    The default threshold stands for one that is absent or not in THRESHOLDS (UNSPECIFIED).
    """
    if not levels:  # as of most texts: no threshold blocks NEGLIGIBLE
        return {each: Rating("NEGLIGIBLE", blocked=False, seed=seed + 1000 * _PLACE[each]) for each in categories}
    fallback = _BLOCKS_FROM[default_threshold]
    ratings = {}
    for category in dict.fromkeys((*categories, *levels)):
        level = levels.get(category, "NEGLIGIBLE")
        blocks_from = _BLOCKS_FROM.get(thresholds.get(category, ""), fallback)
        ratings[category] = Rating(level, _HEIGHT[level] >= blocks_from, seed + 1000 * _PLACE[category])
    return ratings


def is_blocked(ratings: Ratings) -> bool:
    """Whether any category is rated above its threshold."""
    return any(rating.blocked for rating in ratings.values())


def mark_blocking(ratings: Ratings) -> Ratings:
    """The ratings of a text that was blocked for safety. If no threshold blocks it, the highest rating does."""
    if is_blocked(ratings):
        return ratings
    highest = max((_HEIGHT[rating.level] for rating in ratings.values()), default=0)
    return {
        category: rating._replace(blocked=_HEIGHT[rating.level] == highest > 0) for category, rating in ratings.items()
    }


def _score(band: tuple[float, float], share: float) -> float:
    """A value of the band with eight significant bits, as the real scores have (0.40429688, 0.030639648)."""
    low, high = band
    mantissa, exponent = math.frexp(low + (high - low) * share)
    return math.ldexp(round(mantissa * 256), exponent - 8)

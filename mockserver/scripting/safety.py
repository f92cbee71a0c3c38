"""Safety: how a text is rated, and which ratings block it.

The words are Google's without their prefixes: category "HARASSMENT" is HARM_CATEGORY_HARASSMENT on
the wire, level "LOW" is the probability LOW and the severity HARM_SEVERITY_LOW.
"""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mockserver.simulation.noise import uniform

GEMINI_CATEGORIES = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
PALM_CATEGORIES = ("DEROGATORY", "TOXICITY", "VIOLENCE", "SEXUAL", "MEDICAL", "DANGEROUS")
CATEGORIES = (*GEMINI_CATEGORIES, "CIVIC_INTEGRITY", "JAILBREAK", *PALM_CATEGORIES)
LEVELS = ("NEGLIGIBLE", "LOW", "MEDIUM", "HIGH")

_PLACE = {category: place for place, category in enumerate(CATEGORIES)}
_HEIGHT = {level: height for height, level in enumerate(LEVELS)}

DEFAULT_THRESHOLD = "BLOCK_MEDIUM_AND_ABOVE"
"""What applied to a category nobody set, in the days of the 1.x models."""

# The level from which on a threshold blocks; nothing reaches 4.
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
    """What one category was rated, and whether that is above its threshold.

    The scores, which only Vertex AI shows, are in [0, 1], exact in 32 bits, and drawn with `seed`.
    """

    level: str
    blocked: bool
    seed: int

    @property
    def probability_score(self) -> float:
        """How likely the text is harmful."""
        return _score(_PROBABILITY[self.level], uniform(self.seed, 0))

    @property
    def severity(self) -> str:
        """How harmful it would be: as much as it is likely."""
        return self.level

    @property
    def severity_score(self) -> float:
        """How harmful it would be, as a number."""
        return _score(_SEVERITY[self.severity], uniform(self.seed, 1))


Ratings = Mapping[str, Rating]


def rate(
    levels: Mapping[str, str],
    thresholds: Mapping[str, str],
    seed: int,
    *,
    categories: Iterable[str] = GEMINI_CATEGORIES,
    default_threshold: str = DEFAULT_THRESHOLD,
) -> dict[str, Rating]:
    """Rate these categories, and those `levels` names beside them; a category not named there is NEGLIGIBLE.

    A threshold that is absent or none of THRESHOLDS (UNSPECIFIED) is the default one.
    """
    fallback = _BLOCKS_FROM[default_threshold]
    rated = {}
    for category in dict.fromkeys((*categories, *levels)):
        level = levels.get(category, "NEGLIGIBLE")
        blocks_from = _BLOCKS_FROM.get(thresholds.get(category, ""), fallback)
        rated[category] = Rating(level, _HEIGHT[level] >= blocks_from, seed + 1000 * _PLACE[category])
    return rated


def is_blocked(ratings: Ratings) -> bool:
    """Whether any category is rated above its threshold."""
    return any(rating.blocked for rating in ratings.values())


def blame(ratings: Ratings) -> Ratings:
    """The ratings of a text that was blocked for safety: if no threshold did it, the highest one did."""
    if is_blocked(ratings):
        return ratings
    highest = max((_HEIGHT[rating.level] for rating in ratings.values()), default=0)
    return {
        category: rating._replace(blocked=_HEIGHT[rating.level] == highest > 0) for category, rating in ratings.items()
    }


def category_name(word: str) -> str:
    """The short name of a category written either way, in any case. Raises ValueError with the known ones."""
    name = word.upper().removeprefix("HARM_CATEGORY_")
    return _known("safety category", word, name, CATEGORIES)


def level_name(word: str) -> str:
    """The short name of a level, in any case. Raises ValueError with the known ones."""
    return _known("safety level", word, word.upper().removeprefix("HARM_SEVERITY_"), LEVELS)


def _known(what: str, word: str, name: str, names: tuple[str, ...]) -> str:
    if name not in names:
        raise ValueError(f"unknown {what} {word!r}; the known ones are {', '.join(names)}")
    return name


def _score(band: tuple[float, float], share: float) -> float:
    """A value of the band with eight significant bits, as the real scores have (0.40429688, 0.030639648)."""
    low, high = band
    mantissa, exponent = math.frexp(low + (high - low) * share)
    return math.ldexp(round(mantissa * 256), exponent - 8)

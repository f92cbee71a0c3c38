"""Ratings and thresholds: laws of `generation.safety`."""

import json
import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.generation.safety import (
    DEFAULT_THRESHOLD,
    THRESHOLDS,
    harmless_scores,
    is_blocked,
    mark_blocking,
    rate,
    scores,
)
from mockserver.scripting.safety import CATEGORIES, GEMINI_CATEGORIES, LEVELS, category_name, level_name

levels = st.sampled_from(LEVELS)
categories = st.sampled_from(CATEGORIES)
thresholds = st.sampled_from(THRESHOLDS)
rated = st.dictionaries(categories, levels)


@given(rated)
def test_every_category_asked_for_is_rated_and_every_one_told(given_levels: dict[str, str]) -> None:
    """NEGLIGIBLE where nothing is told."""
    ratings = rate(given_levels, {})

    assert {*GEMINI_CATEGORIES, *given_levels} == ratings.keys()
    assert all(given_levels.get(category, "NEGLIGIBLE") == rating.level for category, rating in ratings.items())


@given(categories, levels)
def test_a_stricter_threshold_never_unblocks(category: str, level: str) -> None:
    """THRESHOLDS run from strict to lax, and so do the verdicts."""
    verdicts = [is_blocked(rate({category: level}, {category: threshold})) for threshold in THRESHOLDS]

    assert all(strict >= lax for strict, lax in pairwise(verdicts))


@given(thresholds)
def test_a_worse_level_is_never_let_through_where_a_better_one_is_blocked(threshold: str) -> None:
    """LEVELS run from harmless to harmful, and so do the verdicts."""
    verdicts = [is_blocked(rate({"HARASSMENT": level}, {"HARASSMENT": threshold})) for level in LEVELS]

    assert all(better <= worse for better, worse in pairwise(verdicts))


@given(rated, st.dictionaries(categories, thresholds))
def test_negligible_is_never_blocked(given_levels: dict[str, str], settings: dict[str, str]) -> None:
    """No threshold reaches down to it."""
    ratings = rate(given_levels, settings)

    assert not any(rating.blocked for rating in ratings.values() if rating.level == "NEGLIGIBLE")


@pytest.mark.parametrize("unset", [{}, {"HARASSMENT": "HARM_BLOCK_THRESHOLD_UNSPECIFIED"}])
@pytest.mark.parametrize("level", LEVELS)
def test_what_is_not_set_has_the_default_threshold(level: str, unset: dict[str, str]) -> None:
    """Absent and UNSPECIFIED are the same."""
    explicit = rate({"HARASSMENT": level}, {"HARASSMENT": DEFAULT_THRESHOLD})

    assert explicit == rate({"HARASSMENT": level}, unset)


@given(rated)
def test_something_is_to_blame_when_anything_is_above_negligible(given_levels: dict[str, str]) -> None:
    """A text stopped for safety shows an offender, though the client blocks nothing."""
    off = dict.fromkeys(CATEGORIES, "OFF")
    ratings = mark_blocking(rate(given_levels, off))
    worst = max((LEVELS.index(rating.level) for rating in ratings.values()), default=0)

    assert (worst > 0) == is_blocked(ratings)
    assert all(LEVELS.index(rating.level) == worst for rating in ratings.values() if rating.blocked)


@given(levels, st.integers())
def test_scores_are_exact_in_32_bits_and_grow_with_the_level(level: str, seed: int) -> None:
    """A float32 field prints them without rounding; the bands of two levels never touch."""
    likely, harmful = map(list, zip(*(scores("HARASSMENT", each, seed) for each in LEVELS), strict=True))

    assert all(score == struct.unpack("f", struct.pack("f", score))[0] for score in likely + harmful)
    assert sorted(set(likely)) == likely
    assert sorted(set(harmful)) == harmful
    assert all(0 < score < 1 for score in likely + harmful)


@given(st.lists(categories), st.integers())
def test_harmless_scores_are_those_of_each_category(named: list[str], seed: int) -> None:
    """In the order of the categories."""
    assert [score for category in named for score in scores(category, "NEGLIGIBLE", seed)] == harmless_scores(
        named, seed
    )


def test_recorded_scores_lie_in_our_bands(transcripts: Path) -> None:
    """The bands are wide enough for every score recorded, and hardly wider."""
    recorded = list(_ratings_in_recordings(transcripts))
    seeds = range(2000)

    assert recorded
    for level, score in {(rating["probability"], rating["probabilityScore"]) for rating in recorded}:
        ours = [scores("HARASSMENT", level, seed)[0] for seed in seeds]

        assert min(ours) - 0.01 <= score <= max(ours) + 0.01
    for level, score in {(rating["severity"], rating["severityScore"]) for rating in recorded}:
        ours = [scores("HARASSMENT", level_name(level), seed)[1] for seed in seeds]

        assert min(ours) - 0.01 <= score <= max(ours) + 0.01


@pytest.mark.parametrize("word", ["HARASSMENT", "harassment", "HARM_CATEGORY_HARASSMENT"])
def test_a_category_is_known_by_its_short_and_its_long_name(word: str) -> None:
    """In any case."""
    assert category_name(word) == "HARASSMENT"


def test_an_unknown_word_is_answered_with_the_known_ones() -> None:
    """So that nobody has to look them up."""
    with pytest.raises(ValueError, match="'RUDENESS' is not a safety category; use one of HARASSMENT, "):
        category_name("RUDENESS")
    with pytest.raises(ValueError, match="'VERY' is not a safety level; use one of NEGLIGIBLE, LOW, MEDIUM, HIGH"):
        level_name("VERY")


def _ratings_in_recordings(transcripts: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(transcripts.glob("vertex-fb-*safety.*")) + sorted(transcripts.glob("vertex-fb-*severity.*")):
        for line in path.read_text().replace("\n", "").split("data: "):
            start = line.find("{")
            if start >= 0:
                yield from _ratings_in(json.JSONDecoder().raw_decode(line, start)[0])


def _ratings_in(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "severityScore" in value:
            yield value
        for member in value.values():
            yield from _ratings_in(member)
    if isinstance(value, list):
        for member in value:
            yield from _ratings_in(member)

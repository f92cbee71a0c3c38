"""Reads the limits of a generate request: candidates, tokens, stop sequences, safety thresholds, log probabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from mockserver.generation.safety import DEFAULT_THRESHOLD
from mockserver.scripting.safety import GEMINI_CATEGORIES


@dataclass(frozen=True, slots=True)
class GenerationSettings:
    """The limits of one request.

    `thresholds` are by short category name ("HARASSMENT": "BLOCK_ONLY_HIGH"); the others have `default_threshold`.
    `categories` are the categories to rate. `logprobs` is the number of most likely tokens for each position, 0 for the
    chosen token only, None for no log probabilities.
    """

    candidates: int = 1
    max_tokens: int | None = None
    stop: Sequence[str] = ()
    thresholds: Mapping[str, str] = field(default_factory=dict)
    default_threshold: str = DEFAULT_THRESHOLD
    categories: tuple[str, ...] = GEMINI_CATEGORIES
    logprobs: int | None = None


def read_settings(
    message: Mapping[str, Any],
    config: Mapping[str, Any],
    *,
    default_threshold: str = DEFAULT_THRESHOLD,
    categories: tuple[str, ...] = GEMINI_CATEGORIES,
) -> GenerationSettings:
    """Read the limits in a request and in its `config`, which is the request itself in the API of 2023."""
    if not config and "safetySettings" not in message:
        return _unlimited(default_threshold, categories)
    return GenerationSettings(
        candidates=config.get("candidateCount", 1),
        max_tokens=config.get("maxOutputTokens"),
        stop=config.get("stopSequences", ()),
        thresholds=read_thresholds(message),
        default_threshold=default_threshold,
        categories=categories,
        logprobs=config.get("logprobs", 0) if config.get("responseLogprobs") else None,
    )


@lru_cache(maxsize=16)
def _unlimited(default_threshold: str, categories: tuple[str, ...]) -> GenerationSettings:
    """Return the limits of a request that sets none, as most do."""
    return GenerationSettings(default_threshold=default_threshold, categories=categories)


def read_thresholds(message: Mapping[str, Any]) -> dict[str, str]:
    """Read the thresholds of a request by short category name; the last one of a category wins."""
    return {
        str(setting.get("category", "")).removeprefix("HARM_CATEGORY_"): str(setting.get("threshold", ""))
        for setting in message.get("safetySettings", ())
    }

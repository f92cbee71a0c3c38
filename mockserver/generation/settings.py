"""Reads what a generate request allows: candidates, tokens, stop sequences, safety thresholds, log probabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mockserver.generation.safety import DEFAULT_THRESHOLD
from mockserver.scripting.safety import GEMINI_CATEGORIES


@dataclass(frozen=True, slots=True)
class GenerationSettings:
    """The limits of one request.

    `thresholds` are by short category ("HARASSMENT": "BLOCK_ONLY_HIGH"); a category without one has
    `default_threshold`. `categories` are those to rate. `logprobs` is how many likely tokens the client wants
    for each place, 0 for the chosen one only, None for no log probabilities.
    """

    candidates: int = 1
    max_tokens: int | None = None
    stop: Sequence[str] = ()
    thresholds: Mapping[str, str] = field(default_factory=dict)
    default_threshold: str = DEFAULT_THRESHOLD
    categories: Sequence[str] = GEMINI_CATEGORIES
    logprobs: int | None = None


def read_settings(
    message: Mapping[str, Any],
    config: Mapping[str, Any],
    *,
    default_threshold: str = DEFAULT_THRESHOLD,
    categories: Sequence[str] = GEMINI_CATEGORIES,
) -> GenerationSettings:
    """The limits in a request and in its `config`, which is the request itself in the API of 2023."""
    return GenerationSettings(
        candidates=config.get("candidateCount", 1),
        max_tokens=config.get("maxOutputTokens"),
        stop=config.get("stopSequences", ()),
        thresholds=read_thresholds(message),
        default_threshold=default_threshold,
        categories=categories,
        logprobs=config.get("logprobs", 0) if config.get("responseLogprobs") else None,
    )


def read_thresholds(message: Mapping[str, Any]) -> dict[str, str]:
    """The thresholds that a request sets, by the short names of their categories; the last one of a category wins."""
    return {
        str(setting.get("category", "")).removeprefix("HARM_CATEGORY_"): str(setting.get("threshold", ""))
        for setting in message.get("safetySettings", ())
    }

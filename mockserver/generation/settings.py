"""Reads the limits of a generate request: candidates, tokens, stop sequences, safety thresholds, log probabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from mockserver.catalog.base_model import BaseModel
from mockserver.generation.safety import DEFAULT_THRESHOLD
from mockserver.scripting.safety import GEMINI_CATEGORIES


@dataclass(frozen=True, slots=True)
class GenerationSettings:
    """The limits of one request.

    `thresholds` are by short category name ("HARASSMENT": "BLOCK_ONLY_HIGH"); the others have `default_threshold`.
    `categories` are the categories to rate. `logprobs` is the number of most likely tokens for each position, 0 for the
    chosen token only, None for no log probabilities. `thinking_budget` are the tokens that the model may think, -1 for
    as many as it wants.
    """

    candidates: int = 1
    max_tokens: int | None = None
    stop: Sequence[str] = ()
    thresholds: Mapping[str, str] = field(default_factory=dict)
    default_threshold: str = DEFAULT_THRESHOLD
    categories: tuple[str, ...] = GEMINI_CATEGORIES
    logprobs: int | None = None
    thinking_budget: int = 0


def read_settings(
    message: Mapping[str, Any],
    config: Mapping[str, Any],
    *,
    default_threshold: str = DEFAULT_THRESHOLD,
    categories: tuple[str, ...] = GEMINI_CATEGORIES,
    base: BaseModel | None = None,
) -> GenerationSettings:
    """Read the limits in a request to a model and in its `config`, which is the request itself in the API of 2023."""
    if not config and "safetySettings" not in message:
        return _unlimited(default_threshold, categories, _thinking_budget(config, base))
    return GenerationSettings(
        candidates=config.get("candidateCount") or 1,  # Vertex AI accepts 0
        max_tokens=config.get("maxOutputTokens"),
        stop=config.get("stopSequences", ()),
        thresholds=read_thresholds(message),
        default_threshold=default_threshold,
        categories=categories,
        logprobs=config.get("logprobs", 0) if config.get("responseLogprobs") else None,
        thinking_budget=_thinking_budget(config.get("thinkingConfig", {}), base),
    )


def _thinking_budget(config: Mapping[str, Any], base: BaseModel | None) -> int:
    """2.5 Flash-Lite thinks only if it is told to [documented], the other models that can think do."""
    if base is None or not base.thinking:
        return 0
    thinks = "thinkingLevel" in config or not base.id.startswith("gemini-2.5-flash-lite")
    budget: int = config.get("thinkingBudget", -1 if thinks else 0)
    return budget


@lru_cache(maxsize=16)
def _unlimited(default_threshold: str, categories: tuple[str, ...], budget: int) -> GenerationSettings:
    """Return the limits of a request that sets none, as most do."""
    return GenerationSettings(default_threshold=default_threshold, categories=categories, thinking_budget=budget)


def read_thresholds(message: Mapping[str, Any]) -> dict[str, str]:
    """Read the thresholds of a request by short category name; the last one of a category wins."""
    return {
        str(setting.get("category", "")).removeprefix("HARM_CATEGORY_"): str(setting.get("threshold", ""))
        for setting in message.get("safetySettings", ())
    }

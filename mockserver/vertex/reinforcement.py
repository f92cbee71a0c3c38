"""Reinforcement tuning: its limits, its defaults and how long it runs.

All numbers are documented ("Hyperparameters", "Metrics and monitoring" of 2026); no job was seen. The words of refusals
are our choice.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.vertex.errors import Violation

SPEC = "reinforcementTuningSpec"

BATCH = 32
SAMPLES_PER_PROMPT = 16
MOST_STEPS = 500
MOST_OUTPUT_TOKENS = 32_768
MOST_RESPONSES = 8_192
MOST_MULTIMODAL_RESPONSES = 1_024
"""The most responses in a training step: batch size times samples per prompt."""

ADAPTER_SIZE = 16
_THINKING_LEVELS = frozenset({"MINIMAL", "HIGH", "REINFORCEMENT_TUNING_THINKING_LEVEL_UNSPECIFIED"})


@dataclass(frozen=True, slots=True)
class Plan:
    """How long a job runs: epochs over its prompts, the prompts of a step, and the last step at the latest."""

    epochs: int
    batch: int
    most_steps: int


def plan(hyperparameters: Mapping[str, Any], prompts: int) -> Plan:
    """Return the plan of a job with these hyperparameters: by default `min(110 * batch / prompts, 10)` epochs."""
    batch = hyperparameters.get("batchSize") or BATCH
    if steps := hyperparameters.get("stepCount"):
        return Plan(-(-steps * batch // max(prompts, 1)), batch, steps)
    epochs = hyperparameters.get("epochCount") or max(1, min(110 * batch // max(prompts, 1), 10))
    return Plan(epochs, batch, MOST_STEPS)


def defaults(hyperparameters: Mapping[str, Any], prompts: int, adapter_size: str) -> Mapping[str, Any]:
    """Return the hyperparameters that the service chooses. That a job shows them is our choice: not seen."""
    length = {} if hyperparameters.get("stepCount") else {"epochCount": plan(hyperparameters, prompts).epochs}
    thinking = {} if "thinkingBudget" in hyperparameters else {"thinkingLevel": "HIGH"}
    return {
        **length,
        **thinking,
        "batchSize": BATCH,
        "samplesPerPrompt": SAMPLES_PER_PROMPT,
        "maxOutputTokens": MOST_OUTPUT_TOKENS,
        "learningRateMultiplier": 1.0,
        "adapterSize": adapter_size,
    }


def checkpoint_interval(hyperparameters: Mapping[str, Any], prompts: int) -> int:
    """Return after how many steps a checkpoint is saved: as sent, else once an epoch [documented]."""
    return hyperparameters.get("checkpointInterval") or max(1, prompts // plan(hyperparameters, prompts).batch)


def violations(path: str, hyperparameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the hyperparameters that are beyond their limits."""
    if not 0.25 <= (hyperparameters.get("learningRateMultiplier") or 1.0) <= 4:
        yield f"{path}.learning_rate_multiplier", "learning_rate_multiplier must be in the range [0.25, 4]."
    if hyperparameters.get("stepCount", 0) > MOST_STEPS:
        yield f"{path}.step_count", f"step_count must be at most {MOST_STEPS}."
    if hyperparameters.get("epochCount") and hyperparameters.get("stepCount"):
        yield f"{path}.step_count", "epoch_count and step_count cannot be set both."
    if hyperparameters.get("thinkingLevel", "HIGH") not in _THINKING_LEVELS:
        yield f"{path}.thinking_level", "thinking_level must be MINIMAL or HIGH."
    if not 0 <= hyperparameters.get("maxOutputTokens", 0) <= MOST_OUTPUT_TOKENS:
        yield f"{path}.max_output_tokens", f"max_output_tokens must be at most {MOST_OUTPUT_TOKENS}."
    for member, field in (("evaluateInterval", "evaluate_interval"), ("checkpointInterval", "checkpoint_interval")):
        if hyperparameters.get(member, 0) < 0:
            yield f"{path}.{field}", f"{field} must be positive."
    yield from responses_violations(path, hyperparameters, MOST_RESPONSES)


def responses_violations(path: str, reward: Mapping[str, Any], most: int) -> Iterator[Violation]:
    """Yield a violation if a training step has too many responses, or a number that is not divisible by 16."""
    responses = (reward.get("batchSize") or BATCH) * (reward.get("samplesPerPrompt") or SAMPLES_PER_PROMPT)
    if responses % 16 or not 0 < responses <= most:
        words = f"batch_size * samples_per_prompt must be divisible by 16 and at most {most}, not {responses}."
        yield f"{path}.batch_size", words

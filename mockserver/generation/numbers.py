"""The numbers of a generation config that are out of the range of their model and day.

Each service says so in its own sentences; the one about a range is common to both.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from mockserver.catalog import ranges
from mockserver.catalog.base_model import BaseModel
from mockserver.catalog.ranges import Range, ServiceName
from mockserver.protojson.formatting import float32_text
from mockserver.protojson.schema import json_name
from mockserver.rpc.errors import ApiError, invalid_argument

THIRD_GENERATION = "gemini-3"
"""How the ids of the models begin that errors call "this model" [seen since 2025-11]."""

FEATURES = {
    "candidate_count": "Multiple candidates",
    "frequency_penalty": "Penalty",
    "presence_penalty": "Penalty",
    "response_logprobs": "Logprobs",
    "thinking": "Thinking",
}
"""The features of a model by the field that asks for them, as errors name them."""

_FIELDS = (
    "temperature", "top_p", "top_k", "candidate_count", "max_output_tokens", "stop_sequences", "presence_penalty",
    "frequency_penalty", "response_logprobs", "logprobs",
)  # fmt: skip
_MEMBERS = {json_name(name): name for name in _FIELDS}


def out_of_range(
    config: Mapping[str, Any], service: ServiceName, base: BaseModel, as_of: date | None
) -> Iterator[tuple[Range, float]]:
    """Yield the range and the number of every field that is out of it; of a repeated field the number of values."""
    if not config:
        return iter(())
    values = {name: config[member] for member, name in _MEMBERS.items() if member in config}
    if thinking := config.get("thinkingConfig"):
        values["thinking"] = 1  # even with a budget of 0 [seen of Gemma]
        values |= {"thinking_budget": thinking["thinkingBudget"]} if "thinkingBudget" in thinking else {}
    return ranges.violations(values, service, base, as_of)


def range_error(limit: Range, number: float) -> ApiError:
    """Return the 400 for a number out of range: of temperature recorded, of maxOutputTokens quoted by many."""
    low, high = float32_text(limit.least), "infinity" if limit.below is None else _text(limit.below)
    return invalid_argument(
        f"Unable to submit request because it has a {json_name(limit.field)} value of {_text(number)} but the supported "
        f"range is from {low} (inclusive) to {high} (exclusive). Update the value and try again."
    )


def _text(number: float) -> str:
    return str(number) if isinstance(number, int) else float32_text(number)

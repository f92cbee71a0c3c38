"""The methods of v1beta1 that prepare tuning: validate a reward, optimize a prompt, process videos.

The schema and its words are published (discovery document of 2026-11); no answer of these methods was seen.
"""

import re
from collections.abc import Mapping
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.rpc.errors import ApiError
from mockserver.simulation.noise import seed_of, uniform
from mockserver.vertex.errors import REQUIRED, invalid_fields
from mockserver.vertex.locations import find_location
from mockserver.vertex.operations import start_operation

Json = dict[str, Any]

LONGEST_PARSED = LONGEST_EXPRESSION = 10_000

_REFERENCE = re.compile(r"\{\{references\.([^}]+)\}\}")

# Escapes and classes, in which a repetition operator is a character; and two such operators in a row, which RE2 refuses.
_ATOMS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_REPEAT = r"(?:[*+?]|\{\d+(?:,\d*)?\})"
_STACKED = re.compile(rf"(?<!\(){_REPEAT}\??+{_REPEAT}")


def validate_reinforcement_tuning_reward(call: Call) -> Json:
    """Return the reward that a reward configuration gives a sample response to an example."""
    find_location(call)
    message = call.message
    missing = [(field, REQUIRED) for field, member in _REWARD_FIELDS if not message.get(member)]
    configs = message.get("compositeRewardConfig", {}).get("weightedRewardConfigs", ())
    if missing or not (configs or "singleRewardConfig" in message):
        raise invalid_fields(*missing or [("single_reward_config", REQUIRED)])
    references, text = message["example"].get("references", {}), _text(message["sampleResponse"])
    if not configs:
        return {"overallReward": _reward(message["singleRewardConfig"], references, text)}
    return _weighted_rewards(configs, references, text)


def optimize_prompt(call: Call) -> Json:
    """Return the prompt as a task with instructions. Our choice of words."""
    find_location(call)
    if not call.message.get("content"):
        raise invalid_fields(("content", REQUIRED))
    text = _text(call.message["content"])
    better = f"## Task\n{text}\n\n## Instructions\nAnswer completely and in the form the task asks for."
    return {"content": {"role": "user", "parts": [{"text": better}]}}


def process_data(call: Call) -> Json:
    """Start an operation that is done at once: videos are not processed here."""
    missing = [(field, REQUIRED) for field, member in _DATA_FIELDS if not call.message.get(member)]
    if missing:
        raise invalid_fields(*missing)
    return start_operation(call, find_location(call).name, "GenericOperationMetadata")


_REWARD_FIELDS = (("example", "example"), ("sample_response", "sampleResponse"))
_DATA_FIELDS = (("gcs_source", "gcsSource"), ("gcs_destination", "gcsDestination"))


def _weighted_rewards(configs: tuple[Json, ...], references: Mapping[str, str], text: str) -> Json:
    """The weighted average, and each reward by name."""
    if not all("rewardConfig" in config for config in configs):
        raise invalid_fields(("composite_reward_config.weighted_reward_configs.reward_config", REQUIRED))
    rewards = {
        config["rewardConfig"].get("rewardName", f"reward_{number}"): (
            _reward(config["rewardConfig"], references, text),
            config.get("weight", 1.0),
        )
        for number, config in enumerate(configs, 1)
    }
    weight = sum(share for _, share in rewards.values())
    return {
        "overallReward": sum(reward * share for reward, share in rewards.values()) / weight if weight else 0.0,
        "rewardDetails": {name: reward for name, (reward, _) in rewards.items()},
        "rewardInfoDetails": {name: {"reward": reward} for name, (reward, _) in rewards.items()},
    }


def _reward(config: Mapping[str, Any], references: Mapping[str, str], text: str) -> float:
    """The reward by matching strings; of other scorers a random one, the same for the same response."""
    scorer = config.get("stringMatchRewardScorer", {})
    if "stringMatchExpression" not in scorer:
        return uniform(seed_of("reward", text), 0)
    is_correct = _matches(scorer["stringMatchExpression"], references, _parse_response(config, text))
    reward: float = scorer.get("correctAnswerReward", 0.0) if is_correct else scorer.get("wrongAnswerReward", 0.0)
    return max(min(reward, 1.0), -1.0)


def _parse_response(config: Mapping[str, Any], text: str) -> str:
    """The part of the response that is scored."""
    parsing = config.get("parseResponseConfig", {})
    if parsing.get("parseType") != "REGEX_EXTRACT":
        return text
    return _extract(parsing.get("regexExtractExpression", ""), text)


def _matches(match: Mapping[str, Any], references: Mapping[str, str], text: str) -> bool:
    expression = _REFERENCE.sub(
        lambda reference: references.get(reference[1], reference[0]), match.get("expression", "")
    )
    match match.get("matchOperation"):
        case "REGEX_CONTAINS":
            return _contains(expression, text)
        case "PARTIAL_MATCH":
            return expression in text
        case "EXACT_MATCH":
            return expression == text
        case _:
            raise invalid_fields(("string_match_expression.match_operation", REQUIRED))


def _contains(expression: str, text: str) -> bool:
    """Whether the expression matches somewhere, by an engine of linear time.

    Like RE2, the service's, it supports neither look-around nor back-references.
    """
    from pydantic_core import SchemaError, SchemaValidator, core_schema  # noqa: PLC0415 - takes long to load

    try:
        if len(expression) > LONGEST_EXPRESSION or _STACKED.search(_ATOMS.sub("x", expression)):
            raise _invalid_expression(expression)
        return SchemaValidator(core_schema.str_schema(pattern=expression)).isinstance_python(text)
    except SchemaError:
        raise _invalid_expression(expression) from None


def _extract(expression: str, text: str) -> str:
    """The text that the first group matches, or the whole expression; "" if nothing matches.

    Only Python's engine tells where a match is, and its time grows with the length of the text or faster: hence
    a limit on it, which is our choice.
    """
    if len(text) > LONGEST_PARSED:
        violation = f"The response has {len(text)} characters; at most {LONGEST_PARSED} are parsed."
        raise invalid_fields(("sample_response", violation))
    if not _contains(expression, text):
        return ""
    try:
        match = re.search(expression, text)
    except re.error:
        raise _invalid_expression(expression) from None
    return (match[match.re.groups and 1] or "") if match else ""


def _invalid_expression(expression: str) -> ApiError:
    """400 for an invalid expression. Our choice of words: not seen."""
    return invalid_fields(("expression", f"{expression} is no regular expression."))


def _text(content: Mapping[str, Any]) -> str:
    return "".join(part.get("text", "") for part in content.get("parts", ()))

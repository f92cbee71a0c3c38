"""What v1beta1 does beside tuning: trying a reward, bettering a prompt, preparing videos.

The schema and its words are published (discovery document of 2026-11); no answer of these methods was seen.
"""

import re
from collections.abc import Mapping
from typing import Any

from mockserver.routing import Call
from mockserver.simulation.noise import seed_of, uniform
from mockserver.vertex.locations import place_of
from mockserver.vertex.operations import begin
from mockserver.vertex.violations import REQUIRED, found_errors

Json = dict[str, Any]

_REFERENCE = re.compile(r"\{\{references\.([^}]+)\}\}")


def validate_reinforcement_tuning_reward(call: Call) -> Json:
    """What a reward configuration gives a sample response to an example."""
    place_of(call)
    message = call.message
    missing = [(field, REQUIRED) for field, member in _REWARD_FIELDS if not message.get(member)]
    configs = message.get("compositeRewardConfig", {}).get("weightedRewardConfigs", ())
    if missing or not (configs or "singleRewardConfig" in message):
        raise found_errors(missing or [("single_reward_config", REQUIRED)])
    references, text = message["example"].get("references", {}), _text(message["sampleResponse"])
    if not configs:
        return {"overallReward": _reward(message["singleRewardConfig"], references, text)}
    return _weighted(configs, references, text)


def optimize_prompt(call: Call) -> Json:
    """The prompt, put as a task with instructions. Our choice of words."""
    place_of(call)
    if not call.message.get("content"):
        raise found_errors([("content", REQUIRED)])
    text = _text(call.message["content"])
    better = f"## Task\n{text}\n\n## Instructions\nAnswer completely and in the form the task asks for."
    return {"content": {"role": "user", "parts": [{"text": better}]}}


def process_data(call: Call) -> Json:
    """Take videos through a processing that we do not do; the operation is done at once."""
    missing = [(field, REQUIRED) for field, member in _DATA_FIELDS if not call.message.get(member)]
    if missing:
        raise found_errors(missing)
    return begin(call, place_of(call).name, "GenericOperationMetadata")


_REWARD_FIELDS = (("example", "example"), ("sample_response", "sampleResponse"))
_DATA_FIELDS = (("gcs_source", "gcsSource"), ("gcs_destination", "gcsDestination"))


def _weighted(configs: tuple[Json, ...], references: Mapping[str, str], text: str) -> Json:
    """The weighted average, and each reward by name."""
    rewards = {
        config["rewardConfig"].get("rewardName", f"reward_{place}"): (
            _reward(config["rewardConfig"], references, text),
            config.get("weight", 1.0),
        )
        for place, config in enumerate(configs, 1)
    }
    weight = sum(share for _, share in rewards.values())
    return {
        "overallReward": sum(reward * share for reward, share in rewards.values()) / weight if weight else 0.0,
        "rewardDetails": {name: reward for name, (reward, _) in rewards.items()},
        "rewardInfoDetails": {name: {"reward": reward} for name, (reward, _) in rewards.items()},
    }


def _reward(config: Mapping[str, Any], references: Mapping[str, str], text: str) -> float:
    """Matching strings is done; what other scorers would say is thrown, the same for the same response."""
    scorer = config.get("stringMatchRewardScorer", {})
    if "stringMatchExpression" not in scorer:
        return uniform(seed_of("reward", text), 0)
    right = _matches(scorer["stringMatchExpression"], references, _parsed(config, text))
    reward: float = scorer.get("correctAnswerReward", 0.0) if right else scorer.get("wrongAnswerReward", 0.0)
    return max(min(reward, 1.0), -1.0)


def _parsed(config: Mapping[str, Any], text: str) -> str:
    """The part of the response that is scored."""
    parsing = config.get("parseResponseConfig", {})
    if parsing.get("parseType") != "REGEX_EXTRACT":
        return text
    found = _search(parsing.get("regexExtractExpression", ""), text)
    return "" if found is None else found[found.re.groups and 1]


def _matches(match: Mapping[str, Any], references: Mapping[str, str], text: str) -> bool:
    expression = _REFERENCE.sub(lambda found: references.get(found[1], found[0]), match.get("expression", ""))
    match match.get("matchOperation"):
        case "REGEX_CONTAINS":
            return _search(expression, text) is not None
        case "PARTIAL_MATCH":
            return expression in text
        case "EXACT_MATCH":
            return expression == text
        case _:
            raise found_errors([("string_match_expression.match_operation", REQUIRED)])


def _search(expression: str, text: str) -> re.Match[str] | None:
    try:
        return re.search(expression, text)
    except re.error:
        raise found_errors([("expression", f"{expression} is no regular expression.")]) from None


def _text(content: Mapping[str, Any]) -> str:
    return "".join(part.get("text", "") for part in content.get("parts", ()))

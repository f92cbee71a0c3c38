"""What v1beta1 does beside tuning: trying a reward, bettering a prompt, preparing videos.

The schema and its words are published (discovery document of 2026-11); no answer of these methods was seen.
"""

import re
from collections.abc import Mapping
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.rpc.errors import ApiError
from mockserver.simulation.noise import seed_of, uniform
from mockserver.vertex.errors import REQUIRED, found_errors
from mockserver.vertex.locations import place_of
from mockserver.vertex.operations import begin

Json = dict[str, Any]

LONGEST_PARSED = LONGEST_EXPRESSION = 10_000

_REFERENCE = re.compile(r"\{\{references\.([^}]+)\}\}")

# Escapes and classes, in which a mark of repetition is none; and two such marks on end, which RE2 refuses.
_ATOMS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_REPEAT = r"(?:[*+?]|\{\d+(?:,\d*)?\})"
_STACKED = re.compile(rf"(?<!\(){_REPEAT}\??+{_REPEAT}")


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
    if not all("rewardConfig" in config for config in configs):
        raise found_errors([("composite_reward_config.weighted_reward_configs.reward_config", REQUIRED)])
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
    return _extracted(parsing.get("regexExtractExpression", ""), text)


def _matches(match: Mapping[str, Any], references: Mapping[str, str], text: str) -> bool:
    expression = _REFERENCE.sub(lambda found: references.get(found[1], found[0]), match.get("expression", ""))
    match match.get("matchOperation"):
        case "REGEX_CONTAINS":
            return _contains(expression, text)
        case "PARTIAL_MATCH":
            return expression in text
        case "EXACT_MATCH":
            return expression == text
        case _:
            raise found_errors([("string_match_expression.match_operation", REQUIRED)])


def _contains(expression: str, text: str) -> bool:
    """Whether it matches somewhere, by an engine that takes no longer for a wicked expression than for another.

    Like RE2, the service's, it knows neither look-around nor back-references. Our choice of words: not seen.
    """
    from pydantic_core import SchemaError, SchemaValidator, core_schema  # noqa: PLC0415 - takes long to load

    try:
        if len(expression) > LONGEST_EXPRESSION or _STACKED.search(_ATOMS.sub("x", expression)):
            raise _no_expression(expression)
        return SchemaValidator(core_schema.str_schema(pattern=expression)).isinstance_python(text)
    except SchemaError:
        raise _no_expression(expression) from None


def _extracted(expression: str, text: str) -> str:
    """What its first group matches, or all of it; "" if nothing does.

    Only Python's engine tells where a match is, and its time grows with the text's length, to say the least: hence
    a bound on it, which is our choice.
    """
    if len(text) > LONGEST_PARSED:
        violation = f"The response has {len(text)} characters; at most {LONGEST_PARSED} are parsed."
        raise found_errors([("sample_response", violation)])
    if not _contains(expression, text):
        return ""
    try:
        found = re.search(expression, text)
    except re.error:
        raise _no_expression(expression) from None
    return (found[found.re.groups and 1] or "") if found else ""


def _no_expression(expression: str) -> ApiError:
    return found_errors([("expression", f"{expression} is no regular expression.")])


def _text(content: Mapping[str, Any]) -> str:
    return "".join(part.get("text", "") for part in content.get("parts", ()))

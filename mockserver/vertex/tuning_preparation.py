"""The methods of v1beta1 that prepare tuning: validate a reward, optimize a prompt, process videos.

The schema and its words are published (discovery document of 2026-11); no answer of these methods was seen.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.limits import (
    REWARD_EXPRESSION,
    REWARD_REFERENCES,
    REWARD_RESPONSE,
    REWARD_STEPS,
    REWARD_WORK,
    REWARDS,
)
from mockserver.rpc.errors import ApiError
from mockserver.scripting.expressions import Expression, TooMuchWork, linear_searcher
from mockserver.simulation.noise import seed_of, uniform
from mockserver.vertex.errors import REQUIRED, invalid_fields
from mockserver.vertex.locations import find_location
from mockserver.vertex.operations import start_operation

Json = dict[str, Any]

_REFERENCE = re.compile(r"\{\{references\.([^{}]+)\}\}")
_COUNTED = re.compile(r"\{\d")


def validate_reinforcement_tuning_reward(call: Call) -> Json:
    """Return the reward that a reward configuration gives a sample response to an example."""
    find_location(call)
    message = call.message
    missing = [(field, REQUIRED) for field, member in _REWARD_FIELDS if not message.get(member)]
    configs = message.get("compositeRewardConfig", {}).get("weightedRewardConfigs", ())
    if missing or not (configs or "singleRewardConfig" in message):
        raise invalid_fields(*missing or [("single_reward_config", REQUIRED)])
    if len(configs) > REWARDS:
        violation = f"There are {len(configs)} rewards; at most {REWARDS} are weighted."
        raise invalid_fields(("weighted_reward_configs", violation))
    response = _Response(_text(message["sampleResponse"]), message["example"].get("references", {}))
    if not configs:
        return {"overallReward": response.reward(message["singleRewardConfig"])}
    return _weighted_rewards(configs, response)


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


def _weighted_rewards(configs: tuple[Json, ...], response: "_Response") -> Json:
    """Return the weighted average, and each reward by name."""
    if not all("rewardConfig" in config for config in configs):
        raise invalid_fields(("composite_reward_config.weighted_reward_configs.reward_config", REQUIRED))
    rewards = {
        config["rewardConfig"].get("rewardName", f"reward_{number}"): (
            response.reward(config["rewardConfig"]),
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


class _Response:
    """A response to score, and how much work may still be spent on it."""

    def __init__(self, text: str, references: Mapping[str, str]) -> None:
        self.text = text
        self.references = references
        self.work = REWARD_WORK
        self.steps = REWARD_STEPS

    def reward(self, config: Mapping[str, Any]) -> float:
        """Return the reward by matching strings; of other scorers a random one, the same for the same response."""
        scorer = config.get("stringMatchRewardScorer", {})
        if "stringMatchExpression" not in scorer:
            return uniform(seed_of("reward", self.text), 0)
        is_correct = self._matches(scorer["stringMatchExpression"], self._parse_response(config))
        reward: float = scorer.get("correctAnswerReward", 0.0) if is_correct else scorer.get("wrongAnswerReward", 0.0)
        return max(min(reward, 1.0), -1.0)

    def _parse_response(self, config: Mapping[str, Any]) -> str:
        """Return the part of the response that is scored."""
        parsing = config.get("parseResponseConfig", {})
        if parsing.get("parseType") != "REGEX_EXTRACT":
            return self.text
        return self._extract(parsing.get("regexExtractExpression", ""))

    def _matches(self, match: Mapping[str, Any], text: str) -> bool:
        expression = self._fill_references(match.get("expression", ""))
        match match.get("matchOperation"):
            case "REGEX_CONTAINS":
                return self._contains(expression, text)
            case "PARTIAL_MATCH":
                return expression in text
            case "EXACT_MATCH":
                return expression == text
            case _:
                raise invalid_fields(("string_match_expression.match_operation", REQUIRED))

    def _fill_references(self, expression: str) -> str:
        """Return the expression with the references that it names in their places."""
        places = _REFERENCE.findall(expression)
        if sum(len(self.references.get(name, "")) for name in places) > REWARD_REFERENCES:
            raise _too_much_work(expression)
        return _REFERENCE.sub(lambda match: self.references.get(match[1], match[0]), expression)

    def _contains(self, expression: str, text: str) -> bool:
        """Return whether the expression matches somewhere."""
        rule, contains = _read(expression)
        self.work -= (rule.size if rule else len(expression)) * len(text)
        if self.work < 0:
            raise _too_much_work(expression)
        return contains(text)

    def _extract(self, expression: str) -> str:
        """Return the text that the first group matches, or all of it; "" if nothing does.

        The limit on the text is our choice.
        """
        if len(self.text) > REWARD_RESPONSE:
            violation = f"The response has {len(self.text)} characters; at most {REWARD_RESPONSE} are parsed."
            raise invalid_fields(("sample_response", violation))
        rule, _ = _read(expression)
        if rule is None:
            raise _invalid_expression(expression)
        try:
            match, steps = rule.extract(self.text, self.steps)
        except TooMuchWork:
            raise _too_much_work(expression) from None
        self.steps -= steps
        return match or ""


def _read(expression: str) -> tuple[Expression | None, Callable[[str], bool]]:
    """Return the expression, None if it has an escape that RE2 knows and Python does not; and what searches for it.

    Like RE2, the service's engine, it supports neither look-around nor back-references. Our choice of words: not seen.
    """
    if len(expression) > REWARD_EXPRESSION:
        raise _invalid_expression(expression)
    result = None
    try:
        result = Expression(expression)
    except ValueError as error:
        # Without a count: what is not parsed cannot be measured.
        if "bad escape" not in str(error.__cause__) or _COUNTED.search(expression):
            raise _invalid_expression(expression) from None
    try:
        return result, linear_searcher(expression)
    except ValueError:
        raise _invalid_expression(expression) from None


def _too_much_work(expression: str) -> ApiError:
    return invalid_fields(("expression", f"{expression} takes too long to match."))


def _invalid_expression(expression: str) -> ApiError:
    return invalid_fields(("expression", f"{expression} is no regular expression."))


def _text(content: Mapping[str, Any]) -> str:
    return "".join(part.get("text", "") for part in content.get("parts", ()))

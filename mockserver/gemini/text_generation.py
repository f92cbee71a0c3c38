"""generateText, of text-bison and of the models tuned from it: the API of 2023."""

from collections.abc import Mapping
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.gemini.errors import invalid
from mockserver.gemini.generation import thresholds
from mockserver.gemini.models import subject
from mockserver.generation.canned import choose_answer
from mockserver.generation.outcome import Candidate, GenerationSettings, Outcome, generate
from mockserver.protojson.version_trimming import known
from mockserver.scripting.answers import Prompt, Turn
from mockserver.scripting.safety import PALM_CATEGORIES, Rating
from mockserver.scripting.scenario import Scenario

Json = dict[str, Any]


def generate_text(call: Call) -> Json:
    """Completions of a text. What is blocked is left out, and said in `filters` and `safetyFeedback`."""
    message = call.message
    text = message.get("prompt", {}).get("text", "")
    if not text:
        raise invalid("GenerateTextRequest.prompt.text: text is not specified")  # our choice: not seen
    if not 1 <= message.get("candidateCount", 1) <= 8:
        # our choice: not seen; the bounds are the proto's
        raise invalid("GenerateTextRequest.candidate_count: candidate_count must be in the range [1, 8].")
    asked = subject(call, message["model"], "generateText")
    prompt = Prompt(model=asked.name, base=asked.base.name, turns=(Turn("user", text),))
    answer = choose_answer(Scenario(call.world.store), prompt, asked.examples, magic=call.world.settings.magic)
    outcome = generate(prompt, answer, _settings(message), call.world.settings.seed)
    return known(call.route.response, _completions(outcome, message))


def _settings(message: Mapping[str, Any]) -> GenerationSettings:
    return GenerationSettings(
        candidates=message.get("candidateCount", 1),
        max_tokens=message.get("maxOutputTokens"),
        stop=tuple(message.get("stopSequences", ())),
        thresholds=thresholds(message),
        categories=PALM_CATEGORIES,
    )


def _completions(outcome: Outcome, message: Mapping[str, Any]) -> Json:
    passed = [candidate for candidate in outcome.candidates if candidate.finish != "SAFETY"]
    said: Json = {"candidates": [_completion(candidate) for candidate in passed]}
    if passed:
        return said
    blocked = outcome.candidates[0].ratings if outcome.candidates else outcome.prompt_ratings
    feedback = [_feedback(name, rating, message) for name, rating in blocked.items() if rating.blocked]
    return said | {"filters": [{"reason": "SAFETY"}], "safetyFeedback": feedback}


def _completion(candidate: Candidate) -> Json:
    return {
        "output": candidate.text,
        "safetyRatings": [_rating(name, rating) for name, rating in candidate.ratings.items()],
    }


def _feedback(category: str, rating: Rating, message: Mapping[str, Any]) -> Json:
    threshold = thresholds(message).get(category, "BLOCK_MEDIUM_AND_ABOVE")
    setting = {"category": f"HARM_CATEGORY_{category}", "threshold": threshold}
    return {"rating": _rating(category, rating), "setting": setting}


def _rating(category: str, rating: Rating) -> Json:
    return {"category": f"HARM_CATEGORY_{category}", "probability": rating.level}

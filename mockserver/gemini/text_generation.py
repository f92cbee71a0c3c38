"""generateText, of text-bison and of the models tuned from it: the API of 2023."""

from collections.abc import Mapping
from typing import Any

from mockserver.dispatch.routing import Call, Handled, with_hint
from mockserver.gemini.errors import invalid_fields
from mockserver.gemini.targets import find_target
from mockserver.generation.outcome import Outcome
from mockserver.generation.pipeline import ModelRequest, generate
from mockserver.generation.safety import DEFAULT_THRESHOLD, Rating
from mockserver.generation.settings import read_settings
from mockserver.scripting.answers import Prompt, Turn
from mockserver.scripting.safety import PALM_CATEGORIES

Json = dict[str, Any]


def generate_text(call: Call) -> Handled:
    """Complete a text. Blocked completions are left out, and listed in `filters` and `safetyFeedback`."""
    message, world = call.message, call.world
    text = message.get("prompt", {}).get("text", "")
    if not text:
        raise invalid_fields("GenerateTextRequest.prompt.text: text is not specified")  # our choice: not seen
    if not 1 <= message.get("candidateCount", 1) <= 8:
        # our choice: not seen; the bounds are the proto's
        raise invalid_fields("GenerateTextRequest.candidate_count: candidate_count must be in the range [1, 8].")
    target = find_target(call, message["model"], "generateText")
    prompt = Prompt(model=target.name, base=target.base.name, turns=(Turn("user", text),))
    settings = read_settings(message, message, categories=PALM_CATEGORIES)
    request = ModelRequest(prompt, settings, {})
    outcome = generate(world, request, examples=target.examples, seed=call.settings.seed)
    return with_hint(_print_response(outcome, settings.thresholds), outcome.hint)


def _print_response(outcome: Outcome, thresholds: Mapping[str, str]) -> Json:
    completions = [
        {
            "output": candidate.text,
            "safetyRatings": [_rating(category, rating) for category, rating in candidate.ratings.items()],
        }
        for candidate in outcome.candidates
        if candidate.finish != "SAFETY"
    ]
    if completions:
        return {"candidates": completions}
    ratings = outcome.candidates[0].ratings if outcome.candidates else outcome.prompt_ratings
    feedback = [
        {
            "rating": _rating(category, rating),
            "setting": {
                "category": f"HARM_CATEGORY_{category}",
                "threshold": thresholds.get(category, DEFAULT_THRESHOLD),
            },
        }
        for category, rating in ratings.items()
        if rating.blocked
    ]
    return {"candidates": [], "filters": [{"reason": "SAFETY"}], "safetyFeedback": feedback}


def _rating(category: str, rating: Rating) -> Json:
    return {"category": f"HARM_CATEGORY_{category}", "probability": rating.level}

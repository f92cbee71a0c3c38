"""What a model said in a recording, told to the mock server, so that only the way it is said is compared."""

from collections.abc import Sequence
from typing import Any

from mockserver.simulation.answers import Answer
from mockserver.transcripts.comparing import documents
from mockserver.transcripts.exchange import Response
from mockserver.wire import schema

Json = dict[str, Any]

_COUNTS = {
    "promptTokenCount": "prompt",
    "candidatesTokenCount": "candidates",
    "thoughtsTokenCount": "thoughts",
    "cachedContentTokenCount": "cached",
}


def heard(response: Response, message: str) -> Answer | None:
    """The answer in a recorded reply of a generating method; None if there is none, or none that can be told.

    `message` is the type of the reply, whose enums the reply may have as numbers.
    """
    messages = documents(response)
    if not messages or not all(isinstance(message, dict) for message in messages):
        return None
    candidates = [item["candidates"][0] for item in messages if item.get("candidates")]
    feedback: Json = next((item["promptFeedback"] for item in messages if "promptFeedback" in item), {})
    if not candidates and not feedback:
        return None
    try:
        return _answer(candidates, feedback, messages[-1].get("usageMetadata", {}), message)
    except (KeyError, TypeError, ValueError):  # more than an answer of ours can hold, or less than one is
        return None


def _answer(candidates: Sequence[Json], feedback: Json, usage: Json, message: str) -> Answer:
    pieces = [_parts(candidate) for candidate in candidates]
    texts = ["".join(part.get("text", "") for part in parts) for parts in pieces]
    plain = all(part.keys() <= {"text"} for parts in pieces for part in parts)
    last = candidates[-1] if candidates else {}
    finish = _word(last.get("finishReason", "STOP"), f"{message.rpartition('.')[0]}.Candidate.FinishReason")
    return Answer(
        text="".join(texts) if plain else "",
        parts=() if plain else [part for parts in pieces for part in parts],
        chunks=texts if plain and len(texts) > 1 else (),
        finish=finish,
        block=_word(feedback["blockReason"], _block_reasons(message)) if "blockReason" in feedback else None,
        ratings=_ratings(last.get("safetyRatings", ()), message),
        prompt_ratings=_ratings(feedback.get("safetyRatings", ()), message),
        usage={name: int(usage[member]) for member, name in _COUNTS.items() if member in usage},
        logprobs=[
            (chosen.get("token", ""), chosen.get("logProbability", 0.0))
            for chosen in last.get("logprobsResult", {}).get("chosenCandidates", ())
        ],
    )


def _parts(candidate: Json) -> list[Json]:
    parts: list[Json] = candidate.get("content", {}).get("parts", [])
    return parts


def _ratings(ratings: Sequence[Json], message: str) -> dict[str, str]:
    package = message.rpartition(".")[0]
    categories, levels = f"{package}.HarmCategory", f"{package}.SafetyRating.HarmProbability"
    return {
        _word(rating["category"], categories).removeprefix("HARM_CATEGORY_"): _word(rating["probability"], levels)
        for rating in ratings
    }


def _block_reasons(message: str) -> str:
    """The Developer API nests it in one message more than Vertex AI does, by another name."""
    nested = f"{message}.PromptFeedback"
    name = "BlockReason" if "generativelanguage" in message else "BlockedReason"
    return f"{nested}.{name}"


def _word(value: Any, enum: str) -> str:
    """An enum's value as a word, whether it was one or a number."""
    return schema.enum(enum).by_number[value] if isinstance(value, int) else str(value)

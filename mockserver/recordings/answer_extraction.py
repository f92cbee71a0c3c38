"""What a model said in a recording, told to the mock server, so that only the way it is said is compared."""

from collections.abc import Sequence
from typing import Any

import orjson

from mockserver.protojson.reading import bind_defined
from mockserver.protojson.writing import write
from mockserver.recordings.comparing import documents
from mockserver.recordings.exchange import Response
from mockserver.scripting.answers import Answer, Citation

Json = dict[str, Any]

_COUNTS = {
    "promptTokenCount": "prompt",
    "candidatesTokenCount": "candidates",
    "thoughtsTokenCount": "thoughts",
    "cachedContentTokenCount": "cached",
}


def heard(response: Response, message: str) -> Answer | None:
    """The answer in a recorded reply of a generating method; None if there is none, or none that can be told.

    `message` is the type of the reply. What it does not know is not told, and so found missing in ours.
    """
    messages = [bind_defined(message, document) for document in documents(response) or ()]
    candidates = [item["candidates"][0] for item in messages if item.get("candidates")]
    feedback: Json = next((item["promptFeedback"] for item in messages if "promptFeedback" in item), {})
    if not candidates and not feedback:
        return None
    try:
        return _answer(candidates, feedback, messages[-1].get("usageMetadata", {}), message.rpartition(".")[0])
    except ValueError:  # a word or a number that an answer of ours cannot have
        return None


def _answer(candidates: Sequence[Json], feedback: Json, usage: Json, package: str) -> Answer:
    pieces = [candidate.get("content", {}).get("parts", []) for candidate in candidates]
    texts = ["".join(part.get("text", "") for part in parts) for parts in pieces]
    plain = all(part.keys() <= {"text"} for parts in pieces for part in parts)
    last = candidates[-1] if candidates else {}
    return Answer(
        text="".join(texts) if plain else "",
        parts=() if plain else [_as_json(f"{package}.Part", part) for parts in pieces for part in parts],
        chunks=texts if plain and len(texts) > 1 else (),
        finish=last.get("finishReason", "STOP"),
        block=feedback.get("blockReason"),
        ratings=_ratings(last.get("safetyRatings", ())),
        prompt_ratings=_ratings(feedback.get("safetyRatings", ())),
        citations=[citation for candidate in candidates for citation in _citations(candidate)],
        usage={name: usage[member] for member, name in _COUNTS.items() if member in usage},
        logprobs=[
            (chosen.get("token", ""), chosen.get("logProbability", 0.0))
            for chosen in last.get("logprobsResult", {}).get("chosenCandidates", ())
        ],
    )


def _as_json(message: str, value: Json) -> Json:
    tree: Json = orjson.loads(write(message, value))
    return tree


def _ratings(ratings: Sequence[Json]) -> dict[str, str]:
    return {
        rating["category"].removeprefix("HARM_CATEGORY_"): rating["probability"]
        for rating in ratings
        if rating.keys() >= {"category", "probability"}
    }


def _citations(candidate: Json) -> list[Citation]:
    """The Developer API calls them sources."""
    told = candidate.get("citationMetadata", {})
    return [
        Citation(
            start=quoted.get("startIndex", 0),
            end=quoted.get("endIndex", 0),
            uri=quoted.get("uri", ""),
            license=quoted.get("license", ""),
            title=quoted.get("title", ""),
        )
        for quoted in told.get("citationSources", told.get("citations", ()))
    ]

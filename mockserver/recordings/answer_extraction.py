"""Extracts the model's answer from a recording, so that the mock server gives it and only the form is compared."""

from typing import Any

import orjson

from mockserver.protojson.reading import bind_defined
from mockserver.protojson.writing import write
from mockserver.recordings.comparison import parse_messages
from mockserver.scripting.answers import Answer, Citation
from mockserver.transcripts.exchange import RecordedResponse

Json = dict[str, Any]

_COUNTS = {
    "promptTokenCount": "prompt",
    "candidatesTokenCount": "candidates",
    "thoughtsTokenCount": "thoughts",
    "cachedContentTokenCount": "cached",
}


def extract_answer(response: RecordedResponse, message: str) -> Answer | None:
    """Return the answer in a recorded response of a generating method; None if there is none that we can give.

    `message` is the type of the response. Members that it does not define are left out, and so reported as missing
    in our response.
    """
    messages = [bind_defined(message, tree) for tree in parse_messages(response) or ()]
    candidates = [item["candidates"][0] for item in messages if item.get("candidates")]
    feedback: Json = next((item["promptFeedback"] for item in messages if "promptFeedback" in item), {})
    if not candidates and not feedback:
        return None
    chunks = [candidate.get("content", {}).get("parts", []) for candidate in candidates]
    texts = ["".join(part.get("text", "") for part in parts) for parts in chunks]
    text_only = all(part.keys() <= {"text"} for parts in chunks for part in parts)
    part_type = f"{message.rpartition('.')[0]}.Part"
    usage = messages[-1].get("usageMetadata", {})
    last = candidates[-1] if candidates else {}
    try:
        return Answer(
            text="".join(texts) if text_only else "",
            parts=() if text_only else [orjson.loads(write(part_type, part)) for parts in chunks for part in parts],
            chunks=texts if text_only and len(texts) > 1 else (),
            finish=last.get("finishReason", "STOP"),
            block=feedback.get("blockReason"),
            ratings=_ratings(last),
            prompt_ratings=_ratings(feedback),
            citations=[citation for candidate in candidates for citation in _citations(candidate)],
            usage={name: usage[member] for member, name in _COUNTS.items() if member in usage},
            logprobs=[
                (token.get("token", ""), token.get("logProbability", 0.0))
                for token in last.get("logprobsResult", {}).get("chosenCandidates", ())
            ],
        )
    except ValueError:  # an enum name or a number that our answers do not support
        return None


def _ratings(holder: Json) -> dict[str, str]:
    return {
        rating["category"].removeprefix("HARM_CATEGORY_"): rating["probability"]
        for rating in holder.get("safetyRatings", ())
        if rating.keys() >= {"category", "probability"}
    }


def _citations(candidate: Json) -> list[Citation]:
    """Return the citations; the Developer API calls them sources."""
    metadata = candidate.get("citationMetadata", {})
    return [
        Citation(
            start=source.get("startIndex", 0),
            end=source.get("endIndex", 0),
            uri=source.get("uri", ""),
            license=source.get("license", ""),
            title=source.get("title", ""),
        )
        for source in metadata.get("citationSources", metadata.get("citations", ()))
    ]

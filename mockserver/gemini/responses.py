"""Prints an outcome as the Developer API does: in one message or as a stream, in the shape of the model's era."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

from mockserver.dispatch.routing import Pause
from mockserver.gemini.eras import Era
from mockserver.gemini.versions import message_name
from mockserver.generation.outcome import Candidate, Outcome
from mockserver.generation.response import bind_parts, rated_categories, reason_name
from mockserver.generation.safety import Ratings, harmless
from mockserver.protojson.memoized import MemoizedList, MemoizedMessage
from mockserver.scripting.answers import Citation
from mockserver.state.clock import SECOND, Nanos

Json = dict[str, Any]

_FINISH_REASON = message_name("v1beta", "Candidate.FinishReason")
_BLOCK_REASON = message_name("v1beta", "GenerateContentResponse.PromptFeedback.BlockReason")
_PART = message_name("v1beta", "Part")
_CATEGORY = message_name("v1beta", "HarmCategory")

CALLED = "Model generated function call(s)."
"""The finish message of a candidate that is function calls, in 12 of 12 recordings of google-genai from 2025-08 on."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The members that all messages of one answer share. `image_tokens` are the prompt's tokens that are not text."""

    era: Era
    model_version: str
    response_id: str
    image_tokens: int = 0

    def message(self, candidates: list[Json], feedback: Json, usage: Json) -> Json:
        """Return a message with these members."""
        identity = {"modelVersion": self.model_version} if self.era.version else {}
        if self.era.response_id:
            identity["responseId"] = self.response_id
        metadata = {"usageMetadata": usage} if self.era.usage else {}
        return {"candidates": candidates, **feedback, **metadata, **identity}


def response_id(now: Nanos, rng: Random) -> str:
    """Seconds and noise: recorded ids of 23 characters begin with the time of their response."""
    raw = (now // SECOND % 2**32).to_bytes(4, "little") + rng.randbytes(13)
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def print_response(outcome: Outcome, frame: Frame) -> Json:
    """Return the whole answer in one message."""
    era = frame.era
    candidates = [
        {
            **_content(candidate.parts),
            **_index(era, outcome, index),
            **_ending(era, candidate),
            **_average(era, candidate),
        }
        for index, candidate in enumerate(outcome.candidates)
    ]
    return frame.message(candidates, _feedback(era, outcome), _usage(outcome, frame))


def print_stream(outcome: Outcome, frame: Frame) -> Iterator[Json | Pause]:
    """Yield the answer in chunks: each message has the next chunk of every candidate that has not ended."""
    era = frame.era
    streams = [(index, candidate, candidate.chunks) for index, candidate in enumerate(outcome.candidates)]
    length = max((len(chunks) for _, _, chunks in streams), default=1)
    early_usage = MemoizedMessage({**_prompt_usage(outcome, frame), "totalTokenCount": outcome.prompt_tokens})
    tokens = 0
    for position in range(length):
        current = [
            (index, candidate, chunks[position], position == len(chunks) - 1)
            for index, candidate, chunks in streams
            if position < len(chunks)
        ]
        tokens += sum([chunk.tokens for _, _, chunk, _ in current])
        if delay := max([chunk.delay_seconds for _, _, chunk, _ in current], default=0.0):
            yield Pause(delay)
        candidates = [
            {
                **_content(chunk.parts),
                **_index(era, outcome, index),
                **(_ending(era, candidate) if is_last else _progress(era, candidate, is_first=position == 0)),
            }
            for index, candidate, chunk, is_last in current
        ]
        feedback = _feedback(era, outcome) if position == 0 else {}
        if position == length - 1:
            usage = _usage(outcome, frame)
        else:
            usage = _running_usage(outcome, early_usage, tokens) if era.running else early_usage
        yield frame.message(candidates, feedback, usage)


def _progress(era: Era, candidate: Candidate, *, is_first: bool) -> Json:
    """Return the members of an event before the last, beside its chunk: 1.0 sent STOP and ratings in every event.

    Later models send ratings from the second event on [seen: 2.0, 2025-08].
    """
    if era.finishing:
        return {"finishReason": "STOP", **_ratings(era, candidate.ratings)}
    return {} if is_first else _ratings(era, candidate.ratings)


def _content(parts: tuple[Json, ...]) -> Json:
    return {"content": {"parts": bind_parts(_PART, parts), "role": "model"}} if parts else {}


def _index(era: Era, outcome: Outcome, index: int) -> Json:
    return {"index": index} if era.index or len(outcome.candidates) > 1 else {}


def _ending(era: Era, candidate: Candidate) -> Json:
    ending: Json = {"finishReason": reason_name(_FINISH_REASON, candidate.finish), **_ratings(era, candidate.ratings)}
    if era.finish_message and candidate.finish == "STOP" and any("functionCall" in part for part in candidate.parts):
        ending["finishMessage"] = CALLED
    if candidate.citations:
        ending["citationMetadata"] = {"citationSources": [_citation(citation) for citation in candidate.citations]}
    if candidate.likely_tokens is not None:
        ending["logprobsResult"] = candidate.logprobs
    return ending


def _average(era: Era, candidate: Candidate) -> Json:
    """Return the mean log probability: of whole answers only, events have none [seen]."""
    if not era.avg_logprobs and candidate.likely_tokens is None:
        return {}
    average = candidate.avg_logprob
    return {} if average is None else {"avgLogprobs": average}


def _feedback(era: Era, outcome: Outcome) -> Json:
    if not outcome.block and not era.feedback:
        return {}
    feedback = {"blockReason": reason_name(_BLOCK_REASON, outcome.block)} if outcome.block else {}
    return {"promptFeedback": {**feedback, **_ratings(era, outcome.prompt_ratings)}}


def _ratings(era: Era, ratings: Ratings) -> Json:
    """Return the ratings, usual categories first; without `blocked` in the 1.0 era [seen], with it since (its comment)."""
    if ratings is harmless(era.categories):
        return {"safetyRatings": _harmless_ratings(era.categories)} if era.has_ratings else {}
    if not era.has_ratings and all(rating.level == "NEGLIGIBLE" for rating in ratings.values()):
        return {}
    with_blocked = not era.feedback
    return {
        "safetyRatings": [
            {"category": f"HARM_CATEGORY_{category}", "probability": rating.level, "blocked": True}
            if rating.blocked and with_blocked
            else {"category": f"HARM_CATEGORY_{category}", "probability": rating.level}
            for category, rating in rated_categories(_CATEGORY, ratings)
        ]
    }


@lru_cache(maxsize=16)
def _harmless_ratings(categories: tuple[str, ...]) -> MemoizedList:
    """Return the ratings of nearly every answer, which are then also encoded once."""
    return MemoizedList(
        {"category": f"HARM_CATEGORY_{category}", "probability": rating.level}
        for category, rating in rated_categories(_CATEGORY, harmless(categories))
    )


def _usage(outcome: Outcome, frame: Frame) -> Json:
    usage = _prompt_usage(outcome, frame)
    usage["candidatesTokenCount"] = outcome.candidate_tokens
    usage["totalTokenCount"] = outcome.total_tokens
    if frame.era.candidate_details:
        usage["candidatesTokensDetails"] = _by_modality(outcome.candidate_tokens)
    return usage


def _running_usage(outcome: Outcome, early_usage: Json, tokens: int) -> Json:
    """Return the usage before the end of a stream, since 2.5: until 2.0 it counts the prompt only [seen]."""
    total = outcome.prompt_tokens + outcome.thought_tokens + tokens
    return {**early_usage, "candidatesTokenCount": tokens, "totalTokenCount": total}


def _prompt_usage(outcome: Outcome, frame: Frame) -> Json:
    usage: Json = {
        "promptTokenCount": outcome.prompt_tokens,
        "cachedContentTokenCount": outcome.cached_tokens,
        "thoughtsTokenCount": outcome.thought_tokens,
    }
    if frame.era.details:
        usage["promptTokensDetails"] = _by_modality(outcome.prompt_tokens, frame.image_tokens)
        if outcome.cached_tokens:
            usage["cacheTokensDetails"] = _by_modality(outcome.cached_tokens)
    return usage


def _by_modality(tokens: int, images: int = 0) -> list[Json]:
    counts = {"TEXT": tokens - images, "IMAGE": images}
    return [{"modality": name, "tokenCount": count} for name, count in counts.items() if count > 0]


def _citation(citation: Citation) -> Json:
    return {"startIndex": citation.start, "endIndex": citation.end, "uri": citation.uri, "license": citation.license}

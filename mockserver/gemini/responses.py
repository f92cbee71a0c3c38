"""Prints an outcome as the Developer API does: in one message or as a stream, in the shape of the model's era."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from operator import attrgetter
from typing import Any

from mockserver.dispatch.routing import Pause
from mockserver.gemini.eras import Era
from mockserver.gemini.versions import message_name
from mockserver.generation.outcome import Candidate, Outcome
from mockserver.generation.response import (
    PLAIN_HOLES,
    bind_parts,
    plain_outcome,
    plain_values,
    rated_categories,
    reason_name,
)
from mockserver.generation.safety import Ratings, harmless
from mockserver.protojson.memoized import MemoizedList
from mockserver.protojson.variations import NUMBER, TEXT, Message, Pattern, Variation
from mockserver.scripting.answers import Citation
from mockserver.state.clock import SECOND, Nanos

Json = dict[str, Any]

_FINISH_REASON = message_name("v1beta", "Candidate.FinishReason")
_BLOCK_REASON = message_name("v1beta", "GenerateContentResponse.PromptFeedback.BlockReason")
_PART = message_name("v1beta", "Part")
_CATEGORY = message_name("v1beta", "HarmCategory")

CALLED = "Model generated function call(s)."
"""The finish message of a candidate that is function calls, in 12 of 12 recordings of google-genai from 2025-08 on."""


_TOKENS, _DELAY = attrgetter("tokens"), attrgetter("delay_seconds")


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What all messages of an answer are like. `image_tokens` are the prompt's tokens that are not text."""

    era: Era
    model_version: str
    image_tokens: int = 0

    def message(self, response_id: str, candidates: list[Json], feedback: Json, usage: Json) -> Json:
        """Return a message with these members."""
        identity = {"modelVersion": self.model_version} if self.era.version else {}
        if self.era.response_id:
            identity["responseId"] = response_id
        metadata = {"usageMetadata": usage} if self.era.usage else {}
        return {"candidates": candidates, **feedback, **metadata, **identity}


@lru_cache(maxsize=64)
def frame_of(era: Era, model_version: str, image_tokens: int) -> Frame:
    """Return the one frame with these members."""
    return Frame(era, model_version, image_tokens)


def response_id(now: Nanos, noise: bytes) -> str:
    """Seconds and 13 bytes of noise: recorded ids of 23 characters begin with the time of their response."""
    raw = (now // SECOND % 2**32).to_bytes(4, "little") + noise
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def print_response(outcome: Outcome, frame: Frame, response_id: str) -> Message:
    """Return the whole answer in one message."""
    plain = outcome.printed_once(frame, _find_pattern)
    if plain is None:
        averages = [_average(frame.era, candidate) for candidate in outcome.candidates]
        return _whole(outcome, frame, response_id, averages)
    pattern, values = plain
    return Variation(pattern, (*values, response_id))


def _find_pattern(outcome: Outcome, frame: Frame) -> tuple[Pattern, tuple[Any, ...]] | None:
    """Return the pattern of a plain answer and its values, but for the response id; None if it is not plain."""
    values = plain_values(outcome, frame.era.categories)
    if values is None or frame.image_tokens:
        return None
    candidate = outcome.candidates[0]
    average = candidate.avg_logprob if frame.era.avg_logprobs else None
    if average == 0:  # it may be left out
        return None
    pattern = _whole_pattern(frame, candidate.finish, bool(outcome.thought_tokens))
    return pattern, (*values, average or 0.0)


@lru_cache(maxsize=64)
def _whole_pattern(frame: Frame, finish: str, thinks: bool) -> Pattern:  # noqa: FBT001 - a part of the key
    """Return the pattern of plain answers."""

    def build(text: str, prompt: int, spoken: int, thoughts: int, total: int, average: float, identity: str) -> Json:
        values = text, prompt, spoken, thoughts if thinks else 0, total
        outcome = plain_outcome(values, finish, frame.era.categories)
        return _whole(outcome, frame, identity, [average if frame.era.avg_logprobs else None])

    return Pattern(build, *PLAIN_HOLES, NUMBER, TEXT)


def _whole(outcome: Outcome, frame: Frame, response_id: str, averages: Sequence[float | None]) -> Json:
    era = frame.era
    candidates = [
        {
            **_content(candidate.parts),
            **_index(era, outcome, index),
            **_ending(era, candidate),
            **({} if average is None else {"avgLogprobs": average}),
        }
        for index, (candidate, average) in enumerate(zip(outcome.candidates, averages, strict=True))
    ]
    return frame.message(response_id, candidates, _feedback(era, outcome), _usage(outcome, frame))


def print_stream(outcome: Outcome, frame: Frame, response_id: str) -> Iterator[Message | Pause]:
    """Yield the answer in chunks: each message has the next chunk of every candidate that has not ended."""
    era = frame.era
    streams = [(index, candidate, candidate.chunks) for index, candidate in enumerate(outcome.candidates)]
    rows = list(zip_longest(*[chunks for _, _, chunks in streams])) or [()]
    early_usage = {**_prompt_usage(outcome, frame), "totalTokenCount": outcome.prompt_tokens}
    values = plain_values(outcome, era.categories) if len(rows) > 2 and not frame.image_tokens else None
    pattern = None if values is None else _event_pattern(frame, bool(outcome.thought_tokens))
    tokens = 0
    for position, row in enumerate(rows):
        present = list(filter(None, row))
        tokens += sum(map(_TOKENS, present))
        counts = _running_counts(outcome, tokens) if era.running else ()
        if delay := max(map(_DELAY, present), default=0.0):
            yield Pause(delay)
        if pattern is not None and 0 < position < len(rows) - 1:
            total = counts[1] if counts else outcome.prompt_tokens
            event = present[0].text, outcome.prompt_tokens, tokens, outcome.thought_tokens, total, response_id
            yield Variation(pattern, event)
            continue
        candidates = [
            {
                **_content(chunk.parts),
                **_index(era, outcome, index),
                **(
                    _ending(era, candidate)
                    if chunk is chunks[-1]
                    else _progress(era, candidate, is_first=position == 0)
                ),
            }
            for (index, candidate, chunks), chunk in zip(streams, row, strict=True)
            if chunk is not None
        ]
        feedback = _feedback(era, outcome) if position == 0 else {}
        usage = _usage(outcome, frame) if position == len(rows) - 1 else _early_usage(early_usage, counts)
        yield frame.message(response_id, candidates, feedback, usage)


@lru_cache(maxsize=64)
def _event_pattern(frame: Frame, thinks: bool) -> Pattern:  # noqa: FBT001 - a part of the key
    """Return the pattern of the messages between the first and the last of a plain answer."""
    era = frame.era

    def build(text: str, prompt: int, tokens: int, thoughts: int, total: int, identity: str) -> Json:
        values = text, prompt, tokens, thoughts if thinks else 0, total
        outcome = plain_outcome(values, "STOP", era.categories)
        (candidate,) = outcome.candidates
        rest = {**_index(era, outcome, 0), **_progress(era, candidate, is_first=False)}
        usage = {**_prompt_usage(outcome, frame), "totalTokenCount": total}
        usage = _early_usage(usage, (tokens, total) if era.running else ())
        return frame.message(identity, [{**_content(candidate.parts), **rest}], {}, usage)

    return Pattern(build, *PLAIN_HOLES, TEXT)


def _running_counts(outcome: Outcome, tokens: int) -> tuple[int, int]:
    """Return the tokens of candidates and the total before the end of a stream, since 2.5 [seen]."""
    return tokens, outcome.prompt_tokens + outcome.thought_tokens + tokens


def _early_usage(usage: Json, counts: Sequence[int]) -> Json:
    """Return the usage before the end of a stream: until 2.0 it counts the prompt only [seen]."""
    if not counts:
        return usage
    tokens, total = counts
    return {**usage, "candidatesTokenCount": tokens, "totalTokenCount": total}


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


def _average(era: Era, candidate: Candidate) -> float | None:
    """Return the mean log probability: of whole answers only, events have none [seen]."""
    return candidate.avg_logprob if era.avg_logprobs or candidate.likely_tokens is not None else None


def _feedback(era: Era, outcome: Outcome) -> Json:
    if not outcome.block and not era.feedback:
        return {}
    feedback = {"blockReason": reason_name(_BLOCK_REASON, outcome.block)} if outcome.block else {}
    return {"promptFeedback": {**feedback, **_ratings(era, outcome.prompt_ratings)}}


def _ratings(era: Era, ratings: Ratings) -> Json:
    """Return the ratings, usual categories first; without `blocked` in the 1.0 era [seen], later with it."""
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

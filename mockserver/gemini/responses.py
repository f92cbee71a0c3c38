"""Prints an outcome as the Developer API does: in one message or as a stream, in the shape of the model's era."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from operator import attrgetter
from typing import Any, NamedTuple

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
from mockserver.protojson.variations import ID, NUMBER, Message, Pattern, Variation
from mockserver.scripting.answers import Citation
from mockserver.state.clock import SECOND, Nanos

Json = dict[str, Any]

_FINISH_REASON = message_name("v1beta", "Candidate.FinishReason")
_BLOCK_REASON = message_name("v1beta", "GenerateContentResponse.PromptFeedback.BlockReason")
_PART = message_name("v1beta", "Part")
_CATEGORY = message_name("v1beta", "HarmCategory")

CALLED = "Model generated function call(s)."
"""The finish message of a candidate that is function calls."""


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
        values = text, prompt, spoken, thoughts, total
        outcome = plain_outcome(values, finish, frame.era.categories, thinks=thinks)
        return _whole(outcome, frame, identity, [average if frame.era.avg_logprobs else None])

    return Pattern(build, *PLAIN_HOLES, NUMBER, ID)


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
    values = plain_values(outcome, frame.era.categories)
    if values is not None and not frame.image_tokens:
        yield from _print_plain_stream(outcome, frame, response_id)
        return
    streams = [candidate.chunks for candidate in outcome.candidates]
    rows = list(zip_longest(*streams)) or [()]
    tokens = 0
    for position, row in enumerate(rows):
        present = list(filter(None, row))
        tokens += sum(map(_TOKENS, present))
        if delay := max(map(_DELAY, present), default=0.0):
            yield Pause(delay)
        parts = [
            (index, chunk.parts, chunk is streams[index][-1]) for index, chunk in enumerate(row) if chunk is not None
        ]
        place = Place(position == 0, position == len(rows) - 1)
        total = outcome.prompt_tokens + outcome.thought_tokens + tokens
        yield _event(outcome, frame, response_id, parts, place, (tokens, total))


class Place(NamedTuple):
    """Where a message stands in its stream."""

    is_first: bool
    is_last: bool


def _print_plain_stream(outcome: Outcome, frame: Frame, response_id: str) -> Iterator[Message | Pause]:
    """Yield the chunks of a text and nothing else, by patterns."""
    (candidate,) = outcome.candidates
    chunks, thinks = candidate.chunks, bool(outcome.thought_tokens)
    prompt, thoughts, last = outcome.prompt_tokens, outcome.thought_tokens, len(chunks) - 1
    pattern, tokens = None, 0
    for position, chunk in enumerate(chunks):
        if chunk.delay_seconds:
            yield Pause(chunk.delay_seconds)
        if position == last:
            tokens = outcome.candidate_tokens
        else:
            tokens += chunk.tokens
        if pattern is None or position in (1, last):
            pattern = _event_pattern(frame, candidate.finish, thinks, Place(position == 0, position == last))
        total = prompt + thoughts + tokens
        yield Variation(pattern, (chunk.parts[0]["text"], prompt, tokens, thoughts, total, response_id))


@lru_cache(maxsize=64)
def _event_pattern(frame: Frame, finish: str, thinks: bool, place: Place) -> Pattern:  # noqa: FBT001 - a part of the key
    """Return the pattern of the messages of a plain answer at that place."""

    def build(text: str, prompt: int, tokens: int, thoughts: int, total: int, identity: str) -> Json:
        outcome = plain_outcome((text, prompt, tokens, thoughts, total), finish, frame.era.categories, thinks=thinks)
        return _event(outcome, frame, identity, [(0, ({"text": text},), place.is_last)], place, (tokens, total))

    return Pattern(build, *PLAIN_HOLES, ID)


def _event(
    outcome: Outcome,
    frame: Frame,
    response_id: str,
    parts: Sequence[tuple[int, tuple[Json, ...], bool]],
    place: Place,
    counts: tuple[int, int],
) -> Json:
    """Return a message of a stream: the next parts of candidates, by their indexes, and whether they end with them."""
    era = frame.era
    candidates = [
        {
            **_content(chunk),
            **_index(era, outcome, index),
            **(
                _ending(era, outcome.candidates[index])
                if ends
                else _progress(era, outcome.candidates[index], is_first=place.is_first)
            ),
        }
        for index, chunk, ends in parts
    ]
    feedback = _feedback(era, outcome) if place.is_first else {}
    usage = _usage(outcome, frame) if place.is_last else _early_usage(outcome, frame, counts)
    return frame.message(response_id, candidates, feedback, usage)


def _early_usage(outcome: Outcome, frame: Frame, counts: tuple[int, int]) -> Json:
    """Return the usage before the end of a stream: since 2.5 it grows, until 2.0 it counts the prompt only [seen].

    `counts` are the tokens of the candidates so far, and of all.
    """
    tokens, total = counts
    growing = {"candidatesTokenCount": tokens, "totalTokenCount": total}
    return {
        **_prompt_usage(outcome, frame),
        "totalTokenCount": outcome.prompt_tokens,
        **(growing if frame.era.running else {}),
    }


def _progress(era: Era, candidate: Candidate, *, is_first: bool) -> Json:
    """Return the members of an event before the last, beside its chunk: 1.0 sent STOP and ratings in every event.

    2.5 sends ratings in every event, the models between from the second event on [seen: 2024-11 to 2025-10].
    """
    if era.finishing:
        return {"finishReason": "STOP", **_ratings(era, candidate.ratings)}
    return {} if is_first and not era.first_rated else _ratings(era, candidate.ratings)


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
        usage["candidatesTokensDetails"] = by_modality(outcome.candidate_tokens)
    return usage


def _prompt_usage(outcome: Outcome, frame: Frame) -> Json:
    usage: Json = {
        "promptTokenCount": outcome.prompt_tokens,
        "cachedContentTokenCount": outcome.cached_tokens,
        "thoughtsTokenCount": outcome.thought_tokens,
    }
    if frame.era.details:
        usage["promptTokensDetails"] = by_modality(outcome.prompt_tokens, frame.image_tokens)
        if outcome.cached_tokens:
            usage["cacheTokensDetails"] = by_modality(outcome.cached_tokens)
    if frame.era.service_tier:
        usage["serviceTier"] = "standard"  # other tiers were not seen
    return usage


def by_modality(tokens: int, images: int = 0) -> list[Json]:
    """Return the counts of text and images among the tokens."""
    counts = {"TEXT": tokens - images, "IMAGE": images}
    return [{"modality": name, "tokenCount": count} for name, count in counts.items() if count > 0]


def _citation(citation: Citation) -> Json:
    return {"startIndex": citation.start, "endIndex": citation.end, "uri": citation.uri, "license": citation.license}

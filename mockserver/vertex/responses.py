"""Prints an outcome as Vertex AI does: in one message or as a stream.

    {"candidates": [{"content": {"role", "parts"}, "finishReason", "safetyRatings"?, "avgLogprobs"}],
     "usageMetadata": {...}, "modelVersion", "createTime", "responseId"}

as recorded from 2025-06 to 2026-08; earlier answers have fewer members (`vertex/eras.py`). In a stream, the usage of
every message but the last is the kind of traffic only.
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from mockserver.dispatch.routing import Pause
from mockserver.generation.outcome import Candidate, Outcome
from mockserver.generation.response import (
    PLAIN_HOLES,
    bind_parts,
    plain_outcome,
    plain_values,
    rated_categories,
    reason_name,
)
from mockserver.generation.safety import Rating, Ratings, harmless, harmless_scores, scores
from mockserver.protojson.variations import ID, NUMBER, SCORE, TEXT, TIME, Hole, Message, Pattern, Variation
from mockserver.rpc.varint import encode_varint
from mockserver.scripting.answers import Citation
from mockserver.scripting.safety import GEMINI_CATEGORIES
from mockserver.simulation.tuning import Nanos
from mockserver.vertex.eras import Era
from mockserver.vertex.versions import message_name

Json = dict[str, Any]

_FINISH_REASON = "Candidate.FinishReason"
_BLOCK_REASON = "GenerateContentResponse.PromptFeedback.BlockedReason"

# The order of recorded ratings; a category beyond these comes after them.
CATEGORIES = ("HATE_SPEECH", "DANGEROUS_CONTENT", "HARASSMENT", "SEXUALLY_EXPLICIT")

# Seen with MODEL_ARMOR; other reasons came without a message.
BLOCK_MESSAGES = {"MODEL_ARMOR": "The prompt violated Prompt Injection and Jailbreak filters."}


class Identity(NamedTuple):
    """What identifies an answer: its time and its id."""

    created: Nanos
    response_id: str


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What all messages of an answer are like.

    `era` says which members there are. `model_version` is "" for a tuned endpoint [recorded 2025-03]. `rated` is
    whether an answer that was not blocked has ratings: real ones have them on request, and had them always in the first
    era; `always_rated` is the setting that rates every message. `grounded` is whether the request allows a search.
    `traffic` is a TrafficType.
    """

    version: str
    era: Era
    model_version: str
    has_ratings: bool
    always_rated: bool
    grounded: bool
    traffic: str

    def message(self, identity: Identity, **members: Any) -> Json:
        """Return a message with these members."""
        frame: Json = {"createTime": identity.created, "responseId": identity.response_id} if self.era.identity else {}
        if self.model_version and self.era.version:
            frame["modelVersion"] = self.model_version
        return {**{name: value for name, value in members.items() if value}, **frame}

    @property
    def running_usage(self) -> Json:
        """The usage of a message before the end of a stream, or of a blocked prompt."""
        return {"trafficType": self.traffic} if self.era.traffic else {}


@lru_cache(maxsize=64)
def frame_of(**members: Any) -> Frame:
    """Return the one frame with these members."""
    return Frame(**members)


def response_id(created: Nanos, noise: bytes) -> str:
    """Return createTime's seconds and microseconds, a server and a random number, in URL-safe base64 [93 of 93].

    Server and number are the first and last half of the 8 bytes of `noise`.
    """
    seconds, nanos = divmod(created, 1_000_000_000)
    numbers = (nanos // 1000, int.from_bytes(noise[:4]), int.from_bytes(noise[4:]))
    raw = (seconds & 0xFFFFFFFF).to_bytes(4, "little") + b"".join(map(encode_varint, numbers))
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def print_response(outcome: Outcome, frame: Frame, identity: Identity) -> Message:
    """Return the whole answer in one message."""
    if outcome.block:
        return _blocked(outcome, frame, identity)
    plain = outcome.printed_once(frame, _find_pattern)
    if plain is None:
        return _whole(outcome, frame, identity, [_average(candidate, frame) for candidate in outcome.candidates])
    pattern, values, scores_ = plain
    return Variation(pattern, (*values, *identity, *scores_))


def _find_pattern(outcome: Outcome, frame: Frame) -> tuple[Pattern, tuple[Any, ...], list[float]] | None:
    """Return the pattern of a plain answer, its values and its scores; None if it is not plain."""
    values = plain_values(outcome, GEMINI_CATEGORIES)
    if values is None:
        return None
    candidate = outcome.candidates[0]
    average = _average(candidate, frame)
    if average == 0:  # it may be left out
        return None
    pattern = _whole_pattern(frame, candidate.finish, bool(outcome.thought_tokens))
    return pattern, (*values, average or 0.0), harmless_scores(CATEGORIES, candidate.seed) if frame.has_ratings else []


@lru_cache(maxsize=64)
def _whole_pattern(frame: Frame, finish: str, thinks: bool) -> Pattern:  # noqa: FBT001 - a part of the key
    """Return the pattern of plain answers. If they are rated, the scores differ."""

    def build(*values: Any) -> Json:
        text, prompt, spoken, thoughts, total, average, created, response_id, *scores_ = values
        outcome = plain_outcome((text, prompt, spoken, thoughts, total), finish, GEMINI_CATEGORIES, thinks=thinks)
        average = average if _has_average(frame) else None
        return _whole(outcome, frame, Identity(created, response_id), [average], scores_)

    return Pattern(build, *PLAIN_HOLES, NUMBER, TIME, ID, *_score_holes(frame))


def _score_holes(frame: Frame) -> list[Hole]:
    return [SCORE] * (2 * len(CATEGORIES) if frame.has_ratings else 0)


def _whole(
    outcome: Outcome,
    frame: Frame,
    identity: Identity,
    averages: Sequence[float | None],
    scores_: Sequence[float] = (),
) -> Json:
    candidates = [
        {
            "index": index,
            "content": _content(candidate.parts, frame),
            **_ending(candidate, frame, scores_),
            **({} if average is None else {"avgLogprobs": average}),
            **_details(candidate, frame),
        }
        for index, (candidate, average) in enumerate(zip(outcome.candidates, averages, strict=True))
    ]
    return frame.message(identity, candidates=candidates, usageMetadata=_usage(outcome, frame))


def print_stream(outcome: Outcome, frame: Frame, identity: Identity) -> Iterator[Message | Pause]:
    """Yield the first candidate in chunks; the last message has the finish reason and the usage."""
    if outcome.block:
        yield _blocked(outcome, frame, identity)
        return
    values = None if frame.era.has_ratings else plain_values(outcome, GEMINI_CATEGORIES)
    if values is not None:
        yield from _print_plain_stream(outcome, frame, identity, values)
        return
    candidate = outcome.candidates[0]
    ending = _ending(candidate, frame)
    *chunks, last = candidate.chunks
    for position, chunk in enumerate(chunks):
        if chunk.delay_seconds:
            yield Pause(chunk.delay_seconds)
        is_first_era = frame.era.has_ratings
        ratings = _first_era_ratings(candidate, frame, position) if is_first_era else ending.get("safetyRatings", [])
        yield _event(chunk.parts, frame, identity, ratings)
    if last.delay_seconds:
        yield Pause(last.delay_seconds)
    yield _end(outcome, last.parts, frame, identity)


def _print_plain_stream(
    outcome: Outcome, frame: Frame, identity: Identity, values: tuple[Any, ...]
) -> Iterator[Message | Pause]:
    """Yield the chunks of a text and nothing else, by patterns."""
    (candidate,) = outcome.candidates
    scores_ = harmless_scores(CATEGORIES, candidate.seed) if frame.has_ratings else []
    *chunks, last = candidate.chunks
    pattern, rest = _event_pattern(frame), (*identity, *scores_)
    for chunk in chunks:
        if chunk.delay_seconds:
            yield Pause(chunk.delay_seconds)
        yield Variation(pattern, (chunk.parts[0]["text"], *rest))
    if last.delay_seconds:
        yield Pause(last.delay_seconds)
    pattern = _end_pattern(frame, candidate.finish, bool(outcome.thought_tokens))
    yield Variation(pattern, (last.parts[0]["text"], *values[1:], *rest))


@lru_cache(maxsize=64)
def _event_pattern(frame: Frame) -> Pattern:
    """Return the pattern of the messages of a plain answer before the last."""

    def build(text: str, created: Nanos, response_id: str, *scores_: float) -> Json:
        ratings = _ratings(harmless(GEMINI_CATEGORIES), frame, 0, scores_) if frame.has_ratings else []
        return _event(({"text": text},), frame, Identity(created, response_id), ratings)

    return Pattern(build, TEXT, TIME, ID, *_score_holes(frame))


@lru_cache(maxsize=64)
def _end_pattern(frame: Frame, finish: str, thinks: bool) -> Pattern:  # noqa: FBT001 - a part of the key
    """Return the pattern of the last messages of plain answers."""

    def build(*values: Any) -> Json:
        text, prompt, spoken, thoughts, total, created, response_id, *scores_ = values
        outcome = plain_outcome((text, prompt, spoken, thoughts, total), finish, GEMINI_CATEGORIES, thinks=thinks)
        return _end(outcome, ({"text": text},), frame, Identity(created, response_id), scores_)

    return Pattern(build, *PLAIN_HOLES, TIME, ID, *_score_holes(frame))


def _end(
    outcome: Outcome, parts: Sequence[Json], frame: Frame, identity: Identity, scores_: Sequence[float] = ()
) -> Json:
    """Return the last message of a stream."""
    candidates = [{"content": _content(parts, frame), **_ending(outcome.candidates[0], frame, scores_)}]
    return frame.message(identity, candidates=candidates, usageMetadata=_usage(outcome, frame))


def _event(parts: Sequence[Json], frame: Frame, identity: Identity, ratings: list[Json]) -> Json:
    candidate = {"content": _content(parts, frame), "safetyRatings": ratings}
    return frame.message(identity, candidates=[candidate], usageMetadata=frame.running_usage)


def _first_era_ratings(candidate: Candidate, frame: Frame, position: int) -> list[Json]:
    """Return the ratings of an event before the last in the first era: fresh scores from the second event on [seen]."""
    if not frame.has_ratings and candidate.finish != "SAFETY":
        return []
    if position == 0 and not frame.always_rated:
        return []
    return _ratings(candidate.ratings, frame, candidate.seed + position)


def _blocked(outcome: Outcome, frame: Frame, identity: Identity) -> Json:
    """No candidates, and no tokens counted [recorded 2026-05]."""
    block = outcome.block or ""
    feedback: Json = {"blockReason": reason_name(message_name(frame.version, _BLOCK_REASON), block)}
    if block in BLOCK_MESSAGES:
        feedback["blockReasonMessage"] = BLOCK_MESSAGES[block]
    if frame.has_ratings or block == "SAFETY":
        feedback["safetyRatings"] = _ratings(outcome.prompt_ratings, frame, outcome.seed)
    return frame.message(identity, promptFeedback=feedback, usageMetadata=frame.running_usage)


def _content(parts: Sequence[Json], frame: Frame) -> Json:
    """Without parts when all tokens went into thinking [recorded 2025-08]."""
    if not parts:
        return {"role": "model"}
    return {"role": "model", "parts": bind_parts(message_name(frame.version, "Part"), parts)}


def _ending(candidate: Candidate, frame: Frame, scores_: Sequence[float] = ()) -> Json:
    ending: Json = {"finishReason": reason_name(message_name(frame.version, _FINISH_REASON), candidate.finish)}
    if frame.has_ratings or candidate.finish == "SAFETY":
        ending["safetyRatings"] = _ratings(candidate.ratings, frame, candidate.seed, scores_)
    if candidate.citations:
        ending["citationMetadata"] = {"citations": [_citation(citation) for citation in candidate.citations]}
    return ending


def _has_average(frame: Frame) -> bool:
    """Return whether an answer in one message has an average; one that may be grounded has none [2026-06]."""
    return frame.era.version and not frame.grounded


def _average(candidate: Candidate, frame: Frame) -> float | None:
    return candidate.avg_logprob if _has_average(frame) else None


def _details(candidate: Candidate, frame: Frame) -> Json:
    """Return other members of an answer in one message only."""
    details: Json = {"groundingMetadata": {}} if frame.grounded else {}
    if candidate.likely_tokens is not None:
        details["logprobsResult"] = candidate.logprobs
    return details


def _ratings(ratings: Ratings, frame: Frame, seed: int, scores_: Sequence[float] = ()) -> list[Json]:
    """Return the ratings with made-up scores, or with these: two for each category."""
    order = dict.fromkeys((*CATEGORIES, *ratings))
    ordered = {category: ratings[category] for category in order if category in ratings}
    rated = rated_categories(message_name(frame.version, "HarmCategory"), ordered)
    pairs = zip(scores_[::2], scores_[1::2], strict=True)
    return [
        _rating(category, rating, *(next(pairs) if scores_ else scores(category, rating.level, seed)))
        for category, rating in rated
    ]


def _rating(category: str, rating: Rating, likely: float, harmful: float) -> Json:
    return {
        "category": f"HARM_CATEGORY_{category}",
        "probability": rating.level,
        "blocked": rating.blocked,
        "probabilityScore": likely,
        "severity": f"HARM_SEVERITY_{rating.level}",
        "severityScore": harmful,
    }


def _usage(outcome: Outcome, frame: Frame) -> Json:
    usage: Json = {
        "promptTokenCount": outcome.prompt_tokens,
        "candidatesTokenCount": outcome.candidate_tokens,
        "totalTokenCount": outcome.total_tokens,
        "cachedContentTokenCount": outcome.cached_tokens,
        "thoughtsTokenCount": outcome.thought_tokens,
        **frame.running_usage,
    }
    if frame.era.identity:
        usage["promptTokensDetails"] = text_tokens(outcome.prompt_tokens)
        if outcome.candidate_tokens:
            usage["candidatesTokensDetails"] = text_tokens(outcome.candidate_tokens)
        if outcome.cached_tokens:
            usage["cacheTokensDetails"] = text_tokens(outcome.cached_tokens)
    return usage


def text_tokens(count: int) -> list[Json]:
    """Return the details of so many tokens, which are all of text."""
    return [{"modality": "TEXT", "tokenCount": count}]


def _citation(citation: Citation) -> Json:
    return {
        "startIndex": citation.start,
        "endIndex": citation.end,
        "uri": citation.uri,
        "title": citation.title,
        "license": citation.license,
    }

"""Prints an outcome as Vertex AI does: in one message or as a stream.

    {"candidates": [{"content": {"role", "parts"}, "finishReason", "safetyRatings"?, "avgLogprobs"}],
     "usageMetadata": {...}, "modelVersion", "createTime", "responseId"}

as recorded from 2025-06 to 2026-08; earlier answers have fewer members (`vertex/eras.py`). In a stream, the usage of
every message but the last is the kind of traffic only.
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.dispatch.routing import Pause
from mockserver.generation.outcome import Candidate, Outcome
from mockserver.generation.response import bind_parts, rated_categories, reason_name
from mockserver.generation.safety import Rating, Ratings, scores
from mockserver.protojson.memoized import MemoizedList, MemoizedMessage
from mockserver.protojson.variations import Pattern
from mockserver.rpc.varint import encode_varint
from mockserver.scripting.answers import Citation
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


@dataclass(frozen=True, slots=True)
class Frame:
    """The members that all messages of one answer share, and what they depend on.

    `era` says which of them there are. `model_version` is "" for a tuned endpoint [recorded 2025-03]. `rated` is
    whether an answer that was not blocked has ratings: real ones have them on request, and had them always in the first
    era; `always_rated` is the setting that rates every message. `grounded` is whether the request allows a search.
    `traffic` is a TrafficType.
    """

    version: str
    era: Era
    created: Nanos
    response_id: str
    model_version: str
    has_ratings: bool
    always_rated: bool
    grounded: bool
    traffic: str

    def message(self, **members: Any) -> Json:
        """Return a message with these members."""
        frame: Json = {"createTime": self.created, "responseId": self.response_id} if self.era.identity else {}
        if self.model_version and self.era.version:
            frame["modelVersion"] = self.model_version
        return {**{name: value for name, value in members.items() if value}, **frame}

    @property
    def running_usage(self) -> Json:
        """The usage of a message before the end of a stream, or of a blocked prompt."""
        return {"trafficType": self.traffic} if self.era.traffic else {}


def response_id(created: Nanos, noise: bytes) -> str:
    """Return createTime's seconds and microseconds, a server and a random number, in URL-safe base64 [93 of 93].

    Server and number are the first and last half of the 8 bytes of `noise`.
    """
    seconds, nanos = divmod(created, 1_000_000_000)
    numbers = (nanos // 1000, int.from_bytes(noise[:4]), int.from_bytes(noise[4:]))
    raw = (seconds & 0xFFFFFFFF).to_bytes(4, "little") + b"".join(map(encode_varint, numbers))
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def print_response(outcome: Outcome, frame: Frame) -> Json:
    """Return the whole answer in one message."""
    if outcome.block:
        return _blocked(outcome, frame)
    candidates = [
        {
            "index": index,
            "content": _content(candidate.parts, frame),
            **_ending(candidate, frame),
            **_scores(candidate, frame),
        }
        for index, candidate in enumerate(outcome.candidates)
    ]
    return frame.message(candidates=candidates, usageMetadata=_usage(outcome, frame))


def print_stream(outcome: Outcome, frame: Frame) -> Iterator[Json | Pause]:
    """Yield the first candidate in chunks; the last message has the finish reason and the usage."""
    if outcome.block:
        yield _blocked(outcome, frame)
        return
    candidate = outcome.candidates[0]
    ending = _ending(candidate, frame)
    ratings, usage = MemoizedList(ending.get("safetyRatings", ())), MemoizedMessage(frame.running_usage)
    *chunks, last = candidate.chunks
    pattern = None if frame.era.has_ratings else _pattern(frame, ratings, usage)
    for position, chunk in enumerate(chunks):
        if chunk.delay_seconds:
            yield Pause(chunk.delay_seconds)
        if pattern is not None and (text := chunk.text):
            yield pattern.vary(text)
            continue
        event_ratings = _first_era_ratings(candidate, frame, position) if frame.era.has_ratings else ratings
        piece = {"content": _content(chunk.parts, frame), "safetyRatings": event_ratings}
        yield frame.message(candidates=[piece], usageMetadata=usage)
    if last.delay_seconds:
        yield Pause(last.delay_seconds)
    candidates = [{"content": _content(last.parts, frame), **ending}]
    yield frame.message(candidates=candidates, usageMetadata=_usage(outcome, frame))


def _pattern(frame: Frame, ratings: list[Json], usage: Json) -> Pattern:
    """Return the pattern of the messages before the last."""

    def build(text: str) -> Json:
        content = {"role": "model", "parts": [{"text": text}]}
        return frame.message(candidates=[{"content": content, "safetyRatings": ratings}], usageMetadata=usage)

    return Pattern(build)


def _first_era_ratings(candidate: Candidate, frame: Frame, position: int) -> list[Json]:
    """Return the ratings of an event before the last in the first era: fresh scores from the second event on [seen]."""
    if not frame.has_ratings and candidate.finish != "SAFETY":
        return []
    if position == 0 and not frame.always_rated:
        return []
    return _ratings(candidate.ratings, frame, candidate.seed + position)


def _blocked(outcome: Outcome, frame: Frame) -> Json:
    """No candidates, and no tokens counted [recorded 2026-05]."""
    block = outcome.block or ""
    feedback: Json = {"blockReason": reason_name(message_name(frame.version, _BLOCK_REASON), block)}
    if block in BLOCK_MESSAGES:
        feedback["blockReasonMessage"] = BLOCK_MESSAGES[block]
    if frame.has_ratings or block == "SAFETY":
        feedback["safetyRatings"] = _ratings(outcome.prompt_ratings, frame, outcome.seed)
    return frame.message(promptFeedback=feedback, usageMetadata=frame.running_usage)


def _content(parts: Sequence[Json], frame: Frame) -> Json:
    """Without parts when all tokens went into thinking [recorded 2025-08]."""
    if not parts:
        return {"role": "model"}
    return {"role": "model", "parts": bind_parts(message_name(frame.version, "Part"), parts)}


def _ending(candidate: Candidate, frame: Frame) -> Json:
    ending: Json = {"finishReason": reason_name(message_name(frame.version, _FINISH_REASON), candidate.finish)}
    if frame.has_ratings or candidate.finish == "SAFETY":
        ending["safetyRatings"] = _ratings(candidate.ratings, frame, candidate.seed)
    if candidate.citations:
        ending["citationMetadata"] = {"citations": [_citation(citation) for citation in candidate.citations]}
    return ending


def _scores(candidate: Candidate, frame: Frame) -> Json:
    """Return the members of an answer in one message only; one that may be grounded has no average [2026-06]."""
    has_average = frame.era.version and not frame.grounded
    average = candidate.avg_logprob if has_average else None
    scores: Json = {} if average is None else {"avgLogprobs": average}
    if frame.grounded:
        scores["groundingMetadata"] = {}
    if candidate.likely_tokens is not None:
        scores["logprobsResult"] = candidate.logprobs
    return scores


def _ratings(ratings: Ratings, frame: Frame, seed: int) -> list[Json]:
    order = dict.fromkeys((*CATEGORIES, *ratings))
    ordered = {category: ratings[category] for category in order if category in ratings}
    categories = rated_categories(message_name(frame.version, "HarmCategory"), ordered)
    return [_rating(category, rating, seed) for category, rating in categories]


def _rating(category: str, rating: Rating, seed: int) -> Json:
    likely, harmful = scores(category, rating.level, seed)
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

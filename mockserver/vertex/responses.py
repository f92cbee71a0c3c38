"""Answers in Vertex AI's shape.

    {"candidates": [{"content": {"role", "parts"}, "finishReason", "safetyRatings"?, "avgLogprobs"}],
     "usageMetadata": {...}, "modelVersion", "createTime", "responseId"}

as recorded from 2025-06 to 2026-08. In a stream, all but the last message know no more usage than the
kind of traffic.
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from mockserver.dispatch.routing import Pause
from mockserver.generation.logprobs import Logprobs, TokenLogprob
from mockserver.generation.outcome import Candidate, Outcome
from mockserver.protojson import schema
from mockserver.protojson.reading import bind_tree
from mockserver.scripting.answers import Citation
from mockserver.scripting.safety import Ratings
from mockserver.simulation.tuning import Nanos
from mockserver.vertex.versions import message_name

Json = dict[str, Any]

# The order of recorded ratings; a category beyond these comes after them.
CATEGORIES = ("HATE_SPEECH", "DANGEROUS_CONTENT", "HARASSMENT", "SEXUALLY_EXPLICIT")

# Seen with MODEL_ARMOR; other reasons came without a message.
BLOCK_MESSAGES = {"MODEL_ARMOR": "The prompt violated Prompt Injection and Jailbreak filters."}


@dataclass(frozen=True, slots=True)
class Frame:
    """What every message of one answer has in common.

    `model_version` is "" for a tuned endpoint [recorded 2025-03]. `rated` says whether ratings are shown of
    what was not blocked: real answers show none unless asked. `grounded` answers were to search first. `traffic` is a
    TrafficType.
    """

    version: str
    created: Nanos
    response_id: str
    model_version: str
    rated: bool
    grounded: bool
    traffic: str

    def message(self, **members: Any) -> Json:
        """A message with these members."""
        frame = {"createTime": self.created, "responseId": self.response_id}
        if self.model_version:
            frame["modelVersion"] = self.model_version
        return {**{name: value for name, value in members.items() if value}, **frame}


def response_id(created: Nanos, rng: Random) -> str:
    """The seconds of createTime, its microseconds, a server and a random number, in URL-safe base64 [93 of 93]."""
    seconds, nanos = divmod(created, 1_000_000_000)
    numbers = (nanos // 1000, rng.getrandbits(32), rng.getrandbits(32))
    raw = (seconds & 0xFFFFFFFF).to_bytes(4, "little") + b"".join(map(_varint, numbers))
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unary(outcome: Outcome, frame: Frame) -> Json:
    """The whole answer in one message."""
    if outcome.block:
        return _blocked(outcome, frame)
    candidates = [
        {"index": index, **_candidate(candidate, frame), **_scored(candidate, frame)}
        for index, candidate in enumerate(outcome.candidates)
    ]
    return frame.message(candidates=candidates, usageMetadata=_usage(outcome, frame))


def stream(outcome: Outcome, frame: Frame) -> Iterator[Json | Pause]:
    """The answer in pieces; the last one says how it ended and what it cost."""
    if outcome.block:
        yield _blocked(outcome, frame)
        return
    candidate = outcome.candidates[0]
    whole = _candidate(candidate, frame)
    for place, chunk in enumerate(candidate.chunks, 1):
        if chunk.delay_seconds:
            yield Pause(chunk.delay_seconds)
        content = _content(chunk.parts, frame.version)
        if place == len(candidate.chunks):
            yield frame.message(candidates=[{**whole, "content": content}], usageMetadata=_usage(outcome, frame))
        else:
            piece = {"content": content, "safetyRatings": whole.get("safetyRatings", [])}
            yield frame.message(candidates=[piece], usageMetadata={"trafficType": frame.traffic})
    if not candidate.chunks:
        yield frame.message(candidates=[whole], usageMetadata=_usage(outcome, frame))


def _blocked(outcome: Outcome, frame: Frame) -> Json:
    """No candidates, and nothing counted [recorded 2026-05]."""
    block = outcome.block or ""
    feedback: Json = {"blockReason": _known(frame.version, _BLOCK_REASON, block)}
    if block in BLOCK_MESSAGES:
        feedback["blockReasonMessage"] = BLOCK_MESSAGES[block]
    if frame.rated or block == "SAFETY":
        feedback["safetyRatings"] = _ratings(outcome.prompt_ratings)
    return frame.message(promptFeedback=feedback, usageMetadata={"trafficType": frame.traffic})


def _candidate(candidate: Candidate, frame: Frame) -> Json:
    view: Json = {
        "content": _content(candidate.parts, frame.version),
        "finishReason": _known(frame.version, _FINISH_REASON, candidate.finish),
    }
    if frame.rated or candidate.finish == "SAFETY":
        view["safetyRatings"] = _ratings(candidate.ratings)
    if candidate.citations:
        view["citationMetadata"] = {"citations": [_citation(citation) for citation in candidate.citations]}
    return view


def _scored(candidate: Candidate, frame: Frame) -> Json:
    """What only an answer in one message was seen to have; one that might have searched has no average [2026-06]."""
    view: Json = {} if candidate.avg_logprob is None else {"avgLogprobs": candidate.avg_logprob}
    if frame.grounded:
        view = {"groundingMetadata": {}}
    return view if candidate.logprobs is None else view | {"logprobsResult": _logprobs(candidate.logprobs)}


def _content(parts: Sequence[Json], version: str) -> Json:
    """Without parts when all tokens went into thinking [recorded 2025-08]."""
    natural = [part if set(part) == {"text"} else bind_tree(message_name(version, "Part"), part) for part in parts]
    return {"role": "model"} | ({"parts": natural} if natural else {})


def _ratings(ratings: Ratings) -> list[Json]:
    order = [*(category for category in CATEGORIES if category in ratings), *(ratings.keys() - set(CATEGORIES))]
    return [
        {
            "category": f"HARM_CATEGORY_{category}",
            "probability": ratings[category].level,
            "blocked": ratings[category].blocked,
            "probabilityScore": ratings[category].probability_score,
            "severity": f"HARM_SEVERITY_{ratings[category].severity}",
            "severityScore": ratings[category].severity_score,
        }
        for category in order
    ]


def _usage(outcome: Outcome, frame: Frame) -> Json:
    usage: Json = {
        "promptTokenCount": outcome.prompt_tokens,
        "candidatesTokenCount": outcome.candidate_tokens,
        "totalTokenCount": outcome.total_tokens,
        "cachedContentTokenCount": outcome.cached_tokens,
        "trafficType": frame.traffic,
        "promptTokensDetails": text_tokens(outcome.prompt_tokens),
        "thoughtsTokenCount": outcome.thought_tokens,
    }
    if outcome.candidate_tokens:
        usage["candidatesTokensDetails"] = text_tokens(outcome.candidate_tokens)
    return usage


def text_tokens(count: int) -> list[Json]:
    """So many tokens of text."""
    return [{"modality": "TEXT", "tokenCount": count}]


def _citation(citation: Citation) -> Json:
    return {
        "startIndex": citation.start,
        "endIndex": citation.end,
        "uri": citation.uri,
        "title": citation.title,
        "license": citation.license,
    }


def _logprobs(logprobs: Logprobs) -> Mapping[str, Any]:
    return {
        "topCandidates": [{"candidates": [_logprob(token) for token in place]} for place in logprobs.top],
        "chosenCandidates": [_logprob(token) for token in logprobs.chosen],
    }


def _logprob(token: TokenLogprob) -> Json:
    return {"token": token.token, "tokenId": token.token_id, "logProbability": token.log_probability}


_FINISH_REASON = "Candidate.FinishReason"
_BLOCK_REASON = "GenerateContentResponse.PromptFeedback.BlockedReason"


def _known(version: str, enum: str, reason: str) -> str:
    """The reason, or OTHER in a version that has no such word (LANGUAGE is the Developer API's)."""
    return reason if reason in schema.enum(message_name(version, enum)).by_name else "OTHER"


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)

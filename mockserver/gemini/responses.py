"""An answer as the Developer API prints it: whole, or as the events of a stream, in the shape of its era."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.dispatch.routing import Pause
from mockserver.gemini.eras import Era
from mockserver.gemini.versions import PACKAGE
from mockserver.generation.logprobs import Logprobs, TokenLogprob
from mockserver.generation.outcome import Candidate, Chunk, Outcome
from mockserver.protojson import schema
from mockserver.protojson.reading import bind_tree
from mockserver.scripting.answers import Citation
from mockserver.scripting.safety import Ratings

Json = dict[str, Any]

_FINISH_REASON = f"{PACKAGE}.v1beta.Candidate.FinishReason"
_BLOCK_REASON = f"{PACKAGE}.v1beta.GenerateContentResponse.PromptFeedback.BlockReason"
_PART = f"{PACKAGE}.v1beta.Part"
_CATEGORY = f"{PACKAGE}.v1beta.HarmCategory"


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds an answer. `image_tokens` are those of the prompt that are not text."""

    era: Era
    model_version: str
    response_id: str
    image_tokens: int = 0


def whole(frame: Frame, outcome: Outcome) -> Json:
    """The one answer of generateContent."""
    era = frame.era
    several = len(outcome.candidates) > 1
    candidates = [
        {
            **_content(candidate.parts),
            **_index(era, index, several=several),
            **_ending(era, candidate),
            **_average(era, candidate),
        }
        for index, candidate in enumerate(outcome.candidates)
    ]
    return {"candidates": candidates, **_feedback(era, outcome), **_usage(frame, outcome), **_identity(frame)}


def events(frame: Frame, outcome: Outcome) -> Iterator[Json | Pause]:
    """The answers of streamGenerateContent, each with the next piece of every candidate."""
    streams = [candidate.chunks for candidate in outcome.candidates]
    length = max(map(len, streams), default=1)
    said = 0
    for place in range(length):
        pieces = [chunks[place] if place < len(chunks) else None for chunks in streams]
        said += sum(piece.tokens for piece in pieces if piece)
        delay = max((piece.delay_seconds for piece in pieces if piece), default=0.0)
        if delay:
            yield Pause(delay)
        usage = _usage(frame, outcome) if place == length - 1 else _usage_so_far(frame, outcome, said)
        feedback = _feedback(frame.era, outcome) if place == 0 else {}
        yield {"candidates": _pieces(frame.era, outcome, streams, place), **feedback, **usage, **_identity(frame)}


def _pieces(era: Era, outcome: Outcome, streams: Sequence[Sequence[Chunk]], place: int) -> list[Json]:
    """What each candidate that is still speaking says in one event."""
    several = len(streams) > 1
    return [
        {
            **_content(chunks[place].parts),
            **_index(era, index, several=several),
            **_progress(era, candidate, first=place == 0, last=place == len(chunks) - 1),
        }
        for index, (candidate, chunks) in enumerate(zip(outcome.candidates, streams, strict=True))
        if place < len(chunks)
    ]


def _progress(era: Era, candidate: Candidate, *, first: bool, last: bool) -> Json:
    """How an event speaks of its candidate's end: 1.0 did at every event, later ones at the last.

    Their ratings come from the second event on [seen: 2.0, 2025-08].
    """
    if last:
        return _ending(era, candidate)
    if era.finishing:
        return {"finishReason": "STOP", **_rated(era, candidate.ratings)}
    return {} if first else _rated(era, candidate.ratings)


def _content(parts: Sequence[Json]) -> Json:
    """What is said. A scripted part may be any JSON: more than text is read as a request's would be."""
    if not parts:
        return {}
    natural = [part if part.keys() == {"text"} else bind_tree(_PART, part) for part in parts]
    return {"content": {"parts": natural, "role": "model"}}


def _index(era: Era, index: int, *, several: bool) -> Json:
    return {"index": index} if era.index or several else {}


def _ending(era: Era, candidate: Candidate) -> Json:
    ending: Json = {"finishReason": _word(_FINISH_REASON, candidate.finish), **_rated(era, candidate.ratings)}
    if candidate.citations:
        ending["citationMetadata"] = {"citationSources": [_citation(citation) for citation in candidate.citations]}
    if candidate.logprobs:
        ending["logprobsResult"] = _logprobs(candidate.logprobs)
    return ending


def _average(era: Era, candidate: Candidate) -> Json:
    """The mean log probability: of whole answers only, events have none [seen]."""
    wanted = era.avg_logprobs or candidate.logprobs is not None
    return {"avgLogprobs": candidate.avg_logprob} if wanted and candidate.avg_logprob is not None else {}


def _feedback(era: Era, outcome: Outcome) -> Json:
    if not outcome.block and not era.feedback:
        return {}
    feedback = {"blockReason": _word(_BLOCK_REASON, outcome.block)} if outcome.block else {}
    return {"promptFeedback": {**feedback, **_rated(era, outcome.prompt_ratings)}}


def _rated(era: Era, ratings: Ratings) -> Json:
    """The ratings, the usual categories first; without `blocked` in the 1.0 era [seen], with it since (its comment)."""
    if not era.rated and all(rating.level == "NEGLIGIBLE" for rating in ratings.values()):
        return {}
    shown = [
        {"category": f"HARM_CATEGORY_{category}", "probability": rating.level}
        | ({"blocked": True} if rating.blocked and not era.feedback else {})
        for category, rating in ratings.items()
        if f"HARM_CATEGORY_{category}" in schema.enum(_CATEGORY).by_name
    ]
    return {"safetyRatings": shown}


def _word(enum: str, reason: str) -> str:
    """A reason in the API's words: those that only Vertex AI has are OTHER here."""
    return reason if reason in schema.enum(enum).by_name else "OTHER"


def _usage(frame: Frame, outcome: Outcome) -> Json:
    if not frame.era.usage:
        return {}
    details = _by_modality("candidatesTokensDetails", outcome.candidate_tokens) if frame.era.candidate_details else {}
    usage = _prompt_usage(frame, outcome) | {
        "candidatesTokenCount": outcome.candidate_tokens,
        "totalTokenCount": outcome.total_tokens,
    }
    return {"usageMetadata": usage | details}


def _usage_so_far(frame: Frame, outcome: Outcome, said: int) -> Json:
    """The usage in the middle of a stream: until 2.0 as if nothing had been said yet [seen]."""
    if not frame.era.usage:
        return {}
    usage = _prompt_usage(frame, outcome)
    if not frame.era.running:
        return {"usageMetadata": usage | {"totalTokenCount": outcome.prompt_tokens}}
    total = outcome.prompt_tokens + outcome.thought_tokens + said
    return {"usageMetadata": usage | {"candidatesTokenCount": said, "totalTokenCount": total}}


def _prompt_usage(frame: Frame, outcome: Outcome) -> Json:
    usage: Json = {
        "promptTokenCount": outcome.prompt_tokens,
        "cachedContentTokenCount": outcome.cached_tokens,
        "thoughtsTokenCount": outcome.thought_tokens,
    }
    if not frame.era.details:
        return usage
    return usage | _by_modality("promptTokensDetails", outcome.prompt_tokens, frame.image_tokens)


def _by_modality(member: str, tokens: int, images: int = 0) -> Json:
    counts = {"TEXT": tokens - images, "IMAGE": images}
    return {member: [{"modality": name, "tokenCount": count} for name, count in counts.items() if count > 0]}


def _identity(frame: Frame) -> Json:
    identity = {"modelVersion": frame.model_version} if frame.era.version else {}
    return identity | ({"responseId": frame.response_id} if frame.era.response_id else {})


def _citation(citation: Citation) -> Json:
    return {"startIndex": citation.start, "endIndex": citation.end, "uri": citation.uri, "license": citation.license}


def _logprobs(logprobs: Logprobs) -> Json:
    return {
        "chosenCandidates": [_token(token) for token in logprobs.chosen],
        "topCandidates": [{"candidates": [_token(token) for token in tokens]} for tokens in logprobs.top],
    }


def _token(token: TokenLogprob) -> Json:
    return {"token": token.token, "tokenId": token.token_id, "logProbability": token.log_probability}

"""What a client gets of an answer: thresholds, stop sequences, limits, tokens, chunks.

The surfaces print an outcome in the shape of their service and of the model's era.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, repeat

from mockserver.generation.logprobs import log_probabilities, logprobs_result
from mockserver.generation.prompt import count_prompt_tokens
from mockserver.generation.safety import Ratings, is_blocked, mark_blocking, rate
from mockserver.generation.settings import GenerationSettings
from mockserver.scripting.answers import Answer, Citation, Json, Prompt, visible_text
from mockserver.simulation.noise import seed_of
from mockserver.simulation.tokens import count_tokens, split

# Tokens in the chunks of a stream, the last for all that follow. A recorded stream of 2025 (Developer
# API, 578 tokens) came in chunks of 1, 16, 16, 30, 34, 43, 43, 59, 60, 62, 61, 62 and a rest.
_CHUNK_TOKENS = (1, 16, 16, 32, 32, 44, 44, 60)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a streamed answer: Google's parts, the seconds to wait before it, and its tokens."""

    parts: tuple[Json, ...]
    delay_seconds: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """One answer as the client gets it. `parts` are Google's; there are none when the answer is empty.

    Log probabilities are computed when a surface asks for them, since most answers have none.
    """

    parts: tuple[Json, ...]
    finish: str
    ratings: Ratings
    token_texts: tuple[str, ...]
    citations: tuple[Citation, ...]
    answer: Answer
    likely_tokens: int | None
    seed: int

    @property
    def text(self) -> str:
        """The text of the parts."""
        return "".join(map(visible_text, self.parts))

    @property
    def tokens(self) -> int:
        """How many tokens the text has."""
        return len(self.token_texts)

    @property
    def avg_logprob(self) -> float | None:
        """The mean of the log probabilities of the tokens; None without tokens."""
        values = log_probabilities(self.token_texts, self.answer.logprobs, self.seed)
        return sum(values) / len(values) if values else None

    @property
    def logprobs(self) -> Json | None:
        """The LogprobsResult; None for a client that does not ask for it."""
        if self.likely_tokens is None:
            return None
        return logprobs_result(self.token_texts, self.answer.logprobs, self.likely_tokens, self.seed)

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """The chunks of a stream, whose texts joined are the text. An empty answer has one, which carries the end."""
        chunks = list(_chunk(self.parts, self.answer.chunks)) or [((), 0)]
        delays = (*self.answer.delays, *(0.0 for _ in chunks))
        return tuple(Chunk(parts, delay, tokens) for (parts, tokens), delay in zip(chunks, delays, strict=False))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a generate call. A blocked prompt has a `block` reason and no candidates.

    `hint` tells the tester why none of the scripted answers was given.
    """

    candidates: tuple[Candidate, ...]
    block: str | None
    prompt_ratings: Ratings
    prompt_tokens: int
    candidate_tokens: int
    thought_tokens: int = 0
    cached_tokens: int = 0
    hint: str = ""

    @property
    def total_tokens(self) -> int:
        """Prompt, thoughts and candidates together."""
        return self.prompt_tokens + self.thought_tokens + self.candidate_tokens


def make_outcome(prompt: Prompt, answer: Answer, settings: GenerationSettings, seed: int) -> Outcome:
    """Block, cut, rate and count the answer as the real service would. The same seed gives the same outcome."""
    seed = seed_of(seed, prompt.model, prompt.text)
    prompt_ratings = _rate(answer.prompt_ratings, settings, seed)
    block = answer.block or ("SAFETY" if answer.prompt_ratings and is_blocked(prompt_ratings) else None)
    candidates: tuple[Candidate, ...] = ()
    if not block:
        answers = (answer, *(_other(answer, index) for index in range(1, settings.candidates)))
        candidates = tuple(_candidate(each, settings, seed + 1 + index) for index, each in enumerate(answers))
    usage = answer.usage
    thoughts = [part.get("text", "") for part in (() if block else answer.parts) if part.get("thought")]
    return Outcome(
        candidates=candidates,
        block=block,
        prompt_ratings=mark_blocking(prompt_ratings) if block == "SAFETY" else prompt_ratings,
        prompt_tokens=usage["prompt"] if "prompt" in usage else count_prompt_tokens(prompt),
        candidate_tokens=usage.get("candidates", sum(candidate.tokens for candidate in candidates)),
        thought_tokens=usage["thoughts"] if "thoughts" in usage else sum(map(count_tokens, thoughts)),
        cached_tokens=usage.get("cached", 0),
    )


def _other(answer: Answer, index: int) -> Answer:
    """The answer of a further candidate: its own text if it has one, else that of the first."""
    if index > len(answer.others):
        return answer
    return replace(answer, text=answer.others[index - 1], parts=(), chunks=(), delays=(), logprobs=())


def _candidate(answer: Answer, settings: GenerationSettings, seed: int) -> Candidate:
    ratings = _rate(answer.ratings, settings, seed)
    parts = tuple(answer.parts) or (({"text": answer.text},) if answer.text else ())
    tokens, finish = _limit(answer, settings, blocked=bool(answer.ratings) and is_blocked(ratings))
    length = sum(map(len, tokens))
    return Candidate(
        parts=parts if length == len(answer.text) else _cut(parts, length),
        finish=finish,
        ratings=mark_blocking(ratings) if finish == "SAFETY" else ratings,
        token_texts=tuple(tokens),
        citations=_citations(answer, tokens) if answer.citations else (),
        answer=answer,
        likely_tokens=settings.logprobs,
        seed=seed,
    )


def _citations(answer: Answer, tokens: Sequence[str]) -> tuple[Citation, ...]:
    """The citations that begin in the tokens that are left."""
    length = len("".join(tokens).encode("utf-8", "surrogatepass"))
    return tuple(citation for citation in answer.citations if citation.start < length)


def _rate(levels: Mapping[str, str], settings: GenerationSettings, seed: int) -> Ratings:
    return rate(
        levels,
        settings.thresholds,
        seed,
        categories=settings.categories,
        default_threshold=settings.default_threshold,
    )


def _limit(answer: Answer, settings: GenerationSettings, *, blocked: bool) -> tuple[list[str], str]:
    """The tokens that are left of the answer, and the reason why it ends there."""
    text, finish = answer.text, answer.finish
    ends = [text.find(stop) for stop in settings.stop if stop and stop in text]
    if ends:
        text, finish = text[: min(ends)], "STOP"
    tokens = split(text)
    if settings.max_tokens is not None and len(tokens) > settings.max_tokens:
        tokens, finish = tokens[: settings.max_tokens], "MAX_TOKENS"
    if blocked and answer.finish == "STOP":
        # Recorded answers that were stopped keep the beginning of their text. How much that is, is our choice: half.
        tokens, finish = tokens[: (len(tokens) + 1) // 2], "SAFETY"
    return tokens, finish


def _cut(parts: Sequence[Json], length: int) -> tuple[Json, ...]:
    """The parts up to this many characters of text; what is not text stays if it comes before the cut."""
    kept: list[Json] = []
    for part in parts:
        text = visible_text(part)
        if len(text) > length:
            return (*kept, {**part, "text": text[:length]}) if length else tuple(kept)
        kept.append(part)
        length -= len(text)
    return tuple(kept)


def _chunk(parts: Sequence[Json], script: Sequence[str]) -> Iterator[tuple[tuple[Json, ...], int]]:
    """The parts in the scripted pieces, else in pieces that grow, with their tokens; what is not text stays whole."""
    for part in parts:
        if part.keys() != {"text"}:
            yield (part,), count_tokens(visible_text(part))
        elif script:
            position = 0
            for piece in script:
                if text := part["text"][position : position + len(piece)]:
                    yield ({"text": text},), count_tokens(text)
                position += len(piece)
        else:
            tokens = iter(split(part["text"]))
            sizes = chain(_CHUNK_TOKENS, repeat(_CHUNK_TOKENS[-1]))
            while chunk := list(islice(tokens, next(sizes))):
                yield ({"text": "".join(chunk)},), len(chunk)

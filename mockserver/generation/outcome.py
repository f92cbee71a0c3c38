"""What becomes of an answer on its way out: thresholds, stop sequences, limits, tokens, chunks.

`generate` is neutral: the surfaces print its outcome in the shape of the model's era and their dialect.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from mockserver.generation.logprobs import Logprobs, log_probabilities, logprobs
from mockserver.scripting.answers import Answer, Citation, Json, Prompt, spoken
from mockserver.scripting.safety import DEFAULT_THRESHOLD, GEMINI_CATEGORIES, Ratings, blame, is_blocked, rate
from mockserver.simulation.noise import seed_of
from mockserver.simulation.tokens import count_tokens, split

# Tokens in the pieces of a stream, the last for all that follow. A recorded stream of 2025 (Developer
# API, 578 tokens) came in pieces of 1, 16, 16, 30, 34, 43, 43, 59, 60, 62, 61, 62 and a rest.
_CHUNK_TOKENS = (1, 16, 16, 32, 32, 44, 44, 60)


@dataclass(frozen=True, slots=True)
class GenerationSettings:
    """What the client asked for.

    `thresholds` are by short category ("HARASSMENT": "BLOCK_ONLY_HIGH"); a category that is not there has
    `default_threshold`. `categories` are those to rate. `logprobs` is how many likely tokens are wanted
    for each place, 0 for the chosen one only, None for no log probabilities.
    """

    candidates: int = 1
    max_tokens: int | None = None
    stop: Sequence[str] = ()
    thresholds: Mapping[str, str] = field(default_factory=dict)
    default_threshold: str = DEFAULT_THRESHOLD
    categories: Sequence[str] = GEMINI_CATEGORIES
    logprobs: int | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a streamed answer: Google's parts, the seconds to wait before it, and its tokens."""

    parts: tuple[Json, ...]
    delay_seconds: float
    tokens: int

    @property
    def text(self) -> str:
        """The text of the parts."""
        return _text_of(self.parts)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One answer as the client gets it. `parts` are Google's, and none when nothing was said.

    `avg_logprob` is the mean of the log probabilities of its tokens, None when it has no tokens.
    """

    parts: tuple[Json, ...]
    finish: str
    ratings: Ratings
    tokens: int
    avg_logprob: float | None
    citations: tuple[Citation, ...]
    logprobs: Logprobs | None
    answer: Answer

    @property
    def text(self) -> str:
        """The text of the parts."""
        return _text_of(self.parts)

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """The pieces of a stream: one at least, if only to say that it is over; their texts joined are the text."""
        pieces = list(_pieces(self.parts, self.answer.chunks))
        delays = (*self.answer.delays, *(0.0 for _ in pieces))
        return tuple(
            Chunk((piece,), delay, count_tokens(spoken(piece))) for piece, delay in zip(pieces, delays, strict=False)
        ) or (Chunk((), delays[0] if delays else 0.0, 0),)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a generate call. A blocked prompt has a `block` reason and no candidates."""

    candidates: tuple[Candidate, ...]
    block: str | None
    prompt_ratings: Ratings
    prompt_tokens: int
    candidate_tokens: int
    thought_tokens: int = 0
    cached_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Prompt, thoughts and candidates together."""
        return self.prompt_tokens + self.thought_tokens + self.candidate_tokens

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """The pieces of the first candidate, as streamed; none of a blocked prompt."""
        return self.candidates[0].chunks if self.candidates else ()


def generate(prompt: Prompt, answer: Answer, settings: GenerationSettings, seed: int) -> Outcome:
    """Give the answer as the real service would: blocked, cut, rated, counted. The same seed, the same outcome."""
    fate = seed_of(seed, prompt.model, prompt.text)
    prompt_ratings = _rate(answer.prompt_ratings, settings, fate)
    block = answer.block or ("SAFETY" if is_blocked(prompt_ratings) else None)
    if block == "SAFETY":
        prompt_ratings = blame(prompt_ratings)
    candidates = () if block else tuple(_candidates(answer, settings, fate))
    counts = answer.usage
    return Outcome(
        candidates=candidates,
        block=block,
        prompt_ratings=prompt_ratings,
        prompt_tokens=counts["prompt"] if "prompt" in counts else prompt_tokens(prompt),
        candidate_tokens=counts.get("candidates", sum(candidate.tokens for candidate in candidates)),
        thought_tokens=counts.get("thoughts", 0 if block else _thoughts(answer)),
        cached_tokens=counts.get("cached", 0),
    )


def prompt_tokens(prompt: Prompt) -> int:
    """The tokens of a prompt: every turn, the system instruction and the tools, as countTokens counts them."""
    turns = sum(count_tokens(turn.text) + turn.other_tokens for turn in prompt.turns)
    return count_tokens(prompt.system) + prompt.tool_tokens + turns


def _thoughts(answer: Answer) -> int:
    return sum(count_tokens(part.get("text", "")) for part in answer.parts if part.get("thought"))


def _candidates(answer: Answer, settings: GenerationSettings, seed: int) -> Iterator[Candidate]:
    yield _candidate(answer, settings, seed + 1)
    for index in range(1, settings.candidates):
        if index <= len(answer.others):
            other = replace(answer, text=answer.others[index - 1], parts=(), chunks=(), delays=(), logprobs=())
            yield _candidate(other, settings, seed + 1 + index)
        else:
            yield _candidate(answer, settings, seed + 1 + index)


def _candidate(answer: Answer, settings: GenerationSettings, seed: int) -> Candidate:
    ratings = _rate(answer.ratings, settings, seed)
    parts: tuple[Json, ...] = tuple(answer.parts) or (({"text": answer.text},) if answer.text else ())
    tokens, finish = _limited(answer, settings, blocked=is_blocked(ratings))
    length = sum(map(len, tokens))
    values = log_probabilities(tokens, answer.logprobs, seed)
    return Candidate(
        parts=parts if length == len(answer.text) else _cut(parts, length),
        finish=finish,
        ratings=blame(ratings) if finish == "SAFETY" else ratings,
        tokens=len(tokens),
        avg_logprob=sum(values) / len(values) if values else None,
        citations=_citations(answer, tokens),
        logprobs=None if settings.logprobs is None else logprobs(tokens, answer.logprobs, settings.logprobs, seed),
        answer=answer,
    )


def _citations(answer: Answer, tokens: Sequence[str]) -> tuple[Citation, ...]:
    """The citations that begin in what is left of the text."""
    if not answer.citations:
        return ()
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


def _limited(answer: Answer, settings: GenerationSettings, *, blocked: bool) -> tuple[list[str], str]:
    """The tokens that are left of the answer, and why it ends there."""
    text, finish = answer.text, answer.finish
    ends = [text.find(stop) for stop in settings.stop if stop and stop in text]
    if ends:
        text, finish = text[: min(ends)], "STOP"
    tokens = split(text)
    if settings.max_tokens is not None and len(tokens) > settings.max_tokens:
        tokens, finish = tokens[: settings.max_tokens], "MAX_TOKENS"
    if blocked and answer.finish == "STOP":
        # Recorded answers that were stopped keep what had been said. How much that is, is our choice: half.
        tokens, finish = tokens[: (len(tokens) + 1) // 2], "SAFETY"
    return tokens, finish


def _cut(parts: Sequence[Json], length: int) -> tuple[Json, ...]:
    """The parts up to this many characters of text; what is not text stays if it comes before the cut."""
    kept: list[Json] = []
    for part in parts:
        text = spoken(part)
        if len(text) > length:
            return (*kept, {**part, "text": text[:length]}) if length else tuple(kept)
        kept.append(part)
        length -= len(text)
    return tuple(kept)


def _pieces(parts: Sequence[Json], script: Sequence[str]) -> Iterator[Json]:
    """The parts in the pieces that are scripted, else in pieces that grow; what is not text stays whole."""
    for part in parts:
        if part.keys() != {"text"}:
            yield part
        else:
            pieces = _cut_as(part["text"], script) if script else _cut_up(part["text"])
            yield from ({"text": piece} for piece in pieces)


def _cut_as(text: str, script: Sequence[str]) -> Iterator[str]:
    """The scripted pieces, as far as the text goes."""
    position = 0
    for piece in script:
        if text[position : position + len(piece)]:
            yield text[position : position + len(piece)]
        position += len(piece)


def _cut_up(text: str) -> Iterator[str]:
    tokens = iter(split(text))
    number = 0
    while piece := "".join(islice(tokens, _CHUNK_TOKENS[min(number, len(_CHUNK_TOKENS) - 1)])):
        yield piece
        number += 1


def _text_of(parts: Sequence[Json]) -> str:
    return "".join(map(spoken, parts))

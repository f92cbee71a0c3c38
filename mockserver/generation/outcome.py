"""Turns an answer into the outcome of a request: thresholds, stop sequences, limits, tokens, chunks.

Each service prints an outcome in its own format and that of the model's era.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice, repeat
from typing import Any, NamedTuple, TypeVar

from mockserver.generation.logprobs import log_probabilities, logprobs_result
from mockserver.generation.prompt import count_prompt_tokens
from mockserver.generation.safety import Ratings, harmless, is_blocked, mark_blocking, rate
from mockserver.generation.settings import GenerationSettings
from mockserver.scripting.answers import Answer, Citation, Json, Prompt, visible_text
from mockserver.simulation.noise import seed_of, uniform
from mockserver.simulation.tokens import count_tokens, split

T = TypeVar("T")
P = TypeVar("P")

# The number of tokens in the chunks of a stream; the last holds for all further ones. A recorded stream of 2025
# (Developer API, 578 tokens) came in chunks of 1, 16, 16, 30, 34, 43, 43, 59, 60, 62, 61, 62 and the rest.
_CHUNK_TOKENS = (1, 16, 16, 32, 32, 44, 44, 60)


class Chunk(NamedTuple):  # a dataclass costs more to create
    """A piece of a streamed answer: Google's parts, the seconds to wait before it, and its tokens."""

    parts: tuple[Json, ...]
    delay_seconds: float
    tokens: int

    @property
    def text(self) -> str:
        """Return the text, if it is nothing else, "" otherwise."""
        return self.parts[0]["text"] if len(self.parts) == 1 and self.parts[0].keys() == {"text"} else ""


@dataclass(slots=True)  # frozen would cost more than the ratings do
class Candidate:
    """One answer as the client gets it. `parts` are Google's; an empty answer has none.

    Log probabilities are computed on demand, because few clients request them.
    """

    parts: tuple[Json, ...]
    finish: str
    ratings: Ratings
    token_texts: tuple[str, ...]
    citations: tuple[Citation, ...]
    answer: Answer
    likely_tokens: int | None
    seed: int
    _chunks: tuple[Chunk, ...] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def text(self) -> str:
        """Return the text of the parts."""
        return "".join(map(visible_text, self.parts))

    @property
    def tokens(self) -> int:
        """Return the number of tokens of the text."""
        return len(self.token_texts)

    @property
    def avg_logprob(self) -> float | None:
        """Return the mean of the log probabilities of the tokens; None without tokens."""
        values = log_probabilities(self.token_texts, self.answer.logprobs, self.seed)
        return sum(values) / len(values) if values else None

    @property
    def logprobs(self) -> Json | None:
        """Return the LogprobsResult; None if the client does not request it."""
        if self.likely_tokens is None:
            return None
        return logprobs_result(self.token_texts, self.answer.logprobs, self.likely_tokens, self.seed)

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """Return the chunks of a stream; their joined texts are the text.

        An empty answer has one empty chunk, for the end.
        """
        if self._chunks is None:
            self._chunks = self._split()
        return self._chunks

    def _split(self) -> tuple[Chunk, ...]:
        tokens = self.token_texts if len(self.parts) == 1 else None
        chunks = list(_split_into_chunks(self.parts, self.answer.chunks, tokens)) or [((), 0)]
        delays = chain(self.answer.delays, repeat(0.0))
        return tuple([Chunk(parts, delay, tokens) for (parts, tokens), delay in zip(chunks, delays, strict=False)])


@dataclass(slots=True)
class Outcome:
    """The answer to a generate call. A blocked prompt has a `block` reason and no candidates.

    The scores of the prompt's ratings depend on `seed`. `hint` tells the tester why no rule matched.
    """

    candidates: tuple[Candidate, ...]
    block: str | None
    prompt_ratings: Ratings
    prompt_tokens: int
    candidate_tokens: int
    seed: int
    thought_tokens: int = 0
    cached_tokens: int = 0
    hint: str = ""
    _printed: tuple[Any, Any] | None = field(default=None, init=False, repr=False, compare=False)

    def printed_once(self, frame: T, print_in: Callable[["Outcome", T], P]) -> P:
        """Return `print_in(self, frame)`, which is kept for the next call with the same frame."""
        if self._printed is None or self._printed[0] is not frame:
            self._printed = frame, print_in(self, frame)
        printed: P = self._printed[1]
        return printed

    @property
    def total_tokens(self) -> int:
        """Return the tokens of prompt, thoughts and candidates."""
        return self.prompt_tokens + self.thought_tokens + self.candidate_tokens


def make_outcome(prompt: Prompt, answer: Answer, settings: GenerationSettings, seed: int) -> Outcome:
    """Block, truncate, rate and count the answer as the real service does. The same seed gives the same outcome."""
    seed = seed_of(seed, prompt.model, prompt.text)
    prompt_ratings = _rate(answer.prompt_ratings, settings)
    block = answer.block or ("SAFETY" if answer.prompt_ratings and is_blocked(prompt_ratings) else None)
    candidates = []
    if not block:
        answers = (answer, *map(_further_answer, repeat(answer), range(1, settings.candidates)))
        candidates = [_candidate(each, settings, seed + 1 + index) for index, each in enumerate(answers)]
    usage = answer.usage
    thoughts = [part.get("text", "") for part in (() if block else answer.parts) if part.get("thought")]
    spoken = sum([len(candidate.token_texts) for candidate in candidates])
    thought = sum(map(count_tokens, thoughts)) or (0 if block or usage else _thought_tokens(spoken, settings, seed))
    return Outcome(
        candidates=tuple(candidates),
        block=block,
        prompt_ratings=mark_blocking(prompt_ratings) if block == "SAFETY" else prompt_ratings,
        prompt_tokens=usage["prompt"] if "prompt" in usage else count_prompt_tokens(prompt),
        candidate_tokens=usage.get("candidates", spoken),
        seed=seed,
        thought_tokens=usage.get("thoughts", thought),
        cached_tokens=usage.get("cached", 0),
    )


def _thought_tokens(spoken: int, settings: GenerationSettings, seed: int) -> int:
    """Make up how many tokens a model has thought: 1,477 before 433 tokens and 25 before 8 were recorded."""
    if not settings.thinking_budget:
        return 0
    thought = 15 + round(spoken * (2.0 + 2.0 * uniform(seed, -7)))
    return thought if settings.thinking_budget < 0 else min(thought, settings.thinking_budget)


def _further_answer(answer: Answer, index: int) -> Answer:
    """Return the answer of a further candidate: with its own text if it has one, else that of the first."""
    if index > len(answer.others):
        return answer
    return replace(answer, text=answer.others[index - 1], parts=(), chunks=(), delays=(), logprobs=())


def _candidate(answer: Answer, settings: GenerationSettings, seed: int) -> Candidate:
    ratings = _rate(answer.ratings, settings)
    parts = tuple(answer.parts) or (({"text": answer.text},) if answer.text else ())
    tokens, finish = _apply_limits(answer, settings, blocked=bool(answer.ratings) and is_blocked(ratings))
    length = sum(map(len, tokens))
    return Candidate(
        parts=parts if length == len(answer.text) else _truncate(parts, length),
        finish=finish,
        ratings=mark_blocking(ratings) if finish == "SAFETY" else ratings,
        token_texts=tokens,
        citations=_citations(answer, tokens) if answer.citations else (),
        answer=answer,
        likely_tokens=settings.logprobs,
        seed=seed,
    )


def _citations(answer: Answer, tokens: Sequence[str]) -> tuple[Citation, ...]:
    """Return the citations that begin in the remaining tokens."""
    length = len("".join(tokens).encode("utf-8", "surrogatepass"))
    return tuple(citation for citation in answer.citations if citation.start < length)


def _rate(levels: Mapping[str, str], settings: GenerationSettings) -> Ratings:
    if not levels:
        return harmless(settings.categories)
    return rate(
        levels,
        settings.thresholds,
        categories=settings.categories,
        default_threshold=settings.default_threshold,
    )


def _apply_limits(answer: Answer, settings: GenerationSettings, *, blocked: bool) -> tuple[tuple[str, ...], str]:
    """Return the tokens that remain of the answer, and its finish reason."""
    text, finish = answer.text, answer.finish
    ends = [text.find(stop) for stop in settings.stop if stop and stop in text]
    if ends:
        text, finish = text[: min(ends)], "STOP"
    tokens = split(text)
    if settings.max_tokens is not None and len(tokens) > settings.max_tokens:
        tokens, finish = tokens[: settings.max_tokens], "MAX_TOKENS"
    if blocked and answer.finish == "STOP":
        # Recorded answers that were blocked keep the beginning of their text. That it is half is our choice.
        tokens, finish = tokens[: (len(tokens) + 1) // 2], "SAFETY"
    return tokens, finish


def _truncate(parts: Sequence[Json], length: int) -> tuple[Json, ...]:
    """Return the parts up to this many characters of text. Parts without text stay if they come before the end."""
    result: list[Json] = []
    for part in parts:
        text = visible_text(part)
        if len(text) > length:
            return (*result, {**part, "text": text[:length]}) if length else tuple(result)
        result.append(part)
        length -= len(text)
    return tuple(result)


def _split_into_chunks(
    parts: Sequence[Json], scripted: Sequence[str], token_texts: Sequence[str] | None
) -> Iterator[tuple[tuple[Json, ...], int]]:
    """Yield the parts in the scripted chunks, else in growing ones, with their tokens. Parts without text stay whole.

    `token_texts` are the tokens of a lone part, if they are known.
    """
    for part in parts:
        if part.keys() != {"text"}:
            yield (part,), count_tokens(visible_text(part))
        elif scripted:
            position = 0
            for piece in scripted:
                if text := part["text"][position : position + len(piece)]:
                    yield ({"text": text},), count_tokens(text)
                position += len(piece)
        else:
            tokens = iter(split(part["text"]) if token_texts is None else token_texts)
            sizes = chain(_CHUNK_TOKENS, repeat(_CHUNK_TOKENS[-1]))
            while chunk := list(islice(tokens, next(sizes))):
                yield ({"text": "".join(chunk)},), len(chunk)

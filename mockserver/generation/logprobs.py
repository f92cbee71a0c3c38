"""Log probabilities of tokens: the scripted ones, or believable ones.

In the recording of 2026-02 (Vertex AI, gemini-2.5-flash) nearly every chosen token is nearly certain,
-2.4e-07 to -0.025, and what might have stood in its place follows at -4 to -19.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mockserver.simulation.noise import uniform
from mockserver.simulation.tokens import token_id

# What might stand almost anywhere in a text.
_ALTERNATIVES = (
    " the", ",", " a", ".", "\n", " and", " of", " to", " in", " is", "**", " it", " for", "1", " that", " with", "\n\n",
    " as", " are", " on", "2", " this", "'", "-",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token, its number in the vocabulary and the natural logarithm of its probability."""

    token: str
    token_id: int
    log_probability: float


@dataclass(frozen=True, slots=True)
class Logprobs:
    """The chosen token at each place, and the likely ones there, the chosen first; no `top` unless asked for."""

    chosen: tuple[TokenLogprob, ...]
    top: tuple[tuple[TokenLogprob, ...], ...]


def log_probabilities(tokens: Sequence[str], scripted: Sequence[tuple[str, float]], seed: int) -> list[float]:
    """The log probability of each token; never above 0."""
    if scripted:
        return [value for _, value in scripted]
    return [-(uniform(seed, place) ** 8) - 1e-9 for place in range(len(tokens))]


def logprobs(tokens: Sequence[str], scripted: Sequence[tuple[str, float]], likely: int, seed: int) -> Logprobs:
    """What a client gets that asks for them, with `likely` tokens for each place."""
    texts = [text for text, _ in scripted] or tokens
    values = log_probabilities(tokens, scripted, seed)
    chosen = tuple(TokenLogprob(text, token_id(text), value) for text, value in zip(texts, values, strict=True))
    if likely < 1:
        return Logprobs(chosen, ())
    places = range(len(chosen))
    return Logprobs(chosen, tuple((chosen[i], *_others(chosen[i], likely - 1, seed + i)) for i in places))


def _others(chosen: TokenLogprob, count: int, seed: int) -> Iterator[TokenLogprob]:
    """Less likely tokens; each has less than half of what those before it left over."""
    start = int(uniform(seed, -1) * len(_ALTERNATIVES))
    turned = (*_ALTERNATIVES[start:], *_ALTERNATIVES[:start])
    left = math.log(max(1 - math.exp(chosen.log_probability), 1e-8))
    value = min(left, chosen.log_probability)
    for place, text in enumerate([text for text in turned if text != chosen.token][:count]):
        value -= math.log(2) + 2 * uniform(seed, -2 - place)
        yield TokenLogprob(text, token_id(text), value)

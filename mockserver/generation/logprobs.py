"""Log probabilities of tokens: the scripted ones, or made-up ones.

In the recording of 2026-02 (Vertex AI, gemini-2.5-flash) nearly every chosen token is nearly certain, -2.4e-07 to
-0.025, and its alternatives follow at -4 to -19.
"""

import math
from collections.abc import Iterator, Sequence
from hashlib import shake_128
from struct import unpack
from typing import Any

from mockserver.simulation.noise import uniform
from mockserver.simulation.tokens import token_id

Json = dict[str, Any]

# Tokens that might stand almost anywhere in a text.
_ALTERNATIVES = (
    " the", ",", " a", ".", "\n", " and", " of", " to", " in", " is", "**", " it", " for", "1", " that", " with", "\n\n",
    " as", " are", " on", "2", " this", "'", "-",
)  # fmt: skip


def log_probabilities(tokens: Sequence[str], scripted: Sequence[tuple[str, float]], seed: int) -> list[float]:
    """Return the log probability of each token, at most 0."""
    if scripted:
        return [value for _, value in scripted]
    # One hash gives the numbers of all tokens. Fewer tokens have the first of these numbers.
    digest = shake_128(str(seed).encode()).digest(4 * len(tokens))
    return [-((number / 2**32) ** 8) - 1e-9 for number in unpack(f"<{len(tokens)}I", digest)]


def logprobs_result(tokens: Sequence[str], scripted: Sequence[tuple[str, float]], top: int, seed: int) -> Json:
    """Return the LogprobsResult with the `top` most likely tokens at each position; 0 means the chosen token only."""
    texts = [text for text, _ in scripted] or tokens
    best = [*map(_token, texts, log_probabilities(tokens, scripted, seed))]
    positions = enumerate(best if top > 0 else ())
    candidates = [{"candidates": [token, *_alternatives(token, top - 1, seed + index)]} for index, token in positions]
    return {"chosenCandidates": best, "topCandidates": candidates}


def _alternatives(best: Json, count: int, seed: int) -> Iterator[Json]:
    """Yield less likely tokens, each with less than half of the probability that is left."""
    start = int(uniform(seed, -1) * len(_ALTERNATIVES))
    texts = (*_ALTERNATIVES[start:], *_ALTERNATIVES[:start])
    value = min(math.log(max(1 - math.exp(best["logProbability"]), 1e-8)), best["logProbability"])
    for index, text in enumerate([text for text in texts if text != best["token"]][:count]):
        value -= math.log(2) + 2 * uniform(seed, -2 - index)
        yield _token(text, value)


def _token(text: str, log_probability: float) -> Json:
    return {"token": text, "tokenId": token_id(text), "logProbability": log_probability}

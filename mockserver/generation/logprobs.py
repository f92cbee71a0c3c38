"""Log probabilities of tokens: the scripted ones, or believable ones.

In the recording of 2026-02 (Vertex AI, gemini-2.5-flash) nearly every chosen token is nearly certain, -2.4e-07 to
-0.025, and its alternatives follow at -4 to -19.
"""

import math
from collections.abc import Iterator, Sequence
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
    """The log probability of each token; never above 0."""
    if scripted:
        return [value for _, value in scripted]
    return [-(uniform(seed, place) ** 8) - 1e-9 for place in range(len(tokens))]


def logprobs_result(tokens: Sequence[str], scripted: Sequence[tuple[str, float]], likely: int, seed: int) -> Json:
    """The LogprobsResult of a client that asks for `likely` tokens at each place; 0 is the chosen one only."""
    texts = [text for text, _ in scripted] or tokens
    chosen = [*map(_token, texts, log_probabilities(tokens, scripted, seed))]
    places = enumerate(chosen if likely > 0 else ())
    top = [{"candidates": [token, *_alternatives(token, likely - 1, seed + place)]} for place, token in places]
    return {"chosenCandidates": chosen, "topCandidates": top}


def _alternatives(chosen: Json, count: int, seed: int) -> Iterator[Json]:
    """Less likely tokens; each has less than half of the probability that those before it left."""
    start = int(uniform(seed, -1) * len(_ALTERNATIVES))
    rotated = (*_ALTERNATIVES[start:], *_ALTERNATIVES[:start])
    value = min(math.log(max(1 - math.exp(chosen["logProbability"]), 1e-8)), chosen["logProbability"])
    for place, text in enumerate([text for text in rotated if text != chosen["token"]][:count]):
        value -= math.log(2) + 2 * uniform(seed, -2 - place)
        yield _token(text, value)


def _token(text: str, log_probability: float) -> Json:
    return {"token": text, "tokenId": token_id(text), "logProbability": log_probability}

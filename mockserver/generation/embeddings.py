"""Embeddings: unit vectors in which texts that share words and letters lie nearer to each other.

A text is sketched - each of its features adds something to a few coordinates - and the sketch is turned by a
Walsh-Hadamard transform, which keeps angles and spreads every coordinate over all of them: so vectors are dense
like real ones, at a cost of N log N. They come in blocks, and a shorter one points where a longer one begins.
"""

import math
from collections import Counter
from collections.abc import Mapping

from mockserver.simulation.noise import seed_of_texts

_BLOCK = 1024  # a power of two
_PLACES = 4  # coordinates of a block that a feature touches
_COMMON = 0.8  # what all texts share, beside what tells them apart: real vectors are not at right angles either
# So many features of every text that the vector of a single letter is dense too, and so unlike that no sums coincide.
_EVERYWHERE = {f"everywhere {number}": math.sqrt(number / 136) for number in range(1, 17)}


def embed(text: str, dimensions: int) -> list[float]:
    """The vector of a text: of length 1, and the same in every process. Raises ValueError for no dimensions."""
    if dimensions < 1:
        raise ValueError(f"an embedding has at least one dimension, not {dimensions}")
    features = _features(text)
    vector: list[float] = []
    for block in range(math.ceil(dimensions / _BLOCK)):
        vector += _spread(_sketch(features, block))
    return _unit(vector[:dimensions])


def _features(text: str) -> Mapping[str, float]:
    """Words, and the three-letter pieces that related words share, each with its weight."""
    words = text.casefold().split()
    found = Counter(f"word {word}" for word in words)
    for word in words:
        framed = f" {word} "
        found.update(framed[start : start + 3] for start in range(len(framed) - 2))
    weights = {feature: 1.0 + math.log(occurrences) for feature, occurrences in found.items()}
    common = _COMMON * math.hypot(*weights.values()) or 1.0
    return weights | {feature: common * share for feature, share in _EVERYWHERE.items()}


def _sketch(features: Mapping[str, float], block: int) -> list[float]:
    """The sum of what each feature puts in its places."""
    sketch = [0.0] * _BLOCK
    for feature, weight in features.items():
        chance = seed_of_texts((feature, str(block)))
        for _ in range(_PLACES):
            chance, place = divmod(chance, _BLOCK)
            chance, jitter = divmod(chance, 64)
            sketch[place] += weight * (jitter + 64 if jitter < 32 else -jitter - 32)
    return sketch


def _spread(values: list[float]) -> list[float]:
    """The Walsh-Hadamard transform, in an order of its own."""
    for _ in range(_BLOCK.bit_length() - 1):
        pairs = list(zip(values[::2], values[1::2], strict=True))
        values = [x + y for x, y in pairs] + [x - y for x, y in pairs]
    return values


def _unit(vector: list[float]) -> list[float]:
    length = math.hypot(*vector)
    return [value / length for value in vector]

"""Embeddings: unit vectors, nearer to each other for texts that share words and letters.

Each feature of a text adds to a few coordinates of a sparse vector (feature hashing). A Walsh-Hadamard transform keeps
the angles and spreads every coordinate over all of them, so that vectors are dense like real ones, at a cost of N log
N. Vectors are computed in blocks: a shorter one has the direction of the beginning of a longer one.
"""

import math
from collections import Counter
from collections.abc import Mapping

from mockserver.simulation.noise import seed_of_texts

_BLOCK = 1024  # a power of two
_COORDINATES = 4  # coordinates of a block that a feature adds to
_COMMON = 0.8  # weight of the features that all texts share: real vectors are not at right angles either
# Features of every text: enough to make the vector of a single letter dense, with weights whose sums never coincide.
_EVERYWHERE = {f"everywhere {number}": math.sqrt(number / 136) for number in range(1, 17)}


def embed(text: str, dimensions: int) -> list[float]:
    """Return the unit vector of a text, the same in every process. ValueError for less than one dimension."""
    if dimensions < 1:
        raise ValueError(f"dimensions must be at least 1, not {dimensions}")
    features = _features(text)
    vector: list[float] = []
    for block in range(math.ceil(dimensions / _BLOCK)):
        vector += _transform(_hash_features(features, block))
    return _unit(vector[:dimensions])


def _features(text: str) -> Mapping[str, float]:
    """Return the words, and the three-letter pieces that related words share, each with its weight."""
    words = text.casefold().split()
    counts = Counter(f"word {word}" for word in words)
    for word in words:
        whole = f" {word} "
        counts.update(whole[start : start + 3] for start in range(len(whole) - 2))
    weights = {feature: 1.0 + math.log(count) for feature, count in counts.items()}
    common = _COMMON * math.hypot(*weights.values()) or 1.0
    return weights | {feature: common * share for feature, share in _EVERYWHERE.items()}


def _hash_features(features: Mapping[str, float], block: int) -> list[float]:
    """Add the weight of each feature to its coordinates of the block."""
    vector = [0.0] * _BLOCK
    for feature, weight in features.items():
        bits = seed_of_texts((feature, str(block)))
        for _ in range(_COORDINATES):
            bits, coordinate = divmod(bits, _BLOCK)
            bits, jitter = divmod(bits, 64)
            vector[coordinate] += weight * (jitter + 64 if jitter < 32 else -jitter - 32)
    return vector


def _transform(values: list[float]) -> list[float]:
    """Compute the Walsh-Hadamard transform; its rows are not in the usual order."""
    for _ in range(_BLOCK.bit_length() - 1):
        pairs = list(zip(values[::2], values[1::2], strict=True))
        values = [x + y for x, y in pairs] + [x - y for x, y in pairs]
    return values


def _unit(vector: list[float]) -> list[float]:
    length = math.hypot(*vector)
    return [value / length for value in vector]

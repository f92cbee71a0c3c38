"""Random numbers by index: the same seed and index always give the same number.

A random generator must produce n numbers to reach the n-th. These functions compute it directly, so that step
10,000 of a run costs as much as step 1.
"""

import hashlib
from collections.abc import Iterable

_WORD = (1 << 64) - 1

SEPARATOR = "\x1f"
"""Stands between the texts of which a seed is made."""


def uniform(seed: int, index: int) -> float:
    """Return the number in [0, 1) at this index of the sequence of this seed."""
    return _mix(seed, index) / (1 << 64)


def uniforms(seed: int, count: int) -> list[float]:
    """Return the first numbers of the sequence, from index 0; faster than one by one."""
    numbers, word = [], seed
    for _ in range(count):
        word += 0x9E3779B97F4A7C15
        bits = word & _WORD
        bits = ((bits ^ bits >> 30) * 0xBF58476D1CE4E5B9) & _WORD
        bits = ((bits ^ bits >> 27) * 0x94D049BB133111EB) & _WORD
        numbers.append((bits ^ bits >> 31) / (1 << 64))
    return numbers


def gaussian(seed: int, index: int) -> float:
    """Return a bell-shaped number of mean 0 and deviation 1, within -3 and 3.

    It is the sum of three uniform numbers taken from one word: fast, and bounded.
    """
    word = _mix(seed, index)
    total = (word & 0x1FFFFF) + (word >> 21 & 0x1FFFFF) + (word >> 42 & 0x1FFFFF)
    return 2 * (total / 0x200000 - 1.5)


def seed_of(*parts: object) -> int:
    """Derive a seed from all of these values."""
    return seed_of_texts(map(str, parts))


def seed_of_texts(texts: Iterable[str]) -> int:
    """Derive a seed from texts; faster than `seed_of` for many of them."""
    return seed_of_bytes(SEPARATOR.join(texts).encode("utf-8", "surrogatepass"))


def seed_of_bytes(text: bytes) -> int:
    """Derive a seed from texts that are joined by `SEPARATOR` already, as UTF-8."""
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())


def _mix(seed: int, index: int) -> int:
    """Apply the finaliser of SplitMix64 (Steele, Lea and Flood, 2014) to seed and index."""
    word = (seed + (index + 1) * 0x9E3779B97F4A7C15) & _WORD
    word = ((word ^ word >> 30) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ word >> 27) * 0x94D049BB133111EB) & _WORD
    return word ^ word >> 31

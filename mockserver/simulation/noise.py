"""Chance without memory: the same seed and place always give the same number.

A generator has to be run from its beginning to learn its n-th number; these are computed where
they are wanted, so that step 10,000 of a run costs what step 1 costs.
"""

import hashlib
from collections.abc import Iterable

_WORD = (1 << 64) - 1


def uniform(seed: int, place: int) -> float:
    """A number in [0, 1) that belongs to this place in the stream of this seed."""
    return _mixed(seed, place) / (1 << 64)


def gaussian(seed: int, place: int) -> float:
    """A bell-shaped number of mean 0 and deviation 1, never beyond 3 either way.

    The sum of three uniform numbers cut from one word: plain, quick, and its tails end.
    """
    word = _mixed(seed, place)
    total = (word & 0x1FFFFF) + (word >> 21 & 0x1FFFFF) + (word >> 42 & 0x1FFFFF)
    return 2 * (total / 0x200000 - 1.5)


def seed_of(*parts: object) -> int:
    """A seed that stands for all of these values; any change of one gives another seed."""
    return seed_of_texts(map(str, parts))


def seed_of_texts(texts: Iterable[str]) -> int:
    """The same, for many values that are texts already."""
    text = "\x1f".join(texts)
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _mixed(seed: int, place: int) -> int:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, 2014) over seed and place."""
    word = (seed + (place + 1) * 0x9E3779B97F4A7C15) & _WORD
    word = ((word ^ word >> 30) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ word >> 27) * 0x94D049BB133111EB) & _WORD
    return word ^ word >> 31

"""The lists of an index in memory: keys of records in order, with or without the times in which they are listed."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from itertools import islice
from typing import Any

from mockserver.state.clock import Nanos

# Rank, tie and name of a record; in an index with spans also since and until.
Key = tuple[Any, ...]


class RankedList:
    """One list of an index: the keys of its records in order."""

    __slots__ = ("keys", "revision")

    def __init__(self, keys: Iterable[Key] = (), revision: int = 0) -> None:
        self.keys = list(keys)
        self.revision = revision

    def add(self, key: Key) -> None:
        """Add a key."""
        if self.keys and key < self.keys[-1]:
            insort(self.keys, key)
        else:
            self.keys.append(key)

    def remove(self, key: Key) -> None:
        """Remove a key that is in the list."""
        del self.keys[bisect_left(self.keys, key)]

    def page(self, after: Key | None, at: Nanos, limit: int) -> list[Key]:  # noqa: ARG002 - as for `SpanList`
        """Return the first keys after one that begins with `after`, at most `limit`."""
        start = 0 if after is None else bisect_right(self.keys, after, key=lambda key: key[:2])
        return self.keys[start : start + limit]

    def copy(self) -> "RankedList":
        """Return an independent list with the same keys."""
        return RankedList(self.keys, self.revision)

    def __bool__(self) -> bool:
        return bool(self.keys)


class _Block:
    """Some neighbouring keys of a list, and between which moments any of them is in it."""

    __slots__ = ("keys", "since", "until")

    def __init__(self, keys: list[Key]) -> None:
        self.keys = keys
        self.since = min([key[3] for key in keys])
        self.until = max([key[4] for key in keys])


class SpanList:
    """One list of an index with spans, in blocks: a page passes over those of which no record is in the list then."""

    __slots__ = ("blocks", "ends", "revision")

    block_size = 512

    def __init__(self) -> None:
        self.blocks: list[_Block] = []
        self.ends: list[Key] = []  # the last key of each block
        self.revision = 0

    def add(self, key: Key) -> None:
        """Add a key."""
        if not self.blocks:
            self._replace(0, 0, [key])
            return
        at = min(bisect_left(self.ends, key), len(self.blocks) - 1)
        block = self.blocks[at]
        insort(block.keys, key)
        self.ends[at] = block.keys[-1]
        block.since = min(block.since, key[3])
        block.until = max(block.until, key[4])
        if len(block.keys) > self.block_size:
            half = self.block_size // 2
            self._replace(at, at + 1, block.keys[:half], block.keys[half:])

    def remove(self, key: Key) -> None:
        """Remove a key that is in the list."""
        at = bisect_left(self.ends, key)
        keys = self.blocks[at].keys
        del keys[bisect_left(keys, key)]
        self._replace(at, at + 1, *([keys] if keys else []))

    def _replace(self, start: int, stop: int, *blocks: list[Key]) -> None:
        """Replace blocks by others with these keys."""
        self.blocks[start:stop] = map(_Block, blocks)
        self.ends[start:stop] = [keys[-1] for keys in blocks]

    def page(self, after: Key | None, at: Nanos, limit: int) -> list[Key]:
        """Return the first keys in the list at a moment, after one that begins with `after`; at most `limit`."""
        page: list[Key] = []
        first = 0 if after is None else bisect_right(self.ends, after, key=lambda end: end[:2])
        for block in islice(self.blocks, first, None):
            if block.since <= at < block.until:
                keys = (key for key in block.keys if key[3] <= at < key[4] and (after is None or key[:2] > after))
                page += islice(keys, limit - len(page))
                if len(page) == limit:
                    break
        return page

    def copy(self) -> "SpanList":
        """Return an independent list with the same keys."""
        copy = SpanList()
        copy._replace(0, 0, *[block.keys.copy() for block in self.blocks])
        copy.revision = self.revision
        return copy

    def __bool__(self) -> bool:
        return bool(self.blocks)

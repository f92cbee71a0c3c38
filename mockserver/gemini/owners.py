"""Which callers are one owner.

A real API key belongs to a project, and so do the calls of that project's user; what is made with one is seen with the
other [the documentation's samples create with a key and list with a token]. Made-up credentials do not tell their
project, so a key and the default user are one owner. Two keys are two owners, as are two e-mail addresses, and with
strict authentication every caller is their own.
"""

import heapq
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TypeVar

from mockserver.dispatch.routing import Call
from mockserver.state.store import Collection, Index, Position

T = TypeVar("T")

ANY_KEY = "key:"
"""The owner that stands for all keys: the default user is one with each of them."""


@lru_cache(maxsize=1024)
def partitions(principal: str) -> frozenset[str]:
    """Return the partitions of an index by owner that hold what the principal owns."""
    return frozenset({principal, ANY_KEY}) if principal.startswith(ANY_KEY) else frozenset({principal})


def own_partitions(call: Call) -> frozenset[str]:
    """Return the partitions of an index by owner that hold what the caller owns."""
    settings = call.settings
    return _own_partitions(call.caller.principal, settings.default_user, is_strict=settings.auth == "strict")


@lru_cache(maxsize=1024)
def _own_partitions(principal: str, default_user: str, *, is_strict: bool) -> frozenset[str]:
    user = f"user:{default_user}"
    if is_strict:
        return frozenset({principal})
    if principal.startswith(ANY_KEY):
        return frozenset({principal, user})
    return frozenset({principal, ANY_KEY}) if principal == user else frozenset({principal})


def is_caller(principal: str, call: Call) -> bool:
    """Return whether a principal is the caller, or one owner with them."""
    return not own_partitions(call).isdisjoint(partitions(principal))


def walk_partitions(
    call: Call, kind: Collection[T], index: Index[T], keys: Iterable[str], after: Position | None
) -> Iterator[T]:
    """Yield the records of some partitions of an index, each once, in the index's order, behind a position."""
    walks = [call.world.store.walk(kind, index, key, after=after, at=call.now) for key in keys]
    last = ""
    for entry in heapq.merge(*walks, key=lambda entry: entry.position):
        if entry.name != last:
            last = entry.name
            yield entry.record

"""Patterns: for method ids, such as "projects.locations.tuningJobs.create", and texts with gaps."""

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase


def matches_method(method: str, pattern: str) -> bool:
    """Return whether a pattern matches a method id.

    A pattern is a glob for the whole id or for its end: "tuningJobs.create" matches
    "projects.locations.tuningJobs.create" too, whichever of the two a client calls.
    """
    return fnmatchcase(method, pattern) or fnmatchcase(method, f"*.{pattern}")


def check_method_pattern(pattern: str, methods: Collection[str], client_calls: Iterable[tuple[str, str]] = ()) -> None:
    """Raise ValueError for a pattern that matches none of these methods; the sentence names the nearest ids.

    `client_calls` are names of calls in client libraries, with the methods that they send.
    """
    __tracebackhide__ = True
    if pattern and not any(matches_method(method, pattern) for method in methods):
        ends = {end for method in methods for end in _ends(method)}
        called = pattern[:100].removesuffix("()")
        calls = [method for name, method in client_calls if f".{called}".endswith(f".{name}")]
        nearest = [*dict.fromkeys(calls)] or get_close_matches(pattern[:100], sorted(ends), 3)
        hint = f"did you mean {' or '.join(map(repr, nearest))}?" if nearest else "see docs/methods.md"
        raise ValueError(f"{pattern!r} matches no method; {hint}")


def _ends(method: str) -> list[str]:
    """Return the id and its ends that still name a collection: "tuningJobs.create"."""
    words = method.split(".")
    return [".".join(words[start:]) for start in range(max(1, len(words) - 1))]


def fits_pieces(text: str, pieces: Sequence[str], *, gap: int = 0) -> bool:
    """Return whether a text is these pieces with any text between each two, of at least `gap` characters.

    The leftmost place of each piece is enough, so the time is linear.
    """
    first, *others = pieces
    if not others:
        return text == first
    *middle, last = others
    if not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        place = text.find(piece, at + gap, end)
        if place < 0:
            return False
        at = place + len(piece)
    return at + gap <= end

"""Checks a name that a tester wrote."""

from collections.abc import Sequence


def checked_name(kind: str, word: str, name: str, names: Sequence[str]) -> str:
    """Return `name`, which the tester wrote as `word`. ValueError if it is not one of `names`."""
    if name not in names:
        raise ValueError(f"{word!r} is not a {kind}; use one of {', '.join(names)}")
    return name

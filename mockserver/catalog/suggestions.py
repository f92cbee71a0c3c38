"""Hints for names that no model has: which one may be meant, and which ones there are."""

from collections.abc import Sequence
from datetime import date

from mockserver.settings.reading import nearest

LONGEST_NAME = 100
"""Comparing names takes time: a hint looks at no more."""


def ask_for(name: str, names: Sequence[str]) -> str:
    """Return the question whether the nearest of the names is meant, with a space after it; "" if none is near."""
    meant = nearest(name[:LONGEST_NAME], names)
    return f"did you mean {meant}? " if meant else ""


def describe_tunable(name: str, tunable: Sequence[str], as_of: date | None) -> str:
    """Return a hint for a base model that cannot be tuned on that day: which ones can."""
    if tunable:
        day = f" as of {as_of}" if as_of else ""
        return f"{ask_for(name, tunable)}These can be tuned{day}: {', '.join(tunable)}"
    return (
        f"no base model can be tuned as of {as_of}: leave out --as-of (as_of), and there are base models of all dates,"
        " or choose an earlier day, such as 2025-01-01"
    )

"""How sure we are of what the server does: one data file, by method, sentence and behaviour.

`scripts/evidence.py` holds the file to the code and writes docs/evidence.md from it; `GET /_mock/evidence`
serves it; `pytest --strict-evidence` warns of what a test was told that is a choice of ours.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from mockserver.state.calls import RecordedCall

CHOICE = "our choice"

# Shorter ones would be found in sentences that are not theirs.
_TELLING_LETTERS = 12

_VARIABLE = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The rows of the file; each has at least `level`, `source` and `date`."""

    methods: Sequence[Mapping[str, str]]
    sentences: Sequence[Mapping[str, str]]
    behaviours: Sequence[Mapping[str, str]]


@cache
def load() -> Evidence:
    """The file, read once."""
    return Evidence(**orjson.loads((Path(__file__).parent / "evidence.json").read_bytes()))


def leanings(calls: Iterable[RecordedCall]) -> Iterator[str]:
    """What was answered to these calls that nobody has seen the real service answer, in words.

    What a fault did was asked for, so it does not count.
    """
    for call in calls:
        if call.status >= 400 and not call.fault:
            yield from _unseen_words(call)


def _unseen_words(call: RecordedCall) -> Iterator[str]:
    for text in _texts(call.response):
        if any(_says(text, pieces) for pieces in _chosen_sentences()):
            yield f'{call.method} answered {call.status} with words of our choice: "{text}"'
            return


def _texts(status: Any) -> Iterator[str]:
    """The sentences of an error: its message, and each line of one that has several."""
    message = status.get("message", "") if isinstance(status, Mapping) else ""
    yield message
    yield from (line.removeprefix("* ") for line in message.splitlines())


@cache
def _chosen_sentences() -> tuple[list[str], ...]:
    """The pieces of each sentence, between which its variables stand."""
    chosen = [row["sentence"] for row in load().sentences if row["level"] == CHOICE]
    telling = [text for text in chosen if len(_VARIABLE.sub("", text)) >= _TELLING_LETTERS]
    return tuple(_VARIABLE.split(text) for text in telling)


def _says(text: str, pieces: Sequence[str]) -> bool:
    """Whether a text is these pieces with something between each two: the leftmost place for a piece will do."""
    first, *others = pieces
    if not others:
        return text == first
    *middle, last = others
    at, end = len(first), len(text) - len(last)
    if not text.startswith(first) or not text.endswith(last):
        return False
    for piece in middle:
        found = text.find(piece, at + 1, end)
        if found < 0:
            return False
        at = found + len(piece)
    return at < end

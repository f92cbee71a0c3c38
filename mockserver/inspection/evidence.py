"""The evidence for what the server does: a data file with rows for methods, sentences and behaviours.

`scripts/evidence.py` checks the file against the code and writes docs/evidence.md; `GET /_mock/evidence` serves it;
`pytest --strict-evidence` warns if a test received an error sentence that is our choice.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from mockserver.rpc.method_ids import fits_pieces
from mockserver.state.calls import RecordedCall

CHOICE = "our choice"

# Shorter ones would match unrelated sentences.
_MIN_LETTERS = 12

_VARIABLE = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The rows of the file; each has at least `level`, `source` and `date`."""

    methods: Sequence[Mapping[str, str]]
    sentences: Sequence[Mapping[str, str]]
    behaviours: Sequence[Mapping[str, str]]


@cache
def load() -> Evidence:
    """Load the file, once."""
    return Evidence(**orjson.loads((Path(__file__).parent / "evidence.json").read_bytes()))


def find_unseen_answers(calls: Iterable[RecordedCall]) -> Iterator[str]:
    """Describe the responses to these calls that the real service was never seen to give.

    Injected faults do not count: the test requested them.
    """
    for call in calls:
        if call.status < 400 or call.fault:
            continue
        for text in _texts(call.response):
            if any(fits_pieces(text, pieces, gap=1) for pieces in _chosen_sentences()):
                yield f'{call.method} answered {call.status} with words of our choice: "{text}"'
                break


def _texts(status: Any) -> Iterator[str]:
    """Yield the sentences of an error: its message, and each line of it."""
    message = status.get("message", "") if isinstance(status, Mapping) else ""
    yield message
    yield from (line.removeprefix("* ") for line in message.splitlines())


@cache
def _chosen_sentences() -> tuple[list[str], ...]:
    """Return the pieces of each sentence, between which its variables stand."""
    sentences = [row["sentence"] for row in load().sentences if row["level"] == CHOICE]
    distinctive = [text for text in sentences if len(_VARIABLE.sub("", text)) >= _MIN_LETTERS]
    return tuple(_VARIABLE.split(text) for text in distinctive)

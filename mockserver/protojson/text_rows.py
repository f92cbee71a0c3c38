"""Lists of messages that have a text in each of the same fields, as the examples of training data have."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

FEWEST_ROWS = 16
"""The fewest messages for which columns are worth it."""

_SEPARATOR = "\x1f"


class TextRows(list[dict[str, str]]):
    """Such messages, and their texts by field, in the order of the messages. Nobody changes it.

    There may be hundreds of them: what is done with a column takes a call for all of them together.
    """

    __slots__ = ("columns",)

    def __init__(self, messages: Sequence[dict[str, str]], columns: dict[str, list[str]]) -> None:
        super().__init__(messages)
        self.columns = columns

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle its columns, which become a plain list: the log of calls keeps it in a request."""
        return _unpack, (tuple(self.columns), [_pack(column) for column in self.columns.values()])


def find_text_rows(messages: list[Any], fields: frozenset[str]) -> TextRows | None:
    """Return a parsed list of JSON as text rows if its elements are that; `fields` are those that may hold a text."""
    if len(messages) < FEWEST_ROWS or type(messages[0]) is not dict:
        return None
    names = list(messages[0])
    if not names or not fields.issuperset(names):
        return None
    columns = {}
    try:
        for name in names:
            columns[name] = texts = list(map(itemgetter(name), messages))
            "".join(texts)  # a TypeError unless all are texts
    except (KeyError, TypeError):
        return None
    # Each of them has these members, so they have others only if they have more.
    return TextRows(messages, columns) if sum(map(len, messages)) == len(names) * len(messages) else None


def _pack(column: list[str]) -> str | list[str]:
    """Return the texts of a column as one text, if that can be split again."""
    text = _SEPARATOR.join(column)
    return text if text.count(_SEPARATOR) == len(column) - 1 else column


def _unpack(names: tuple[str, ...], packed: list[str | list[str]]) -> list[dict[str, str]]:
    columns = [each.split(_SEPARATOR) if isinstance(each, str) else each for each in packed]
    return [dict(zip(names, texts, strict=True)) for texts in zip(*columns, strict=True)]

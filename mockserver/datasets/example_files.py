"""Training examples as people keep them in files: JSON, JSON Lines, or a table with columns.

[{"text_input": "1", "output": "2"}, ...]                  JSON: the examples, or a whole request around them
{"text_input": "1", "output": "2"}                         JSON Lines
text_input,output                                          CSV, with a line of names
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Any

import orjson

from mockserver.datasets.files import not_json

_WRAPPERS = ("tunedModel", "tuned_model", "tuningTask", "tuning_task", "trainingData", "training_data", "examples")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},\n]|[^\s\[\]{},"]+')


class Unparsable(Exception):
    """A file, or a line of one, that is not what it says it is."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Row:
    """An example as it stands in a file, and the line it begins on."""

    line: int
    tree: Any


def json_rows(raw: bytes) -> list[Row]:
    """The examples in a JSON document. Raises Unparsable if there are none."""
    try:
        tree = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Unparsable(error.lineno, not_json(raw, error)) from None
    depth = 0
    while isinstance(tree, Mapping):
        tree = next((tree[name] for name in _WRAPPERS if name in tree), None)
        depth += 1
    if not isinstance(tree, list):
        raise Unparsable(1, "holds no list of examples.")
    lines = list(_element_lines(raw.decode(), "{" * depth + "["))
    if len(lines) != len(tree):  # another list, as deep in the document
        lines = [1] * len(tree)
    return [Row(line, element) for line, element in zip(lines, tree, strict=True)]


def line_rows(raw: bytes) -> Iterator[Row | Unparsable]:
    """The examples in JSON Lines; a line that is no JSON is told and left out."""
    for number, line in enumerate(raw.split(b"\n"), 1):
        if line.strip():
            try:
                yield Row(number, orjson.loads(line))
            except orjson.JSONDecodeError as error:
                yield Unparsable(number, not_json(line, error))


def csv_rows(raw: bytes) -> Iterator[Row | Unparsable]:
    """The examples in a table. Its columns are named in its first line."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        yield Unparsable(raw.count(b"\n", 0, error.start) + 1, "is not UTF-8.")
        return
    table = csv.DictReader(StringIO(text, newline=""))
    line = 1
    try:
        names = list(table.fieldnames or ())
        if missing := [name for name in ("text_input", "output") if name not in names]:
            yield Unparsable(1, f"has no column {' and no column '.join(missing)}.")
            return
        line = table.line_num + 1
        for row in table:
            yield Row(line, {name: row[name] or "" for name in ("text_input", "output")})
            line = table.line_num + 1
    except csv.Error as error:
        yield Unparsable(line, f"is not valid CSV: {error}.")


def _element_lines(text: str, inside: str) -> Iterator[int]:
    """On which lines the elements of lists begin that are `inside` of these brackets.

    A parser would not tell; in text that is known to be JSON, brackets, commas and line breaks outside of
    strings do.
    """
    line, brackets, awaited = 1, "", False
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == "\n":
            line += 1
            continue
        if awaited and token not in "]}":
            yield line
        if token in "{[":
            brackets += token
        elif token in "}]":
            brackets = brackets[:-1]
        awaited = brackets == inside and token in "[,"

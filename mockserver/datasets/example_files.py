"""Reads training examples for the Developer API from files: JSON, JSON Lines, or CSV.

[{"text_input": "1", "output": "2"}, ...]                  JSON: the examples, or a whole request
{"text_input": "1", "output": "2"}                         JSON Lines
text_input,output                                          CSV, with a header line
"""

import csv
import re
from collections.abc import Iterator, Mapping
from io import StringIO

import orjson

from mockserver.datasets.files import not_json
from mockserver.datasets.rules import Row

_WRAPPERS = ("tunedModel", "tuned_model", "tuningTask", "tuning_task", "trainingData", "training_data", "examples")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},\n]|[^\s\[\]{},"]+')


def json_rows(raw: bytes) -> Iterator[Row]:
    """Read the examples of a JSON document."""
    try:
        tree = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        yield Row(error.lineno, problem=not_json(raw, error))
        return
    depth = 0
    while isinstance(tree, Mapping):
        tree = next((tree[name] for name in _WRAPPERS if name in tree), None)
        depth += 1
    if not isinstance(tree, list):
        yield Row(1, problem="has no list of examples.")
        return
    lines = list(_element_lines(raw.decode(), "{" * depth + "["))
    if len(lines) != len(tree):  # there is another list at the same depth
        lines = [1] * len(tree)
    for line, element in zip(lines, tree, strict=True):
        yield Row(line, element)


def line_rows(raw: bytes) -> Iterator[Row]:
    """Read the examples of JSON Lines; a line that is not JSON becomes a row with a problem."""
    for number, line in enumerate(raw.split(b"\n"), 1):
        if line.strip():
            try:
                yield Row(number, orjson.loads(line))
            except orjson.JSONDecodeError as error:
                yield Row(number, problem=not_json(line, error))


def csv_rows(raw: bytes) -> Iterator[Row]:
    """Read the examples of a CSV file. Its first line names the columns."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        yield Row(raw.count(b"\n", 0, error.start) + 1, problem="is not UTF-8.")
        return
    table = csv.DictReader(StringIO(text, newline=""))
    line = 1
    try:
        names = list(table.fieldnames or ())
        if missing := [name for name in ("text_input", "output") if name not in names]:
            yield Row(1, problem=f"has no column {' and no column '.join(missing)}.")
            return
        line = table.line_num + 1
        for row in table:
            yield Row(line, {name: row[name] or "" for name in ("text_input", "output")})
            line = table.line_num + 1
    except csv.Error as error:
        yield Row(line, problem=f"is not valid CSV: {error}.")


def _element_lines(text: str, inside: str) -> Iterator[int]:
    """Yield the lines on which the elements of lists begin that are inside of these brackets.

    The parser does not report lines. In valid JSON, the brackets, commas and line breaks outside of strings are enough.
    """
    line, brackets, expects_element = 1, "", False
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == "\n":
            line += 1
            continue
        if expects_element and token not in "]}":
            yield line
        if token in "{[":
            brackets += token
        elif token in "}]":
            brackets = brackets[:-1]
        expects_element = brackets == inside and token in "[,"

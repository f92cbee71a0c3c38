"""What a file of training data is, by its name and its first example, and its rows."""

import errno
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, BinaryIO

import orjson

from mockserver.datasets.example_files import csv_rows, json_rows, line_rows
from mockserver.datasets.files import LARGEST_FILE, LONGEST_LINE, read_rows
from mockserver.datasets.lines import Kind
from mockserver.datasets.rules import Row


class Form(Enum):
    """What a file can be: JSONL for Vertex AI, or examples for the Developer API in one of three formats."""

    SUPERVISED = Kind.SUPERVISED
    PREFERENCE = Kind.PREFERENCE
    PROMPTS = Kind.PROMPTS
    LINES = "lines"
    DOCUMENT = "document"
    TABLE = "table"


_SIGNS = (
    (Form.LINES, ("text_input", "textInput")),
    (Form.DOCUMENT, ("tunedModel", "tuned_model", "trainingData", "training_data", "examples")),
    (Form.PREFERENCE, ("completions",)),
    (Form.PROMPTS, ("references",)),
)
"""The members that show what an example is for."""


def find_form(suffix: str, file: BinaryIO) -> Form:
    """What a file is."""
    if suffix == ".csv":
        return Form.TABLE
    while line := file.readline(LONGEST_LINE):
        if not line.strip():
            continue
        if suffix != ".jsonl" and line.lstrip().startswith(b"["):
            return Form.DOCUMENT
        tree = _parsed(line)
        if isinstance(tree, Mapping):
            return next((form for form, members in _SIGNS if any(each in tree for each in members)), Form.SUPERVISED)
        if suffix == ".json":
            return Form.DOCUMENT
    return Form.SUPERVISED


def read_form(form: Form, file: BinaryIO) -> Iterator[Row]:
    """The rows of a file of that form."""
    if isinstance(form.value, Kind):
        return read_rows(file)
    read = {Form.TABLE: csv_rows, Form.LINES: line_rows, Form.DOCUMENT: json_rows}[form]
    raw = file.read(LARGEST_FILE + 1)
    if len(raw) > LARGEST_FILE:
        raise OSError(errno.EFBIG, f"larger than {LARGEST_FILE >> 30} GB")
    return read(raw)


def _parsed(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None

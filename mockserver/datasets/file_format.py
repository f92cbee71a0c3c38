"""Detects the format of a file of training data by its name and its first example, and reads its rows."""

import errno
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, BinaryIO

import orjson

from mockserver.datasets.example_files import csv_rows, json_rows, line_rows
from mockserver.datasets.files import LARGEST_FILE, LONGEST_LINE, read_rows
from mockserver.datasets.lines import Kind
from mockserver.datasets.rules import Row


class FileFormat(Enum):
    """JSONL for Vertex AI, by the kind of dataset, or one of three formats of examples for the Developer API."""

    SUPERVISED = Kind.SUPERVISED
    PREFERENCE = Kind.PREFERENCE
    PROMPTS = Kind.PROMPTS
    LINES = "lines"
    DOCUMENT = "document"
    TABLE = "table"


_TYPICAL_MEMBERS = (
    (FileFormat.LINES, ("text_input", "textInput")),
    (FileFormat.DOCUMENT, ("tunedModel", "tuned_model", "trainingData", "training_data", "examples")),
    (FileFormat.PREFERENCE, ("completions",)),
    (FileFormat.PROMPTS, ("references",)),
)
"""The members by which an example is recognized."""


def detect_format(suffix: str, file: BinaryIO) -> FileFormat:
    """Detect the format of a file from its suffix and its first line."""
    if suffix == ".csv":
        return FileFormat.TABLE
    while line := file.readline(LONGEST_LINE):
        if not line.strip():
            continue
        if suffix != ".jsonl" and line.lstrip().startswith(b"["):
            return FileFormat.DOCUMENT
        tree = _parse(line)
        if isinstance(tree, Mapping):
            formats = (
                file_format for file_format, members in _TYPICAL_MEMBERS if any(member in tree for member in members)
            )
            return next(formats, FileFormat.SUPERVISED)
        if suffix == ".json":
            return FileFormat.DOCUMENT
    return FileFormat.SUPERVISED


def read_format(file_format: FileFormat, file: BinaryIO) -> Iterator[Row]:
    """Read the rows of a file of that format."""
    if isinstance(file_format.value, Kind):
        return read_rows(file)
    read = {FileFormat.TABLE: csv_rows, FileFormat.LINES: line_rows, FileFormat.DOCUMENT: json_rows}[file_format]
    raw = file.read(LARGEST_FILE + 1)
    if len(raw) > LARGEST_FILE:
        raise OSError(errno.EFBIG, f"larger than {LARGEST_FILE >> 30} GB")
    return read(raw)


def _parse(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None

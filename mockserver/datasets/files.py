"""Reads tuning data: the lines of JSONL files, and datasets from gs:// URIs."""

from collections.abc import Iterator
from typing import BinaryIO

import orjson

from mockserver.datasets import dataset
from mockserver.datasets.dataset import Dataset
from mockserver.datasets.rules import Row, Rules, examine
from mockserver.datasets.storage import Buckets, Unreachable
from mockserver.simulation.tuning import Failure

LARGEST_FILE = 1 << 30  # "1GB" [documented]
LONGEST_LINE = 1 << 26  # our choice: an example of that size has many times the allowed tokens

INTERNAL = 13


def load(buckets: Buckets, uri: str, rules: Rules) -> Dataset:
    """Load the dataset of a gs:// URI; its failure says what is wrong with it. Raises NoSuchObject."""
    try:
        with buckets.open(uri) as file:
            return dataset.collect(examine(read_rows(file), rules), rules)
    except Unreachable as error:
        return dataset.unreadable(Failure(INTERNAL, f"Mock: {error}."))


def read_rows(file: BinaryIO) -> Iterator[Row]:
    """Read the lines of JSONL that are not blank, up to the size limit. It raises for no bytes at all."""
    size = 0
    for number, (raw, length) in enumerate(_raw_lines(file), 1):
        size += length
        if line := raw.strip():
            yield _row(number, line, _size_problem(size, length))
        if size > LARGEST_FILE:
            return


def _raw_lines(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield the beginning of each line, slightly more than the maximum, and the length of the line."""
    while raw := file.readline(LONGEST_LINE + 1):
        rest, length = raw, len(raw)
        while rest and not rest.endswith(b"\n") and length <= LARGEST_FILE:
            rest = file.readline(LONGEST_LINE)
            length += len(rest)
        yield raw, length


def _size_problem(size: int, length: int) -> str:
    """Return why a line is not read: it is beyond the size limit, or too long. Both our choice: not seen."""
    if size > LARGEST_FILE:
        return "is beyond the 1 GB that a dataset can have."
    return f"is longer than {LONGEST_LINE >> 20} MB." if length > LONGEST_LINE else ""


def _row(number: int, raw: bytes, problem: str) -> Row:
    text = raw.decode(errors="replace")
    if problem:
        return Row(number, text=text, problem=problem)
    try:
        return Row(number, orjson.loads(raw), text)
    except orjson.JSONDecodeError as error:
        return Row(number, text=text, problem=not_json(raw, error))


def not_json(raw: bytes, error: orjson.JSONDecodeError) -> str:
    """Return the problem of bytes that are not JSON."""  # our choice: not seen
    try:
        raw.decode()
    except UnicodeDecodeError:
        return "is not UTF-8."
    return f"is not valid JSON: {error.msg}."

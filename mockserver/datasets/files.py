"""Tuning data as files: JSON lines become examples, and gs:// objects datasets."""

from collections.abc import Iterator
from typing import BinaryIO

import orjson

from mockserver.datasets import dataset
from mockserver.datasets.dataset import Dataset
from mockserver.datasets.rules import Row, Rules, examine
from mockserver.datasets.storage import Buckets, Unreachable
from mockserver.simulation.tuning import Failure

LARGEST_FILE = 1 << 30  # "1GB" [documented]
LONGEST_LINE = 1 << 26  # our choice: an example of so many bytes has many times the tokens that one may have

INTERNAL = 13


def load(buckets: Buckets, uri: str, rules: Rules) -> Dataset:
    """The dataset of a gs:// URI; its failure says what is wrong with it. Raises NoSuchObject."""
    try:
        with buckets.open(uri) as file:
            return dataset.collect(examine(read_rows(file), rules), rules)
    except Unreachable as error:
        return dataset.unreadable(Failure(INTERNAL, f"Mock: {error}."))


def read_rows(file: BinaryIO) -> Iterator[Row]:
    """The lines of JSONL that are not blank, up to the first one that is too far down. No bytes make it raise."""
    size = 0
    for number, (raw, length) in enumerate(_raw_lines(file), 1):
        size += length
        if line := raw.strip():
            yield _row(number, line, _excess(size, length))
        if size > LARGEST_FILE:
            return


def _raw_lines(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Each line, as much of it as a line may have and a bit more, and its length."""
    while raw := file.readline(LONGEST_LINE + 1):
        rest, length = raw, len(raw)
        while rest and not rest.endswith(b"\n") and length <= LARGEST_FILE:
            rest = file.readline(LONGEST_LINE)
            length += len(rest)
        yield raw, length


def _excess(size: int, length: int) -> str:
    """Why a line is not looked at, if it is not: it is too far down, or too long. Both our choice: not seen."""
    if size > LARGEST_FILE:
        return "is beyond the 1 GB that a dataset can have."
    return f"is longer than {LONGEST_LINE >> 20} MB." if length > LONGEST_LINE else ""


def _row(number: int, raw: bytes, excess: str) -> Row:
    text = raw.decode(errors="replace")
    if excess:
        return Row(number, text=text, problem=excess)
    try:
        return Row(number, orjson.loads(raw), text)
    except orjson.JSONDecodeError as error:
        return Row(number, text=text, problem=not_json(raw, error))


def not_json(raw: bytes, error: orjson.JSONDecodeError) -> str:
    """What is to be said of bytes that are no JSON."""  # our choice: not seen
    try:
        raw.decode()
    except UnicodeDecodeError:
        return "is not UTF-8."
    return f"is not valid JSON: {error.msg}."

"""Tuning data as files: JSON lines become examples, and gs:// objects datasets."""

from collections.abc import Iterable, Iterator

import orjson

from mockserver.simulation import datasets
from mockserver.simulation.dataset_lines import Accepted, Kind, Line, examine, unusable
from mockserver.simulation.datasets import Dataset
from mockserver.simulation.tuning import Failure
from mockserver.storage import Buckets, NoSuchObject, Unreachable

LARGEST_FILE = 1 << 30  # "1GB" [documented]

NOT_FOUND = 5
INTERNAL = 13

PUBLIC_SAMPLES = "gs://cloud-samples-data/"
"""The bucket of the documentation's samples, which every real project can read."""


def load(buckets: Buckets, uri: str, kind: Kind, accepts: Accepted) -> Dataset:
    """The dataset of a gs:// URI. What is wrong with it or its place is the dataset's failure."""
    try:
        with buckets.open(uri) as file:
            return datasets.collect(read_lines(file, kind, accepts))
    except NoSuchObject:
        if uri.startswith(PUBLIC_SAMPLES):
            return datasets.synthesize(uri, preference=kind is Kind.PREFERENCE)
        # our choice: not seen
        missing = f"The dataset {uri} does not exist, or the service agent is not allowed to read it."
        return datasets.unreadable(Failure(NOT_FOUND, missing))
    except Unreachable as error:
        return datasets.unreadable(Failure(INTERNAL, f"Mock: {error}."))


def read_lines(file: Iterable[bytes], kind: Kind, accepts: Accepted) -> Iterator[Line]:
    """The lines of JSONL that are not blank, up to the first one that is too far down. No bytes make it raise."""
    size = 0
    for number, raw in enumerate(file, 1):
        size += len(raw)
        if line := raw.strip():
            yield _line(number, line, kind, accepts, too_far=size > LARGEST_FILE)
        if size > LARGEST_FILE:
            return


def _line(number: int, raw: bytes, kind: Kind, accepts: Accepted, *, too_far: bool) -> Line:
    text = raw.decode(errors="replace")
    if too_far:
        return unusable(number, text, "is beyond the 1 GB that a dataset can have.")  # our choice: not seen
    try:
        tree = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return unusable(number, text, f"is not valid JSON: {error.msg}.")  # our choice: not seen
    return examine(number, tree, text, kind, accepts)

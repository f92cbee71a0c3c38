"""Statistics of tuning data, and the files it is in: laws of `datasets.dataset` and `datasets.files`."""

import json
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.datasets import files
from mockserver.datasets.dataset import distribution, synthesize

populations = st.lists(st.integers(-10_000, 200_000), min_size=1, max_size=300)


@given(populations)
def test_buckets_hold_every_number_once(population: list[int]) -> None:
    """There are one to six, none empty, in order, apart, and the first holds the least number, the last the most."""
    buckets = distribution(population).buckets

    assert 1 <= len(buckets) <= 6
    assert [sum(bucket.left <= number <= bucket.right for number in population) for bucket in buckets] == [
        bucket.count for bucket in buckets
    ]
    assert len(population) == sum(bucket.count for bucket in buckets)
    assert all(bucket.count for bucket in buckets)
    assert all(bucket.left <= bucket.right for bucket in buckets)
    assert all(before.right < after.left for before, after in pairwise(buckets))
    assert min(population) == buckets[0].left
    assert max(population) == buckets[-1].right


@given(populations)
def test_buckets_are_of_one_width(population: list[int]) -> None:
    """Six equal spans of whole numbers differ by one at most."""
    widths = [bucket.right - bucket.left for bucket in distribution(population).buckets]

    assert max(widths) - min(widths) <= 1


@given(populations)
def test_percentiles_are_members_in_order(population: list[int]) -> None:
    """Nothing is interpolated: 500 numbers had whole ones in all three recordings.

    At least so many percent are below.
    """
    lie = distribution(population)

    assert {lie.p5, lie.median, lie.p95} <= set(population)
    assert min(population) == lie.least <= lie.p5 <= lie.median <= lie.p95 <= lie.most == max(population)
    for percent, value in ((5, lie.p5), (50, lie.median), (95, lie.p95)):
        assert percent * len(population) <= 100 * sum(number <= value for number in population)
        assert percent * len(population) >= 100 * sum(number < value for number in population)


@given(populations)
def test_sum_and_mean_are_exact(population: list[int]) -> None:
    """They are not estimates."""
    lie = distribution(population)

    assert sum(population) == lie.total
    assert sum(population) / len(population) == lie.mean


@given(populations, st.randoms())
def test_a_distribution_does_not_depend_on_the_order(population: list[int], rng: Any) -> None:
    """Of the numbers."""
    shuffled = list(population)
    rng.shuffle(shuffled)

    assert distribution(population) == distribution(shuffled)


def test_numbers_that_are_all_the_same_share_a_bucket() -> None:
    """As 90 images with one question each, and 500 examples of two messages did."""
    (bucket,) = distribution([270] * 90).buckets

    assert (90, 270, 270) == (bucket.count, bucket.left, bucket.right)


def test_a_file_ends_at_a_gigabyte(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that goes beyond is the last one read, and a problem."""
    monkeypatch.setattr(files, "LARGEST_FILE", 100)
    line = json.dumps({"contents": "a" * 30}).encode() + b"\n"

    lines = list(files.read_rows(BytesIO(line * 5)))

    assert ["is beyond the 1 GB that a dataset can have."] == [line.problem for line in lines if line.problem]


def test_a_line_that_is_too_long_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one problem, whatever its length; the lines after it are read."""
    monkeypatch.setattr(files, "LONGEST_LINE", 200)
    line = json.dumps({"contents": "a"}).encode()
    long = json.dumps({"contents": "a" * 1000}).encode()

    lines = list(files.read_rows(BytesIO(b"\n".join([line, long, line, long]))))

    assert [(1, False), (2, True), (3, False), (4, True)] == [(each.line, bool(each.problem)) for each in lines]
    assert all(len(each.text) <= 201 for each in lines)


def test_no_more_than_a_gigabyte_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even if it is a single endless line."""
    monkeypatch.setattr(files, "LARGEST_FILE", 1000)
    monkeypatch.setattr(files, "LONGEST_LINE", 100)
    file = BytesIO(b"x" * 100_000)

    lines = list(files.read_rows(file))

    assert "is beyond the 1 GB that a dataset can have." == lines[0].problem
    assert file.tell() < 1200


def test_text_that_is_not_utf_8_is_reported() -> None:
    """Instead of a parser's error."""
    lines = files.read_rows(BytesIO('{"contents": "é"}'.encode("latin-1")))

    assert ["is not UTF-8."] == [line.problem for line in lines]


@given(st.text(max_size=40))
def test_a_made_up_dataset_is_the_same_for_a_uri(uri: str) -> None:
    """So that two runs of a test have the same statistics."""
    assert synthesize(uri) == synthesize(uri)

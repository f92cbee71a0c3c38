"""Laws of parsing timestamps, durations and field masks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.protojson.formatting import SECOND, duration_text, timestamp_text
from mockserver.protojson.scalars import InvalidValue
from mockserver.protojson.well_known import (
    FIRST_SECOND,
    LAST_SECOND,
    MAX_DURATION_SECONDS,
    parse_duration,
    parse_field_mask,
    parse_timestamp,
    snake_case,
)

ILLEGAL = "Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset."
BEYOND = "Timestamp value exceeds limits"


@given(st.integers(FIRST_SECOND * SECOND, (LAST_SECOND + 1) * SECOND - 1))
def test_a_time_written_is_a_time_read(nanos: int) -> None:
    """Every valid Timestamp can be written and read back."""
    assert nanos == parse_timestamp(timestamp_text(nanos))


@given(st.integers(-MAX_DURATION_SECONDS * SECOND, MAX_DURATION_SECONDS * SECOND))
def test_a_duration_written_is_a_duration_read(nanos: int) -> None:
    """Every valid Duration can be written and read back."""
    assert nanos == parse_duration(duration_text(nanos))


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000000000000Z", 0),
        ("1970-01-01T01:00:00.25+01:00", SECOND // 4),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("1970-1-1T0:0:7Z", 7 * SECOND),
        ("2000-02-29T00:00:00-23:59", (951782400 + 86340) * SECOND),
    ],
)
def test_a_time_may_be_said_in_many_ways(text: str, nanos: int) -> None:
    """Offsets, any number of digits up to nine, leading zeros or not (time.cc of 3.21)."""
    assert nanos == parse_timestamp(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", ILLEGAL),
        ("yesterday", ILLEGAL),
        ("2024-03-14", ILLEGAL),
        ("2024-03-14T15:11:23", ILLEGAL),
        ("2024-03-14T15:11:23.Z", ILLEGAL),
        ("2024-03-14t15:11:23z", ILLEGAL),
        ("2024-02-30T00:00:00Z", ILLEGAL),
        ("2024-02-03T24:00:00Z", ILLEGAL),
        ("2016-12-31T23:59:60Z", ILLEGAL),
        ("2024-03-14T15:11:23+24:00", ILLEGAL),
        ("0000-01-01T00:00:00Z", ILLEGAL),
        ("10000-01-01T00:00:00Z", BEYOND),
        ("9999-12-31T23:59:59-00:01", BEYOND),
        ("2024-03-14T15:11:23.1234567891Z", BEYOND),
        ("2024-03-14T15:11:23.9999999999Z", "Invalid timestamp format, failed to parse nano seconds"),
    ],
)
def test_a_time_that_is_none_is_refused(text: str, sentence: str) -> None:
    """The sentences are those recorded on Firestore; those of 3.21 are older."""
    with pytest.raises(InvalidValue) as caught:
        parse_timestamp(text)

    assert sentence == str(caught.value)


@pytest.mark.parametrize(
    ("text", "nanos"), [("0s", 0), ("+3s", 3 * SECOND), ("-0.5s", -SECOND // 2), ("2.s", 2 * SECOND)]
)
def test_a_duration_may_be_said_in_many_ways(text: str, nanos: int) -> None:
    """A sign, a point with nothing behind it."""
    assert nanos == parse_duration(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("3", "Illegal duration format; duration must end with 's'"),
        (".5s", "Invalid duration format, failed to parse seconds"),
        ("--1s", "Invalid duration format, failed to parse seconds"),
        ("1.2.3s", "Invalid duration format, failed to parse seconds"),
        ("1.5ms", "Invalid duration format, failed to parse nano seconds"),
        ("1.1234567891s", "Duration value exceeds limits"),
        ("315576000001s", "Duration value exceeds limits"),
    ],
)
def test_a_duration_that_is_none_is_refused(text: str, sentence: str) -> None:
    """The sentences are those of protostream_objectwriter.cc of 3.21."""
    with pytest.raises(InvalidValue) as caught:
        parse_duration(text)

    assert sentence == str(caught.value)


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("", []),
        ("displayName,top_k", ["display_name", "top_k"]),
        ("*", ["*"]),
        ("a(b,cD(e)),f.gH", ["a.b", "a.c_d.e", "f.g_h"]),
        ('labels["anyKey.b"],x', ['labels["anyKey.b"]', "x"]),
        (",,a,", ["a"]),
    ],
)
def test_a_mask_is_paths_in_proto_spelling(text: str, paths: list[str]) -> None:
    """Commas, parentheses and quoted map keys, as field_mask_utility.cc of 3.21 reads them."""
    assert paths == parse_field_mask(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a)", "Cannot find matching '(' for all ')'."),
        ("a(b", "Cannot find matching ')' for all '('."),
        ("a[b]", 'Map keys should be represented as ["some_key"].'),
        ('a["b"]c', "Map keys should be at the end of a path segment."),
        ('a["b', "Cannot find matching ']' for all '['."),
    ],
)
def test_a_mask_that_is_none_is_refused(text: str, problem: str) -> None:
    """The error quotes the mask and names the problem."""
    with pytest.raises(InvalidValue) as caught:
        parse_field_mask(text)

    assert f"Invalid FieldMask '{text}'. {problem}" == str(caught.value)


@pytest.mark.parametrize("text", ["a(" * 200, "a" * 200_000 + "(", "a" * 90_000 + "(" + "b," * 200 + ")"])
def test_a_mask_cannot_blow_up(text: str) -> None:
    """A mask that expands to far more than its length is refused."""
    with pytest.raises(InvalidValue, match="It "):
        parse_field_mask(text)


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("gBike", "g_bike"),
        ("Biscuit", "biscuit"),
        ("GoogleLAB", "google_lab"),
        ("GBike", "g_bike"),
        ("a_B", "a_b"),
        ("aB1C", "a_b1_c"),
    ],
)
def test_capitals_begin_words(name: str, snake: str) -> None:
    """The examples of 3.21's ToSnakeCase."""
    assert snake == snake_case(name)

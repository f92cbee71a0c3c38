"""Laws of formatting numbers, timestamps and durations."""

import json
import math
import re
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.protojson.formatting import double_text, duration_text, float32_text, timestamp_text

SECOND = 1_000_000_000


def as_float32(value: float) -> float:
    """The float32 nearest to `value`."""
    (single,) = struct.unpack("f", struct.pack("f", value))
    return float(single)


def nanos_of(text: str) -> int:
    """A timestamp's text as nanoseconds since the epoch."""
    date, _, fraction = text.removesuffix("Z").partition(".")
    seconds = (datetime.fromisoformat(date + "+00:00") - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    return seconds * SECOND + int(fraction.ljust(9, "0"))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float32_text_reads_back_as_the_same_float32(value: float) -> None:
    """Nothing of a float32 is lost in its text, not even the sign of zero."""
    read = as_float32(float(float32_text(value)))

    assert (value, math.copysign(1, value)) == (read, math.copysign(1, read))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float32_text_is_the_shortest_of_six_to_nine_digits(value: float) -> None:
    """Fewer digits, from six on, would be another number."""
    texts = [f"{value:.{digits}g}" for digits in (6, 7, 8, 9)]
    good = [text for text in texts if as_float32(float(text)) == value]

    assert good[0] == float32_text(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_double_text_reads_back_as_the_same_double(value: float) -> None:
    """Nothing of a double is lost in its text."""
    read = float(double_text(value))

    assert (value, math.copysign(1, value)) == (read, math.copysign(1, read))


@given(st.integers(-(2**24), 2**24))
def test_whole_doubles_have_no_point(value: int) -> None:
    """25.0 is written 25, as Vertex AI does."""
    assert str(value) == double_text(float(value))


@pytest.mark.parametrize(
    ("value", "text"), [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity"), (-0.0, "-0"), (0.0, "0")]
)
def test_unusual_floats_have_the_same_name_in_both_widths(value: float, text: str) -> None:
    """NaN, the infinities and both zeros."""
    assert (text, text) == (float32_text(value), double_text(value))


@pytest.mark.parametrize("value", [1e39, -1e39])
def test_what_no_float32_holds_is_refused(value: float) -> None:
    """A number beyond float32 is a bug of ours and does not become infinity."""
    with pytest.raises(OverflowError):
        float32_text(value)


@given(st.integers(-62_135_596_800 * SECOND, 253_402_300_800 * SECOND - 1))
def test_timestamp_text_reads_back_as_the_same_moment(nanos: int) -> None:
    """Times keep their nanoseconds from year 1 to year 9999."""
    assert nanos == nanos_of(timestamp_text(nanos))


@given(st.integers(0, SECOND - 1))
def test_fractions_have_0_3_6_or_9_digits(fraction: int) -> None:
    """Of these the fewest that lose nothing, in times and in durations alike."""
    digits = next(n for n in (0, 3, 6, 9) if fraction % 10 ** (9 - n) == 0)
    point = f".{fraction:09d}"[: digits + 1] if digits else ""

    assert f"1970-01-01T00:00:00{point}Z" == timestamp_text(fraction)
    assert f"7{point}s" == duration_text(7 * SECOND + fraction)


@given(st.integers(-(10**21), 10**21))
def test_duration_text_reads_back_as_the_same_length(nanos: int) -> None:
    """Negative durations have one sign, in front."""
    match = re.fullmatch(r"(-?)(\d+)(?:\.(\d+))?s", duration_text(nanos))

    assert match
    sign, seconds, fraction = match.groups()
    assert nanos == (-1 if sign else 1) * (int(seconds) * SECOND + int((fraction or "").ljust(9, "0")))


def test_texts_are_those_of_the_sample_table(transcripts: Path) -> None:
    """Every number, time and duration of the table is spelled as there."""
    table = json.loads((transcripts / "wire-format-vectors.json").read_text())
    base = 1_710_429_083 * SECOND  # 2024-03-14T15:11:23Z, the second all samples share
    written = {
        "float32": [float32_text(row["value"]) for row in table["float32"]],
        "double": [double_text(float(row["value"])) for row in table["double"]],
        "timestamp": [timestamp_text(base + row["nanos"]) for row in table["timestamp"]],
        "duration": [duration_text(row["seconds"] * SECOND + row["nanos"]) for row in table["duration"]],
    }

    assert {name: [row["json"] for row in table[name]] for name in written} == written

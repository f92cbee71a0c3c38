"""What is special in google.protobuf: names, and the text forms of times, lengths of time and field masks.

Ports of protobuf 3.21's time.cc, protostream_objectwriter.cc and field_mask_utility.cc; what production says
about times is newer than 3.21 and was recorded on Firestore (2026-09). Everything here raises `Refused` with
the sentence that comes behind "Field 'createTime', ".
"""

import re
from collections.abc import Callable, Iterator
from datetime import date

from mockserver.protojson.formatting import SECOND, Nanos
from mockserver.protojson.scalars import Refused

ANY, STRUCT = "google.protobuf.Any", "google.protobuf.Struct"
VALUE, LIST_VALUE = "google.protobuf.Value", "google.protobuf.ListValue"
WRAPPERS = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)
NULLABLE = frozenset({VALUE, "google.protobuf.NullValue"})
"""Where null is a value. Everywhere else it is as if nothing had been said."""

_EPOCH = date(1970, 1, 1).toordinal()
FIRST_SECOND = -62_135_596_800
"""0001-01-01T00:00:00Z, where protobuf's time begins."""
LAST_SECOND = 253_402_300_799
"""9999-12-31T23:59:59Z, where it ends."""
LONGEST = 315_576_000_000
"""The seconds of ten thousand years, the longest Duration."""

_TIMESTAMP = re.compile(
    r"([0-9]+)-([0-9]{1,2})-([0-9]{1,2})T([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})"
    r"(?:\.([0-9]+))?(?:Z|([+-])([0-9]{1,2}):([0-9]{1,2}))"
)
_ILLEGAL = "Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset."
_BEYOND = "Timestamp value exceeds limits"
_INT32_MAX = 2**31 - 1


def parse_timestamp(text: str) -> Nanos:
    """RFC 3339 with `Z` or an offset and up to nine fraction digits. Raises Refused.

    As in time.cc a field may lack its leading zero (2024-3-14T5:06:07Z) and there is no second 60.
    """
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise Refused(_ILLEGAL)
    if len(match[1]) > 4:  # recorded on Firestore
        raise Refused(_BEYOND)
    year, month, day, hour, minute, second = (int(part) for part in match.group(1, 2, 3, 4, 5, 6))
    away = _offset(match[8], match[9], match[10])
    if away is None or hour > 23 or minute > 59 or second > 59:
        raise Refused(_ILLEGAL)
    try:
        days = date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        raise Refused(_ILLEGAL) from None
    seconds = days * 86400 + hour * 3600 + minute * 60 + second - away
    if not FIRST_SECOND <= seconds <= LAST_SECOND:
        raise Refused(_BEYOND)
    # our choice: not seen, by the sentence a Duration has
    unreadable = "Invalid timestamp format, failed to parse nano seconds"
    return seconds * SECOND + _nanos(match[7] or "", unreadable, _BEYOND)


def _offset(sign: str | None, hours: str, minutes: str) -> int | None:
    """Seconds to take off for UTC, or None when no clock shows that."""
    if sign is None:
        return 0
    if int(hours) > 23 or int(minutes) > 59:
        return None
    seconds = (int(hours) * 60 + int(minutes)) * 60
    return -seconds if sign == "-" else seconds


_SECONDS = re.compile(r" *\+?([0-9]+) *")


def parse_duration(text: str) -> Nanos:
    """Seconds and an `s`: "3s", "-1.5s", "1.000000001s". Raises Refused."""
    if not text.endswith("s"):
        raise Refused("Illegal duration format; duration must end with 's'")
    number = text[:-1].removeprefix("-")
    whole, point, fraction = number.rpartition(".")
    match = _SECONDS.fullmatch(whole if point else number)
    if match is None:
        raise Refused("Invalid duration format, failed to parse seconds")
    beyond = "Duration value exceeds limits"
    nanos = _nanos(fraction if point else "", "Invalid duration format, failed to parse nano seconds", beyond)
    digits = match[1].lstrip("0") or "0"
    if len(digits) > 12 or int(digits) > LONGEST:
        raise Refused(beyond)
    total = int(digits) * SECOND + nanos
    return -total if text.startswith("-") else total


def _nanos(fraction: str, unreadable: str, beyond: str) -> int:
    """Nine digits of a fraction of a second; more are refused unless all are zero."""
    digits = fraction.lstrip("0")
    if not digits:
        return 0
    if not digits.isdecimal() or not digits.isascii():
        raise Refused(unreadable)
    if len(digits) > 10 or int(digits) > _INT32_MAX:
        raise Refused(unreadable)
    if len(fraction) > 9:
        raise Refused(beyond)
    return int(fraction.ljust(9, "0"))


# Field masks: "displayName,tuning_task(hyperparameters.epochCount,startTime)"

_MARKS = re.compile(r'[,()]|\["(?:[^"\\]|\\.)*(?:"\]|\Z)|\[', re.DOTALL)
# our choice: not seen; in C++ masks nest, and the paths they are short for grow, without end
_NEST, _LONGEST_PREFIX, _LONGEST_MASK = 100, 100_000, 10_000_000


def parse_field_mask(text: str) -> list[str]:
    """Paths in proto spelling, whichever spelling they came in. Raises Refused."""
    paths: list[str] = []
    size = 0
    for path in _expanded(text):
        size += len(path)
        if size > _LONGEST_MASK:
            raise Refused("Invalid FieldMask. It names too many paths.")  # our choice: not seen
        paths.append(_in_segments(path, snake_case))
    return paths


def _expanded(text: str) -> Iterator[str]:
    """Paths without parentheses: `a(b,c)` is `a.b` and `a.c`."""
    prefixes = [""]
    start = 0
    for mark in _MARKS.finditer(text):
        if mark[0].startswith("["):
            _check_key(mark)
            continue
        segment, start = text[start : mark.start()], mark.end()
        if mark[0] == "(":
            prefixes.append(_joined(prefixes[-1], segment))
        elif segment:
            yield _joined(prefixes[-1], segment)
        if mark[0] == ")":
            prefixes.pop()
        if not prefixes:
            raise _bad_mask(text, "Cannot find matching '(' for all ')'.")
        if len(prefixes) > _NEST or len(prefixes[-1]) > _LONGEST_PREFIX:
            raise Refused("Invalid FieldMask. It is nested too deeply.")  # our choice: not seen
    if text[start:]:
        yield _joined(prefixes[-1], text[start:])
    if len(prefixes) > 1:
        raise _bad_mask(text, "Cannot find matching ')' for all '('.")


def _check_key(mark: re.Match[str]) -> None:
    """See that a map key looks like one: `["key"]` at the end of a segment."""
    text = mark.string
    if mark[0] == "[":
        raise _bad_mask(text, 'Map keys should be represented as ["some_key"].')
    if not mark[0].endswith('"]'):
        raise _bad_mask(text, "Cannot find matching ']' for all '['.")
    if text[mark.end() : mark.end() + 1] not in ("", ".", ",", ")", "("):
        raise _bad_mask(text, "Map keys should be at the end of a path segment.")


def _bad_mask(text: str, problem: str) -> Refused:
    return Refused(f"Invalid FieldMask '{text}'. {problem}")


def _joined(prefix: str, segment: str) -> str:
    point = "." if prefix and segment and not segment.startswith('["') else ""
    return f"{prefix}{point}{segment}"


_QUOTED = re.compile(r'("(?:[^"\\]|\\.)*"?)', re.DOTALL)


def _in_segments(path: str, convert: Callable[[str], str]) -> str:
    """`path` with all but its quoted map keys converted."""
    if '"' not in path:
        return convert(path)
    return "".join(part if part.startswith('"') else convert(part) for part in _QUOTED.split(path))


_CAPITAL = re.compile(r"(?<=[^A-Z_.])[A-Z]|(?<=[A-Z])[A-Z](?=[a-z])")


def snake_case(name: str) -> str:
    """Proto spelling: an underscore before a capital that begins a word, `GBikeID` -> `g_bike_id`."""
    return _CAPITAL.sub(lambda capital: f"_{capital[0]}", name).translate(_LOWER)


_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")

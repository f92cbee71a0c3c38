"""The special types of google.protobuf: their names, and parsers for timestamps, durations and field masks.

Ports of protobuf 3.21's time.cc, protostream_objectwriter.cc and field_mask_utility.cc. Production's sentences about
times are newer than 3.21 and were recorded on Firestore (2026-09). All parsers raise `InvalidValue` with the sentence
that follows "Field 'createTime', ".
"""

import re
from collections.abc import Callable, Iterator
from datetime import date

from mockserver.protojson.formatting import SECOND, Nanos
from mockserver.protojson.scalars import InvalidValue

ANY, STRUCT = "google.protobuf.Any", "google.protobuf.Struct"
VALUE, LIST_VALUE = "google.protobuf.Value", "google.protobuf.ListValue"
WRAPPERS = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)
NULLABLE = frozenset({VALUE, "google.protobuf.NullValue"})
"""The types for which null is a value. For all others null means: not set."""

_EPOCH = date(1970, 1, 1).toordinal()
FIRST_SECOND = -62_135_596_800
"""0001-01-01T00:00:00Z, the first second of a Timestamp."""
LAST_SECOND = 253_402_300_799
"""9999-12-31T23:59:59Z, its last second."""
MAX_DURATION_SECONDS = 315_576_000_000
"""Ten thousand years."""

_TIMESTAMP = re.compile(
    r"([0-9]+)-([0-9]{1,2})-([0-9]{1,2})T([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})"
    r"(?:\.([0-9]+))?(?:Z|([+-])([0-9]{1,2}):([0-9]{1,2}))"
)
_ILLEGAL = "Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset."
_BEYOND = "Timestamp value exceeds limits"
_INT32_MAX = 2**31 - 1


def parse_timestamp(text: str) -> Nanos:
    """Parse RFC 3339 with `Z` or an offset and up to nine fraction digits. Raises InvalidValue.

    As in time.cc a field may lack its leading zero (2024-3-14T5:06:07Z) and there is no second 60.
    """
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise InvalidValue(_ILLEGAL)
    if len(match[1]) > 4:  # recorded on Firestore
        raise InvalidValue(_BEYOND)
    year, month, day, hour, minute, second = (int(part) for part in match.group(1, 2, 3, 4, 5, 6))
    offset = _offset_seconds(match[8], match[9], match[10])
    if offset is None or hour > 23 or minute > 59 or second > 59:
        raise InvalidValue(_ILLEGAL)
    try:
        days = date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        raise InvalidValue(_ILLEGAL) from None
    seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset
    if not FIRST_SECOND <= seconds <= LAST_SECOND:
        raise InvalidValue(_BEYOND)
    # our choice: not seen, by the sentence a Duration has
    unreadable = "Invalid timestamp format, failed to parse nano seconds"
    return seconds * SECOND + _parse_fraction(match[7] or "", unreadable, _BEYOND)


def _offset_seconds(sign: str | None, hours: str, minutes: str) -> int | None:
    """Return the seconds to subtract for UTC, or None if that is not a valid offset."""
    if sign is None:
        return 0
    if int(hours) > 23 or int(minutes) > 59:
        return None
    seconds = (int(hours) * 60 + int(minutes)) * 60
    return -seconds if sign == "-" else seconds


_SECONDS = re.compile(r" *\+?([0-9]+) *")


def parse_duration(text: str) -> Nanos:
    """Parse seconds and an `s`: "3s", "-1.5s", "1.000000001s". Raises InvalidValue."""
    if not text.endswith("s"):
        raise InvalidValue("Illegal duration format; duration must end with 's'")
    number = text[:-1].removeprefix("-")
    whole, point, fraction = number.rpartition(".")
    match = _SECONDS.fullmatch(whole if point else number)
    if match is None:
        raise InvalidValue("Invalid duration format, failed to parse seconds")
    beyond = "Duration value exceeds limits"
    nanos = _parse_fraction(fraction if point else "", "Invalid duration format, failed to parse nano seconds", beyond)
    digits = match[1].lstrip("0") or "0"
    if len(digits) > 12 or int(digits) > MAX_DURATION_SECONDS:
        raise InvalidValue(beyond)
    total = int(digits) * SECOND + nanos
    return -total if text.startswith("-") else total


def _parse_fraction(fraction: str, unreadable: str, beyond: str) -> int:
    """Parse up to nine digits of a fraction of a second; more are accepted only if all are zero."""
    digits = fraction.lstrip("0")
    if not digits:
        return 0
    if not digits.isdecimal() or not digits.isascii():
        raise InvalidValue(unreadable)
    if len(digits) > 10 or int(digits) > _INT32_MAX:
        raise InvalidValue(unreadable)
    if len(fraction) > 9:
        raise InvalidValue(beyond)
    return int(fraction.ljust(9, "0"))


# Field masks: "displayName,tuning_task(hyperparameters.epochCount,startTime)"

_MARKS = re.compile(r'[,()]|\["(?:[^"\\]|\\.)*(?:"\]|\Z)|\[', re.DOTALL)
# our choice: not seen; in C++ the nesting and the expanded paths have no limit
_NEST, _LONGEST_PREFIX, _LONGEST_MASK = 100, 100_000, 10_000_000


def parse_field_mask(text: str) -> list[str]:
    """Parse a field mask into paths in proto spelling; it may use either spelling. Raises InvalidValue."""
    paths: list[str] = []
    size = 0
    for path in _expand_groups(text):
        size += len(path)
        if size > _LONGEST_MASK:
            raise InvalidValue("Invalid FieldMask. It names too many paths.")  # our choice: not seen
        paths.append(_convert_names(path, snake_case))
    return paths


def _expand_groups(text: str) -> Iterator[str]:
    """Yield the paths without groups: `a(b,c)` is `a.b` and `a.c`."""
    prefixes = [""]
    start = 0
    for mark in _MARKS.finditer(text):
        if mark[0].startswith("["):
            _check_map_key(mark)
            continue
        segment, start = text[start : mark.start()], mark.end()
        if mark[0] == "(":
            prefixes.append(_join_path(prefixes[-1], segment))
        elif segment:
            yield _join_path(prefixes[-1], segment)
        if mark[0] == ")":
            prefixes.pop()
        if not prefixes:
            raise _mask_error(text, "Cannot find matching '(' for all ')'.")
        if len(prefixes) > _NEST or len(prefixes[-1]) > _LONGEST_PREFIX:
            raise InvalidValue("Invalid FieldMask. It is nested too deeply.")  # our choice: not seen
    if text[start:]:
        yield _join_path(prefixes[-1], text[start:])
    if len(prefixes) > 1:
        raise _mask_error(text, "Cannot find matching ')' for all '('.")


def _check_map_key(mark: re.Match[str]) -> None:
    """Check that a map key has the form `["key"]` and ends a segment."""
    text = mark.string
    if mark[0] == "[":
        raise _mask_error(text, 'Map keys should be represented as ["some_key"].')
    if not mark[0].endswith('"]'):
        raise _mask_error(text, "Cannot find matching ']' for all '['.")
    if text[mark.end() : mark.end() + 1] not in ("", ".", ",", ")", "("):
        raise _mask_error(text, "Map keys should be at the end of a path segment.")


def _mask_error(text: str, problem: str) -> InvalidValue:
    return InvalidValue(f"Invalid FieldMask '{text}'. {problem}")


def _join_path(prefix: str, segment: str) -> str:
    point = "." if prefix and segment and not segment.startswith('["') else ""
    return f"{prefix}{point}{segment}"


_QUOTED = re.compile(r'("(?:[^"\\]|\\.)*"?)', re.DOTALL)


def _convert_names(path: str, convert: Callable[[str], str]) -> str:
    """Convert the names of a path, but not its quoted map keys."""
    if '"' not in path:
        return convert(path)
    return "".join(part if part.startswith('"') else convert(part) for part in _QUOTED.split(path))


_CAPITAL = re.compile(r"(?<=[^A-Z_.])[A-Z]|(?<=[A-Z])[A-Z](?=[a-z])")


def snake_case(name: str) -> str:
    """Convert to proto spelling, with an underscore before a capital that starts a word: `GBikeID` -> `g_bike_id`."""
    return _CAPITAL.sub(lambda capital: f"_{capital[0]}", name).translate(_LOWER)


_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")

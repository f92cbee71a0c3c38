"""Converts JSON scalars to protobuf field values, and quotes them in errors.

A port of protobuf 3.21's datapiece.cc and strutil.cc, with the differences seen in production (numbers for a bool,
the sentence about base64). As in 3.21's parser, a JSON number is an int if it fits 64 bits, else a float.
"""

import math
import re
import struct
from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from mockserver.protojson import schema
from mockserver.protojson.formatting import double_text
from mockserver.protojson.schema import Field, FieldType

Scalar = str | int | float | bool | None
Convert = Callable[[Any], Any]


class InvalidValue(ValueError):
    """A value that a field of that type does not accept. The text is its description in an error, mostly the value."""


def quote_value(value: Scalar) -> str:
    """Quote a value as an error does: strings in quotes, without escapes; numbers as C++ prints them."""
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return double_text(value)
    return "null" if value is None else str(value)


# Numbers as text

_UINT64_DIGITS = 20
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HEXADECIMAL = re.compile(r"[+-]?0[xX](?:[0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?")
_INTEGER = re.compile(r"([+-]?)([0-9]+)")


def parse_number(text: str) -> int | float:
    """Parse a JSON number, a text of `0-9.eE+-x`. ValueError with the parser's sentence.

    Leading zeros are octal and refused, except before a point or an exponent, which strtod parses: `00.5`
    is a half, `0x1e5` is 485.
    """
    if not any(mark in text for mark in ".eE"):
        sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
        if len(digits) > 1 and digits[0] == "0":
            raise ValueError("Octal/hex numbers are not valid JSON values.")
        if digits.isdecimal() and len(digits) <= _UINT64_DIGITS:
            number = int(sign + digits)
            if -(2**63) <= number < 2**64:
                return number
    double = _strtod(text)
    if double is None:
        raise ValueError("Unable to parse number.")
    if not math.isfinite(double):
        raise ValueError("Number exceeds the range of double.")
    return double


def _strtod(text: str) -> float | None:
    """Parse the whole text as C's strtod does, or return None. Its words (inf, nan) never get here."""
    if _DECIMAL.fullmatch(text):
        return float(text)
    if _HEXADECIMAL.fullmatch(text):
        try:
            return float.fromhex(text)
        except OverflowError:
            return math.inf
    return None


def _parse_double(text: str) -> float | None:
    """Parse a finite number in a string as 3.21's safe_strtod: white space around it, but no blank at either end."""
    if text.startswith(" ") or text.endswith(" "):
        return None
    double = _strtod(text.partition("\0")[0].strip(" \t\n\v\f\r"))
    return double if double is not None and math.isfinite(double) else None


# One converter for each type of field

_FLOAT32 = struct.Struct("f")  # native: rounds as C does, and gives infinity where "<f" would raise
_FLOAT32_MAX = (2 - 2**-23) * 2.0**127
_SPECIAL_DOUBLES = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})


def _string(value: Scalar) -> str:
    if not isinstance(value, str):
        raise InvalidValue(quote_value(value))
    return value


def _bool(value: Scalar) -> bool:
    if isinstance(value, str):
        word = value.lower() if value.isascii() else value
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
    # A bool, or 1, 0 and 1.0, which production takes and 3.21 does not (measured on a sister host).
    elif value is not None and value in (0, 1):
        return bool(value)
    raise InvalidValue(quote_value(value))


def _integer(low: int, high: int) -> Convert:
    def convert(value: Scalar) -> int:
        number: int | float | None = None
        if isinstance(value, str):
            number = _parse_integer(value, signed=low < 0)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            number = value
        if number is None or number != number // 1 or not low <= number <= high:
            raise InvalidValue(quote_value(value))
        return int(number)

    return convert


def _parse_integer(text: str, *, signed: bool) -> int | None:
    """Parse decimal digits with an optional sign: "+40" and "007" are valid, "40.0", "4e1" and "40 " are not."""
    number = _INTEGER.fullmatch(text)
    if number is None or (number[1] == "-" and not signed):
        return None
    digits = number[2].lstrip("0") or "0"
    return int(number[1] + digits) if len(digits) <= _UINT64_DIGITS else None


_int32 = _integer(-(2**31), 2**31 - 1)
_uint32 = _integer(0, 2**32 - 1)
_int64 = _integer(-(2**63), 2**63 - 1)
_uint64 = _integer(0, 2**64 - 1)


def _double(value: Scalar) -> float:
    number: float | None = None
    if isinstance(value, str):
        number = _SPECIAL_DOUBLES[value] if value in _SPECIAL_DOUBLES else _parse_double(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    if number is None:
        raise InvalidValue(quote_value(value))
    return number


def _float(value: Scalar) -> float:
    number = _double(value)
    (single,) = _FLOAT32.unpack(_FLOAT32.pack(number))
    if math.isinf(single) and not math.isinf(number):
        raise InvalidValue(quote_value(value))
    if isinstance(value, str) and _FLOAT32_MAX < abs(number) < math.inf:  # a number would be rounded down
        raise InvalidValue(quote_value(value))
    return float(single)


# The unused bits of the last digit must be zero, or two texts would have the same bytes
# (use_strict_base64_decoding of 3.21).
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}|[A-Za-z0-9_-]*={0,2}")
_LAST_DIGITS = {0: "", 2: "AQgw", 3: "AEIMQUYcgkosw048"}


def _bytes(value: Scalar) -> bytes:
    """Decode base64 in either alphabet, padded or not."""
    if not isinstance(value, str):
        raise InvalidValue(quote_value(value))
    # Threads about generateContent quote this sentence; 3.21 quotes the value only.
    error = InvalidValue(f"Base64 decoding failed for {quote_value(value)}")
    if not _BASE64.fullmatch(value):
        raise error
    digits = value.rstrip("=")
    group, padding = len(digits) % 4, len(value) - len(digits)
    if group == 1 or padding not in (0, -group % 4) or (group and digits[-1] not in _LAST_DIGITS[group]):
        raise error
    try:
        return b64decode(digits.translate(_STANDARD) + "=" * (-group % 4), validate=True)
    except BadBase64:  # pragma: no cover - every text that passes the checks above decodes
        raise error from None


_STANDARD = str.maketrans("-_", "+/")


@cache
def _enum(name: str) -> Convert:
    """Return a converter to the name of a declared number, else to the number.

    It accepts a name in any case, with `-` for `_` (seen), and a declared number, also as decimal text.
    """
    enum = schema.enum(name)

    def convert(value: Scalar) -> str | int:
        if isinstance(value, str):
            number = enum.by_name.get(value)
            number = _find_enum_number(enum, value) if number is None else number
        else:
            number = 0 if value is None else _int32(value)  # null comes for a NullValue only
        if number is None:
            raise InvalidValue(quote_value(value))
        return enum.by_number.get(number, number)

    return convert


def _find_enum_number(enum: schema.Enum, text: str) -> int | None:
    number = _parse_integer(text, signed=True)
    if number in enum.by_number:
        return number
    return enum.by_name.get(text.translate(_UPPER_CASE))


_UPPER_CASE = str.maketrans("abcdefghijklmnopqrstuvwxyz-", "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")  # ASCII only, as in C++

_CONVERT: Mapping[FieldType, Convert] = {
    FieldType.STRING: _string,
    FieldType.BYTES: _bytes,
    FieldType.BOOL: _bool,
    FieldType.INT32: _int32,
    FieldType.SINT32: _int32,
    FieldType.SFIXED32: _int32,
    FieldType.UINT32: _uint32,
    FieldType.FIXED32: _uint32,
    FieldType.INT64: _int64,
    FieldType.SINT64: _int64,
    FieldType.SFIXED64: _int64,
    FieldType.UINT64: _uint64,
    FieldType.FIXED64: _uint64,
    FieldType.FLOAT: _float,
    FieldType.DOUBLE: _double,
}


def converter(field: Field) -> Convert:
    """Return the function that converts a JSON scalar for `field`, which is not a message.

    It raises InvalidValue. The caller handles null.
    """
    return _enum(field.type_name) if field.kind is FieldType.ENUM else _CONVERT[field.kind]

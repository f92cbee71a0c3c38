"""Scalars of a request as protobuf fields take them, and as errors quote them.

A port of what protobuf 3.21's datapiece.cc and strutil.cc do, with what production does differently (numbers
for a bool, the words about base64). A JSON number is an int while it fits 64 bits and else a float, as
the parser of 3.21 has it.
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
from mockserver.protojson.schema import Field, Kind

Scalar = str | int | float | bool | None
Convert = Callable[[Any], Any]


class Refused(ValueError):
    """A value no field of that type can take. The text is what an error says of it, mostly the value itself."""


def text_of(value: Scalar) -> str:
    """How an error quotes a value: strings in quotes with nothing escaped, numbers as C++ prints them."""
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


def number_of(text: str) -> int | float:
    """The number a JSON text made of `0-9.eE+-x` stands for. ValueError with the parser's sentence.

    Leading zeros are octal and refused, but not before a point or an exponent, where strtod decides: `00.5`
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
    """C's strtod over the whole text, or None. Words (inf, nan) are left out: nobody here lets them pass."""
    if _DECIMAL.fullmatch(text):
        return float(text)
    if _HEXADECIMAL.fullmatch(text):
        try:
            return float.fromhex(text)
        except OverflowError:
            return math.inf
    return None


def _double_of(text: str) -> float | None:
    """A finite number out of a string: space inside the quotes but no blank at either end, 3.21's safe_strtod."""
    if text.startswith(" ") or text.endswith(" "):
        return None
    double = _strtod(text.partition("\0")[0].strip(" \t\n\v\f\r"))
    return double if double is not None and math.isfinite(double) else None


# One converter for each type of field

_FLOAT32 = struct.Struct("f")  # native, which rounds as C does and says infinity where "<f" would raise
_FLOAT32_MAX = (2 - 2**-23) * 2.0**127
_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})


def _string(value: Scalar) -> str:
    if not isinstance(value, str):
        raise Refused(text_of(value))
    return value


def _bool(value: Scalar) -> bool:
    if isinstance(value, str):
        word = value.lower() if value.isascii() else value
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
    # A bool, or 1, 0 and 1.0, which production takes and 3.21 does not (measured on a sister host).
    elif value is not None and value in (0, 1):
        return bool(value)
    raise Refused(text_of(value))


def _integer(low: int, high: int) -> Convert:
    def convert(value: Scalar) -> int:
        number: int | float | None = None
        if isinstance(value, str):
            number = _integer_of(value, signed=low < 0)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            number = value
        if number is None or number != number // 1 or not low <= number <= high:
            raise Refused(text_of(value))
        return int(number)

    return convert


def _integer_of(text: str, *, signed: bool) -> int | None:
    """Decimal digits, perhaps behind a sign: "+40" and "007" are numbers, "40.0", "4e1" and "40 " are not."""
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
        number = _WORDS[value] if value in _WORDS else _double_of(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    if number is None:
        raise Refused(text_of(value))
    return number


def _float(value: Scalar) -> float:
    number = _double(value)
    (single,) = _FLOAT32.unpack(_FLOAT32.pack(number))
    if math.isinf(single) and not math.isinf(number):
        raise Refused(text_of(value))
    if isinstance(value, str) and _FLOAT32_MAX < abs(number) < math.inf:  # a number would be rounded down
        raise Refused(text_of(value))
    return float(single)


# The last digit of a group that is not full carries bits of no byte: they must be zero, or two texts would
# stand for the same bytes (use_strict_base64_decoding of 3.21).
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}|[A-Za-z0-9_-]*={0,2}")
_LAST = {0: "", 2: "AQgw", 3: "AEIMQUYcgkosw048"}


def _bytes(value: Scalar) -> bytes:
    """Base64 in either alphabet, padded or not."""
    if not isinstance(value, str):
        raise Refused(text_of(value))
    # Threads about generateContent quote this sentence; 3.21 says the value only.
    refused = Refused(f"Base64 decoding failed for {text_of(value)}")
    if not _BASE64.fullmatch(value):
        raise refused
    digits = value.rstrip("=")
    group, padding = len(digits) % 4, len(value) - len(digits)
    if group == 1 or padding not in (0, -group % 4) or (group and digits[-1] not in _LAST[group]):
        raise refused
    try:
        return b64decode(digits.translate(_STANDARD) + "=" * (-group % 4), validate=True)
    except BadBase64:  # pragma: no cover - whatever the checks above let pass decodes
        raise refused from None


_STANDARD = str.maketrans("-_", "+/")


@cache
def _enum(name: str) -> Convert:
    """The name of a declared number, else the number.

    A string may be a name in any case, with `-` for `_` (seen), or the decimal text of a declared number.
    """
    enum = schema.enum(name)

    def convert(value: Scalar) -> str | int:
        if isinstance(value, str):
            number = enum.by_name.get(value)
            number = _declared(enum, value) if number is None else number
        else:
            number = 0 if value is None else _int32(value)  # null comes for a NullValue only
        if number is None:
            raise Refused(text_of(value))
        return enum.by_number.get(number, number)

    return convert


def _declared(enum: schema.Enum, text: str) -> int | None:
    number = _integer_of(text, signed=True)
    if number in enum.by_number:
        return number
    return enum.by_name.get(text.translate(_SHOUTED))


_SHOUTED = str.maketrans("abcdefghijklmnopqrstuvwxyz-", "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")  # ASCII only, as in C++

_CONVERT: Mapping[Kind, Convert] = {
    Kind.STRING: _string,
    Kind.BYTES: _bytes,
    Kind.BOOL: _bool,
    Kind.INT32: _int32,
    Kind.SINT32: _int32,
    Kind.SFIXED32: _int32,
    Kind.UINT32: _uint32,
    Kind.FIXED32: _uint32,
    Kind.INT64: _int64,
    Kind.SINT64: _int64,
    Kind.SFIXED64: _int64,
    Kind.UINT64: _uint64,
    Kind.FIXED64: _uint64,
    Kind.FLOAT: _float,
    Kind.DOUBLE: _double,
}


def converter(field: Field) -> Convert:
    """What makes a natural value of a JSON scalar for `field`, which is not of a message type.

    It raises Refused. None (null) is not for it to judge.
    """
    return _enum(field.type_name) if field.kind is Kind.ENUM else _CONVERT[field.kind]

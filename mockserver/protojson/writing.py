"""Writes messages as Google's front end does.

A message is a plain dict of natural values (int for int64 and times, float, enum names, bytes) keyed by
JSON names. The schema decides the order of members (field number, not declaration [seen in every
message recorded]), what is left out at its default, and each value's form. A value that does not fit the
schema is a bug of ours: it raises TypeError or ValueError and is never written.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from operator import not_
from typing import Any, NamedTuple

from orjson import Fragment

from mockserver.protojson import schema
from mockserver.protojson.formatting import double_text, duration_text, float32_text, timestamp_text
from mockserver.protojson.layout import dumps, dumps_line
from mockserver.protojson.memoized import MemoizedList, MemoizedMessage
from mockserver.protojson.schema import Field, FieldType
from mockserver.protojson.variations import Variation, Writer

Json = dict[str, Any]
Encode = Callable[[Any], Any]
EnumEncoder = Callable[[str], Encode]  # of the enum's full name
Omits = Callable[[Any], bool]
Members = tuple[tuple[str, type | None, Encode, Omits | None], ...]
"""Of each field: its name, the type whose values need no encoding, the encoder of the others, the omission test."""

# A stream without alt=sse: elements as written, not indented, no final newline [seen].
ARRAY_OPEN = b"["
ARRAY_SEPARATOR = b",\r\n"
ARRAY_CLOSE = b"]"


class Style(NamedTuple):
    """The layout that a caller requested: `prettyPrint`, and `$alt=json;enum-encoding=int`."""

    pretty: bool = True
    enum_as_int: bool = False


PRETTY = Style()


def write(message: str, value: Mapping[str, Any], style: Style = PRETTY) -> bytes:
    """Return the bytes of `value`, a message of the type `message` (its full name)."""
    return write_with(message_writer(message, style), value)


def write_with(writer: Writer, value: Mapping[str, Any]) -> bytes:
    """Return the bytes of a message. What was written before of the same message or a similar one is reused."""
    if type(value) is MemoizedMessage:
        return value.compute(writer)
    return value.write(writer) if type(value) is Variation else writer(value)


@cache
def message_writer(message: str, style: Style) -> Writer:
    """Return what writes messages of that type in that style."""
    encode = _encoder(message, _enum_number if style.enum_as_int else _enum_name)
    return lambda value: dumps(encode(value), pretty=style.pretty)


@cache
def event_writer(message: str, style: Style) -> Writer:
    """Return what writes messages of that type as events: `data: `, the text on one line, an empty line [182 of 182].

    The effect of prettyPrint=false on events was not seen; we remove the remaining spaces.
    """
    encode = _encoder(message, _enum_number if style.enum_as_int else _enum_name)
    dump = dumps_line if style.pretty else partial(dumps, pretty=False)
    return lambda value: b"data: %b\r\n\r\n" % dump(encode(value))


def to_json(message: str, value: Mapping[str, Any], *, enum_as_int: bool = False) -> Any:
    """Convert `value` to an ordered JSON tree; floats become Fragments of their exact text.

    Raises TypeError for an unknown member or a value of another type, ValueError for a number out of range or an
    unknown enum name, KeyError for an unknown message type.
    """
    return _encoder(message, _enum_number if enum_as_int else _enum_name)(value)


@cache
def _encoder(message: str, enums: EnumEncoder) -> Encode:
    if special := _SPECIAL.get(message):
        return special
    if message == "google.protobuf.Any":
        return lambda value: _encode_any(value, enums)
    return _message_encoder(message, enums)


def _message_encoder(message: str, enums: EnumEncoder) -> Encode:
    members: Members | None = None

    def encode(value: Any) -> Json:
        nonlocal members
        if members is None:  # not before, because messages contain themselves (Schema, Content)
            members = tuple(_member(field, enums) for field in schema.message(message).fields)
        if type(value) is MemoizedMessage:
            return value.compute(encode_memoized)
        if type(value) is not dict and not isinstance(value, Mapping):
            raise _type_error(message, value)
        tree = {}
        count = 0
        for name, plain, encode_member, omits in members:
            if name in value:
                count += 1
                item = value[name]
                encoded = item if type(item) is plain else encode_member(item)
                if omits is None or not omits(item):
                    tree[name] = encoded
        if count != len(value):
            raise _unknown_members(message, value)
        return tree

    def encode_memoized(value: MemoizedMessage) -> Json:
        return encode(dict(value))

    return encode


def _unknown_members(message: str, value: Mapping[str, Any]) -> TypeError:
    unknown = sorted(set(value).difference(field.json_name for field in schema.message(message).fields))
    return TypeError(f"{message} has no {', '.join(unknown)}")


def _member(field: Field, enums: EnumEncoder) -> tuple[str, type | None, Encode, Omits | None]:
    plain = None if field.repeated else _PLAIN.get(field.kind)
    return field.json_name, plain, _field_encoder(field, enums), _omission_test(field)


def _omission_test(field: Field) -> Omits | None:
    """Return the test for values that are left out, or None if every value that is set is written."""
    if field.has_presence:
        return None
    if field.repeated:
        return not_
    if field.kind in {FieldType.FLOAT, FieldType.DOUBLE}:
        return _is_zero
    if field.kind is FieldType.ENUM:
        return (0, schema.enum(field.type_name).by_number.get(0)).__contains__
    return not_


def _is_zero(value: float) -> bool:
    """Return whether `value` is zero, but not minus zero, which protobuf writes: it compares the bits."""
    return value == 0 and not str(value).startswith("-")


def _field_encoder(field: Field, enums: EnumEncoder) -> Encode:
    if field.map:
        entry = schema.message(field.type_name).by_name
        key, item = _map_key(entry["key"].kind), _value_encoder(entry["value"], enums)
        return lambda value: {key(k): item(v) for k, v in value.items()}
    encode = _value_encoder(field, enums)
    return _list_of(encode) if field.repeated else encode


def _list_of(encode: Encode) -> Encode:
    def encode_each(values: Sequence[Any]) -> list[Any]:
        return [encode(value) for value in values]

    def encode_list(value: Any) -> list[Any]:
        if isinstance(value, MemoizedList):
            return value.compute(encode_each)
        if not isinstance(value, list | tuple):
            raise _type_error("a list", value)
        return [encode(item) for item in value]

    return encode_list


def _value_encoder(field: Field, enums: EnumEncoder) -> Encode:
    if field.kind is FieldType.ENUM:
        return enums(field.type_name)
    return _encoder(field.type_name, enums) if field.kind is FieldType.MESSAGE else _SCALAR[field.kind]


def _map_key(kind: FieldType) -> Encode:
    if kind is FieldType.BOOL:
        return lambda value: "true" if _bool(value) else "false"
    encode = _SCALAR[kind]
    return lambda value: str(encode(value))


def _enum_name(name: str) -> Encode:
    enum = schema.enum(name)
    # An alias is written as the first name declared for its number.
    names = {spelling: enum.by_number[number] for spelling, number in enum.by_name.items()}
    return _EnumTable(name, names, enum.by_number).__getitem__


def _enum_number(name: str) -> Encode:
    return _EnumTable(name, schema.enum(name).by_name, {}).__getitem__


class _EnumTable(dict[str, Any]):
    """What is written for each name of an enum.

    Numbers are looked up in `by_number`, and written if they are not there.
    """

    def __init__(self, enum: str, by_name: Mapping[str, Any], by_number: Mapping[int, str]) -> None:
        super().__init__(by_name)
        self._enum = enum
        self._by_number = by_number

    def __missing__(self, value: Any) -> Any:
        if type(value) is int:
            return self._by_number.get(value, _int32(value))
        if not isinstance(value, str):
            raise _type_error("an enum's name or number", value)
        msg = f"{self._enum} has no {value}"
        raise ValueError(msg)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _type_error("a string", value)
    return value


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _type_error("a bool", value)
    return value


def _bytes(value: Any) -> str:
    if not isinstance(value, bytes):
        raise _type_error("bytes", value)
    return b64encode(value).decode()


def _integer(low: int, high: int, *, as_string: bool = False) -> Encode:
    def encode(value: Any) -> Any:
        if type(value) is not int:
            raise _type_error("an integer", value)
        if not low <= value <= high:
            msg = f"{value} is not between {low} and {high}"
            raise ValueError(msg)
        return str(value) if as_string else value

    return encode


_int32 = _integer(-(2**31), 2**31 - 1)
_uint32 = _integer(0, 2**32 - 1)
_int64 = _integer(-(2**63), 2**63 - 1, as_string=True)
_uint64 = _integer(0, 2**64 - 1, as_string=True)


def _number(text_of: Callable[[float], str]) -> Encode:
    def encode(value: Any) -> Any:
        if type(value) is not float and type(value) is not int:
            raise _type_error("a number", value)
        text = text_of(value)
        return text if text[-1] in "Ny" else Fragment(text)  # NaN and Infinity are strings

    return encode


_float = _number(float32_text)
_double = _number(double_text)


def _timestamp(value: Any) -> str:
    return timestamp_text(value if type(value) is int else _nanos(value))


def _duration(value: Any) -> str:
    return duration_text(_nanos(value))


def _nanos(value: Any) -> int:
    if type(value) is not int:
        raise _type_error("nanoseconds", value)
    return value


def _field_mask(value: Any) -> str:
    return ",".join(camel_path(path) for path in value)


def camel_path(path: str) -> str:
    """Convert a path of a field mask to JSON spelling: `tuning_task.start_time` -> `tuningTask.startTime`."""
    return _UNDERSCORE.sub(lambda match: match[1].upper(), _string(path))


_UNDERSCORE = re.compile("_([a-z])")


def _encode_json(value: Any) -> Any:
    """Encode any JSON value as google.protobuf.Value does: every number is a double."""
    match value:
        case None | bool() | str():
            return value
        case int() | float():
            return _double(value)
        case dict():
            return {_string(name): _encode_json(item) for name, item in value.items()}
        case list() | tuple():
            return [_encode_json(item) for item in value]
        case _:
            raise _type_error("JSON", value)


def _encode_any(value: Mapping[str, Any], enums: EnumEncoder) -> Json:
    """Encode an Any: "@type" first, then the members of that type in its own order."""
    if not value:
        return {}
    members = dict(value)
    url = _string(members.pop("@type"))
    name = url.rpartition("/")[2]
    if name in _SPECIAL:
        return {"@type": url, "value": _SPECIAL[name](members["value"])}
    return {"@type": url, **_encoder(name, enums)(members)}


def _type_error(expected: str, value: object) -> TypeError:
    return TypeError(f"{value!r} is not {expected}")


_PLAIN = {FieldType.STRING: str, FieldType.BOOL: bool}

_SCALAR: Mapping[FieldType, Encode] = {
    FieldType.STRING: _string,
    FieldType.BYTES: _bytes,
    FieldType.BOOL: _bool,
    FieldType.FLOAT: _float,
    FieldType.DOUBLE: _double,
    **dict.fromkeys((FieldType.INT32, FieldType.SINT32, FieldType.SFIXED32), _int32),
    **dict.fromkeys((FieldType.UINT32, FieldType.FIXED32), _uint32),
    **dict.fromkeys((FieldType.INT64, FieldType.SINT64, FieldType.SFIXED64), _int64),
    **dict.fromkeys((FieldType.UINT64, FieldType.FIXED64), _uint64),
}

# Messages whose JSON is not an object of their fields.
_SPECIAL: Mapping[str, Encode] = {
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
    "google.protobuf.FieldMask": _field_mask,
    "google.protobuf.Struct": _encode_json,
    "google.protobuf.Value": _encode_json,
    "google.protobuf.ListValue": _encode_json,
    "google.protobuf.StringValue": _string,
    "google.protobuf.BytesValue": _bytes,
    "google.protobuf.BoolValue": _bool,
    "google.protobuf.Int32Value": _int32,
    "google.protobuf.UInt32Value": _uint32,
    "google.protobuf.Int64Value": _int64,
    "google.protobuf.UInt64Value": _uint64,
    "google.protobuf.FloatValue": _float,
    "google.protobuf.DoubleValue": _double,
}

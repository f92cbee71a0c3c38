"""Natural values to binary messages and back: what `protojson` is for JSON.

A message is a dict of natural values by JSON names, as handlers take and return it: nanoseconds for times, lists of
paths for masks, plain JSON for Struct, the value itself for wrappers, `{"@type": ..., **members}` for Any.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any

from google.protobuf.message import DecodeError

from mockserver.grpc.descriptors import message_class
from mockserver.protojson import schema
from mockserver.protojson.formatting import SECOND
from mockserver.protojson.layout import replace_lone_surrogates
from mockserver.protojson.memoized import MemoizedList, MemoizedMessage
from mockserver.protojson.schema import Field, FieldType
from mockserver.protojson.variations import Pattern, Variation
from mockserver.protojson.well_known import (
    ANY,
    FIRST_SECOND,
    LAST_SECOND,
    LIST_VALUE,
    MAX_DURATION_SECONDS,
    STRUCT,
    VALUE,
    WRAPPERS,
)

Json = dict[str, Any]
Fill = Callable[[Any, Any], None]
"""Puts a natural value into a message of protobuf's."""
Put = Callable[[Any, str, Any], None]
"""Puts a natural value into the field of that name of such a message."""
Read = Callable[[Any], Any]
"""The natural value of a message of protobuf's, of a map or list of them, or of a scalar."""


class BadMessage(ValueError):
    """Bytes that are no such message, or a message that means nothing: a time beyond all time, an unknown type."""


def encode(name: str, value: Mapping[str, Any]) -> bytes:
    """Return the bytes of `value`, a message of the type `name`.

    Raises TypeError for a member the message does not have or of another type, ValueError for a number out of range or
    an unknown enum name, KeyError for an unknown message: mistakes of our own.
    """
    encode_whole = _encoder(name)
    try:
        if type(value) is MemoizedMessage:
            return value.compute(encode_whole)
        if type(value) is Variation and (encode_values := value.pattern.compute(_values_encoder(name))) is not None:
            return encode_values(value.hole_values)
        return encode_whole(value)
    except UnicodeEncodeError:  # a text that a test has given in Python
        return encode_whole(replace_lone_surrogates(dict(value)))


@cache
def _encoder(name: str) -> Callable[[Mapping[str, Any]], bytes]:
    create, fill = message_class(name), _filler(name)

    def encode_whole(value: Mapping[str, Any]) -> bytes:
        message = create()
        fill(message, value)
        encoded: bytes = message.SerializeToString()
        return encoded

    return encode_whole


def decode(name: str, data: bytes) -> Json:
    """Return the message of the type `name` that the bytes stand for.

    Raises BadMessage; KeyError for an unknown message.
    """
    try:
        message = message_class(name).FromString(data)
    except DecodeError as error:
        raise BadMessage(str(error)) from None
    try:
        decoded: Json = _reader(name)(message)
    except RecursionError:  # each Any in an Any begins anew with the depth that protobuf allows
        raise BadMessage("The message is nested too deeply.") from None
    return decoded


# Filling


@cache
def _filler(name: str) -> Fill:
    if name in _FILLERS:
        return _FILLERS[name]
    if name in WRAPPERS:
        return _fill_wrapper
    members = {field.json_name: (field.name, _member(field)) for field in schema.message(name).fields}

    def fill(target: Any, value: Any) -> None:
        for key, item in value.items():
            if key not in members:
                raise TypeError(f"{name} has no {key}")
            field, put = members[key]
            put(target, field, item)

    return fill


def _member(field: Field) -> Put:
    """Return what puts a value into a field of that type."""
    kind = field.type_name
    if field.map:
        return _map_member(schema.message(kind).by_name["value"])
    if field.kind is FieldType.MESSAGE:
        return _repeated_messages(kind) if field.repeated else _message_member(kind)
    if field.kind is FieldType.ENUM:
        number = _enum_number(kind)
        if field.repeated:
            return lambda target, name, value: getattr(target, name).extend(map(number, value))
        return lambda target, name, value: setattr(target, name, number(value))
    return _extend if field.repeated else setattr


def _extend(target: Any, name: str, items: Any) -> None:
    getattr(target, name).extend(items)


def _message_member(kind: str) -> Put:
    def put(target: Any, name: str, value: Any) -> None:
        message = getattr(target, name)
        message.SetInParent()
        _filler(kind)(message, value)  # looked up when called, because messages contain themselves (Schema)

    return put


def _repeated_messages(kind: str) -> Put:
    def put_each(target: Any, name: str, items: Any) -> None:
        fill = _filler(kind)
        elements = getattr(target, name)
        for item in items:
            fill(elements.add(), item)

    @cache
    def maker(owner: Any, name: str) -> Callable[[list[Any]], bytes]:
        def make(items: list[Any]) -> bytes:
            holder = owner()
            put_each(holder, name, items)
            encoded: bytes = holder.SerializeToString()
            return encoded

        return make

    def put(target: Any, name: str, items: Any) -> None:
        if isinstance(items, MemoizedList):
            owner: Any = type(target)
            target.MergeFromString(items.compute(maker(owner, name)))  # faster than copying the messages
        else:
            put_each(target, name, items)

    return put


def _map_member(item: Field) -> Put:
    kind = item.type_name
    if item.kind is FieldType.MESSAGE:

        def put(target: Any, name: str, value: Any) -> None:
            entries = getattr(target, name)
            for key, one in value.items():
                _filler(kind)(entries[key], one)

        return put
    convert = _enum_number(kind) if item.kind is FieldType.ENUM else _itself
    return lambda target, name, value: getattr(target, name).update({key: convert(one) for key, one in value.items()})


def _enum_number(name: str) -> Read:
    numbers = schema.enum(name).by_name

    def number(value: Any) -> Any:
        if isinstance(value, int):
            return value
        if value not in numbers:
            raise ValueError(f"{name} has no {value}")
        return numbers[value]

    return number


def _fill_time(target: Any, value: int) -> None:
    """Nanoseconds as seconds and the rest, which counts forward from them."""
    target.seconds, target.nanos = divmod(value, SECOND)


def _fill_duration(target: Any, value: int) -> None:
    """Nanoseconds as seconds and the rest, both with its sign."""
    seconds, nanos = divmod(abs(value), SECOND)
    target.seconds, target.nanos = (seconds, nanos) if value >= 0 else (-seconds, -nanos)


def _fill_mask(target: Any, value: Any) -> None:
    target.paths.extend(value)


def _fill_wrapper(target: Any, value: Any) -> None:
    target.value = value


def _fill_value(target: Any, value: Any) -> None:
    match value:
        case None:
            target.null_value = 0
        case bool():
            target.bool_value = value
        case int() | float():
            target.number_value = value
        case str():
            target.string_value = value
        case Mapping():
            target.struct_value.SetInParent()
            _fill_struct(target.struct_value, value)
        case list() | tuple():
            target.list_value.SetInParent()
            _fill_list(target.list_value, value)
        case _:
            raise TypeError(f"{value!r} is not JSON")


def _fill_struct(target: Any, value: Any) -> None:
    for key, item in value.items():
        _fill_value(target.fields[key], item)


def _fill_list(target: Any, value: Any) -> None:
    for item in value:
        _fill_value(target.values.add(), item)


def _fill_any(target: Any, value: Any) -> None:
    if not value:
        return
    members = dict(value)
    target.type_url = members.pop("@type")
    name = target.type_url.rpartition("/")[2]
    target.value = encode(name, members["value"] if _stands_for_itself(name) else members)


def _stands_for_itself(name: str) -> bool:
    """Return whether such a message has a natural value that is no dict; an Any then has it as "value"."""
    return name in _FILLERS or name in WRAPPERS


_FILLERS: Mapping[str, Fill] = {
    "google.protobuf.Timestamp": _fill_time,
    "google.protobuf.Duration": _fill_duration,
    "google.protobuf.FieldMask": _fill_mask,
    VALUE: _fill_value,
    STRUCT: _fill_struct,
    LIST_VALUE: _fill_list,
    ANY: _fill_any,
}


# Patterns


EncodeValues = Callable[[tuple[Any, ...]], bytes]
"""Returns the bytes of the message of a pattern with these values."""
Path = tuple[str | int, ...]
"""The names of fields and the indexes of elements that lead from a message to one inside of it."""
Place = tuple[Path, Field, int]
"""Where a value goes: the path to what holds it, the field there, and the index of the value."""


@cache
def _values_encoder(name: str) -> Callable[[Pattern], EncodeValues | None]:
    """Return what creates the encoder of a pattern, whose messages are of the type `name`.

    It returns None if the places of the values are not clear, and raises TypeError for a place that no pattern has: in
    a map, a list of scalars, a Struct.
    """
    read = message_class(name).FromString

    def create(pattern: Pattern) -> EncodeValues | None:
        if pattern.tree is None:
            return None
        places: list[Place] = []
        shared = encode(name, _take_holes(name, pattern.tree, (), places))
        holders, steps = _lead_to(path for path, _, _ in places)
        puts = [(holders[path], field.name, _member(field), index) for path, field, index in places]

        def encode_values(values: tuple[Any, ...]) -> bytes:
            messages = [read(shared)]
            for parent, step in steps:
                messages.append(step(messages[parent]))
            for holder, field, put, index in puts:
                put(messages[holder], field, values[index])
            encoded: bytes = messages[0].SerializeToString()
            return encoded

        return encode_values

    return create


def _take_holes(name: str, tree: Json, path: Path, places: list[Place]) -> Json:
    """Return what a pattern's messages share, from the tree of one inside of them; append the places of the values."""
    shared: Json = {}
    members = {field.json_name: field for field in schema.message(name).fields}
    for key, item in tree.items():
        field = members[key]
        kind, here = field.type_name, (*path, field.name)
        if type(item) is complex:
            places.append((path, field, int(item.real)))
        elif field.kind is not FieldType.MESSAGE or field.map or kind in _FILLERS or kind in WRAPPERS:
            shared[key] = item
        elif field.repeated:
            shared[key] = [_take_holes(kind, one, (*here, index), places) for index, one in enumerate(item)]
        else:
            shared[key] = _take_holes(kind, item, here, places)
    return shared


def _lead_to(paths: Iterable[Path]) -> tuple[Mapping[Path, int], list[tuple[int, Read]]]:
    """Return a number for each path, 0 for (), and the steps from what has a lower number to what has the next one."""
    found: dict[Path, int] = {(): 0}
    steps: list[tuple[int, Read]] = []
    for path in paths:
        for end, last in enumerate(path, start=1):
            if path[:end] not in found:
                steps.append((found[path[: end - 1]], attrgetter(last) if isinstance(last, str) else itemgetter(last)))
                found[path[:end]] = len(steps)
    return found, steps


# Reading


@cache
def _reader(name: str) -> Read:
    if name in _READERS:
        return _READERS[name]
    if name in WRAPPERS:
        return _read_wrapper
    members = {field.number: (field.json_name, _member_reader(field)) for field in schema.message(name).fields}

    def read(message: Any) -> Json:
        values = {}
        for descriptor, value in message.ListFields():
            json_name, convert = members[descriptor.number]
            values[json_name] = convert(value)
        return values

    return read


def _member_reader(field: Field) -> Read:
    if field.map:
        convert = _value_reader(schema.message(field.type_name).by_name["value"])
        return lambda entries: {key: convert(value) for key, value in entries.items()}
    convert = _value_reader(field)
    return (lambda items: [convert(item) for item in items]) if field.repeated else convert


def _value_reader(field: Field) -> Read:
    kind = field.type_name
    if field.kind is FieldType.MESSAGE:
        return lambda message: _reader(kind)(message)  # noqa: PLW0108 - messages contain themselves (Schema)
    if field.kind is FieldType.ENUM:
        names = schema.enum(kind).by_number
        return lambda number: names.get(number, number)
    return _itself


def _itself(value: Any) -> Any:
    return value


def _read_wrapper(message: Any) -> Any:
    return message.value


def _read_time(message: Any) -> int:
    if not FIRST_SECOND <= message.seconds <= LAST_SECOND or not 0 <= message.nanos < SECOND:
        raise BadMessage("Timestamp value exceeds limits")
    return int(message.seconds * SECOND + message.nanos)


def _read_duration(message: Any) -> int:
    if (
        abs(message.seconds) > MAX_DURATION_SECONDS
        or abs(message.nanos) >= SECOND
        or message.seconds * message.nanos < 0
    ):
        raise BadMessage("Duration value exceeds limits")
    return int(message.seconds * SECOND + message.nanos)


def _read_mask(message: Any) -> list[str]:
    return list(message.paths)


def _read_value(message: Any) -> Any:
    match message.WhichOneof("kind"):
        case "struct_value":
            return _read_struct(message.struct_value)
        case "list_value":
            return _read_list(message.list_value)
        case None | "null_value":
            return None
        case kind:
            return getattr(message, kind)


def _read_struct(message: Any) -> Json:
    return {key: _read_value(value) for key, value in message.fields.items()}


def _read_list(message: Any) -> list[Any]:
    return [_read_value(value) for value in message.values]


_TYPE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,200}")


def _read_any(message: Any) -> Json:
    if not message.type_url and not message.value:
        return {}
    _, slash, name = message.type_url.rpartition("/")
    try:
        content = decode(name, message.value) if slash and _TYPE_NAME.fullmatch(name) else None
    except KeyError:
        content = None
    if content is None:
        raise BadMessage(f"Invalid type URL, unknown type: {message.type_url}")
    return {"@type": message.type_url, **({"value": content} if _stands_for_itself(name) else content)}


_READERS: Mapping[str, Read] = {
    "google.protobuf.Timestamp": _read_time,
    "google.protobuf.Duration": _read_duration,
    "google.protobuf.FieldMask": _read_mask,
    VALUE: _read_value,
    STRUCT: _read_struct,
    LIST_VALUE: _read_list,
    ANY: _read_any,
}

"""The fast path of binding: strict JSON that is correct in every respect.

Nine requests of ten are written by a serializer: strict JSON, only defined names, every value of its type. Most of
the others are written by hand and differ by a trailing comma. For these a table per message is enough. Anything else
raises `Fallback`: binding.py then reads the body again and finds the exact result or error. So this module need not
know any error; it must only be sure about what it accepts.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from itertools import groupby, repeat
from operator import attrgetter
from typing import Any, NamedTuple

import orjson

from mockserver.protojson import schema
from mockserver.protojson.exact_reader import MAX_DEPTH
from mockserver.protojson.scalars import InvalidValue, converter
from mockserver.protojson.schema import Field, FieldType
from mockserver.protojson.text_rows import find_text_rows
from mockserver.protojson.well_known import (
    ANY,
    LIST_VALUE,
    NULLABLE,
    STRUCT,
    VALUE,
    WRAPPERS,
    parse_duration,
    parse_field_mask,
    parse_timestamp,
)

Json = dict[str, Any]
Bind = Callable[[Any, int], Any]
"""Binds a JSON value at a depth, in objects. Raises Fallback or InvalidValue."""


class Fallback(Exception):
    """The exact reader has to decide."""


def loads(body: bytes) -> Any:
    """Parse JSON without duplicate keys; trailing commas are accepted. Raises Fallback."""
    try:
        tree = orjson.loads(body)
    except ValueError:
        tree = _loads_without_trailing_commas(body)
    # orjson silently keeps the last of two equal keys, and so loses the colon of the first: write the tree again
    # and count the colons. Only an escaped colon (\u003a) could make up for a lost one.
    try:
        colons = orjson.dumps(tree).count(b":")
    except TypeError:  # deeper than orjson writes
        raise Fallback from None
    if body.count(b":") != colons or (b"\\" in body and b"\\u003" in body):
        raise Fallback
    return tree


_SPACE = b" \t\n\r"
_BESIDE_QUOTES_AND_BRACKETS = bytes(set(range(256)) - set(b'"]}'))
_EMPTY = (re.compile(rb"\{[ \t\n\r]*\}"), re.compile(rb"\[[ \t\n\r]*\]"))


def _loads_without_trailing_commas(body: bytes) -> Any:
    """Parse strict JSON after removing each trailing comma of an object or list. Raises Fallback.

    Google's reader ignores a comma between the last value and the closing bracket. Of two commas in a row one
    remains, so the strict parser still refuses them.
    """
    if b"\x00" in body or b"\x01" in body:  # they stand for the two escapes that matter here
        raise Fallback
    text = body.replace(b"\\\\", b"\x00").replace(b'\\"', b"\x01")
    # Strings without brackets leave pairs of quotes, between and around which there is nothing.
    if b'"' in text.translate(None, _BESIDE_QUOTES_AND_BRACKETS).replace(b'""', b""):
        parts = text.split(b'"')  # strings are at the odd indexes
        parts[::2] = _remove_trailing_commas(b'"'.join(parts[::2])).split(b'"')
        text = b'"'.join(parts)
    else:
        text = _remove_trailing_commas(text)
    try:
        return orjson.loads(text.replace(b"\x01", b'\\"').replace(b"\x00", b"\\\\"))
    except ValueError:
        raise Fallback from None


def _remove_trailing_commas(text: bytes) -> bytes:
    """Remove the comma, and space, before each closing bracket. Raises Fallback if nothing else is inside."""
    strict = text
    for bracket in (b"}", b"]"):
        *parts, rest = strict.split(bracket)
        ends = map(bytes.removesuffix, map(bytes.rstrip, parts, repeat(_SPACE)), repeat(b","))
        strict = bracket.join([*ends, rest])
    if any(empty.search(strict) and len(empty.findall(strict)) > len(empty.findall(text)) for empty in _EMPTY):
        raise Fallback
    return strict


def bind(message: str, tree: Any) -> Any:
    """Bind a JSON tree to a message of that type. Raises Fallback."""
    try:
        return _binder(message)(tree, 1)
    except (InvalidValue, OverflowError):  # an integer no double can hold, in a tree that was not read
        raise Fallback from None


def bind_text(field: Field, text: str) -> Any:
    """Bind the text of a URL to a singular field. Raises Fallback."""
    if field.kind is FieldType.STRING:
        return text
    try:
        return _single(field)(text, 1)
    except InvalidValue:
        raise Fallback from None


class _Rule(NamedTuple):
    """How to bind one member of an object: values of the type `plain` stay as they are."""

    name: str
    plain: type | None
    bind: Bind
    nullable: bool


@cache
def _binder(message: str) -> Bind:
    """Return what binds a message of that type. KeyError for an unknown type."""
    if message in WRAPPERS:
        return _wrapped(message)
    return _SPECIAL.get(message) or _message(message)


def _message(message: str) -> Bind:
    fields = schema.message(message).fields
    rules = {
        spelling: _Rule(
            field.json_name, str if _is_string(field) else None, _member(field), field.type_name in NULLABLE
        )
        for field in fields
        for spelling in (field.name, field.json_name)
    }
    arms = _oneofs(fields)

    def bind_message(tree: Any, depth: int) -> Json:
        if type(tree) is not dict or depth > MAX_DEPTH:
            raise Fallback
        depth += 1
        values: Json = {}
        for spelling, value in tree.items():
            rule = rules.get(spelling)
            if rule is None:
                raise Fallback
            if value is None and not rule.nullable:
                continue
            name, plain, bind_member, _ = rule
            if name in values:
                raise Fallback
            bound = value if type(value) is plain else bind_member(value, depth)
            if bound is not _UNSET:
                values[name] = bound
        for oneof in arms:
            if len(oneof & values.keys()) > 1:
                raise Fallback
        return values

    return bind_message


def _oneofs(fields: tuple[Field, ...]) -> tuple[frozenset[str], ...]:
    """Return the JSON names of the arms of every oneof with more than one."""
    members = sorted((field for field in fields if field.oneof), key=attrgetter("oneof"))
    groups = (frozenset(field.json_name for field in group) for _, group in groupby(members, key=attrgetter("oneof")))
    return tuple(group for group in groups if len(group) > 1)


_UNSET = object()
"""The result for an empty list: the field is not set."""


def _member(field: Field) -> Bind:
    if field.map:
        return _map(field)
    return _list(field) if field.repeated else _single(field)


def _single(field: Field) -> Bind:
    if field.kind is FieldType.MESSAGE:
        name = field.type_name
        if name.startswith("google.protobuf."):
            return _binder(name)
        # Looked up when called, because messages contain themselves (Schema).
        return lambda value, depth: _binder(name)(value, depth)  # noqa: PLW0108 - see above
    if field.kind is FieldType.STRING:
        return _string
    convert = converter(field)
    return lambda value, _: convert(value)


def _string(value: Any, _: int) -> str:
    if type(value) is not str:
        raise Fallback
    return value


def _is_string(field: Field) -> bool:
    return field.kind is FieldType.STRING and not field.repeated


def _list(field: Field) -> Bind:
    one, nullable = _single(field), field.type_name in NULLABLE
    is_message = field.kind is FieldType.MESSAGE

    def bind_list(value: Any, depth: int) -> Any:
        if type(value) is not list:  # a single value for a repeated field [seen]
            value = [value]
        if is_message and depth <= MAX_DEPTH and (rows := find_text_rows(value, _text_names(field.type_name))):
            return rows  # bound already: training data are hundreds of such objects
        # Looked up once a list rather than once an element: there may be 500 examples.
        each = _binder(field.type_name) if is_message else one
        # Without elements, or with null only, the field is not set.
        return [each(item, depth) for item in value if nullable or item is not None] or _UNSET

    return bind_list


@cache
def _text_names(message: str) -> frozenset[str]:
    """Return the JSON names of the fields that hold one string and exclude no other field."""
    if message.startswith("google.protobuf."):
        return frozenset()
    fields = schema.message(message).fields
    arms = frozenset[str]().union(*_oneofs(fields))
    return frozenset(field.json_name for field in fields if _is_string(field)) - arms


def _map(field: Field) -> Bind:
    entry = schema.message(field.type_name).by_name
    key, value, nullable = converter(entry["key"]), _single(entry["value"]), entry["value"].type_name in NULLABLE

    def bind_map(tree: Any, depth: int) -> Json:
        if type(tree) is not dict or depth > MAX_DEPTH:
            raise Fallback
        return {key(name): value(item, depth + 1) for name, item in tree.items() if nullable or item is not None}

    return bind_map


def _plain(value: Any, depth: int) -> Any:
    """Bind any JSON: numbers of a google.protobuf.Value are doubles."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int or kind is float:
        return float(value)
    if depth > MAX_DEPTH:
        raise Fallback
    if kind is dict:
        return {name: _plain(item, depth + 1) for name, item in value.items()}
    if kind is list:
        return [_plain(item, depth + 1) for item in value]
    raise Fallback


def _of_type(type_: type, bind: Bind) -> Bind:
    def bind_checked(value: Any, depth: int) -> Any:
        if type(value) is not type_:
            raise Fallback
        return bind(value, depth)

    return bind_checked


def _fall_back(_: Any, __: int) -> Any:
    raise Fallback


def _wrapped(message: str) -> Bind:
    convert = converter(schema.message(message).by_name["value"])

    def bind_wrapped(value: Any, _: int) -> Any:
        if type(value) is dict:
            raise Fallback
        return convert(value)

    return bind_wrapped


_SPECIAL: Mapping[str, Bind] = {
    ANY: _fall_back,
    VALUE: _plain,
    STRUCT: _of_type(dict, _plain),
    LIST_VALUE: _of_type(list, _plain),
    "google.protobuf.Timestamp": _of_type(str, lambda text, _: parse_timestamp(text)),
    "google.protobuf.Duration": _of_type(str, lambda text, _: parse_duration(text)),
    "google.protobuf.FieldMask": _of_type(str, lambda text, _: parse_field_mask(text)),
}

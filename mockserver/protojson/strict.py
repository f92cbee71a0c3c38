"""The fast way to bind: plain JSON that is right in every respect.

Nine requests of ten are what a serializer wrote: strict JSON, every name known, every value of its type. Of
the others most were written by hand and differ by a trailing comma. For those a table per message is enough.
Whatever is not so plain raises `Doubt`, and then binding.py has the word, which reads the body again and knows
what Google's reader says; so nothing here need be exact about errors, only sure about what it takes.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import Any

import orjson

from mockserver.protojson import schema
from mockserver.protojson.lenient import MAX_DEPTH
from mockserver.protojson.scalars import Refused, converter
from mockserver.protojson.schema import Field, Kind
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
"""Makes a natural value of a JSON value so many objects deep. Raises Doubt or Refused."""


class Doubt(Exception):
    """Not plain enough to be sure."""


def loads(body: bytes) -> Any:
    """The tree of a JSON text in which no object has a key twice: strict but for trailing commas. Raises Doubt."""
    try:
        tree = orjson.loads(body)
    except ValueError:
        tree = _loads_without_trailing_commas(body)
    # orjson keeps the last of two equal keys and does not say so. But it loses the colon of the first: write
    # the tree again and count. Only an escape of a colon (\u003a) could make up for a lost one.
    try:
        colons = orjson.dumps(tree).count(b":")
    except TypeError:  # deeper than orjson writes
        raise Doubt from None
    if body.count(b":") != colons or b"\\u003" in body:
        raise Doubt
    return tree


# Each matches from a quotation mark on, so that none is left between two strings.
_STRING = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*"?)', re.DOTALL)
_TRAILING_COMMA = re.compile(rb",(?=[ \t\n\r]*[\]}])")
_COMMA_OF_NOTHING = re.compile(rb"[\[{][ \t\n\r]*,")


def _loads_without_trailing_commas(body: bytes) -> Any:
    """The tree of what is strict JSON once the comma behind the last of an object or list is gone. Raises Doubt.

    People write these commas by hand, and Google's reader takes each for nothing where a value stands before it.
    Of two in a row one is left here, and strict JSON has none.
    """
    pieces = _STRING.split(body)  # strings stand at the odd places
    between = b'"'.join(pieces[::2])
    if _COMMA_OF_NOTHING.search(between):
        raise Doubt
    pieces[::2] = _TRAILING_COMMA.sub(b"", between).split(b'"')
    try:
        return orjson.loads(b"".join(pieces))
    except ValueError:
        raise Doubt from None


def bind(message: str, tree: Any) -> Any:
    """The message of that type `tree` stands for. Raises Doubt."""
    try:
        return _binder(message)(tree, 1)
    except (Refused, OverflowError):  # an integer no double can hold, in a tree that was not read
        raise Doubt from None


def bind_text(field: Field, text: str) -> Any:
    """The value of a singular field the text of a URL stands for. Raises Doubt."""
    try:
        return _single(field)(text, 1)
    except Refused:
        raise Doubt from None


@dataclass(frozen=True, slots=True)
class _Rule:
    """What to do with one member of an object."""

    name: str
    bind: Bind
    nullable: bool


@cache
def _binder(message: str) -> Bind:
    """What binds a message of that type. KeyError for an unknown one."""
    if message in WRAPPERS:
        return _wrapped(message)
    return _SPECIAL.get(message) or _message(message)


def _message(message: str) -> Bind:
    fields = schema.message(message).fields
    rules = {
        spelling: _Rule(field.json_name, _member(field), field.type_name in NULLABLE)
        for field in fields
        for spelling in (field.name, field.json_name)
    }
    arms = _oneofs(fields)

    def bind_message(tree: Any, depth: int) -> Json:
        if type(tree) is not dict or depth > MAX_DEPTH:
            raise Doubt
        depth += 1
        values: Json = {}
        for spelling, value in tree.items():
            rule = rules.get(spelling)
            if rule is None:
                raise Doubt
            if value is None and not rule.nullable:
                continue
            name = rule.name
            if name in values:
                raise Doubt
            bound = rule.bind(value, depth)
            if bound is not _NOTHING:
                values[name] = bound
        for oneof in arms:
            if len(oneof & values.keys()) > 1:
                raise Doubt
        return values

    return bind_message


def _oneofs(fields: tuple[Field, ...]) -> tuple[frozenset[str], ...]:
    """The JSON names of every oneof with more than one arm."""
    members = sorted((field for field in fields if field.oneof), key=attrgetter("oneof"))
    groups = (frozenset(field.json_name for field in group) for _, group in groupby(members, key=attrgetter("oneof")))
    return tuple(group for group in groups if len(group) > 1)


_NOTHING = object()
"""An empty list: a field that is not set."""


def _member(field: Field) -> Bind:
    if field.map:
        return _map(field)
    return _list(field) if field.repeated else _single(field)


def _single(field: Field) -> Bind:
    if field.kind is Kind.MESSAGE:
        name = field.type_name
        if name.startswith("google.protobuf."):
            return _binder(name)
        # Looked up when called, because messages contain themselves (Schema).
        return lambda value, depth: _binder(name)(value, depth)  # noqa: PLW0108 - see above
    if field.kind is Kind.STRING:
        return _string
    convert = converter(field)
    return lambda value, _: convert(value)


def _string(value: Any, _: int) -> str:
    if type(value) is not str:
        raise Doubt
    return value


def _list(field: Field) -> Bind:
    one, nullable = _single(field), field.type_name in NULLABLE

    def bind_list(value: Any, depth: int) -> Any:
        if type(value) is not list:  # a lone value where a list belongs [seen]
            value = [value]
        # Looked up once a list rather than once an element: there may be 500 examples.
        each = _binder(field.type_name) if field.kind is Kind.MESSAGE else one
        # Every element null, or none at all: the field is not set.
        return [each(item, depth) for item in value if nullable or item is not None] or _NOTHING

    return bind_list


def _map(field: Field) -> Bind:
    entry = schema.message(field.type_name).by_name
    key, value, nullable = converter(entry["key"]), _single(entry["value"]), entry["value"].type_name in NULLABLE

    def bind_map(tree: Any, depth: int) -> Json:
        if type(tree) is not dict or depth > MAX_DEPTH:
            raise Doubt
        return {key(name): value(item, depth + 1) for name, item in tree.items() if nullable or item is not None}

    return bind_map


def _plain(value: Any, depth: int) -> Any:
    """Any JSON: numbers of a google.protobuf.Value are doubles."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int or kind is float:
        return float(value)
    if depth > MAX_DEPTH:
        raise Doubt
    if kind is dict:
        return {name: _plain(item, depth + 1) for name, item in value.items()}
    if kind is list:
        return [_plain(item, depth + 1) for item in value]
    raise Doubt


def _struct(value: Any, depth: int) -> Any:
    if type(value) is not dict:
        raise Doubt
    return _plain(value, depth)


def _list_value(value: Any, depth: int) -> Any:
    if type(value) is not list:
        raise Doubt
    return _plain(value, depth)


def _text(parse: Callable[[str], Any]) -> Bind:
    def bind_text(value: Any, _: int) -> Any:
        if type(value) is not str:
            raise Doubt
        return parse(value)

    return bind_text


def _doubt(_: Any, __: int) -> Any:
    raise Doubt


def _wrapped(message: str) -> Bind:
    convert = converter(schema.message(message).by_name["value"])

    def bind_wrapped(value: Any, _: int) -> Any:
        if type(value) is dict:
            raise Doubt
        return convert(value)

    return bind_wrapped


_SPECIAL: Mapping[str, Bind] = {
    ANY: _doubt,
    VALUE: _plain,
    STRUCT: _struct,
    LIST_VALUE: _list_value,
    "google.protobuf.Timestamp": _text(parse_timestamp),
    "google.protobuf.Duration": _text(parse_duration),
    "google.protobuf.FieldMask": _text(parse_field_mask),
}

"""Converts records to JSON and back, by the types of their fields.

A data class becomes an object of its fields without those that have their default; an enum becomes its name; a tuple, a
set or a mapping becomes a list. A class with a format of its own has `to_json` and `from_json`. A field of type Any
holds values of bound messages: text, numbers, bytes, lists and objects; one that is memoized is written once, and so is
what those of a pattern have in common.

A function cannot leave its process: its JSON is a number, by which this process finds it again.
"""

import itertools
import json
import math
import re
import types
from base64 import b64decode, b64encode
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date
from enum import Enum
from functools import cache
from operator import attrgetter
from pathlib import PurePath
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import orjson

T = TypeVar("T")

Json = Any

Encode = Callable[[Any], Json]
Decode = Callable[[Any], Any]

_functions: dict[int, Callable[..., Any]] = {}
_numbers = itertools.count(1)


def write_json(record: Any) -> str:
    """Convert a record, a data class, to JSON. It is ASCII, which a database takes whatever its encoding is."""
    kind: Any = type(record)
    return write_tree(_codec(kind)[0](record))


def write_tree(tree: Json) -> str:
    """Write what was encoded, with the values in it."""
    try:
        text = orjson.dumps(tree, default=_fragment).decode()
    except TypeError:  # numbers of more than 64 bits, surrogates
        return json.dumps(tree, separators=(",", ":"), default=_Written.parse)
    return text if text.isascii() else _escape(text)


def _escape(text: str) -> str:
    """Return JSON in ASCII: all other characters of it are in strings."""
    return _NOT_ASCII.sub(lambda match: json.dumps(match[0])[1:-1], text)


_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


def decode(record: type[T], tree: Json) -> T:
    """Convert JSON to a record of that type."""
    kind: Any = record
    decoded: T = _codec(kind)[1](tree)
    return decoded


@cache
def _codec(hint: Hashable) -> tuple[Encode, Decode]:
    """Return the functions that convert values of a type to JSON and back. Raises TypeError for an unknown type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _PLAIN or origin is Literal:
        return _same, _same
    if hint is Any:
        return encode_value, decode_value
    if hint is float:
        return _encode_float, float
    if origin in _GENERIC:
        return _GENERIC[origin](origin, arguments)
    if isinstance(hint, type):
        return _class(hint)
    msg = f"no codec for the type {hint}"
    raise TypeError(msg)


def _class(record: type[Any]) -> tuple[Encode, Decode]:
    if hasattr(record, "from_json"):
        return record.to_json, record.from_json
    if is_dataclass(record):
        return _data_class(record)
    if issubclass(record, Enum):
        return lambda value: value.name, record.__getitem__
    if issubclass(record, date):
        return record.isoformat, record.fromisoformat
    if issubclass(record, PurePath):
        return str, record
    msg = f"no codec for the type {record}"
    raise TypeError(msg)


def _same(value: Any) -> Any:
    return value


def _encode_float(value: float) -> Json:
    return value if math.isfinite(value) else str(value)


def _union(_: Any, arguments: tuple[Any, ...]) -> tuple[Encode, Decode]:
    """Return a value of one of several types.

    If there are several besides None, its JSON has the position of the type.
    """
    kinds = [kind for kind in arguments if kind is not type(None)]
    codecs = [_codec(kind) for kind in kinds]
    if len(kinds) == 1:
        encode_one, decode_one = codecs[0]
        return (
            lambda value: None if value is None else encode_one(value),
            lambda tree: None if tree is None else decode_one(tree),
        )

    def encode_union(value: Any) -> Json:
        if value is None:
            return None
        position = next(position for position, kind in enumerate(kinds) if _is_of(value, kind))
        return [position, codecs[position][0](value)]

    def decode_union(tree: Json) -> Any:
        return None if tree is None else codecs[tree[0]][1](tree[1])

    return encode_union, decode_union


def _is_of(value: Any, kind: Any) -> bool:
    origin = get_origin(kind) or kind
    return callable(value) if origin is Callable else isinstance(value, origin)


def _items(origin: Any, arguments: tuple[Any, ...]) -> tuple[Encode, Decode]:
    make: Callable[[Any], Any] = frozenset if origin is frozenset else tuple
    if origin is tuple and arguments[-1] is not Ellipsis:
        codecs = [_codec(argument) for argument in arguments]
        return (
            lambda value: [code(item) for (code, _), item in zip(codecs, value, strict=True)],
            lambda tree: tuple(code(item) for (_, code), item in zip(codecs, tree, strict=True)),
        )
    encode_item, decode_item = _codec(arguments[0])
    return (
        lambda value: [encode_item(item) for item in value],
        lambda tree: make(decode_item(item) for item in tree),
    )


def _mapping(_: Any, arguments: tuple[Any, ...]) -> tuple[Encode, Decode]:
    """Return a list of keys and values, because their order counts and keys may be numbers."""
    encode_key, decode_key = _codec(arguments[0])
    encode_item, decode_item = _codec(arguments[1])
    return (
        lambda value: [[encode_key(key), encode_item(item)] for key, item in value.items()],
        lambda tree: {decode_key(key): decode_item(item) for key, item in tree},
    )


def _data_class(record: type[Any]) -> tuple[Encode, Decode]:
    # Computed for the first value, so that a type may contain itself.
    @cache
    def members() -> list[tuple[str, Encode, Decode, _Default | None]]:
        hints = get_type_hints(record)
        return [(field.name, *_codec(hints[field.name]), _default(field)) for field in fields(record)]

    names = [field.name for field in fields(record)]
    get_items: Callable[[Any], Sequence[Any]] = (
        attrgetter(*names) if len(names) > 1 else lambda value: [getattr(value, names[0])] if names else []
    )

    def encode_record(value: Any) -> Json:
        tree = {}
        for (name, code, _, default), item in zip(members(), get_items(value), strict=True):
            if default is None or not (item is default[0] or _is_default(default, item)):
                tree[name] = item if code is _same else code(item)
        return tree

    def decode_record(tree: Json) -> Any:
        return record(**{name: code(tree[name]) for name, _, code, _ in members() if name in tree})

    return encode_record, decode_record


_Default = tuple[Any, type[Any], str]
"""The default of a field, its type and what tells it from other values."""


def _default(field: Field[Any]) -> _Default | None:
    default = field.default if field.default_factory is MISSING else field.default_factory()
    return None if default is MISSING else (default, type(default), repr(default))


def _is_default(default: _Default, value: Any) -> bool:
    """Return whether a value is the default of its field; 0.0 is not -0.0, and True is not 1."""
    own, kind, text = default
    if type(value) is not kind:
        return False
    return value == own if kind in _PLAIN else (value == own or kind is not float) and repr(value) == text


def _function(_: Any, __: tuple[Any, ...]) -> tuple[Encode, Decode]:
    def encode_function(function: Callable[..., Any]) -> Json:
        number = next(_numbers)
        _functions[number] = function
        return number

    return encode_function, _functions.__getitem__


class _Written:
    """A part of the JSON that is written already, and is ASCII."""

    __slots__ = ("_text", "fragment")

    def __init__(self, text: str) -> None:
        self._text = text if text.isascii() else _escape(text)
        self.fragment = orjson.Fragment(self._text)

    def parse(self) -> Json:
        """Return it for json."""
        return json.loads(self._text)


_fragment = attrgetter("fragment")


def encode_value(value: Any) -> Json:
    """Encode a value of a bound message. An object with one member stands for a type that JSON does not have."""
    shared, own = split_value(value)
    if not shared:
        return own
    return _Written(shared) if own is None else {"filled": [_Written(shared), own]}


def split_value(value: Any) -> tuple[str, Json]:
    """Encode a value of a bound message as what it shares with others, written, and what is its own.

    Some share nothing: then the first is empty. `join_value` puts them together again.
    """
    # A message of `protojson/memoized.py` never changes: in an answer it is logged each time that a client polls.
    if hasattr(value, "compute"):
        return value.compute(_write_shared), None
    # Those of a pattern of `protojson/variations.py` differ in a few values.
    pattern = getattr(value, "pattern", None)
    if pattern is not None and (template := pattern.compute(_write_template)):
        return template, [item if type(item) in _PLAIN else _encode_part(item) for item in value.hole_values]
    if isinstance(value, list) and any(hasattr(item, "pattern") for item in value):  # those of a stream
        return "", [encode_value(item) for item in value]
    return "", _encode_message(value)


def join_value(shared: str, own: Json) -> Json:
    """Return the JSON of a value that was split."""
    if not shared:
        return own
    tree = json.loads(shared)
    return tree if own is None else {"filled": [tree, own]}


def _write_shared(value: Any) -> str:
    return write_tree(_encode_message(value))


def _write_template(pattern: Any) -> str:
    """Return the JSON of what the messages of a pattern have in common; "" if it is not clear what that is."""
    return "" if pattern.tree is None else write_tree(_encode_template(pattern.tree))


def _encode_template(tree: Any) -> Json:
    """Encode a message with holes: a number each, and what has none as any other message."""
    if isinstance(tree, complex):
        return {"hole": int(tree.real)}
    if not _has_holes(tree):
        return _encode_message(tree)
    if isinstance(tree, list):
        return [_encode_template(item) for item in tree]
    return {"object": [[key, _encode_template(item)] for key, item in tree.items()]}


def _has_holes(tree: Any) -> bool:
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return isinstance(tree, complex) or any(map(_has_holes, parts))


_CONTAINERS = (dict, list, Mapping)


def _encode_message(value: Any) -> Json:
    """Encode an object or a list, which is JSON already if it is read as the same again.

    Most messages are. To write and read them takes a tenth of the time of converting their parts.
    """
    if not isinstance(value, _CONTAINERS):
        return _encode_part(value)
    try:
        return _Written(f'{{"json":{_write_plain(value).decode()}}}')
    except (TypeError, ValueError):  # bytes, numbers of more than 64 bits, surrogates
        return _encode_part(value)


def _write_plain(value: Any) -> bytes:
    """Return the JSON of an object or a list. Raises TypeError or ValueError if it would be read as another one."""
    text = orjson.dumps(value, default=dict)  # of mappings that are no dict
    if orjson.loads(text) != value:
        raise ValueError(value)
    return text


def _encode_part(value: Any) -> Json:
    if isinstance(value, Mapping):
        return {"object": [[key, _encode_part(item)] for key, item in value.items()]}
    if isinstance(value, list):
        return [_encode_part(item) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_encode_part(item) for item in value]}
    if isinstance(value, bytes):
        return {"bytes": b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, str | int | float):
        return value
    msg = f"no codec for the value {value!r}"
    raise TypeError(msg)


def decode_value(tree: Json, values: Sequence[Any] = ()) -> Any:
    """Decode a value of a bound message; `values` are those of the holes in it."""
    if isinstance(tree, list):
        return [decode_value(item, values) for item in tree]
    if not isinstance(tree, dict):
        return tree
    ((kind, content),) = tree.items()
    if kind == "json":
        return content
    if kind == "object":
        return {key: decode_value(item, values) for key, item in content}
    if kind == "filled":
        return decode_value(content[0], decode_value(content[1]))
    if kind == "hole":
        return values[content]
    if kind == "tuple":
        return tuple(decode_value(item, values) for item in content)
    return b64decode(content) if kind == "bytes" else float(content)


_PLAIN = frozenset({str, int, bool, type(None)})

_GENERIC: Mapping[Any, Callable[[Any, tuple[Any, ...]], tuple[Encode, Decode]]] = {
    Union: _union,
    types.UnionType: _union,
    tuple: _items,
    list: _items,
    frozenset: _items,
    Sequence: _items,
    Mapping: _mapping,
    dict: _mapping,
    Callable: _function,
}

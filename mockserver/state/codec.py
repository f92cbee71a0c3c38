"""Records to JSON and back, by the types of their fields.

A data class becomes an object of its fields, those that have their default left out; an enum its name; a tuple, a set
or a mapping a list. What has a form of its own, like the training data, has `to_json` and `from_json`. A field of type
Any holds the values of bound messages: text, numbers, bytes, lists and objects.

A function cannot leave the process that made it. Its JSON is a number, under which it stays here.
"""

import itertools
import math
import types
from base64 import b64decode, b64encode
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date
from enum import Enum
from functools import cache
from pathlib import PurePath
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

Json = Any

Encode = Callable[[Any], Json]
Decode = Callable[[Any], Any]

_functions: dict[int, Callable[..., Any]] = {}
_numbers = itertools.count(1)


def encode(record: Any) -> Json:
    """The JSON of a record: a data class."""
    kind: Any = type(record)
    return _codec(kind)[0](record)


def decode(record: type[T], tree: Json) -> T:
    """The record of that type whose JSON this is."""
    kind: Any = record
    decoded: T = _codec(kind)[1](tree)
    return decoded


@cache
def _codec(hint: Hashable) -> tuple[Encode, Decode]:
    """How values of a type become JSON, and how they are made of it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _PLAIN or origin is Literal:
        return _same, _same
    if hint is Any:
        return _encode_any, _decode_any
    if hint is float:
        return _encode_float, float
    if origin in _GENERIC:
        return _GENERIC[origin](origin, arguments)
    if isinstance(hint, type):
        return _class(hint)
    msg = f"no JSON is known for {hint}"
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
    msg = f"no JSON is known for {record}"
    raise TypeError(msg)


def _same(value: Any) -> Any:
    return value


def _encode_float(value: float) -> Json:
    return value if math.isfinite(value) else str(value)


def _union(_: Any, arguments: tuple[Any, ...]) -> tuple[Encode, Decode]:
    """One of several types; where there are more than one and None, with which of them it is."""
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
        place = next(place for place, kind in enumerate(kinds) if _is_of(value, kind))
        return [place, codecs[place][0](value)]

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
    """A list of keys and values: the order counts, and keys may be numbers."""
    encode_key, decode_key = _codec(arguments[0])
    encode_value, decode_value = _codec(arguments[1])
    return (
        lambda value: [[encode_key(key), encode_value(item)] for key, item in value.items()],
        lambda tree: {decode_key(key): decode_value(item) for key, item in tree},
    )


def _data_class(record: type[Any]) -> tuple[Encode, Decode]:
    # Asked for when the first value comes, so that a type may hold itself.
    @cache
    def members() -> list[tuple[Field[Any], Encode, Decode]]:
        hints = get_type_hints(record)
        return [(field, *_codec(hints[field.name])) for field in fields(record)]

    def encode_record(value: Any) -> Json:
        held = [(field, code, getattr(value, field.name)) for field, code, _ in members()]
        return {field.name: code(item) for field, code, item in held if not _is_default(field, item)}

    def decode_record(tree: Json) -> Any:
        return record(**{field.name: code(tree[field.name]) for field, _, code in members() if field.name in tree})

    return encode_record, decode_record


def _is_default(field: Field[Any], value: Any) -> bool:
    """Whether the field would have this value without being told; 0.0 is not -0.0, nor True 1."""
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    return type(value) is type(default) and repr(value) == repr(default)


def _function(_: Any, __: tuple[Any, ...]) -> tuple[Encode, Decode]:
    return _keep_function, _functions.__getitem__


def _keep_function(function: Callable[..., Any]) -> Json:
    number = next(_numbers)
    _functions[number] = function
    return number


def _encode_any(value: Any) -> Json:
    """What bound messages are made of. An object with one member says what JSON has no word for."""
    if isinstance(value, Mapping):
        return {"object": [[key, _encode_any(item)] for key, item in value.items()]}
    if isinstance(value, list):
        return [_encode_any(item) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_encode_any(item) for item in value]}
    if isinstance(value, bytes):
        return {"bytes": b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, str | int | float):
        return value
    msg = f"no JSON is known for {value!r}"
    raise TypeError(msg)


def _decode_any(tree: Json) -> Any:
    if isinstance(tree, list):
        return [_decode_any(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    ((form, held),) = tree.items()
    if form == "object":
        return {key: _decode_any(item) for key, item in held}
    if form == "tuple":
        return tuple(_decode_any(item) for item in held)
    return b64decode(held) if form == "bytes" else float(held)


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

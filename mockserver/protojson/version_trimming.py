"""Trims messages to one version of an API: other versions have fields and enum values that it does not define."""

from collections.abc import Callable, Mapping
from functools import cache
from itertools import islice
from operator import is_
from typing import Any

from mockserver.protojson import schema
from mockserver.protojson.memoized import MemoizedList
from mockserver.protojson.schema import Field, FieldType

Json = dict[str, Any]
Trim = Callable[[Any], Any]
"""Returns the defined part of a value, or _UNDEFINED."""

_ANY = "google.protobuf.Any"
_UNDEFINED = object()


def trim_to_version(message: str, value: Mapping[str, Any]) -> Json:
    """Drop the members and enum values that the type `message` does not define, at any depth.

    An Any is trimmed to the type that it names. Raises KeyError for an unknown message type.
    """
    trimmed: Json = _message_trimmer(message)(value)
    return trimmed


@cache
def _message_trimmer(message: str, *, as_any: bool = False) -> Trim:
    """Return what trims a message of that type, or an Any of it. It returns the value itself if nothing is dropped."""
    if message == _ANY and not as_any:
        return _trim_any
    trimmers: dict[str, Trim | None] = {
        spelling: _field_trimmer(field) for spelling, field in schema.message(message).by_name.items()
    }
    if as_any:
        trimmers["@type"] = None

    def trim(value: Mapping[str, Any]) -> Mapping[str, Any]:
        trimmed: Json | None = None
        for position, (name, item) in enumerate(value.items()):
            trim_member: Trim | None = trimmers.get(name, _drop)
            member = item if trim_member is None else trim_member(item)
            if trimmed is None:
                if member is item:
                    continue
                trimmed = dict(islice(value.items(), position))
            if member is not _UNDEFINED:
                trimmed[name] = member
        return value if trimmed is None else trimmed

    return trim


def _drop(_: Any) -> object:
    return _UNDEFINED


def _field_trimmer(field: Field) -> Trim | None:
    """Return what trims the values of a field, or None if there is nothing to trim."""
    type_name = field.type_name
    if field.kind is FieldType.ENUM:
        names = schema.enum(type_name).by_name
        return lambda item: _UNDEFINED if isinstance(item, str) and item not in names else item
    well_known = type_name.startswith("google.protobuf.") and type_name != _ANY
    if field.kind is not FieldType.MESSAGE or field.map or well_known:
        return None
    # Looked up when called, because messages contain themselves (Schema).
    if not field.repeated:
        return lambda item: _message_trimmer(type_name)(item)  # noqa: PLW0108 - see above

    def trim_memoized(items: list[Any]) -> list[Any]:
        trimmed = MemoizedList(map(_message_trimmer(type_name), items))
        return items if all(map(is_, trimmed, items)) else trimmed

    def trim_list(items: Any) -> list[Any]:
        if isinstance(items, MemoizedList):
            return items.compute(trim_memoized)
        trimmed = list(map(_message_trimmer(type_name), items))
        return items if all(map(is_, trimmed, items)) else trimmed

    return trim_list


def _trim_any(value: Mapping[str, Any]) -> Mapping[str, Any]:
    trimmed: Mapping[str, Any] = _message_trimmer(value["@type"].rpartition("/")[2], as_any=True)(value)
    return trimmed

"""What a version of an API knows of a message: its older and newer sisters have fields that it has not."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from mockserver.protojson import schema
from mockserver.protojson.memoized import Settled
from mockserver.protojson.schema import Field, Kind

Json = dict[str, Any]
Limit = Callable[[Any], Any]
"""Makes of a value what is known of it, or _UNKNOWN."""

_ANY = "google.protobuf.Any"
_UNKNOWN = object()


def known(message: str, value: Mapping[str, Any]) -> Json:
    """`value` without the members that `message` has no field, or no enum value, for; at any depth.

    An Any is held to the type it says it has. Raises KeyError for an unknown message.
    """
    limited: Json = _limit(message)(value)
    return limited


@cache
def _limit(message: str) -> Limit:
    """What limits a message of that type."""
    if message == _ANY:
        return _any
    limits = {spelling: _member(field) for spelling, field in schema.message(message).by_name.items()}

    def limit(value: Mapping[str, Any]) -> Json:
        kept = {}
        for name, item in value.items():
            member: Limit | None = limits.get(name, _nothing)
            shown = item if member is None else member(item)
            if shown is not _UNKNOWN:
                kept[name] = shown
        return kept

    return limit


def _member(field: Field) -> Limit | None:
    """What limits the values of a field, or None if they are known as they are."""
    kind = field.type_name
    if field.kind is Kind.ENUM:
        names = schema.enum(kind).by_name
        return lambda item: _UNKNOWN if isinstance(item, str) and item not in names else item
    whole = kind.startswith("google.protobuf.") and kind != _ANY
    if field.kind is not Kind.MESSAGE or field.map or whole:
        return None
    # Looked up when called, because messages contain themselves (Schema).
    if field.repeated:
        return _list_of(kind)
    return lambda item: _limit(kind)(item)  # noqa: PLW0108 - see above


def _list_of(kind: str) -> Limit:
    def limit_settled(items: list[Any]) -> list[Any]:
        limited = Settled(map(_limit(kind), items))
        return items if limited == items else limited

    def limit_list(items: Any) -> list[Any]:
        return items.made(limit_settled) if isinstance(items, Settled) else list(map(_limit(kind), items))

    return limit_list


def _any(value: Mapping[str, Any]) -> Json:
    kind = value["@type"]
    return {"@type": kind, **known(kind.rpartition("/")[2], {k: v for k, v in value.items() if k != "@type"})}


def _nothing(_: Any) -> object:
    return _UNKNOWN

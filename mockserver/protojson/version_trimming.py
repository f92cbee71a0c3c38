"""Trims messages to one version of an API: other versions have fields and enum values that it does not define."""

from collections.abc import Callable, Mapping
from functools import cache
from operator import is_
from typing import Any

from mockserver.protojson import schema
from mockserver.protojson.memoized import MemoizedList, MemoizedMessage
from mockserver.protojson.schema import Field, FieldType
from mockserver.protojson.variations import Message, Variation

Json = dict[str, Any]
Trim = Callable[[Any], Any]
"""Returns the defined part of a value, or _UNDEFINED."""
Rule = Trim | frozenset[str] | None
"""How the values of a field are trimmed: by a function, to the names of an enum, or not at all."""

_ANY = "google.protobuf.Any"
_UNDEFINED = object()


def trim_message(message: str, value: Message) -> Message:
    """Trim a message of that type as `trim_to_version` does; of messages of a pattern, what they share once."""
    trim = message_trimmer(message)
    result: Message = value.trim(trim) if type(value) is Variation else trim(value)
    return result


def trim_to_version(message: str, value: Mapping[str, Any]) -> Json:
    """Drop the members and enum values that the type `message` does not define, at any depth.

    An Any is trimmed to the type that it names. Raises KeyError for an unknown message type.
    """
    result: Json = message_trimmer(message)(value)
    return result


@cache
def message_trimmer(message: str, *, as_any: bool = False) -> Trim:
    """Return what trims a message of that type, or an Any of it. It returns the value itself if nothing is dropped."""
    return _trim_any if message == _ANY and not as_any else _new_trimmer(message, as_any=as_any)


def _new_trimmer(message: str, *, as_any: bool) -> Trim:
    rules: dict[str, Rule] | None = None

    def trim(value: Mapping[str, Any]) -> Mapping[str, Any]:
        nonlocal rules
        if type(value) is MemoizedMessage:
            return value.compute(trim_memoized)
        if rules is None:  # not before, because messages contain themselves (Schema)
            rules = _rules(message, as_any=as_any)
        result: Json = {}
        for name, item in value.items():
            rule: Rule = rules.get(name, _drop)
            if rule is None:
                continue
            if callable(rule):
                member = rule(item)
            else:
                member = _UNDEFINED if isinstance(item, str) and item not in rule else item
            if member is not item:
                result[name] = member
        if not result:
            return value
        return {name: item for name, item in {**value, **result}.items() if item is not _UNDEFINED}

    def trim_memoized(value: MemoizedMessage) -> Mapping[str, Any]:
        members = dict(value)
        result = trim(members)
        return value if result is members else MemoizedMessage(result)

    return trim


def _drop(_: Any) -> object:
    return _UNDEFINED


def _rules(message: str, *, as_any: bool) -> dict[str, Rule]:
    rules = {name: _rule(field) for name, field in schema.message(message).by_name.items()}
    return rules | {"@type": None} if as_any else rules


def _rule(field: Field) -> Rule:
    type_name = field.type_name
    if field.kind is FieldType.ENUM:
        return frozenset(schema.enum(type_name).by_name)
    well_known = type_name.startswith("google.protobuf.") and type_name != _ANY
    if field.kind is not FieldType.MESSAGE or field.map or well_known:
        return None
    trim = message_trimmer(type_name)
    if not field.repeated:
        return trim

    def trim_memoized(items: list[Any]) -> list[Any]:
        result = MemoizedList(map(trim, items))
        return items if all(map(is_, result, items)) else result

    def trim_list(items: Any) -> list[Any]:
        if isinstance(items, MemoizedList):
            return items.compute(trim_memoized)
        result = list(map(trim, items))
        return items if all(map(is_, result, items)) else result

    return trim_list


def _trim_any(value: Mapping[str, Any]) -> Mapping[str, Any]:
    result: Mapping[str, Any] = message_trimmer(value["@type"].rpartition("/")[2], as_any=True)(value)
    return result

"""Makes a value that fits a schema, for a request that asks for structured output.

It reads both of Google's dialects: its own Schema ("STRING", `nullable`, `propertyOrdering`, `ref`) and JSON Schema
("string", lists of types, `const`, `$ref`). A schema always gets the same value: every member, the first value of an
enum, one element, small numbers, texts named after their property. Which of the valid values is our choice: not seen.
It ignores `pattern` and `uniqueItems`, and that a value may match only one arm of a `oneOf`.
"""

import json
import math
import operator
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from itertools import count
from types import NoneType
from typing import Any, Protocol
from urllib.parse import unquote

from mockserver.limits import SCHEMA_WORK

Json = dict[str, Any]

MAX_VALUES = 1_000
"""Beyond this number of values, optional ones are left out; beyond ten times that number, there is no value."""
MAX_DEPTH = 60
MAX_TEXT_LENGTH = 100_000

_FORMATS = {
    "date": "2025-01-01",
    "date-time": "2025-01-01T00:00:00Z",
    "duration": "P1D",
    "email": "user@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "time": "00:00:00Z",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_LOWEST = ("minimum", "exclusiveMinimum", "minItems", "minLength", "minProperties")
_HIGHEST = ("maximum", "exclusiveMaximum", "maxItems", "maxLength", "maxProperties")
_BOUNDS: Mapping[str, Callable[[float, float], bool]] = {
    "minimum": operator.ge,
    "exclusiveMinimum": operator.gt,
    "maximum": operator.le,
    "exclusiveMaximum": operator.lt,
}
# The type of a schema without `type`, by the first of these members that it has.
_IMPLIED_TYPES = {
    "properties": "object",
    "required": "object",
    "additionalProperties": "object",
    "minProperties": "object",
    "maxProperties": "object",
    "items": "array",
    "prefixItems": "array",
    "minItems": "array",
    "maxItems": "array",
    "minimum": "number",
    "maximum": "number",
}
_PYTHON_TYPES: Mapping[str, type] = {"null": NoneType, "boolean": bool, "string": str, "array": list, "object": Mapping}


class NoValueError(ValueError):
    """No value fits the schema, or none of a reasonable size."""


class Source(Protocol):
    """Something that has values for parts of a schema, such as a prompt. `taken` counts those that were used.

    Without `complete`, optional members are made only if the source has something for them.
    """

    uses: int
    complete: bool

    def find(self, kind: str, schema: Mapping[str, Any], name: str) -> Any:
        """Return a value of that type that fits the schema of the member `name`; None if there is none."""


def example_value(schema: Any, source: Source | None = None) -> Any:
    """Return the value for a schema, with what the source has for it. Raises NoValueError."""
    return _ValueMaker(schema, source).value(schema, "text")


class _ValueMaker:
    """Makes the value of one root schema, to whose parts `$ref` may refer."""

    def __init__(self, root: Any, source: Source | None) -> None:
        self.root = root
        self.source = source
        self.open: set[str] = set()  # the references that enclose the current value; a finite value repeats none
        self.values_left = MAX_VALUES
        self.work = SCHEMA_WORK
        self.depth = 0

    def value(self, schema: Any, name: str) -> Any:
        """Make a value that matches the schema; its texts are `name`."""
        self.values_left -= 1
        if self.depth > MAX_DEPTH or self.values_left < -10 * MAX_VALUES:
            raise NoValueError("it is too large")
        self.depth += 1
        try:
            if schema is True:
                self._spend(len(name))
                return name
            if not isinstance(schema, Mapping):
                raise NoValueError(f"{schema!r} is not a schema")
            return self._schema_value(schema, name)
        finally:
            self.depth -= 1

    def _spend(self, amount: int) -> None:
        """Count characters made and members looked at: few schemas can refer to each other very often."""
        self.work -= amount
        if self.work < 0:
            raise NoValueError("it is too large")

    def _schema_value(self, schema: Mapping[str, Any], name: str) -> Any:
        """Make the value of a schema that may refer to others or combine them."""
        self._spend(_size(schema))
        for reference in ("$ref", "ref"):
            if isinstance(schema.get(reference), str):
                return self._referenced_value(schema[reference], _without(schema, reference), name)
        if schemas := _list(schema, "allOf"):
            targets = [self._resolve(each) for each in schemas]
            self._spend(sum(map(_size, targets)))
            return self.value(_merge(_without(schema, "allOf"), *targets), name)
        for choice in ("anyOf", "oneOf"):
            if arms := _list(schema, choice):
                rest = _without(schema, choice)
                self._spend(len(arms) * len(rest))
                options = [_merge(rest, arm) if isinstance(arm, Mapping) else arm for arm in sorted(arms, key=_is_null)]
                return self._first(options, lambda arm: self.value(arm, name))
        types = sorted((str(kind).lower() for kind in _types(schema)), key=lambda kind: kind == "null")
        if schema.get("nullable") is True:
            types.append("null")
        return self._first(types, lambda kind: self._typed_value(kind, schema, name))

    def _first(self, choices: Sequence[Any], make: Callable[[Any], Any]) -> Any:
        """Make the value of the first choice that has one."""
        reason = NoValueError("there is nothing to choose from")
        for choice in choices:
            try:
                return make(choice)
            except NoValueError as error:
                reason = error
        raise reason

    def _referenced_value(self, reference: str, rest: Json, name: str) -> Any:
        if reference in self.open:
            raise NoValueError(f"{reference} contains itself")
        self.open.add(reference)
        try:
            return self.value(_merge(rest, self._target(reference)), name)
        finally:
            self.open.discard(reference)

    def _resolve(self, schema: Any) -> Mapping[str, Any]:
        """Return a schema with its reference replaced by the target, for merging."""
        references = set()
        while isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str) and schema["$ref"] not in references:
            self._spend(_size(schema))
            references.add(schema["$ref"])
            schema = _merge(_without(schema, "$ref"), self._target(schema["$ref"]))
        return schema if isinstance(schema, Mapping) else {}

    def _target(self, reference: str) -> Mapping[str, Any]:
        """Return the schema that a reference like `#/$defs/Pet` refers to."""
        self._spend(len(reference))
        target = self.root
        start, *steps = reference.split("/")
        for step in steps:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            target = target.get(key) if isinstance(target, Mapping) else None
        if start != "#" or not isinstance(target, Mapping):
            raise NoValueError(f"{reference} refers to nothing")
        return target

    def _typed_value(self, kind: str, schema: Mapping[str, Any], name: str) -> Any:
        """Make a value of one of the schema's types."""
        if self.source and (value := self.source.find(kind, schema, name)) is not None:
            self._spend(len(value) if isinstance(value, str) else 1)
            return value
        if enum := [schema["const"]] if "const" in schema else _list(schema, "enum"):
            word = _enum_value(kind, enum)
            self._spend(len(json.dumps(word)) if isinstance(word, str | list | Mapping) else 1)
            return word
        match kind:
            case "object":
                return self._object(schema)
            case "array":
                return self._array(schema, name)
            case "string":
                text = _text(schema, name)
                self._spend(len(text))
                return text
            case "integer" | "number":
                return _number(schema, whole=kind == "integer")
            case "boolean":
                return True
            case "null":
                return None
        raise NoValueError(f"{kind} is not a type")

    def _object(self, schema: Mapping[str, Any]) -> Json:
        """Make the members in their order; optional ones only while there is room."""
        properties = schema.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        required = dict.fromkeys(map(str, _list(schema, "required")))
        order = dict.fromkeys((*map(str, _list(schema, "propertyOrdering")), *properties, *required))
        other = schema.get("additionalProperties", True)
        room = _limit(schema, "maxProperties", math.inf) - len(required)
        members: Json = {}
        for name in order:
            if name in required or (name in properties and self.values_left > 0):
                self._spend(len(name))
            if name in required:
                members[name] = self.value(properties.get(name, other), name)
            elif name in properties and room >= 1 and self.values_left > 0:
                uses = self._uses
                try:
                    member = self.value(properties[name], name)
                except NoValueError:
                    continue
                if self.source is None or self.source.complete or self._uses > uses:
                    members[name] = member
                    room -= 1
        for number in count(1):
            if len(members) >= _limit(schema, "minProperties", 0):
                break
            members.setdefault(f"key {number}", self.value(other, "text"))
        if len(members) > _limit(schema, "maxProperties", math.inf):
            raise NoValueError("more properties are required than there may be")
        return members

    def _array(self, schema: Mapping[str, Any], name: str) -> list[Any]:
        """Make one element, or as many as there must be, or for which the source has something."""
        first, other = _list(schema, "prefixItems"), schema.get("items", True)
        least, most = _limit(schema, "minItems", 0), _limit(schema, "maxItems", math.inf)
        if least > most:
            raise NoValueError("more elements are required than there may be")
        usual = min(most, max(len(first), 1))
        elements: list[Any] = []
        while len(elements) < least or (len(elements) < (most if self.source else usual) and self.values_left > 0):
            uses = self._uses
            try:
                element = self.value(first[len(elements)] if len(elements) < len(first) else other, name)
            except NoValueError:
                if len(elements) < least:
                    raise
                break
            if len(elements) >= max(least, usual) and self._uses == uses:
                break
            elements.append(element)
        return elements

    @property
    def _uses(self) -> int:
        return self.source.uses if self.source else 0


def _size(schema: Mapping[str, Any]) -> int:
    """Return how many members a schema has, with those of its lists and objects."""
    return len(schema) + sum(len(value) for value in schema.values() if isinstance(value, list | tuple | Mapping))


def _types(schema: Mapping[str, Any]) -> Sequence[Any]:
    """Return the types that a value may have; for a schema without a type, the one that its members imply."""
    kind = schema.get("type", "")
    if isinstance(kind, list):
        return kind
    if kind and kind != "TYPE_UNSPECIFIED":
        return [kind]
    if "const" in schema or _list(schema, "enum"):
        return ["any"]
    return [next((_IMPLIED_TYPES[member] for member in schema if member in _IMPLIED_TYPES), "string")]


def _is_null(arm: Any) -> bool:
    return isinstance(arm, Mapping) and str(arm.get("type")).lower() == "null"


def _enum_value(kind: str, enum: Sequence[Any]) -> Any:
    """Return the first value of an enum that has that type. Google's own Schema writes numbers as strings."""
    for word in enum:
        if _is_of(kind, word):
            return word
        if kind in {"integer", "number"} and isinstance(word, str):
            try:
                number = int(word) if kind == "integer" else float(word)
            except ValueError:
                continue
            if math.isfinite(number):
                return number
    raise NoValueError(f"no word of the enum is of type {kind}")


def _is_of(kind: str, value: Any) -> bool:
    """Return whether a JSON value has that type; 1.0 is an integer."""
    if kind in {"integer", "number"}:
        return _is_number(value) and (kind == "number" or value == int(value))
    return kind == "any" or (kind in _PYTHON_TYPES and isinstance(value, _PYTHON_TYPES[kind]))


def _is_number(value: Any) -> bool:
    """Return whether it is a number that a double can hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _text(schema: Mapping[str, Any], name: str) -> str:
    """Return the example of its format, else the name, repeated or truncated to its length."""
    least, most = _limit(schema, "minLength", 0), _limit(schema, "maxLength", math.inf)
    if least > min(most, MAX_TEXT_LENGTH):
        raise NoValueError("no text has that length")
    text = _FORMATS.get(str(schema.get("format")), name) or "text"
    if len(text) < least:
        text = (text * (least // len(text) + 1))[:least]
    return text if len(text) <= most else text[: int(most)]


def is_as_long(text: str, schema: Mapping[str, Any]) -> bool:
    """Return whether a text has the length and the format that a schema asks for."""
    return "format" not in schema and _limit(schema, "minLength", 0) <= len(text) <= _limit(
        schema, "maxLength", math.inf
    )


def is_within(number: float, schema: Mapping[str, Any], *, whole: bool) -> bool:
    """Return whether a number is one that a schema allows."""
    step = _bound(schema, "multipleOf")
    return (
        math.isfinite(number)
        and (not whole or number == int(number))
        and all(_BOUNDS[name](number, bound) for name in _BOUNDS if (bound := _bound(schema, name)) is not None)
        and (not step or _is_whole(number / step))
    )


def _number(schema: Mapping[str, Any], *, whole: bool) -> float:
    """Return 1 if that is valid, else a number at or near the bounds."""
    bounds = {name: bound for name in _BOUNDS if (bound := _bound(schema, name)) is not None}
    step = _bound(schema, "multipleOf")
    for number in filter(math.isfinite, _possible_numbers([*bounds.values()], step)):
        for close in (number, math.floor(number), math.ceil(number), math.floor(number) + 1, math.ceil(number) - 1):
            if is_within(close, schema, whole=whole):
                return int(close) if whole else close
    raise NoValueError("no number is within the bounds")


def _possible_numbers(bounds: Sequence[float], step: float | None) -> Iterator[float]:
    """Yield 1, the bounds, numbers between and next to them, 0, and the multiples of `step` near all these."""
    between = [low / 2 + high / 2 for low in bounds for high in bounds if low < high]
    beside = [math.nextafter(bound, way) for bound in bounds for way in (math.inf, -math.inf)]
    numbers = [1, *bounds, *between, *beside, 0]
    yield from numbers
    if step:
        for times in filter(math.isfinite, (number / step for number in numbers)):
            yield from (math.ceil(times) * step, math.floor(times) * step)


def _is_whole(times: float) -> bool:
    """Return whether it is a whole number, within the precision of floats."""
    return math.isfinite(times) and math.isclose(times, round(times), abs_tol=1e-9)


def _bound(schema: Mapping[str, Any], name: str) -> float | None:
    bound = schema.get(name)
    return bound if _is_number(bound) else None


def _limit(schema: Mapping[str, Any], name: str, default: float) -> Any:
    """Return a count as the whole number that means the same."""
    bound = _bound(schema, name)
    return default if bound is None else math.ceil(bound) if name.startswith("min") else math.floor(bound)


def _list(schema: Mapping[str, Any], name: str) -> list[Any]:
    value = schema.get(name)
    return list(value) if isinstance(value, list | tuple) else []


def _without(schema: Mapping[str, Any], name: str) -> Json:
    return {key: value for key, value in schema.items() if key != name}


def _merge(*schemas: Mapping[str, Any]) -> Json:
    """Return one schema with the conditions of all; of two that cannot be combined, the later one."""
    result: Json = {}
    grown: set[str] = set()  # members that are this schema's own, so that they can be added to without a copy
    for schema in schemas:
        for name, value in schema.items():
            if name in grown and name == "properties" and isinstance(value, Mapping):
                result[name].update(value)
            elif name in grown and name == "required" and isinstance(value, list):
                result[name].extend(value)
            elif name in result:
                combination = _combine(name, result[name], value)
                if combination is not value and name in {"properties", "required"}:
                    grown.add(name)
                result[name] = combination
            else:
                result[name] = value
    return result


def _frozen(value: Any) -> Hashable:
    """Return something equal for equal JSON values, to be looked up."""
    if isinstance(value, Mapping):
        return frozenset((name, _frozen(item)) for name, item in value.items())
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _combine(name: str, old: Any, new: Any) -> Any:
    if name in _LOWEST and _is_number(old) and _is_number(new):
        return max(old, new)
    if name in _HIGHEST and _is_number(old) and _is_number(new):
        return min(old, new)
    if name == "properties" and isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **new}
    if name == "required" and isinstance(old, list) and isinstance(new, list):
        return [*old, *new]
    if name == "enum" and isinstance(old, list) and isinstance(new, list):
        words = {_frozen(word) for word in new}
        return [word for word in old if _frozen(word) in words] or new
    return new

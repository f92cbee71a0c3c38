"""Values that fit a schema: what a model says that was told a form and nothing else.

Both of Google's dialects are read: its own Schema ("STRING", `nullable`, `propertyOrdering`, `ref`) and JSON Schema
("string", lists of types, `const`, `$ref`). A schema has one value, whatever the seed: every member, the first word of
an enum, one element, small numbers, texts named after their property. Which of the values that fit is our choice: not
seen. `pattern` and `uniqueItems` are not heeded, nor is that only one arm of a `oneOf` may fit.
"""

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any
from urllib.parse import unquote

Json = dict[str, Any]

MOST_VALUES = 1_000
"""Past so many, only what must be there is made; past ten times as many, nothing is."""
DEEPEST = 60
LONGEST_TEXT = 100_000

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


class NoValueError(ValueError):
    """Nothing fits the schema, or nothing of a reasonable size."""


def example_value(schema: Any) -> Any:
    """The value for a schema. Raises NoValueError."""
    return _Maker(schema).value(schema, "text")


class _Maker:
    """Makes the value of one root schema, to whose parts `$ref` may refer."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.open: set[str] = set()  # references we are in: a smallest value is in none of them twice
        self.left = MOST_VALUES
        self.depth = 0

    def value(self, schema: Any, name: str) -> Any:
        """Make a value that fits; texts in it say `name`."""
        self.left -= 1
        if self.depth > DEEPEST or self.left < -10 * MOST_VALUES:
            raise NoValueError("it is too large")
        self.depth += 1
        try:
            if schema is True:
                return name
            if not isinstance(schema, Mapping):
                raise NoValueError(f"{schema!r} is no schema")
            return self._whole(schema, name)
        finally:
            self.depth -= 1

    def _whole(self, schema: Mapping[str, Any], name: str) -> Any:
        """The value of a schema that may refer to others or be made of them."""
        for reference in ("$ref", "ref"):
            if isinstance(schema.get(reference), str):
                return self._referred(schema[reference], _without(schema, reference), name)
        if alls := _list(schema, "allOf"):
            return self.value(_merged(_without(schema, "allOf"), *map(self._resolved, alls)), name)
        for choice in ("anyOf", "oneOf"):
            if arms := _list(schema, choice):
                return self._first(sorted(arms, key=_is_null), self._joiner(_without(schema, choice), name))
        types = [str(kind).lower() for kind in _types(schema)]
        nullable = ["null"] if schema.get("nullable") is True else []
        return self._first([*sorted(types, key=lambda kind: kind == "null"), *nullable], self._maker(schema, name))

    def _first(self, choices: Sequence[Any], make: Callable[[Any], Any]) -> Any:
        """What is made of the first choice that anything can be made of."""
        refused = NoValueError("there is nothing to choose from")
        for choice in choices:
            try:
                return make(choice)
            except NoValueError as error:
                refused = error
        raise refused

    def _joiner(self, rest: Mapping[str, Any], name: str) -> Callable[[Any], Any]:
        """What makes a value of one arm of a choice, and of the rest of the schema it stands in."""
        return lambda arm: self.value(_merged(rest, arm) if isinstance(arm, Mapping) else arm, name)

    def _referred(self, reference: str, rest: Json, name: str) -> Any:
        if reference in self.open:
            raise NoValueError(f"{reference} is a part of itself")
        self.open.add(reference)
        try:
            return self.value(_merged(rest, self._target(reference)), name)
        finally:
            self.open.discard(reference)

    def _resolved(self, schema: Any) -> Mapping[str, Any]:
        """A schema without its reference, for merging."""
        seen = set()
        while isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str) and schema["$ref"] not in seen:
            seen.add(schema["$ref"])
            schema = _merged(_without(schema, "$ref"), self._target(schema["$ref"]))
        return schema if isinstance(schema, Mapping) else {}

    def _target(self, reference: str) -> Mapping[str, Any]:
        """What `#/$defs/Pet` leads to from the root."""
        found = self.root
        start, *steps = reference.split("/")
        for step in steps:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, Mapping) else None
        if start != "#" or not isinstance(found, Mapping):
            raise NoValueError(f"{reference} leads nowhere")
        return found

    def _maker(self, schema: Mapping[str, Any], name: str) -> Callable[[str], Any]:
        """What makes a value of one of the schema's types."""
        enum = [schema["const"]] if "const" in schema else _list(schema, "enum")
        if enum:
            return lambda kind: _word(kind, enum)
        makers: Mapping[str, Callable[[], Any]] = {
            "object": lambda: self._object(schema),
            "array": lambda: self._array(schema, name),
            "string": lambda: _text(schema, name),
            "integer": lambda: _number(schema, whole=True),
            "number": lambda: _number(schema, whole=False),
            "boolean": lambda: True,
            "null": lambda: None,
        }

        def make(kind: str) -> Any:
            if kind not in makers:
                raise NoValueError(f"{kind} is no type")
            return makers[kind]()

        return make

    def _object(self, schema: Mapping[str, Any]) -> Json:
        """The members in their order; what is optional only as long as there is room for it."""
        properties = schema.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        required = dict.fromkeys(map(str, _list(schema, "required")))
        order = dict.fromkeys((*map(str, _list(schema, "propertyOrdering")), *properties, *required))
        other = schema.get("additionalProperties", True)
        room = _limit(schema, "maxProperties", math.inf) - len(required)
        made: Json = {}
        for name in order:
            if name in required:
                made[name] = self.value(properties.get(name, other), name)
            elif name in properties and room >= 1 and self.left > 0:
                try:
                    made[name] = self.value(properties[name], name)
                    room -= 1
                except NoValueError:
                    continue
        for number in count(1):
            if len(made) >= _limit(schema, "minProperties", 0):
                break
            made.setdefault(f"key {number}", self.value(other, "text"))
        if len(made) > _limit(schema, "maxProperties", math.inf):
            raise NoValueError("more properties are required than there may be")
        return made

    def _array(self, schema: Mapping[str, Any], name: str) -> list[Any]:
        """One element, or as many as there must be."""
        first, other = _list(schema, "prefixItems"), schema.get("items", True)
        least, most = _limit(schema, "minItems", 0), _limit(schema, "maxItems", math.inf)
        if least > most:
            raise NoValueError("more elements are required than there may be")
        made: list[Any] = []
        while len(made) < least or (len(made) < min(most, max(len(first), 1)) and self.left > 0):
            try:
                made.append(self.value(first[len(made)] if len(made) < len(first) else other, name))
            except NoValueError:
                if len(made) < least:
                    raise
                break
        return made


def _types(schema: Mapping[str, Any]) -> Sequence[Any]:
    """The types a value may have; of a schema without one, that of which it speaks."""
    kind = schema.get("type", "")
    if isinstance(kind, list):
        return kind
    if kind and kind != "TYPE_UNSPECIFIED":
        return [kind]
    if "const" in schema or _list(schema, "enum"):
        return ["any"]
    words = {"properties": "object", "required": "object", "items": "array", "prefixItems": "array"}
    words |= dict.fromkeys(("minItems", "maxItems"), "array") | dict.fromkeys(("minimum", "maximum"), "number")
    words |= dict.fromkeys(("additionalProperties", "minProperties", "maxProperties"), "object")
    return [next((words[word] for word in schema if word in words), "string")]


def _is_null(arm: Any) -> bool:
    return isinstance(arm, Mapping) and str(arm.get("type")).lower() == "null"


def _word(kind: str, enum: Sequence[Any]) -> Any:
    """The first word of an enum that is of that type. Google's own Schema spells numbers as strings."""
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
    """Whether a JSON value is of that type; 1.0 is an integer."""
    match kind:
        case "any":
            return True
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, Mapping)
        case "number":
            return _is_number(value)
        case _:
            return kind == "integer" and _is_number(value) and value == int(value)


def _is_number(value: Any) -> bool:
    """Whether it is a number that a double can hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _text(schema: Mapping[str, Any], name: str) -> str:
    """The text its format asks for, else the name, drawn out or cut to its length."""
    least, most = _limit(schema, "minLength", 0), _limit(schema, "maxLength", math.inf)
    if least > min(most, LONGEST_TEXT):
        raise NoValueError("no text has that length")
    text = _FORMATS.get(str(schema.get("format")), name) or "text"
    if len(text) < least:
        text = (text * (least // len(text) + 1))[:least]
    return text if len(text) <= most else text[: int(most)]


def _number(schema: Mapping[str, Any], *, whole: bool) -> float:
    """1 if that fits, else the number nearest at hand."""
    for number in filter(math.isfinite, _numbers(schema)):
        for close in (number, math.floor(number), math.ceil(number), math.floor(number) + 1, math.ceil(number) - 1):
            if (not whole or close == int(close)) and _is_within(schema, close):
                return int(close) if whole else close
    raise NoValueError("no number is within the bounds")


def _numbers(schema: Mapping[str, Any]) -> Iterator[float]:
    """Where to look for a number: 1, at the bounds and between them, at multiples."""
    bounds = [_bound(schema, name) for name in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")]
    known = [bound for bound in bounds if bound is not None]
    middle = [low / 2 + high / 2 for low in known for high in known if low < high]
    near = [math.nextafter(bound, way) for bound in known for way in (math.inf, -math.inf)]
    seeds = [1, *known, *middle, *near, 0]
    yield from seeds
    if step := _bound(schema, "multipleOf"):
        for times in filter(math.isfinite, (seed / step for seed in seeds)):
            yield from (math.ceil(times) * step, math.floor(times) * step)


def _is_within(schema: Mapping[str, Any], number: float) -> bool:
    """Whether every bound holds, as far as there are some."""
    holds: Mapping[str, Callable[[float], bool]] = {
        "minimum": lambda bound: number >= bound,
        "maximum": lambda bound: number <= bound,
        "exclusiveMinimum": lambda bound: number > bound,
        "exclusiveMaximum": lambda bound: number < bound,
        "multipleOf": lambda step: not step or _is_whole(number / step),
    }
    bounds = ((name, _bound(schema, name)) for name in holds)
    return all(bound is None or holds[name](bound) for name, bound in bounds)


def _is_whole(times: float) -> bool:
    """Whether it is a whole number but for what floats lose."""
    return math.isfinite(times) and math.isclose(times, round(times), abs_tol=1e-9)


def _bound(schema: Mapping[str, Any], name: str) -> float | None:
    bound = schema.get(name)
    return bound if _is_number(bound) else None


def _limit(schema: Mapping[str, Any], name: str, default: float) -> Any:
    """A count, as the whole number that means the same."""
    bound = _bound(schema, name)
    return default if bound is None else math.ceil(bound) if name.startswith("min") else math.floor(bound)


def _list(schema: Mapping[str, Any], name: str) -> list[Any]:
    found = schema.get(name)
    return list(found) if isinstance(found, list | tuple) else []


def _without(schema: Mapping[str, Any], name: str) -> Json:
    return {key: value for key, value in schema.items() if key != name}


def _merged(*schemas: Mapping[str, Any]) -> Json:
    """One schema that asks for what all of them do, of which the later go before in what cannot be joined."""
    merged: Json = {}
    for schema in schemas:
        for name, value in schema.items():
            merged[name] = _joined(name, merged[name], value) if name in merged else value
    return merged


def _joined(name: str, old: Any, new: Any) -> Any:
    if name in _LOWEST and _is_number(old) and _is_number(new):
        return max(old, new)
    if name in _HIGHEST and _is_number(old) and _is_number(new):
        return min(old, new)
    if name == "properties" and isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **new}
    if name == "required" and isinstance(old, list) and isinstance(new, list):
        return [*old, *new]
    if name == "enum" and isinstance(old, list) and isinstance(new, list):
        return [word for word in old if word in new] or new
    return new

"""Values made to fit a schema: laws of `generation.schema_values`, held against a small validator of our own."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.generation.schema_values import NoValueError, example_value

Json = dict[str, Any]

NODE: Json = {
    "$ref": "#/$defs/Node",
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {
                "value": {"type": "number"},
                "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                "parent": {"$ref": "#/$defs/Node"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            },
            "required": ["value", "next"],
        }
    },
}
"""What pydantic makes of a class that holds itself."""

PARTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "enum": lambda value, words: value in words or str(value) in words,
    "const": lambda value, word: bool(value == word),
    "minimum": lambda value, bound: value >= bound,
    "maximum": lambda value, bound: value <= bound,
    "exclusiveMinimum": lambda value, bound: value > bound,
    "exclusiveMaximum": lambda value, bound: value < bound,
    "minLength": lambda value, bound: len(value) >= bound,
    "maxLength": lambda value, bound: len(value) <= bound,
    "minItems": lambda value, bound: len(value) >= bound,
    "maxItems": lambda value, bound: len(value) <= bound,
    "minProperties": lambda value, bound: len(value) >= bound,
    "maxProperties": lambda value, bound: len(value) <= bound,
    "required": lambda value, names: set(names) <= set(value),
    "multipleOf": lambda value, step: value % step == 0,
}
"""What each of a schema's words asks of a value of its type."""

TYPES: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


SIZES: Mapping[type, str] = {str: "Length", list: "Items", dict: "Properties"}


def conforms(value: Any, schema: Json, root: Json | None = None) -> bool:
    """Whether a value is valid for a schema."""
    root = root or schema
    if "$ref" in schema:
        return conforms(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if value is None and schema.get("nullable"):
        return True
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    fits = (not kinds or any(TYPES[kind.lower()](value) for kind in kinds)) and (
        value is None or all(PARTS[word](value, schema[word]) for word in PARTS if word in schema)
    )
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        fits = fits and all(conforms(value[name], properties[name], root) for name in properties if name in value)
    if isinstance(value, list) and "items" in schema:
        fits = fits and all(conforms(item, schema["items"], root) for item in value)
    return fits and ("anyOf" not in schema or any(conforms(value, arm, root) for arm in schema["anyOf"]))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(-1e9, 1e9) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def schemas(draw: st.DrawFn) -> Json:
    """Schemas that something fits, because each is drawn around a value; in either dialect."""
    google = draw(st.booleans())
    return _around(draw, draw(VALUES), google=google)


def _around(draw: st.DrawFn, value: Any, *, google: bool) -> Json:
    """A schema that the value fits."""
    kind = next(name for name in TYPES if TYPES[name](value))
    schema: Json = {"type": kind.upper() if google else kind} | _bounds(draw, value)
    if isinstance(value, list):
        kinds = [_around(draw, item, google=google) for item in value]
        schema |= {"items": {"anyOf": kinds}} if kinds else {}
    if isinstance(value, dict):
        schema["properties"] = {name: _around(draw, item, google=google) for name, item in value.items()}
        schema["required"] = draw(st.lists(st.sampled_from(sorted(value)), unique=True)) if value else []
        schema["propertyOrdering"] = draw(st.permutations(sorted(value)))
    if draw(st.booleans()):
        schema |= {"nullable": True} if google else {"type": [kind, "null"]}
    if isinstance(value, str) and draw(st.booleans()):
        schema["enum"] = [value, *draw(st.lists(st.text(max_size=3), max_size=2))]
    return schema if draw(st.booleans()) else {"anyOf": [schema, {"type": "null"}]}


def _bounds(draw: st.DrawFn, value: Any) -> Json:
    """Some of the bounds that hold for a value."""
    away = st.integers(0, 3)
    size = next((name for kind, name in SIZES.items() if isinstance(value, kind)), None)
    bounds: Json = {}
    if size:
        bounds = {f"min{size}": max(0, len(value) - draw(away)), f"max{size}": len(value) + draw(away)}
    elif isinstance(value, int | float) and not isinstance(value, bool):
        bounds = {"minimum": value - draw(away), "maximum": value + draw(away)}
        bounds |= {"exclusiveMinimum": value - 1} if draw(st.booleans()) else {"exclusiveMaximum": value + 1}
    return {name: bound for name, bound in bounds.items() if draw(st.booleans())}


@given(schemas())
def test_what_is_made_fits_its_schema(schema: Json) -> None:
    """Whatever can be satisfied is, always with the same value, and JSON can say it."""
    value = example_value(schema)

    assert conforms(value, schema)
    assert value == example_value(schema) == json.loads(json.dumps(value))


@given(VALUES.filter(bool) | st.dictionaries(st.sampled_from(["type", "items", "required", "$ref", "enum"]), VALUES))
def test_no_schema_makes_more_than_a_refusal(schema: Any) -> None:
    """A schema may be any JSON: it has a value or it is NoValueError."""
    with suppress(NoValueError):
        assert json.dumps(example_value(schema))


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "STRING"}, "text"),
        ({"type": "STRING", "format": "date-time"}, "2025-01-01T00:00:00Z"),
        ({"type": "STRING", "maxLength": 2, "nullable": True}, "te"),
        ({"type": "INTEGER", "format": "enum", "enum": ["101", "201"]}, 101),
        ({"type": "integer", "multipleOf": 5, "minimum": 12}, 15),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5}, 0.25),
        ({"type": ["null", "boolean"]}, True),
        ({"properties": {"b": {}, "a": {}}, "propertyOrdering": ["a", "b"]}, {"a": "a", "b": "b"}),
        ({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1}, {"key 1": 1}),
        ({"type": "array", "prefixItems": [{"const": 7}, {"type": "string"}], "items": False}, [7, "text"]),
        ({"type": "array", "items": {"type": "boolean"}, "maxItems": 0}, []),
        ({"allOf": [{"type": "integer", "minimum": 3}, {"minimum": 5}]}, 5),
        ({"anyOf": [{"type": "null"}, {"type": "string"}], "title": "Name"}, "text"),
        ({"ref": "#/defs/Pet", "defs": {"Pet": {"type": "STRING", "enum": ["cat"]}}}, "cat"),
        (NODE, {"value": 1, "next": None, "children": []}),
    ],
)
def test_a_schema_has_one_value(schema: Json, value: Any) -> None:
    """The simplest that says what was asked: in the order asked for, not null where something can be said."""
    assert value == example_value(schema)
    assert list(value) == list(example_value(schema)) if isinstance(value, dict) else True


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"type": "integer", "minimum": 2, "maximum": 1},
        {"type": "string", "minLength": 3, "maxLength": 2},
        {"type": "string", "minLength": 10**9},
        {"type": "array", "items": {"type": "array", "minItems": 10**9}, "minItems": 10**9},
        {"type": "array", "minItems": 2, "maxItems": 1},
        {"type": "object", "required": ["a"], "maxProperties": 0},
        {"type": "integer", "enum": ["many"]},
        {"type": "colour"},
        {"$ref": "#/$defs/Nobody"},
        {"type": "object", "properties": {"self": {"$ref": "#"}}, "required": ["self"]},
        {"allOf": [{"$ref": "#"}]},
    ],
)
def test_what_nothing_fits_is_refused(schema: Any) -> None:
    """Contradictions, endless schemas and ones of any size end with a sentence."""
    with pytest.raises(NoValueError):
        example_value(schema)


def test_types_that_know_one_another_are_cut_short() -> None:
    """Thirty types, each with all the others for members, would otherwise have 30! of them."""
    names = [f"T{number}" for number in range(30)]
    every = {"type": "object", "properties": {name: {"$ref": f"#/$defs/{name}"} for name in names}}

    assert len(json.dumps(example_value({"$ref": "#/$defs/T0", "$defs": dict.fromkeys(names, every)}))) < 100_000

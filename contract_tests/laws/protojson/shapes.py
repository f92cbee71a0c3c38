"""JSON in the shape of Google's messages, for laws that hold of any: mostly right, sometimes not."""

from typing import Any, Literal

from hypothesis import strategies as st

from mockserver.protojson import schema
from mockserver.protojson.schema import Field, FieldType

BETA = "google.ai.generativelanguage.v1beta"
SHAPES = (
    f"{BETA}.TunedModel",
    f"{BETA}.GenerateContentRequest",
    f"{BETA}.Permission",
    "google.cloud.aiplatform.v1.TuningJob",
    "google.cloud.aiplatform.v1.Endpoint",
    "google.rpc.Status",
)

Shape = st.SearchStrategy[Any]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "", "@type", "value"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def floats(width: Literal[32, 64]) -> Shape:
    """The numbers JSON has, but for minus zero: it is written -0, and read back as an integer it has no sign."""
    return st.floats(width=width, allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)


SCALARS: dict[FieldType, Shape] = {
    FieldType.STRING: st.text(max_size=8),
    FieldType.BYTES: st.sampled_from(["", "AA==", "AA", "-_8=", "+/8"]),
    FieldType.BOOL: st.booleans() | st.sampled_from([1, 0, 1.0, "true", "No"]),
    FieldType.FLOAT: st.integers(-9, 9) | floats(32) | st.sampled_from(["0.25", "-Infinity"]),
    FieldType.DOUBLE: st.integers() | floats(64) | st.just("1e3"),
}
WELL_KNOWN: dict[str, Shape] = {
    "google.protobuf.Timestamp": st.sampled_from(
        ["2024-03-14T15:11:23Z", "2024-03-14T15:11:23.000000001+02:00", {"seconds": "7", "nanos": 5}]
    ),
    "google.protobuf.Duration": st.sampled_from(["3s", "-1.5s", {"seconds": 3}]),
    "google.protobuf.Struct": st.dictionaries(st.text(max_size=3), json_values, max_size=3),
    "google.protobuf.Value": json_values,
    "google.protobuf.Any": st.sampled_from(
        [
            {},
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "R"},
            {"value": "3s", "@type": "type.googleapis.com/google.protobuf.Duration"},
        ]
    ),
}


def values(field: Field, depth: int) -> Shape:
    """Generate mostly valid values for one element of `field`."""
    if field.kind is FieldType.MESSAGE:
        known = WELL_KNOWN.get(field.type_name)
        fitting = messages(field.type_name, depth) if known is None else known
    elif field.kind is FieldType.ENUM:
        fitting = st.sampled_from([*schema.enum(field.type_name).by_name, 0, 1, 77, "1"])
    else:
        fitting = SCALARS.get(field.kind, st.integers(0, 2**31 - 1) | st.sampled_from(["12", 3.0, 1e3]))
    return st.one_of(*[fitting] * 9, json_values)


def members(field: Field, depth: int) -> Shape:
    """Generate values for the member of `field`."""
    if field.map:
        entry = schema.message(field.type_name).by_name["value"]
        return st.dictionaries(st.text(max_size=3), values(entry, depth), max_size=3)
    value = values(field, depth)
    return st.one_of(value, st.lists(value, max_size=3)) if field.repeated else value | st.none()


@st.composite
def messages(draw: st.DrawFn, name: str, depth: int = 0) -> dict[str, Any]:
    """JSON in the shape of a message, in any spelling."""
    fields = schema.message(name).fields
    if depth > 3 or not fields:
        return {}
    chosen = draw(st.lists(st.sampled_from(fields), max_size=4, unique=True))
    return {draw(st.sampled_from([f.name, f.json_name])): draw(members(f, depth + 1)) for f in chosen}


shaped = st.sampled_from(SHAPES).flatmap(lambda name: st.tuples(st.just(name), messages(name)))


def spelled(name: str, tree: Any, spelling: str) -> Any:
    """`tree`, in the shape of the message `name`, with the names of fields spelled as `spelling` of the field."""
    if isinstance(tree, list):
        return [spelled(name, element, spelling) for element in tree]
    if not isinstance(tree, dict):
        return tree
    fields = schema.message(name).by_name
    return {
        getattr(fields.get(key), spelling, key): _respelled(fields.get(key), value, spelling)
        for key, value in tree.items()
    }


def _respelled(field: Field | None, value: Any, spelling: str) -> Any:
    if field is None or field.kind is not FieldType.MESSAGE or field.map or field.type_name in WELL_KNOWN:
        return value
    return spelled(field.type_name, value, spelling)

"""The schemas of a discovery document: every message that methods mention, from the schema tables."""

from collections import Counter
from functools import cached_property
from itertools import dropwhile
from typing import Any

from mockserver.protojson import schema
from mockserver.protojson.schema import Field, FieldType

Json = dict[str, Any]

SCALARS: dict[FieldType, Json] = {
    FieldType.STRING: {"type": "string"},
    FieldType.BYTES: {"type": "string", "format": "byte"},
    FieldType.BOOL: {"type": "boolean"},
    FieldType.DOUBLE: {"type": "number", "format": "double"},
    FieldType.FLOAT: {"type": "number", "format": "float"},
    **{
        kind: {"type": "integer", "format": "int32"} for kind in (FieldType.INT32, FieldType.SINT32, FieldType.SFIXED32)
    },
    **{kind: {"type": "integer", "format": "uint32"} for kind in (FieldType.UINT32, FieldType.FIXED32)},
    **{kind: {"type": "string", "format": "int64"} for kind in (FieldType.INT64, FieldType.SINT64, FieldType.SFIXED64)},
    **{kind: {"type": "string", "format": "uint64"} for kind in (FieldType.UINT64, FieldType.FIXED64)},
}

# Messages whose JSON is one word.
WORDS: dict[str, Json] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "google-datetime"},
    "google.protobuf.Duration": {"type": "string", "format": "google-duration"},
    "google.protobuf.FieldMask": {"type": "string", "format": "google-fieldmask"},
    "google.protobuf.BoolValue": SCALARS[FieldType.BOOL],
    "google.protobuf.BytesValue": SCALARS[FieldType.BYTES],
    "google.protobuf.DoubleValue": SCALARS[FieldType.DOUBLE],
    "google.protobuf.FloatValue": SCALARS[FieldType.FLOAT],
    "google.protobuf.Int32Value": SCALARS[FieldType.INT32],
    "google.protobuf.Int64Value": SCALARS[FieldType.INT64],
    "google.protobuf.StringValue": SCALARS[FieldType.STRING],
    "google.protobuf.UInt32Value": SCALARS[FieldType.UINT32],
    "google.protobuf.UInt64Value": SCALARS[FieldType.UINT64],
}

# Messages whose JSON is no object of fixed members.
FREE: dict[str, Json] = {
    "google.protobuf.Any": {
        "type": "object",
        "additionalProperties": {
            "type": "any",
            "description": "Properties of the object. Contains field @type with type URL.",
        },
    },
    "google.protobuf.Struct": {
        "type": "object",
        "additionalProperties": {"type": "any", "description": "Properties of the object."},
    },
    "google.protobuf.Value": {"type": "any"},
    "google.protobuf.ListValue": {"type": "array", "items": {"type": "any"}},
}


def scalar(field: Field) -> Json:
    """The type of a field that is one word on the wire; nothing for any other."""
    if field.kind is FieldType.MESSAGE:
        return WORDS.get(field.type_name, {})
    if field.kind is FieldType.ENUM:
        names = list(schema.enum(field.type_name).by_name)
        return {"type": "string", "enum": names, "enumDescriptions": [""] * len(names)}
    return SCALARS[field.kind]


class Schemas:
    """The messages that methods mention, by the names documents give them.

    The Developer API's are `short`: a message's own name, with its parent's before it where two have the
    same. Vertex AI's are whole: GoogleCloudAiplatformV1TuningJob, GoogleLongrunningOperation.
    """

    def __init__(self, *, short: bool) -> None:
        self._short = short
        self._needed: dict[str, frozenset[str]] = {}

    def need(self, message: str, without: frozenset[str] = frozenset()) -> None:
        """Have a message and all it mentions. A request goes `without` the fields its path holds, unless needed whole."""
        if message in self._needed and self._needed[message] <= without:
            return
        self._needed[message] = without & self._needed.get(message, without)
        for field in schema.message(message).fields:
            value = schema.message(field.type_name).by_name["value"] if field.map else field
            if value.kind is FieldType.MESSAGE and value.type_name not in FREE and value.type_name not in WORDS:
                self.need(value.type_name)

    def reference(self, message: str) -> Json:
        """How a message is mentioned, once every other is known to be needed."""
        return {"$ref": self._names[message]}

    def written(self) -> Json:
        """All of them, by name."""
        return {self._names[message]: self._written(message) for message in self._needed}

    @cached_property
    def _names(self) -> dict[str, str]:
        if not self._short:
            return {message: _whole_name(message) for message in self._needed}
        nested = [_nesting(message) for message in self._needed]
        taken = Counter(parts[-1] for parts in nested)
        tops = {parts[0] for parts in nested if len(parts) == 1}
        return {
            message: parts[-1]
            if len(parts) == 1 or (taken[parts[-1]] == 1 and parts[-1] not in tops)
            else "".join(parts)
            for message, parts in zip(self._needed, nested, strict=True)
        }

    def _written(self, message: str) -> Json:
        fields = [field for field in schema.message(message).fields if field.name not in self._needed[message]]
        return {
            "id": self._names[message],
            "type": "object",
            "properties": {field.json_name: self._property(field) for field in fields},
        }

    def _property(self, field: Field) -> Json:
        if field.map:
            value = schema.message(field.type_name).by_name["value"]
            type_: Json = {"type": "object", "additionalProperties": self._type(value)}
        elif field.repeated:
            type_ = {"type": "array", "items": self._type(field)}
        else:
            type_ = self._type(field)
        return type_ | {"readOnly": True} if field.output_only else type_

    def _type(self, field: Field) -> Json:
        return scalar(field) or FREE.get(field.type_name) or self.reference(field.type_name)


def _nesting(message: str) -> list[str]:
    """The messages a message is declared in and itself, without their package."""
    return list(dropwhile(lambda part: not part[:1].isupper(), message.split(".")))


def _whole_name(message: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in message.split("."))

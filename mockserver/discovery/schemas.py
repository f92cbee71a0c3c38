"""The schemas of a discovery document: every message that its methods use."""

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

# Messages whose JSON is a scalar.
SCALAR_MESSAGES: dict[str, Json] = {
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

# Messages whose JSON is not an object with fixed members.
FREE_MESSAGES: dict[str, Json] = {
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
    """Return the type of a field whose JSON is a scalar; {} for any other field."""
    if field.kind is FieldType.MESSAGE:
        return SCALAR_MESSAGES.get(field.type_name, {})
    if field.kind is FieldType.ENUM:
        names = list(schema.enum(field.type_name).by_name)
        return {"type": "string", "enum": names, "enumDescriptions": [""] * len(names)}
    return SCALARS[field.kind]


NAMED_AS_IF_NOT_NESTED = "GenerateContentResponse.UsageMetadata"
"""Beside it there is a CachedContentUsageMetadata [seen in documents of 2024 to 2026]."""


class Schemas:
    """The messages that the methods of a document use, by their names in the document.

    A `short` name is the message's own name, with its parent's before it if two messages have the same name. A full
    name includes the package: GoogleCloudAiplatformV1TuningJob, GoogleLongrunningOperation.
    """

    def __init__(self, *, short: bool) -> None:
        self._short = short
        self._omitted: dict[str, frozenset[str]] = {}

    def add(self, message: str, without: frozenset[str] = frozenset()) -> None:
        """Add a message and all messages in it.

        A request omits the fields in its path, unless it is also used whole.
        """
        if message in self._omitted and self._omitted[message] <= without:
            return
        self._omitted[message] = without & self._omitted.get(message, without)
        for field in schema.message(message).fields:
            value = schema.message(field.type_name).by_name["value"] if field.map else field
            if (
                value.kind is FieldType.MESSAGE
                and value.type_name not in FREE_MESSAGES
                and value.type_name not in SCALAR_MESSAGES
            ):
                self.add(value.type_name)

    def reference(self, message: str) -> Json:
        """Return a reference to a message. Call it after all messages have been added."""
        return {"$ref": self._names[message]}

    def to_json(self) -> Json:
        """Return all schemas, by name."""
        return {self._names[message]: self._schema(message) for message in self._omitted}

    @cached_property
    def _names(self) -> dict[str, str]:
        if not self._short:
            return {message: _full_name(message) for message in self._omitted}
        paths = [_nesting(message) for message in self._omitted]
        counts = Counter(parts[-1] for parts in paths)
        tops = {parts[0] for parts in paths if len(parts) == 1}
        return {
            message: parts[-1]
            if len(parts) == 1 or (counts[parts[-1]] == 1 and parts[-1] not in tops)
            else "".join(parts)
            for message, parts in zip(self._omitted, paths, strict=True)
        }

    def _schema(self, message: str) -> Json:
        fields = [field for field in schema.message(message).fields if field.name not in self._omitted[message]]
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
        return scalar(field) or FREE_MESSAGES.get(field.type_name) or self.reference(field.type_name)


def _nesting(message: str) -> list[str]:
    """Return the names of the enclosing messages and of the message, without the package."""
    parts = list(dropwhile(lambda part: not part[:1].isupper(), message.split(".")))
    return parts[1:] if ".".join(parts) == NAMED_AS_IF_NOT_NESTED else parts


def _full_name(message: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in message.split("."))

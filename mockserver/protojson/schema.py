"""Google's messages: names, numbers and types of every field, enum and rpc on the surface.

The tables are data, written by `scripts/generate_schema.py` from the packages Google publishes. A table is loaded
at the first use of its proto package, and a message is built at its first use.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

Json = dict[str, Any]

TABLES = Path(__file__).parent / "tables"


class FieldType(StrEnum):
    """The type of a field, as spelled in a .proto file."""

    DOUBLE = "double"
    FLOAT = "float"
    INT64 = "int64"
    UINT64 = "uint64"
    INT32 = "int32"
    FIXED64 = "fixed64"
    FIXED32 = "fixed32"
    BOOL = "bool"
    STRING = "string"
    MESSAGE = "message"
    BYTES = "bytes"
    UINT32 = "uint32"
    ENUM = "enum"
    SFIXED32 = "sfixed32"
    SFIXED64 = "sfixed64"
    SINT32 = "sint32"
    SINT64 = "sint64"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message. The last four are google.api.field_behavior."""

    name: str
    json_name: str
    number: int
    kind: FieldType
    type_name: str = ""
    """Full name of the message or enum; of the entry message for a map."""
    repeated: bool = False
    """Also true of a map, which on the wire is a list of entries."""
    map: bool = False
    oneof: str | None = None
    """The oneof it is an arm of; for a proto3 `optional` field protobuf's own `_name`."""
    optional: bool = False
    output_only: bool = False
    required: bool = False
    input_only: bool = False
    immutable: bool = False

    @property
    def type_label(self) -> str:
        """The type as errors spell it: `TYPE_INT64`, or `type.googleapis.com/` and the type's name."""
        return f"type.googleapis.com/{self.type_name}" if self.type_name else f"TYPE_{self.kind.upper()}"

    @property
    def has_presence(self) -> bool:
        """Whether "not set" differs from the default, so that a default which was set is written."""
        return self.oneof is not None or (self.kind is FieldType.MESSAGE and not self.repeated)


@dataclass(frozen=True, slots=True)
class Message:
    """A message type; its fields by ascending number, the order in which they are written."""

    full_name: str
    fields: tuple[Field, ...]
    by_name: Mapping[str, Field]
    """By snake_case and by lowerCamelCase name."""


@dataclass(frozen=True, slots=True)
class Enum:
    """An enum type. Of two names for one number, the first declared is written."""

    full_name: str
    by_name: Mapping[str, int]
    by_number: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class HttpRule:
    """One binding of a google.api.http rule."""

    verb: str
    path: str
    body: str = ""
    """`*` for the whole request, the name of one of its fields, or nothing: the request has no body."""


@dataclass(frozen=True, slots=True)
class Rpc:
    """A method of a service. One without HTTP rules can be called over gRPC only."""

    full_name: str
    request: str
    response: str
    http: tuple[HttpRule, ...] = ()
    server_streaming: bool = False
    client_streaming: bool = False
    lro_response: str | None = None
    """The type of the result, if the response is a long-running operation; `lro_metadata` is that of its metadata."""
    lro_metadata: str | None = None


@cache
def message(full_name: str) -> Message:
    """Return the message type of that name. KeyError if the tables have none."""
    rows = _table(package(full_name))["messages"][full_name]
    fields = tuple(_field(row) for row in rows)
    return Message(full_name, fields, MappingProxyType(_spellings(fields)))


@cache
def enum(full_name: str) -> Enum:
    """Return the enum type of that name. KeyError if the tables have none."""
    by_name: dict[str, int] = _table(package(full_name))["enums"][full_name]
    by_number = {number: name for name, number in reversed(by_name.items())}
    return Enum(full_name, MappingProxyType(by_name), MappingProxyType(by_number))


@cache
def rpcs(package: str) -> tuple[Rpc, ...]:
    """Return every rpc of the proto package, by name. KeyError if it has no table."""
    return tuple(_rpc(row) for row in _table(package)["rpcs"])


def rpc(full_name: str) -> Rpc:
    """Return the rpc of that name. KeyError if the tables have none."""
    return _rpcs_by_name(package(full_name))[full_name]


@cache
def _rpcs_by_name(package: str) -> Mapping[str, Rpc]:
    return {rpc.full_name: rpc for rpc in rpcs(package)}


def packages() -> tuple[str, ...]:
    """Return the proto packages that have a table."""
    return tuple(sorted(path.stem for path in TABLES.glob("*.json")))


def package(full_name: str) -> str:
    """Return the part before the first capitalised segment; the names of nested types contain their parents'."""
    return ".".join(takewhile(lambda part: not part[:1].isupper(), full_name.split(".")))


def names(package: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the full names of a proto package's messages and enums. KeyError if it has no table."""
    table = _table(package)
    return tuple(table["messages"]), tuple(table["enums"])


@cache
def _table(package: str) -> Json:
    path = TABLES / f"{package}.json"
    if not path.is_file():
        raise KeyError(package)
    table: Json = orjson.loads(path.read_bytes())
    return table


def _field(row: Json) -> Field:
    return Field(
        **(row | {"json_name": row.get("json_name") or json_name(row["name"]), "kind": FieldType(row["kind"])})
    )


def _spellings(fields: Iterable[Field]) -> dict[str, Field]:
    return {spelling: field for field in fields for spelling in (field.name, field.json_name)}


def _rpc(row: Json) -> Rpc:
    return Rpc(**(row | {"http": tuple(HttpRule(**rule) for rule in row.get("http", ()))}))


@cache
def field_names() -> frozenset[str]:
    """Return the JSON names of all fields of all messages in the tables."""
    return frozenset(
        field.json_name for package in packages() for name in names(package)[0] for field in message(name).fields
    )


def oneof_members(name: str, oneof: str) -> frozenset[str]:
    """Return the JSON names of a message's fields in a oneof."""
    return frozenset(field.json_name for field in message(name).fields if field.oneof == oneof)


@lru_cache(maxsize=4096)  # clients name fields too
def json_name(name: str) -> str:
    """Derive the JSON name as protobuf does: each underscore is dropped and the letter after it capitalised."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)

"""What Google's messages look like: names, numbers and types of every field, enum and rpc on the surface.

The tables are data, written by `scripts/generate_schema.py` from the packages Google publishes. A table is
read when its proto package is first asked for, a message is built when it is first asked for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

Json = dict[str, Any]

TABLES = Path(__file__).parent / "tables"


class Kind(StrEnum):
    """The type of a field, in the words of a .proto file; `enum` and `message` are named by the field."""

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
    kind: Kind
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
        """The type as error sentences spell it: `TYPE_INT64`, or `type.googleapis.com/` and the type's name."""
        return f"type.googleapis.com/{self.type_name}" if self.type_name else f"TYPE_{self.kind.upper()}"

    @property
    def has_presence(self) -> bool:
        """Whether "not set" differs from the default, so that a default that was set is written."""
        return self.oneof is not None or (self.kind is Kind.MESSAGE and not self.repeated)


@dataclass(frozen=True, slots=True)
class Message:
    """A message type; its fields by ascending number, which is the order they are written in."""

    full_name: str
    fields: tuple[Field, ...]
    by_name: Mapping[str, Field]
    """By snake_case and by lowerCamelCase name."""


@dataclass(frozen=True, slots=True)
class Enum:
    """An enum type. Of two names for one number the first declared is the one written."""

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
    """A method of a service. An rpc without HTTP rules can be called over gRPC only."""

    full_name: str
    request: str
    response: str
    http: tuple[HttpRule, ...] = ()
    server_streaming: bool = False
    client_streaming: bool = False
    lro_response: str | None = None
    """What a long-running operation holds in the end and meanwhile, when the response is one."""
    lro_metadata: str | None = None


@cache
def message(full_name: str) -> Message:
    """The message type of that name. KeyError if the tables have none."""
    rows = _table(package(full_name))["messages"][full_name]
    fields = tuple(_field(row) for row in rows)
    return Message(full_name, fields, MappingProxyType(_spellings(fields)))


@cache
def enum(full_name: str) -> Enum:
    """The enum type of that name. KeyError if the tables have none."""
    by_name: dict[str, int] = _table(package(full_name))["enums"][full_name]
    by_number = {number: name for name, number in reversed(by_name.items())}
    return Enum(full_name, MappingProxyType(by_name), MappingProxyType(by_number))


@cache
def rpcs(package: str) -> tuple[Rpc, ...]:
    """Every rpc of the proto package, by name. KeyError if there is no table of it."""
    return tuple(_rpc(row) for row in _table(package)["rpcs"])


def rpc(full_name: str) -> Rpc:
    """The rpc of that name. KeyError if the tables have none."""
    return _rpcs_by_name(package(full_name))[full_name]


@cache
def _rpcs_by_name(package: str) -> Mapping[str, Rpc]:
    return {rpc.full_name: rpc for rpc in rpcs(package)}


def packages() -> tuple[str, ...]:
    """The proto packages there are tables of."""
    return tuple(sorted(path.stem for path in TABLES.glob("*.json")))


def package(full_name: str) -> str:
    """The package in a full name: the parts before the first capitalised one. Nested types are named by their parents."""
    return ".".join(takewhile(lambda part: not part[:1].isupper(), full_name.split(".")))


def names(package: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Full names of the messages and of the enums of one proto package. KeyError if there is no table of it."""
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
    return Field(**(row | {"json_name": row.get("json_name") or json_name(row["name"]), "kind": Kind(row["kind"])}))


def _spellings(fields: Iterable[Field]) -> dict[str, Field]:
    return {spelling: field for field in fields for spelling in (field.name, field.json_name)}


def _rpc(row: Json) -> Rpc:
    return Rpc(**(row | {"http": tuple(HttpRule(**rule) for rule in row.get("http", ()))}))


def json_name(name: str) -> str:
    """The JSON name protobuf derives: every underscore goes and the letter behind it is capitalised."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)

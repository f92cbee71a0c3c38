"""Adds the members that only a discovery document has to the messages of the published packages.

Discovery has no field numbers and no oneofs. A member that the API's other version has gets that version's field; any
other is numbered after the existing ones (our choice: not seen), in the document's alphabetical order. If more is
known, schema_supplement.json has it; it is read first.
"""

import json
import re
from dataclasses import dataclass

from googleapiclient.discovery_cache import get_static_doc
from schema_packages import add_types, message_classes
from schema_rows import (
    Json,
    Schema,
    capitalized,
    compact,
    derived_json_name,
    described_behaviors,
    json_name,
    proto_package,
)

# Python package -> the other version of the same API.
DISCOVERY = {
    "google.cloud.aiplatform_v1": "google.cloud.aiplatform_v1beta1",
    "google.cloud.aiplatform_v1beta1": "google.cloud.aiplatform_v1",
}
SCALARS = {
    ("boolean", ""): "bool",
    ("integer", "int32"): "int32",
    ("integer", "uint32"): "uint32",
    ("number", "double"): "double",
    ("number", "float"): "float",
    ("string", ""): "string",
    ("string", "byte"): "bytes",
    ("string", "int64"): "int64",
    ("string", "uint64"): "uint64",
}
MESSAGES = {
    ("any", ""): "google.protobuf.Value",
    ("string", "google-datetime"): "google.protobuf.Timestamp",
    ("string", "google-duration"): "google.protobuf.Duration",
    ("string", "google-fieldmask"): "google.protobuf.FieldMask",
}


def read_discovery(package: str, sibling: str, schema: Schema) -> None:
    """Add the missing members to the package's messages and to the types of the new members."""
    service, version = package.rpartition(".")[2].split("_")
    document = json.loads(get_static_doc(service, version))
    other = read_published(sibling)
    other.messages |= schema.messages
    other.enums |= schema.enums
    Reader(
        package.replace("_", "."),
        sibling.replace("_", "."),
        document["schemas"],
        read_published(package),
        other,
        schema,
    ).read()


def read_published(package: str) -> Schema:
    """Return every message of a package, also those that no wanted rpc uses."""
    schema = Schema()
    classes = message_classes(package)
    add_types(schema, [cls.pb().DESCRIPTOR for cls in classes.values()], classes)
    return schema


@dataclass
class Reader:
    """Completes one proto package with the members of its discovery document."""

    package: str
    sibling: str
    schemas: Json
    """The schemas of the document."""
    published: Schema
    """All messages of the package."""
    other: Schema
    """All messages of the other version."""
    schema: Schema
    """The schema to complete."""

    def read(self) -> None:
        """Complete every message, including those added meanwhile."""
        done: set[str] = set()
        while waiting := sorted(name for name in self.schema.messages if self.is_ours(name) and name not in done):
            for name in waiting:
                self.complete(name)
            done.update(waiting)

    def is_ours(self, name: str) -> bool:
        """Return whether a message or enum belongs to the package."""
        return proto_package(name) == self.package

    def complete(self, message: str) -> None:
        """Add the missing members of a message and the missing values of its enums."""
        rows = {json_name(row): row for row in self.schema.messages[message]}
        for member, described in sorted(self.schemas.get(schema_name(message), {}).get("properties", {}).items()):
            element = described.get("items", described)
            if member in rows:
                self.extend_enum(rows[member].get("type_name", ""), element.get("enum", []))
            else:
                row = self.sibling_row(message, member) or self.new_row(message, member, described)
                self.schema.messages[message].append(row)

    def extend_enum(self, enum: str, values: list[str]) -> None:
        """Add the values that an enum lacks, numbered after the existing ones."""
        if numbers := self.schema.enums.get(enum):
            for value in values:
                numbers.setdefault(value, max(numbers.values()) + 1)

    def sibling_row(self, message: str, member: str) -> Json | None:
        """The field of the other version, unless its number is used."""
        used_numbers = {row["number"] for row in self.schema.messages[message]}
        for row in self.other.messages.get(self.in_sibling(message), []):
            if json_name(row) == member and row["number"] not in used_numbers:
                return self.convert_sibling(row)
        return None

    def in_sibling(self, name: str) -> str:
        """What a message is called in the other version."""
        return self.sibling + name.removeprefix(self.package)

    def convert_sibling(self, row: Json) -> Json:
        """Convert a field of the other version, and its type, to ours."""
        theirs = row.get("type_name", "")
        if proto_package(theirs) != self.sibling:
            return row
        ours = self.package + theirs.removeprefix(self.sibling)
        if theirs in self.other.enums:
            self.schema.enums.setdefault(ours, dict(self.other.enums[theirs]))
        else:
            self.add_message(ours)
        if row.get("map"):
            self.schema.messages[ours] = [self.convert_sibling(part) for part in self.other.messages[theirs]]
        return row | {"type_name": ours}

    def new_row(self, message: str, member: str, described: Json) -> Json:
        """A field only discovery knows."""
        name = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", member).lower()
        repeated = described.get("type") == "array"
        behaviors = described_behaviors(described.get("description", ""))
        return compact(
            {
                "number": max((row["number"] for row in self.schema.messages[message]), default=0) + 1,
                "name": name,
                "json_name": "" if derived_json_name(name) == member else member,
                "repeated": repeated,
                **self.type_of(message, name, described["items"] if repeated else described),
                **dict.fromkeys([*behaviors, *(["output_only"] if described.get("readOnly") else [])], True),
            }
        )

    def type_of(self, message: str, name: str, described: Json) -> Json:
        """`kind`, and what goes with it, of a member or of its elements."""
        spelled = (described.get("type", ""), described.get("format", ""))
        if "$ref" in described:
            return {"kind": "message", "type_name": self.message_named(described["$ref"], message)}
        if "enum" in described:
            return {"kind": "enum", "type_name": self.enum_of(message, name, described["enum"])}
        if spelled == ("object", ""):
            return self.object_type(message, name, described["additionalProperties"])
        if spelled in MESSAGES:
            return {"kind": "message", "type_name": MESSAGES[spelled]}
        return {"kind": SCALARS[spelled]}

    def object_type(self, message: str, name: str, value: Json) -> Json:
        """A Struct, or a map from strings."""
        if value == {**value, "type": "any"}:
            return {"kind": "message", "type_name": "google.protobuf.Struct"}
        entry = f"{message}.{capitalized(name)}Entry"
        self.schema.messages[entry] = [
            {"number": 1, "name": "key", "kind": "string"},
            {"number": 2, "name": "value", **self.type_of(message, name, value)},
        ]
        return {"kind": "message", "type_name": entry, "repeated": True, "map": True}

    def message_named(self, reference: str, owner: str) -> str:
        """Return the message that a `$ref` names; add it if it is new.

        Discovery joins nested names into one word. A new message is nested in the message that uses it, or in one of
        its parents, if its name begins with the name of that message.
        """
        for message in (*self.schema.messages, *self.published.messages):
            if schema_name(message) == reference:
                self.add_message(message)
                return message
        parts = owner.split(".")
        around = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        parent = next(name for name in around if is_word_start(schema_name(name), reference))
        if not parent.startswith(self.package):
            raise LookupError(f"{reference} of {owner} belongs to another package: add its module to ROOTS")
        name = f"{parent}.{reference.removeprefix(schema_name(parent))}"
        self.add_message(name)
        return name

    def add_message(self, message: str) -> None:
        """Add a message with its published fields, and the types of its fields."""
        if message in self.schema.messages:
            return
        rows = self.schema.messages[message] = list(self.published.messages.get(message, []))
        for row in rows:
            name = row.get("type_name", "")
            if name in self.published.enums:
                self.schema.enums.setdefault(name, dict(self.published.enums[name]))
            elif name:
                self.add_message(name)

    def enum_of(self, message: str, name: str, values: list[str]) -> str:
        """Return the enum with these values; add it if it is new.

        Its name is derived from its first value (`TOOL_TYPE_UNSPECIFIED`), or else from the field.
        """
        for enum, numbers in self.schema.enums.items():
            if proto_package(enum) == self.package and set(numbers) == set(values):
                return enum
        prefix, unspecified, _ = values[0].rpartition("_UNSPECIFIED")
        new = f"{message}.{capitalized(prefix.lower() if unspecified else name)}"
        self.schema.enums[new] = {value: number for number, value in enumerate(values)}
        return new


def schema_name(full_name: str) -> str:
    """A message's name as discovery writes it: `google.rpc.Status` -> `GoogleRpcStatus`."""
    return "".join(part[:1].upper() + part[1:] for part in full_name.split("."))


def is_word_start(prefix: str, name: str) -> bool:
    """Whether `name` begins with `prefix` and goes on with another word: not `Tool` in `Tooling`."""
    return name.startswith(prefix) and name[len(prefix) :][:1].isupper()

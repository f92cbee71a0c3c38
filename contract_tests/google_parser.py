"""Parse answers into Google's own message classes, to the last member, with the interpreter of .venvs/google.

    .venvs/google/bin/python contract_tests/google_parser.py ANSWERS SUPPLEMENT

ANSWERS holds a line of JSON an answer: the full name of its message, and the message. What the packages lack and
Google describes elsewhere is taken out before: in SUPPLEMENT, which is scripts/schema_supplement.json, or in the
discovery documents that google-api-python-client carries.
Prints a list of what did not parse, and how many messages no package has.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.ai import (
    generativelanguage_v1,
    generativelanguage_v1alpha,
    generativelanguage_v1beta,
    generativelanguage_v1beta3,
)
from google.cloud.aiplatform_v1 import types as aiplatform_v1
from google.cloud.aiplatform_v1beta1 import types as aiplatform_v1beta1
from google.longrunning import operations_pb2
from google.protobuf import (
    descriptor_pool,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    json_format,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.rpc import error_details_pb2, status_pb2
from googleapiclient.discovery_cache import get_static_doc

Json = dict[str, Any]

# Importing a package puts its messages into the pool.
REGISTERED = (
    generativelanguage_v1,
    generativelanguage_v1alpha,
    generativelanguage_v1beta,
    generativelanguage_v1beta3,
    aiplatform_v1,
    aiplatform_v1beta1,
    operations_pb2,
    error_details_pb2,
    status_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)

POOL = descriptor_pool.Default()
ANY = "google.protobuf.Any"
MESSAGE = 11
ENUM = 14


class Unpublished(Exception):
    """No package has the message."""


class Supplement:
    """What Google describes and the packages have not: members and values of enums, by the full name of their type."""

    def __init__(self, rows: list[Json]) -> None:
        self._members: set[tuple[str, str]] = set()
        self._values: set[tuple[str, str]] = set()
        for row in rows:
            for package in row["packages"]:
                self._add(package, row)
        self._schemas: Json = {}
        for version in ("v1", "v1beta1"):
            self._schemas |= json.loads(get_static_doc("aiplatform", version))["schemas"]

    def _add(self, package: str, row: Json) -> None:
        for message, fields in row.get("messages", {}).items():
            self._members |= {(package + message, _json_name(field)) for field in fields if "number" in field}
        for enum, values in row.get("enums", {}).items():
            self._values |= {(package + enum, name) for name in values}

    def has_member(self, message: str, name: str) -> bool:
        """Whether the message is known to have it."""
        return (message, name) in self._members or name in self._described(message) or name in _newer_members(message)

    def has_value(self, message: str, field: Any, value: str) -> bool:
        """Whether the enum of that member is known to have it."""
        member = self._described(message).get(field.json_name, {})
        return (field.enum_type.full_name, value) in self._values or value in member.get("enum", ())

    def _described(self, message: str) -> Json:
        name = "".join(part[:1].upper() + part[1:] for part in message.split("."))
        properties: Json = self._schemas.get(name, {}).get("properties", {})
        return properties

    def published(self, descriptor: Any, tree: Json) -> Json:
        """The message without what is unpublished."""
        if descriptor.full_name == ANY:
            return self._any(tree)
        if descriptor.file.package == "google.protobuf":
            return tree
        fields = {field.json_name: field for field in descriptor.fields}
        return {
            name: self._value(fields[name], value) if name in fields else value
            for name, value in tree.items()
            if name in fields or not self.has_member(descriptor.full_name, name)
        }

    def _any(self, tree: Json) -> Json:
        try:
            descriptor = _descriptor(tree["@type"].rpartition("/")[2])
        except Unpublished:
            return {"@type": "type.googleapis.com/google.rpc.Status"}
        if descriptor.file.package == "google.protobuf":
            return tree
        members = {name: value for name, value in tree.items() if name != "@type"}
        return {"@type": tree["@type"], **self.published(descriptor, members)}

    def _value(self, field: Any, value: Any) -> Any:
        if field.type == MESSAGE and field.message_type.GetOptions().map_entry:
            inner = field.message_type.fields_by_name["value"]
            return {key: self._value(inner, item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._value(field, item) for item in value]
        if field.type == MESSAGE and isinstance(value, dict):
            return self.published(field.message_type, value)
        if field.type == ENUM and value not in field.enum_type.values_by_name:
            return 0 if self.has_value(field.containing_type.full_name, field, value) else value
        return value


def _newer_members(message: str) -> set[str]:
    """The members that v1beta has: v1alpha accepts them [seen 2026], but its package is older."""
    try:
        return {field.json_name for field in _descriptor(message.replace(".v1alpha.", ".v1beta.")).fields}
    except Unpublished:
        return set()


def _json_name(field: Json) -> str:
    first, *rest = field["name"].split("_")
    name: str = field.get("json_name") or first + "".join(part.capitalize() for part in rest)
    return name


def _descriptor(name: str) -> Any:
    try:
        return POOL.FindMessageTypeByName(name)
    except KeyError:
        raise Unpublished(name) from None


def refusals(rows: Iterator[str], supplement: Supplement) -> tuple[list[str], int]:
    """A line for each answer that does not parse, and the number of those whose message is unpublished."""
    refused: dict[str, None] = {}
    unpublished = 0
    for row in rows:
        name, tree = json.loads(row)
        try:
            descriptor = _descriptor(name)
            json_format.ParseDict(supplement.published(descriptor, tree), message_factory.GetMessageClass(descriptor)())
        except Unpublished:
            unpublished += 1
        except json_format.ParseError as error:
            refused[f"{name}: {error}"] = None
    return list(refused), unpublished


def main(answers: str, supplement: str) -> None:
    """Print what was found, as JSON."""
    known = Supplement(json.loads(Path(supplement).read_text(encoding="utf-8")))
    with Path(answers).open(encoding="utf-8") as rows:
        refused, unpublished = refusals(iter(rows), known)
    json.dump({"refused": refused, "unpublished": unpublished}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Descriptors for protobuf's runtime, made from the schema tables: a file for each proto package.

They live in a pool of their own. The client libraries in the same process fill the default pool with Google's own.
"""

import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from mockserver.protojson import schema
from mockserver.protojson.schema import Field, FieldType, Rpc

POOL = descriptor_pool.DescriptorPool()
_FILLING = threading.Lock()
"""Held while files are put into the pool, which refuses the same file from a second thread."""


@cache
def message_class(full_name: str) -> Any:
    """Return the class of a message type. KeyError if the tables have none of that name."""
    add_package(schema.package(schema.message(full_name).full_name))
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(full_name))


def add_package(package: str) -> None:
    """Put the file of a package into the pool, after those that it needs."""
    with _FILLING:
        _add_package(package)


@cache
def _add_package(package: str) -> None:
    file = _file(package)
    for other in sorted(set(_required_packages(package)) - {package}):
        _add_package(other)
        file.dependency.append(file_name(other))
    POOL.AddSerializedFile(file.SerializeToString())


def file_name(package: str) -> str:
    """Return the name of the file of a package."""
    return f"{package.replace('.', '/')}.proto"


def _required_packages(package: str) -> Iterator[str]:
    """Yield the packages of all types that a package mentions."""
    for name in schema.names(package)[0]:
        yield from (schema.package(field.type_name) for field in schema.message(name).fields if field.type_name)
    for rpc in schema.rpcs(package):
        yield from (schema.package(rpc.request), schema.package(rpc.response))


def _file(package: str) -> Any:
    """Return the FileDescriptorProto of a package. Nested types stand inside their parents, as their names say."""
    file = descriptor_pb2.FileDescriptorProto(name=file_name(package), package=package, syntax="proto3")
    messages, enums = schema.names(package)
    fields = [field for name in messages for field in schema.message(name).fields]
    entries = {field.type_name for field in fields if field.map}
    nested_types: dict[str, Any] = {}
    for name in sorted(messages):  # a parent's name is the beginning of its children's
        parent, _, own = name.rpartition(".")
        nested_types[name] = proto = (
            nested_types[parent].nested_type.add() if parent in nested_types else file.message_type.add()
        )
        proto.name = own
        if name in entries:
            proto.options.map_entry = True
        _add_fields(proto, schema.message(name).fields)
    for name in sorted(enums):
        parent, _, own = name.rpartition(".")
        proto = nested_types.get(parent, file).enum_type.add(name=own)
        _add_values(proto, name)
    for rpc in schema.rpcs(package):
        _add_rpc(file, rpc)
    return file


def _add_fields(proto: Any, fields: tuple[Field, ...]) -> None:
    # A real oneof comes before those that protobuf makes up for `optional` fields.
    oneof_names = dict.fromkeys(field.oneof for field in fields if field.oneof and not field.optional)
    made_up = dict.fromkeys(field.oneof for field in fields if field.oneof and field.optional)
    oneofs = list(oneof_names | made_up)
    for oneof in oneofs:
        proto.oneof_decl.add(name=oneof)
    for field in fields:
        row = proto.field.add(
            name=field.name,
            json_name=field.json_name,
            number=field.number,
            label="LABEL_REPEATED" if field.repeated else "LABEL_OPTIONAL",
            type=f"TYPE_{field.kind.upper()}",
        )
        if field.kind in {FieldType.MESSAGE, FieldType.ENUM}:
            row.type_name = f".{field.type_name}"
        if field.oneof:
            row.oneof_index = oneofs.index(field.oneof)
            row.proto3_optional = field.optional


def _add_values(proto: Any, name: str) -> None:
    """The values of an enum: zero first, as proto3 wants it, and aliases where two names have one number."""
    by_name = schema.enum(name).by_name
    for value, number in sorted(by_name.items(), key=lambda item: item[1] != 0):
        proto.value.add(name=value, number=number)
    if len(set(by_name.values())) < len(by_name):
        proto.options.allow_alias = True


def _add_rpc(file: Any, rpc: Rpc) -> None:
    service, _, own = rpc.full_name.removeprefix(f"{file.package}.").rpartition(".")
    entry = next((it for it in file.service if it.name == service), None) or file.service.add(name=service)
    entry.method.add(
        name=own,
        input_type=f".{rpc.request}",
        output_type=f".{rpc.response}",
        client_streaming=rpc.client_streaming,
        server_streaming=rpc.server_streaming,
    )

"""Reading the schema out of Google's Python packages.

They are made by proto-plus, whose descriptors keep no options: http rules are read from the REST transports, streaming
from the gRPC ones, the types of long-running operations from the clients, and field behaviour from the docstrings.
"""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Iterator
from typing import Any

from google.api import annotations_pb2, field_behavior_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, MethodDescriptor
from schema_rows import OPENINGS, Json, Schema, compact, derived_json_name, described_behaviors

KINDS = {
    number: name.removeprefix("TYPE_").lower()
    for name, number in vars(FieldDescriptor).items()
    if name.startswith("TYPE_")
}


def read_module(module: str, schema: Schema) -> None:
    """Add every rpc and every type of a `_pb2` module, and all types that they lead to."""
    file = importlib.import_module(module).DESCRIPTOR
    add_types(schema, [*file.message_types_by_name.values(), *file.enum_types_by_name.values()], {})
    for service in file.services_by_name.values():
        for rpc in service.methods:
            types = {"request": rpc.input_type, "response": rpc.output_type}
            schema.rpcs[rpc.full_name] = compact(
                {
                    "full_name": rpc.full_name,
                    **{role: message.full_name for role, message in types.items()},
                    "http": option_rules(rpc),
                }
            )
            add_types(schema, types.values(), {})


def read_package(package: str, services: dict[str, str] | None, schema: Schema) -> None:
    """Add the rpcs of a proto-plus package, and all the types that they lead to.

    `services` maps a service to a pattern that the wanted rpcs begin with; None asks for all of everything.
    """
    classes = message_classes(package)
    path = importlib.import_module(f"{package}.services").__path__
    for service, wanted in (services or {module.name: "" for module in pkgutil.iter_modules(path)}).items():
        for rpc, types in read_service(f"{package}.services.{service}"):
            if re.match(wanted, rpc["full_name"].rpartition(".")[2]):
                schema.rpcs[rpc["full_name"]] = rpc
                add_types(schema, types, classes)


def add_types(schema: Schema, types: Iterable[Descriptor | EnumDescriptor], classes: dict[str, Any]) -> None:
    """Add these types and all that their fields lead to; `classes` are those whose docstrings tell of the fields."""
    waiting = list(types)
    while waiting:
        found = waiting.pop()
        if isinstance(found, EnumDescriptor):
            schema.enums[found.full_name] = {value.name: value.number for value in found.values}
        elif found.full_name not in schema.messages:
            told = descriptions(inspect.getdoc(classes.get(found.full_name)) or "")
            schema.messages[found.full_name] = [field_row(field, told.get(field.name, "")) for field in found.fields]
            waiting += [field.message_type or field.enum_type for field in found.fields if type_name(field)]


def field_row(field: FieldDescriptor, description: str) -> Json:
    """A field as the tables have it."""
    # proto-plus puts an underscore behind what Python reserves: `type_`.
    name = field.name.removesuffix("_")
    oneof = field.containing_oneof and field.containing_oneof.name
    optional = oneof == f"_{field.name}"
    return compact(
        {
            "number": field.number,
            "name": name,
            "kind": KINDS[field.type],
            "type_name": type_name(field),
            "json_name": "" if field.json_name == derived_json_name(name) else field.json_name,
            "repeated": field.is_repeated,
            "map": bool(field.message_type and field.message_type.GetOptions().map_entry),
            "oneof": f"_{name}" if optional else oneof,
            "optional": optional,
            **dict.fromkeys([*option_behaviors(field), *described_behaviors(description)], True),
        }
    )


def type_name(field: FieldDescriptor) -> str:
    """Full name of the message or enum of the field, or nothing."""
    found = field.message_type or field.enum_type
    return found.full_name if found else ""


def option_behaviors(field: FieldDescriptor) -> list[str]:
    """google.api.field_behavior, where a package was made by protoc and keeps it."""
    options = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    names = [field_behavior_pb2.FieldBehavior.Name(number).lower() for number in options]
    return [name for name in names if name in OPENINGS.values()]


def option_rules(rpc: MethodDescriptor) -> list[Json]:
    """google.api.http, where a package was made by protoc and keeps it."""
    rule = rpc.GetOptions().Extensions[annotations_pb2.http]
    rules = [rule, *rule.additional_bindings] if rule.WhichOneof("pattern") else []
    return [
        compact({"verb": verb.upper(), "path": getattr(each, verb), "body": each.body})
        for each in rules
        for verb in [each.WhichOneof("pattern")]
    ]


def message_classes(package: str) -> dict[str, Any]:
    """The message classes of a proto-plus package, nested ones too, by the message's full name."""
    types = importlib.import_module(f"{package}.types")
    found = {}
    waiting = [getattr(types, name) for name in types.__all__]
    while waiting:
        cls = waiting.pop()
        if inspect.isclass(cls) and hasattr(cls, "pb"):
            found[cls.pb().DESCRIPTOR.full_name] = cls
            waiting += vars(cls).values()
    return found


def descriptions(docstring: str) -> dict[str, str]:
    """The description of every field (Python spelling) in a message's docstring."""
    return dict(re.findall(r"^    (\w+) \(.*\):\n((?:        .*\n?|\n)*)", docstring, re.MULTILINE))


def read_service(module: str) -> Iterator[tuple[Json, list[Descriptor]]]:
    """The rpcs of a service, each with the types it speaks of."""
    operations = long_running(importlib.import_module(f"{module}.client"))
    rules = http_rules(importlib.import_module(f"{module}.transports.rest_base"))
    grpc = importlib.import_module(f"{module}.transports.grpc")
    for name, call in calls(grpc):
        path = rpc_path(call, module)
        if path is None:
            continue
        spoken = {
            "request": keyword(call, "request_serializer", grpc),
            "response": keyword(call, "response_deserializer", grpc),
            **operations.get(name, {}),
        }
        rpc = {
            "full_name": path.replace("/", "."),
            **{role: found.full_name for role, found in spoken.items()},
            **streaming(call),
            "http": rules.get(path.rpartition("/")[2], []),
        }
        yield rpc, list(spoken.values())


def calls(module: Any) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a method written in a module, with the name of the function it stands in."""
    for function in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    yield function.name, node


def rpc_path(call: ast.Call, module: str) -> str | None:
    """`package.Service/Method` if the call makes a stub of one of the package's own methods.

    Every transport also makes stubs of google.longrunning, google.iam and google.cloud.location.
    """
    match call.args:
        case [ast.Constant(value=str(path)), *_] if path.startswith("/" + module.partition("_")[0] + "."):
            return path[1:]
        case _:
            return None


def streaming(call: ast.Call) -> Json:
    """Which sides stream: the name of the channel's method tells, `unary_stream`."""
    method = ast.unparse(call.func).rpartition(".")[2]
    flags = {"client_streaming": method.startswith("stream_"), "server_streaming": method.endswith("_stream")}
    return compact(flags)


def keyword(call: ast.Call, name: str, module: Any) -> Descriptor:
    """The message type in `name=service.Message.serialize`, or in `name=service.Message`."""
    (written,) = (ast.unparse(argument.value) for argument in call.keywords if argument.arg == name)
    return descriptor(re.sub(r"\.(serialize|deserialize|SerializeToString|FromString)$", "", written), module)


def descriptor(written: str, module: Any) -> Descriptor:
    """The message type that a module calls `written`."""
    found = module
    for part in written.split("."):
        found = getattr(found, part)
    found = found.pb() if hasattr(found, "pb") else found
    return found.DESCRIPTOR


def long_running(client: Any) -> dict[str, dict[str, Descriptor]]:
    """google.longrunning.operation_info of the methods that have it, by Python name."""
    return {
        name: {
            "lro_response": descriptor(ast.unparse(call.args[2]), client),
            "lro_metadata": keyword(call, "metadata_type", client),
        }
        for name, call in calls(client)
        if ast.unparse(call.func).endswith(".from_gapic")
    }


def http_rules(transport: Any) -> dict[str, list[Json]]:
    """google.api.http of the methods that have it, by rpc name."""
    (base,) = (cls for name, cls in vars(transport).items() if name.startswith("_Base"))
    return {
        name.removeprefix("_Base"): [
            compact({"verb": rule["method"].upper(), "path": rule["uri"], "body": rule.get("body")})
            for rule in method._get_http_options()  # noqa: SLF001 - nothing public tells
        ]
        for name, method in vars(base).items()
        if hasattr(method, "_get_http_options")
    }

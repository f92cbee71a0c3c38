"""The two services that every gRPC server may have for tools: health, and reflection of what is served."""

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor import FileDescriptor

from mockserver.dispatch.route_table import RouteTable
from mockserver.grpc.descriptors import POOL, add_package
from mockserver.protojson import schema

HEALTH = "grpc.health.v1.Health"
REFLECTION = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")

NOT_FOUND = 5
"""The number of the status, which reflection sends inside of its answers."""

# The messages, as their .proto files have them: name, number, type; "[]" is repeated, "|" an arm of the only oneof.
_HEALTH = {
    "HealthCheckRequest": "service 1 string",
    "HealthCheckResponse": "status 1 .HealthCheckResponse.ServingStatus",
}
_SERVING_STATUS = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
_REFLECTION = {
    "ServerReflectionRequest": "host 1 string, file_by_filename 3 string|, file_containing_symbol 4 string|, "
    "file_containing_extension 5 .ExtensionRequest|, all_extension_numbers_of_type 6 string|, list_services 7 string|",
    "ExtensionRequest": "containing_type 1 string, extension_number 2 int32",
    "ServerReflectionResponse": "valid_host 1 string, original_request 2 .ServerReflectionRequest, "
    "file_descriptor_response 4 .FileDescriptorResponse|, all_extension_numbers_response 5 .ExtensionNumberResponse|, "
    "list_services_response 6 .ListServiceResponse|, error_response 7 .ErrorResponse|",
    "FileDescriptorResponse": "file_descriptor_proto 1 bytes[]",
    "ExtensionNumberResponse": "base_type_name 1 string, extension_number 2 int32[]",
    "ListServiceResponse": "service 1 .ServiceResponse[]",
    "ServiceResponse": "name 1 string",
    "ErrorResponse": "error_code 1 int32, error_message 2 string",
}


def _file(package: str, messages: Mapping[str, str]) -> Any:
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        if "|" in fields:
            message.oneof_decl.add(name="choice")
        for row in fields.split(", "):
            field, number, kind = row.split()
            label = "LABEL_REPEATED" if kind.endswith("[]") else "LABEL_OPTIONAL"
            member = message.field.add(name=field, number=int(number), label=label)
            if kind.endswith("|"):
                member.oneof_index = 0
            kind = kind.rstrip("[]|")
            if kind.startswith("."):
                member.type_name = f".{package}{kind}"
            else:
                member.type = descriptor_pb2.FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
    return file


def _add_health() -> None:
    file = _file("grpc.health.v1", _HEALTH)
    values = [{"name": name, "number": number} for number, name in enumerate(_SERVING_STATUS)]
    file.message_type[1].enum_type.add(name="ServingStatus", value=values)
    service = file.service.add(name="Health")
    for name in ("Check", "Watch"):
        service.method.add(
            name=name,
            input_type=".grpc.health.v1.HealthCheckRequest",
            output_type=".grpc.health.v1.HealthCheckResponse",
            server_streaming=name == "Watch",
        )
    POOL.AddSerializedFile(file.SerializeToString())


def _add_reflection(package: str) -> None:
    file = _file(package, _REFLECTION)
    file.service.add(name="ServerReflection").method.add(
        name="ServerReflectionInfo",
        input_type=f".{package}.ServerReflectionRequest",
        output_type=f".{package}.ServerReflectionResponse",
        client_streaming=True,
        server_streaming=True,
    )
    POOL.AddSerializedFile(file.SerializeToString())


_add_health()
_add_reflection("grpc.reflection.v1")
_add_reflection("grpc.reflection.v1alpha")


def _class(name: str) -> Any:
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(name))


class Introspection:
    """What a server says of its own services."""

    def __init__(self, table: RouteTable) -> None:
        self.services = sorted({route.rpc.rpartition(".")[0] for route in table.routes} | {HEALTH, *REFLECTION})

    def health(self, request: bytes) -> bytes | None:
        """Return the health of a service, or of the server if none is named: it serves.

        None for one that is not there.
        """
        service = _class("grpc.health.v1.HealthCheckRequest").FromString(request).service
        if service and service not in self.services:
            return None
        response: bytes = _class("grpc.health.v1.HealthCheckResponse")(status=1).SerializeToString()
        return response

    def reflect(self, requests: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the answers to questions about services, types and files. v1 and v1alpha are the same in bytes."""
        for data in requests:
            request = _class("grpc.reflection.v1.ServerReflectionRequest").FromString(data)
            response = _class("grpc.reflection.v1.ServerReflectionResponse")(
                valid_host=request.host, original_request=request, **self._answer(request)
            )
            yield response.SerializeToString()

    def _answer(self, request: Any) -> dict[str, Any]:
        question = request.WhichOneof("choice")
        if question == "list_services":
            return {"list_services_response": {"service": [{"name": name} for name in self.services]}}
        for package in schema.packages():
            add_package(package)
        try:
            if question == "file_by_filename":
                return _described(POOL.FindFileByName(request.file_by_filename))
            if question == "file_containing_symbol":
                return _described(POOL.FindFileContainingSymbol(request.file_containing_symbol))
            if question == "all_extension_numbers_of_type":
                name = request.all_extension_numbers_of_type
                POOL.FindMessageTypeByName(name)
                return {"all_extension_numbers_response": {"base_type_name": name}}
        except KeyError as missing:
            return {"error_response": {"error_code": NOT_FOUND, "error_message": str(missing.args[0])}}
        return {"error_response": {"error_code": NOT_FOUND, "error_message": "There are no extensions."}}


def _described(file: FileDescriptor) -> dict[str, Any]:
    return {"file_descriptor_response": {"file_descriptor_proto": [file.serialized_pb]}}

"""Health and reflection, as tools such as grpcurl ask for them."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from contract_tests.environment import HANGS
from contract_tests.grpc_client import GrpcLive
from mockserver.protojson import schema

BETA = "google.ai.generativelanguage.v1beta"


@pytest.fixture(scope="module")
def server() -> Iterator[GrpcLive]:
    """A server on a port."""
    server = GrpcLive()
    yield server
    server.stop()


# The messages of health.proto and reflection.proto on the wire, by hand: a tag, a length, a value.


def text(number: int, value: str) -> bytes:
    """A field of text."""
    return bytes([number << 3 | 2, len(value)]) + value.encode()


def health(server: GrpcLive, service: str) -> bytes:
    """What the health service says of a service."""
    request = text(1, service) if service else b""
    answer: bytes = server.channel.unary_unary("/grpc.health.v1.Health/Check")(request, timeout=HANGS)
    return answer


@pytest.mark.parametrize("service", ["", f"{BETA}.ModelService", "grpc.health.v1.Health"])
def test_a_service_that_is_there_is_healthy(server: GrpcLive, service: str) -> None:
    """SERVING, which is 1."""
    assert b"\x08\x01" == health(server, service)


def test_a_service_that_is_not_there_has_no_health(server: GrpcLive) -> None:
    """NOT_FOUND."""
    with pytest.raises(grpc.RpcError) as refused:
        health(server, "no.such.Service")
    assert grpc.StatusCode.NOT_FOUND is refused.value.code()


def test_health_is_watched_until_the_client_has_seen_enough(server: GrpcLive) -> None:
    """It never changes."""
    watching = server.channel.unary_stream("/grpc.health.v1.Health/Watch")(b"", timeout=HANGS)
    assert b"\x08\x01" == next(watching)
    watching.cancel()


def reflected(server: GrpcLive, *questions: bytes, version: str = "v1") -> list[dict[int, Any]]:
    """The answers of the reflection service: each as its fields by number."""
    path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    answers = server.channel.stream_stream(path)(iter(questions), timeout=HANGS)
    return [fields(answer) for answer in answers]


def fields(data: bytes) -> dict[int, Any]:
    """The fields of a message that has no numbers but such as are bytes or integers; of repeated ones a list."""
    unknown = descriptor_pb2.FileDescriptorProto(name="probe.proto", syntax="proto3")
    message = unknown.message_type.add(name="Probe")
    for number in range(1, 8):
        message.field.add(name=f"f{number}", number=number, type="TYPE_BYTES", label="LABEL_REPEATED")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(unknown.SerializeToString())
    probe = message_factory.GetMessageClass(pool.FindMessageTypeByName("Probe")).FromString(data)
    return {found.number: list(values) for found, values in probe.ListFields()}


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_services_are_listed(server: GrpcLive, version: str) -> None:
    """Google's that are served, and the two for tools."""
    (answer,) = reflected(server, text(7, ""), version=version)

    names = [fields(service)[1][0].decode() for service in fields(answer[6][0])[1]]
    assert {f"{BETA}.ModelService", "google.longrunning.Operations", "grpc.health.v1.Health"} <= set(names)
    assert sorted(names) == names
    for described in reflected(server, *(text(4, name) for name in names), version=version):
        assert 4 in described


def test_files_describe_themselves_and_name_what_they_need(server: GrpcLive) -> None:
    """From a service to every file that its messages are in."""
    wanted, files = {""}, dict[str, Any]()
    questions = [text(4, f"{BETA}.ModelService")]
    while questions:
        for answer in reflected(server, *questions):
            file = descriptor_pb2.FileDescriptorProto.FromString(fields(answer[4][0])[1][0])
            files[file.name] = file
            wanted |= set(file.dependency)
        questions = [text(3, name) for name in wanted - files.keys() - {""}]

    pool = descriptor_pool.DescriptorPool()
    for name in sorted(files, key=lambda name: (len(files[name].dependency), name)):
        pool.AddSerializedFile(files[name].SerializeToString())
    described = pool.FindServiceByName(f"{BETA}.ModelService")
    ours = {rpc.full_name for rpc in schema.rpcs(BETA) if ".ModelService." in rpc.full_name}
    assert ours == {each.full_name for each in described.methods}


@pytest.mark.parametrize("question", [text(3, "no.proto"), text(4, "no.Such"), text(6, "no.Such"), b"\x2a\x00", b""])
def test_what_is_not_there_is_said_inside_of_the_answer(server: GrpcLive, question: bytes) -> None:
    """NOT_FOUND, which is 5; the stream goes on."""
    first, second = reflected(server, question, text(7, ""))

    assert b"\x08\x05" == first[7][0][:2]
    assert 6 in second


def test_nonsense_ends_the_stream(server: GrpcLive) -> None:
    """INVALID_ARGUMENT."""
    with pytest.raises(grpc.RpcError) as refused:
        reflected(server, b"\xff")
    assert grpc.StatusCode.INVALID_ARGUMENT is refused.value.code()

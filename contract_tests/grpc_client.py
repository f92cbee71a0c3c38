"""A client of the gRPC face, by our own codec: what it is asked and what it hears are natural messages."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from contract_tests.environment import HANGS
from mockserver.grpc.codec import decode, encode
from mockserver.grpc.face import GrpcFace
from mockserver.grpc.server import GrpcServer
from mockserver.inspection.services import route_table
from mockserver.protojson import schema
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World, Worlds

Json = dict[str, Any]

KEY = {"x-goog-api-key": "key-one"}


@dataclass(frozen=True, slots=True)
class Heard:
    """What a call got: messages, then a status."""

    messages: list[Json] = field(default_factory=list)
    status: str = "OK"
    sentence: str = ""
    details: list[Json] = field(default_factory=list)


class GrpcLive:
    """A server on a port, for a whole module; each test puts its own world into it."""

    def __init__(self, worlds: Worlds | None = None) -> None:
        self._worlds = worlds or Worlds(World(ManualClock(), Settings()))
        self._server = GrpcServer(GrpcFace(self._worlds, route_table()))
        self.target = self._server.listen("127.0.0.1", 0)
        self._server.start()
        self.channel = grpc.insecure_channel(self.target)

    @contextmanager
    def serving(self, world: World) -> Iterator[None]:
        """Have this world be the one that answers."""
        with self._worlds.replaced(world):
            yield

    def call(self, rpc: str, message: Json, metadata: Mapping[str, str] = KEY, **options: Any) -> Heard:
        """Call an rpc by its full name."""
        return self.send(rpc, encode(schema.rpc(rpc).request, message), metadata, **options)

    def send(self, rpc: str, body: bytes, metadata: Mapping[str, str] = KEY, **options: Any) -> Heard:
        """Call an rpc with these bytes."""
        known = schema.rpc(rpc)
        heard: list[Json] = []
        options = {"metadata": tuple(metadata.items()), "timeout": HANGS, **options}
        try:
            if known.server_streaming:
                stream = self.channel.unary_stream(method(rpc))(body, **options)
                heard.extend(decode(known.response, data) for data in stream)
            else:
                heard.append(decode(known.response, self.channel.unary_unary(method(rpc))(body, **options)))
        except grpc.RpcError as error:
            return Heard(heard, error.code().name, error.details(), _details(error))
        return Heard(heard)

    def stop(self) -> None:
        """Close the port."""
        self.channel.close()
        self._server.stop()


def method(rpc: str) -> str:
    """The path of an rpc."""
    service, _, name = rpc.rpartition(".")
    return f"/{service}/{name}"


def _details(error: Any) -> list[Json]:
    """The rich details, which repeat code and sentence."""
    found = dict(error.trailing_metadata()).get("grpc-status-details-bin")
    if found is None:
        return []
    status = decode("google.rpc.Status", found)
    assert (error.code().value[0], error.details()) == (status["code"], status["message"])
    details: list[Json] = status["details"]
    return details

"""The same prompt to both services over HTTP and gRPC, by their faces: what arrives, without a socket."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from mockserver.dispatch.routing import Pause
from mockserver.grpc.codec import decode, encode
from mockserver.grpc.face import GrpcFace, GrpcRequest
from mockserver.http.face import HttpFace
from mockserver.http.request import new_request
from mockserver.inspection.services import route_table
from mockserver.rpc.errors import ApiError
from mockserver.state.world import World, Worlds

Json = dict[str, Any]

TURN = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
MODELS = {
    "gemini": ("v1beta/models/gemini-2.0-flash", "google.ai.generativelanguage.v1beta.GenerativeService"),
    "vertex": (
        "v1/projects/my-project/locations/us-central1/publishers/google/models/gemini-2.5-flash",
        "google.cloud.aiplatform.v1.PredictionService",
    ),
}


@dataclass(slots=True)
class Arrived:
    """What a client gets: the texts of the messages, the code of an error, whether the connection broke, the waits."""

    texts: list[str] = field(default_factory=list)
    error: str = ""
    is_broken: bool = False
    waits: list[float] = field(default_factory=list)


class Surface(Protocol):
    """A service over a protocol."""

    def __call__(self, world: World, *, stream: bool = False) -> Arrived:
        """Send the prompt to a world."""


def _text(message: Json) -> str:
    return "".join(part["text"] for part in message["candidates"][0]["content"]["parts"])


def _over_http(world: World, *, service: str, alt: str, stream: bool = False) -> Arrived:
    path = f"/{MODELS[service][0]}:{'streamGenerateContent' if stream else 'generateContent'}"
    body = json.dumps(TURN).encode()
    headers = {"authorization": "Bearer alice@example.com", "content-type": "application/json"}
    headers["content-length"] = str(len(body))
    reply = HttpFace(Worlds(world), route_table()).answer(new_request("POST", path, alt, headers, body))
    arrived = Arrived(is_broken=reply.reset, waits=[reply.delay_seconds] if reply.delay_seconds else [])
    sent = b""
    for piece in [reply.body] if isinstance(reply.body, bytes) else reply.body:
        if isinstance(piece, bytes):
            sent += piece
        elif isinstance(piece, Pause):
            arrived.waits.append(piece.seconds)
        else:
            arrived.is_broken = True
            break
    reply.close()
    for message in _messages(sent.decode(), is_array=stream and not alt, is_whole=not arrived.is_broken):
        if "error" in message:
            arrived.error = message["error"]["status"]
        else:
            arrived.texts.append(_text(message))
    return arrived


def _messages(sent: str, *, is_array: bool, is_whole: bool) -> list[Json]:
    if is_array:
        messages: list[Json] = json.loads(sent if is_whole else (sent or "[") + "]")
        return messages
    return [json.loads(event.removeprefix("data: ")) for event in sent.split("\r\n\r\n") if event]


def _over_grpc(world: World, *, service: str, stream: bool = False) -> Arrived:
    model, rpc_service = MODELS[service]
    package = rpc_service.rpartition(".")[0]
    body = encode(f"{package}.GenerateContentRequest", {"model": model.partition("/")[2], **TURN})
    metadata = {"authorization": "Bearer alice@example.com"}
    method = f"/{rpc_service}/{'StreamGenerateContent' if stream else 'GenerateContent'}"
    arrived = Arrived()
    try:
        request = GrpcRequest(method, tuple(metadata.items()), body)
        for piece in GrpcFace(Worlds(world), route_table()).answer(request).pieces:
            if isinstance(piece, Pause):
                arrived.waits.append(piece.seconds)
            else:
                arrived.texts.append(_text(decode(f"{package}.GenerateContentResponse", piece)))
    except ApiError as error:
        arrived.is_broken = error.message.startswith("Stream removed")
        arrived.error = "" if arrived.is_broken else error.code.name
    return arrived


def surfaces() -> Iterator[tuple[str, Surface]]:
    """Every way to send a prompt, by name."""
    for service in MODELS:
        yield f"{service}-sse", partial(_over_http, service=service, alt="alt=sse")
        yield f"{service}-array", partial(_over_http, service=service, alt="")
        yield f"{service}-grpc", partial(_over_grpc, service=service)

"""What a client is told when the mock server itself is wrong, and what its log is told."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mockserver.dispatch.route_table import RouteTable
from mockserver.dispatch.routing import Route
from mockserver.gemini import service as gemini
from mockserver.http.face import HttpFace
from mockserver.http.request import new_request
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World, Worlds
from mockserver.vertex import service as vertex

Json = dict[str, Any]

SERVICES = {service.host: service for service in (gemini.SERVICE, vertex.SERVICE)}

SENTENCES = {
    "generativelanguage.googleapis.com": (
        "An internal error has occurred. "
        "Please retry or report in https://developers.generativeai.google/guide/troubleshooting"
    ),
    "aiplatform.googleapis.com": "Internal error encountered.",
}


def failing(_: object) -> Json:
    """Answer nothing."""
    raise ZeroDivisionError("a mistake")


def failing_later(_: object) -> Iterator[Json]:
    """Answer a message, and fail to make the next."""
    yield {"name": "first"}
    raise ZeroDivisionError("a mistake")


def answered(handler: Any, service: str, query: str = "") -> tuple[int, bytes]:
    """Status and bytes of what a method with this handler is answered."""
    operation = "google.longrunning.Operation"
    route = Route("broken", "GET /v1/broken", handler, "google.protobuf.Empty", operation)
    world = World(ManualClock(datetime(2024, 3, 14, tzinfo=UTC)), Settings(seed=1))
    face = HttpFace(Worlds(world), RouteTable([replace(SERVICES[service], routes=(route,))]))
    reply = face.answer(new_request("GET", "/v1/broken", query, {"x-goog-api-key": "key"}, b""))
    pieces = [reply.body] if isinstance(reply.body, bytes) else [it for it in reply.body if isinstance(it, bytes)]
    return reply.status, b"".join(pieces)


@pytest.mark.parametrize(("service", "sentence"), SENTENCES.items())
def test_a_mistake_is_a_500_in_the_words_of_the_service(
    service: str, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of ours is told but in the log, where the traceback is."""
    status, body = answered(failing, service)

    assert (500, {"code": 500, "message": sentence, "status": "INTERNAL"}) == (status, json.loads(body)["error"])
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(("service", "sentence"), SENTENCES.items())
def test_a_mistake_in_a_stream_ends_it(service: str, sentence: str) -> None:
    """The status has been sent, so the error stands behind what came before it."""
    status, events = answered(failing_later, service, "alt=sse")
    first, error = events.split(b"\r\n\r\n")

    assert (200, b'data: {"name": "first"}') == (status, first)
    assert sentence == json.loads(error)["error"]["message"]
    assert sentence == json.loads(answered(failing_later, service)[1])[-1]["error"]["message"]

"""What is compressed can be read as soon as it is sent."""

import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from mockserver.dispatch.route_table import RouteTable
from mockserver.dispatch.routing import Pause, Route
from mockserver.gemini import service as gemini
from mockserver.http.face import HttpFace
from mockserver.http.request import new_request
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World, Worlds

Message = dict[str, Any]


def counting(_: object) -> Iterator[Message | Pause]:
    """Answer three messages, the last after a while."""
    yield {"name": "one"}
    yield {"name": "two"}
    yield Pause(1)
    yield {"name": "three"}


def test_each_element_of_a_compressed_array_can_be_read_when_it_comes() -> None:
    """Nothing of an element waits for the next one, and in the end the whole is there."""
    route = Route("count", "GET /v1/count", counting, "google.protobuf.Empty", "google.longrunning.Operation")
    world = World(ManualClock(datetime(2024, 3, 14, tzinfo=UTC)), Settings(seed=1))
    headers = {"accept-encoding": "gzip", "x-goog-api-key": "key"}
    reply = HttpFace(Worlds(world), RouteTable([replace(gemini.SERVICE, routes=(route,))])).answer(
        new_request("GET", "/v1/count", "", headers, b"")
    )
    assert not isinstance(reply.body, bytes)
    unzipper = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    read = [piece if isinstance(piece, Pause) else unzipper.decompress(piece) for piece in reply.body]  # type: ignore[arg-type]  # nothing cuts it

    assert [False, False, True] == [isinstance(piece, Pause) for piece in read[:3]]
    assert b'[{\n  "name": "one"\n}\n' == read[0]
    texts = [piece for piece in read if isinstance(piece, bytes)]
    assert ["one", "two", "three"] == [message["name"] for message in json.loads(b"".join(texts))]
    assert unzipper.eof

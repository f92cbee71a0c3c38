"""What the HTTP face keeps of requests."""

import json
from typing import Any

import pytest

from mockserver.app import create_app
from mockserver.doors.inprocess import AppRequest, send_request
from mockserver.http import face
from mockserver.protojson.reading import read_request
from mockserver.state.clock import ManualClock
from mockserver.state.world import World

KEY = "AIza" + "b" * 35


@pytest.mark.parametrize(("text", "header", "may_keep"), [("a", "any", True), (KEY, "any", False), ("a", KEY, False)])
def test_a_message_of_a_request_with_a_secret_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, text: str, header: str, *, may_keep: bool
) -> None:
    """Wherever it stands."""
    asked: list[bool] = []

    def read(message: str, **parts: Any) -> Any:
        asked.append(parts["may_keep"])
        return read_request(message, **parts)

    monkeypatch.setattr(face, "read_request", read)
    body = json.dumps({"contents": [{"parts": [{"text": text}]}]}).encode()
    headers = [("x-goog-api-key", header), ("content-type", "application/json"), ("content-length", str(len(body)))]
    url = "http://127.0.0.1/v1beta/models/gemini-2.0-flash:generateContent"
    send_request(create_app(World(ManualClock())), AppRequest("POST", url, headers, body))

    assert [may_keep] == asked

"""Reading requests: laws of `http.request`, and of what the HTTP face keeps of a head."""

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contract_tests.api.everything import examples, fork
from contract_tests.targets import in_process
from mockserver.http import face
from mockserver.http.request import KEPT_BYTES, KEPT_HEADS, HttpHead, RawHeaders, RequestReader, new_request
from mockserver.protojson.memoized import MemoizedMessage

PATH = b"/v1beta/tunedModels/x"
KEY = [(b"host", b"127.0.0.1"), (b"x-goog-api-key", b"key")]


def read(
    reader: RequestReader, path: bytes = PATH, query: bytes = b"", headers: RawHeaders = KEY, verb: str = "GET"
) -> HttpHead:
    """The head of a request."""
    return reader.read(verb, path, query, headers, b"").head


def test_the_same_head_is_read_once() -> None:
    """Whatever the length of the body is: requests differ in it that differ in nothing else."""
    reader = RequestReader()
    first, second = (read(reader, headers=[*KEY, (b"content-length", size)]) for size in (b"1", b"22"))

    assert first is second
    assert first is not read(reader)


@pytest.mark.parametrize(
    "other",
    [
        {"verb": "POST"},
        {"path": PATH + b"y"},
        {"query": b"alt=sse"},
        {"headers": KEY[:1]},
        {"headers": [*KEY, (b"origin", b"http://localhost")]},
        {"headers": [*KEY, (b"content-length", b"0")]},
    ],
)
def test_another_head_is_read_anew(other: dict[str, Any]) -> None:
    """Each part of it counts; of Content-Length, whether it is there."""
    reader = RequestReader()

    assert read(reader) is not read(reader, **other)


@pytest.mark.parametrize(
    "headers",
    [
        [(b"x-goog-api-key", b"AIza" + b"a" * 35)],
        [(b"authorization", b"Bearer ya29." + b"a" * 30)],
        [(b"x-padding", b"x" * KEPT_BYTES)],
    ],
)
def test_a_secret_or_a_long_head_is_not_kept(headers: RawHeaders) -> None:
    """It is read each time."""
    reader = RequestReader()

    assert read(reader, headers=headers) is not read(reader, headers=headers)
    assert 0 == len(reader)


def test_a_secret_in_a_form_is_found_and_not_kept() -> None:
    """Such a body is a part of the query, so what it says belongs to one request."""
    headers = [(b"x-http-method-override", b"GET"), (b"content-type", b"application/x-www-form-urlencoded")]
    reader = RequestReader()
    secret, harmless = (
        reader.read("POST", PATH, b"a=1", headers, body).head for body in (b"key=AIza" + b"a" * 35, b"b=2")
    )

    assert ("an API key", "") == (secret.secret, harmless.secret)
    assert [("a", "1"), ("b", "2")] == harmless.pairs
    assert 1 == len(reader)


def test_few_heads_are_kept() -> None:
    """However many come."""
    reader = RequestReader()
    for number in range(3 * KEPT_HEADS):
        read(reader, path=b"/v1/%d" % number)

    assert 0 < len(reader) <= KEPT_HEADS


def test_a_request_without_a_door_is_read_alike() -> None:
    """As the control API's own, and those of recordings."""
    ours = new_request("GET", PATH.decode(), "fields=name&pageSize=3", {"host": "a:1", "x-goog-api-key": "key"}, b"")
    theirs = read(RequestReader(), query=b"fields=name&pageSize=3", headers=[(b"host", b"a:1"), KEY[1]])

    assert all(getattr(ours.head, name) == getattr(theirs, name) for name in HttpHead.__slots__)


def test_nobody_changes_a_message_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message of a GET is bound once for all requests with its head: no handler may change it."""
    kept: list[tuple[MemoizedMessage, Any]] = []

    def keep(message: dict[str, Any]) -> MemoizedMessage:
        kept.append((MemoizedMessage(message), deepcopy(message)))
        return kept[-1][0]

    monkeypatch.setattr(face, "MemoizedMessage", keep)
    with in_process(fork()) as client:
        for example in examples():
            if example.verb == "GET":
                answers = [example.send(client) for _ in range(2)]

                assert answers[0].status_code == answers[1].status_code

    assert len(kept) > 50
    assert [before for _, before in kept] == [dict(message) for message, _ in kept]


def test_a_head_that_is_kept_is_routed_as_the_world_says() -> None:
    """A method that appears later is not there in a world of an earlier day, whoever has asked before."""
    world = fork()
    with in_process(world) as client:
        example = next(each for each in examples() if each.verb == "GET" and each.route.since and each.status == 200)
        assert example.route.since
        statuses = []
        for day in (None, example.route.since - timedelta(days=1), None):
            world.settings = replace(world.settings, as_of=day)
            statuses.append(example.send(client).status_code)

    assert [200, 404, 200] == statuses


def test_the_credentials_of_a_head_that_is_kept_are_checked_as_the_world_says() -> None:
    """Settings change between two requests that are the same."""
    world = fork()
    with in_process(world) as client:
        statuses = []
        for auth in ("any", "strict", "off", "strict", "any"):
            world.settings = replace(world.settings, auth=auth)
            statuses.append(client.get("/v1beta/models", headers={"x-goog-api-key": "unknown"}).status_code)

    assert [200, 400, 200, 400, 200] == statuses

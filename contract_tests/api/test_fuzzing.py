"""Whatever is sent: never a 500, never a hang, and nothing has changed after a refusal."""

import json
import socket
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract_tests.api.everything import USER, Example, examples, fork
from contract_tests.effort import effort
from contract_tests.environment import HANGS
from contract_tests.laws.protojson.shapes import json_values, messages
from contract_tests.targets import Live
from mockserver.app import create_app
from mockserver.doors.inprocess import AppRequest, send_request
from mockserver.protojson import schema
from mockserver.state.world import CLOCK, World

Json = dict[str, Any]
Pairs = list[tuple[str, str]]

# The one route that is there to say that nothing is behind it.
UNIMPLEMENTED = "operations.delete"

EXAMPLES = st.deferred(lambda: st.sampled_from(list(examples())))
WITH_BODY = EXAMPLES.filter(lambda example: bool(example.route.body))


def hard(count: int) -> settings:
    """So many examples, each in time."""
    return settings(effort(count), deadline=timedelta(seconds=HANGS), suppress_health_check=list(HealthCheck))


def facts(world: World) -> Json:
    """All that a world keeps, but for its time and how often its rng were thrown."""
    return {
        kind.name: [(entry.name, entry.record) for entry in world.store.walk(kind)]
        for kind in world.store.collections()
        if kind != CLOCK
    }


def send(example: Example, body: bytes, *, path: str = "", query: str = "", headers: Pairs | None = None) -> int:
    """The status of a request to a world of its own. AssertionError if it is one that should not be."""
    world = fork()
    before = facts(world)
    url = f"http://mock{quote(path or example.path, safe='/:%')}?{query}"
    said = [*example.headers.items(), ("content-type", "application/json"), ("content-length", str(len(body)))]
    if not example.headers:
        said.append(("x-goog-api-key", "key-one"))
    answer = send_request(create_app(world), AppRequest(example.verb, url, [*said, *(headers or [])], body))
    content = b"".join(answer.pieces)
    expected_501 = answer.status == 501 and example.route.id == UNIMPLEMENTED
    assert answer.status < 500 or expected_501, content
    assert answer.status < 400 or before == facts(world), content
    return answer.status


def as_bytes(tree: Any) -> bytes:
    """JSON, with what is no Unicode as escapes."""
    return json.dumps(tree).encode()


def good_body(example: Example) -> bytes:
    """What is not wrong with a request."""
    return b"" if example.body is None else as_bytes(example.body)


@st.composite
def torn(draw: st.DrawFn, text: bytes) -> bytes:
    """A body with a piece taken out or put in."""
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    return (
        text[:start]
        + draw(st.binary(max_size=8) | st.sampled_from([b",", b"'", b"\\u", b"}", b"[", b"1e999"]))
        + text[end:]
    )


@given(example=WITH_BODY, data=st.data())
@hard(150)
def test_no_bytes_are_too_strange_for_a_body(example: Example, data: st.DataObject) -> None:
    """Noise, and good bodies that were torn."""
    send(example, data.draw(st.binary(max_size=40) | torn(good_body(example))))


@given(example=WITH_BODY, data=st.data())
@hard(200)
def test_no_json_is_too_strange_for_a_method(example: Example, data: st.DataObject) -> None:
    """Values in the shape of the message that the method takes, and of any other shape."""
    body = schema.message(example.route.request).by_name.get(example.route.body)
    name = body.type_name if body else example.route.request
    send(example, as_bytes(data.draw(messages(name) | json_values)))


@given(example=EXAMPLES, query=st.data())
@hard(150)
def test_no_query_is_too_strange(example: Example, query: st.DataObject) -> None:
    """Fields of the request and system parameters, with any text for a value, any number of times."""
    names = [field.json_name for field in schema.message(example.route.request).fields]
    name = (
        st.sampled_from([*names, "alt", "$alt", "fields", "prettyPrint", "callback", "$.xgafv", "key", "a.b"])
        | st.text()
    )
    value = st.text() | st.sampled_from(
        ["-1", "1e3", "json;enum-encoding=int", "sse", "name", "*", "a(b", "2147483648"]
    )
    pairs = query.draw(st.lists(st.tuples(name, value), max_size=4))
    send(example, b"", query="&".join(f"{quote(key)}={quote(text)}" for key, text in pairs))


@pytest.mark.parametrize("text", ["(" * 5000, "NOT " * 5000, "- " * 5000, "a=1 AND (" * 2000, "a=" * 5000, "a." * 5000])
def test_no_filter_is_too_deep(text: str) -> None:
    """What takes a stack to read is refused before the stack ends; found with brackets, which made a 500."""
    for example in examples():
        if "filter" in schema.message(example.route.request).by_name:
            send(example, b"", query=f"filter={quote(text)}")


@given(example=EXAMPLES, query=st.binary(max_size=30))
@hard(50)
def test_no_bytes_are_too_strange_for_a_query(example: Example, query: bytes) -> None:
    """Percent signs that lead nowhere, bytes that are no UTF-8."""
    send(example, b"", query=quote(query, safe="%&=+;;"))


@given(example=EXAMPLES, data=st.data())
@hard(150)
def test_no_path_is_too_strange(example: Example, data: st.DataObject) -> None:
    """Segments exchanged for anything, colons and percent signs among it."""
    segments = example.path.split("/")
    place = data.draw(st.integers(1, len(segments) - 1))
    odd = st.text(max_size=9) | st.sampled_from(
        ["", ":", "a:b", "-", "%", "%2F", "%ff", "..", "tunedModels", "0" * 300]
    )
    segments[place] = data.draw(odd)
    send(example, good_body(example), path="/".join(segments))


@given(
    example=EXAMPLES,
    headers=st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "accept",
                    "accept-encoding",
                    "authorization",
                    "content-type",
                    "content-length",
                    "content-encoding",
                    "cookie",
                    "host",
                    "origin",
                    "range",
                    "x-goog-api-key",
                    "x-goog-user-project",
                    "x-goog-fieldmask",
                    "x-http-method-override",
                    "x-goog-request-params",
                ]
            ),
            st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20)
            | st.sampled_from(
                ["gzip", "Bearer ", "bytes=0-1", "application/x-www-form-urlencoded", "text/plain", "DELETE"]
            ),
        ),
        max_size=4,
    ),
)
@hard(150)
def test_no_headers_are_too_strange(example: Example, headers: Pairs) -> None:
    """Known names with any value, twice or more."""
    send(example, good_body(example), headers=headers)


@given(
    noise=st.binary(max_size=60),
    begins=st.sampled_from([b"", b"GET ", b"POST /v1beta/tunedModels HTTP/1.1\r\nhost: mock\r\n"]),
)
@settings(effort(30), suppress_health_check=list(HealthCheck))
def test_no_bytes_are_too_strange_for_the_socket(live: Live, noise: bytes, begins: bytes) -> None:
    """Whatever one client sends, the next is answered."""
    address = urlsplit(live.url)
    with socket.create_connection((address.hostname, address.port), timeout=HANGS) as connection:
        connection.sendall(begins + noise)
    with live.client(fork()) as client:
        assert client.get("/v1beta/tunedModels", headers=USER).status_code == 200

"""MockServer.intercepting() and grpcio: channels to Google's hosts lead to us, with the client's credentials."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from contract_tests.environment import HANGS
from contract_tests.grpc_client import method
from mockserver import Fault, MockServer
from mockserver.grpc import face
from mockserver.grpc.codec import decode, encode

GEMINI = "generativelanguage.googleapis.com:443"
BETA = "google.ai.generativelanguage.v1beta"
GET_MODEL = method(f"{BETA}.ModelService.GetModel")
STREAM = method(f"{BETA}.GenerativeService.StreamGenerateContent")
REQUEST = encode(f"{BETA}.GetModelRequest", {"name": "models/gemini-2.0-flash"})
PROMPT = encode(
    f"{BETA}.GenerateContentRequest",
    {"model": "models/gemini-2.0-flash", "contents": [{"parts": [{"text": "Explain how AI works"}]}]},
)
KEY = (("x-goog-api-key", "any-key"),)

HOSTS = [GEMINI, "generativelanguage.googleapis.com", f"dns:///{GEMINI}"]
VERTEX_HOSTS = ["us-central1-aiplatform.googleapis.com:443", "aiplatform.googleapis.com:443"]
PUBLISHED = "publishers/google/models/gemini-2.5-flash"


def ask(channel: Any, metadata: tuple[tuple[str, str], ...] = KEY) -> str:
    """The name of a model, as asked for on a channel."""
    answer = channel.unary_unary(GET_MODEL)(REQUEST, metadata=metadata, timeout=HANGS)
    return str(decode(f"{BETA}.Model", answer)["name"])


@pytest.mark.parametrize("host", HOSTS)
def test_a_channel_to_google_leads_to_us(host: str) -> None:
    """Whatever way its host is written."""
    with MockServer().intercepting() as server:
        with grpc.secure_channel(host, grpc.ssl_channel_credentials()) as channel:
            assert "models/gemini-2.0-flash" == ask(channel)
        assert ["models.get"] == [call.method for call in server.calls]


def test_equal_requests_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each server: another one, or the same world later, answers by what it has itself."""
    read: list[bytes] = []

    def decode_and_count(message: str, body: bytes) -> dict[str, Any]:
        read.append(body)
        return decode(message, body)

    monkeypatch.setattr(face, "decode", decode_and_count)
    credentials = grpc.ssl_channel_credentials()
    with MockServer().intercepting() as first, grpc.secure_channel(GEMINI, credentials) as channel:
        for _ in range(5):
            ask(channel)
        after_five = len(read)
        first.reset()
        with MockServer().intercepting() as second:
            ask(channel)

    assert (1, 2) == (after_five, len(read))
    assert (0, 1) == (len(first.calls), len(second.calls))


@pytest.mark.parametrize("host", VERTEX_HOSTS)
def test_a_channel_to_vertex_ai_leads_to_its_rpcs(host: str) -> None:
    """And to no others: the interceptor says which host was called."""
    package = "google.cloud.aiplatform.v1"
    get = method(f"{package}.ModelGardenService.GetPublisherModel")
    request = encode(f"{package}.GetPublisherModelRequest", {"name": PUBLISHED})
    bearer = (("authorization", "Bearer token"),)
    with MockServer().intercepting(), grpc.secure_channel(host, grpc.ssl_channel_credentials()) as channel:
        answer = channel.unary_unary(get)(request, metadata=bearer, timeout=HANGS)
        with pytest.raises(grpc.RpcError) as refused:
            ask(channel)

    assert PUBLISHED == decode(f"{package}.PublisherModel", answer)["name"]
    assert grpc.StatusCode.UNIMPLEMENTED is refused.value.code()


def test_the_server_in_the_process_is_no_thread_that_outlives_its_test() -> None:
    """Its threads stay for the next test's channels; all that was patched is as it was."""
    before = socket.getaddrinfo
    with MockServer().intercepting(), grpc.secure_channel(GEMINI, grpc.ssl_channel_credentials()) as channel:
        ask(channel)

    assert before is socket.getaddrinfo


def test_asyncio_does_too() -> None:
    """In one loop after another."""

    async def run() -> tuple[str, int]:
        async with grpc.aio.secure_channel(GEMINI, grpc.ssl_channel_credentials()) as channel:
            answer = await channel.unary_unary(GET_MODEL)(REQUEST, metadata=KEY, timeout=HANGS)
            stream = channel.unary_stream(STREAM)(PROMPT, metadata=KEY, timeout=HANGS)
            return decode(f"{BETA}.Model", answer)["name"], len([chunk async for chunk in stream])

    with MockServer().intercepting():
        assert [("models/gemini-2.0-flash", 4)] * 2 == [asyncio.run(run()) for _ in range(2)]


class Token(grpc.AuthMetadataPlugin):  # type: ignore[misc]  # grpcio has no types
    """Call credentials: a token for each call, and the URLs it was asked for."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.urls: list[str] = []

    def __call__(self, context: Any, callback: Callable[..., None]) -> None:
        """Give the token."""
        self.urls.append(context.service_url)
        callback((("authorization", f"Bearer {self.token}"),), None)


def by_composite(plugin: Token) -> Any:
    """As google-auth makes them."""
    return grpc.composite_channel_credentials(grpc.ssl_channel_credentials(), grpc.metadata_call_credentials(plugin))


def by_nested_composite(plugin: Token) -> Any:
    """With other call credentials around them."""
    project = lambda _, callback: callback((("x-goog-user-project", "p"),), None)  # noqa: E731 - a plugin
    return grpc.composite_channel_credentials(by_composite(plugin), grpc.metadata_call_credentials(project))


def by_compute_engine(plugin: Token) -> Any:
    """As google-api-core makes them."""
    return grpc.compute_engine_channel_credentials(grpc.metadata_call_credentials(plugin))


@pytest.mark.parametrize("make", [by_composite, by_nested_composite, by_compute_engine])
def test_call_credentials_go_along(make: Callable[[Token], Any]) -> None:
    """And are told which service they are for."""
    plugin = Token("alice@example.com")
    with MockServer().intercepting() as server:
        with grpc.secure_channel(GEMINI, make(plugin)) as channel:
            ask(channel, ())
        assert ["user:alice@example.com"] == [call.caller for call in server.calls]

    # With "https" before it on a real connection; grpcio has no name for the scheme of a Unix socket.
    assert [f"://generativelanguage.googleapis.com/{BETA}.ModelService"] == plugin.urls


def test_a_channel_outlives_the_test_that_it_was_made_in() -> None:
    """Each call is answered by who is there when it is made; by nobody, in between."""
    first, second = MockServer(), MockServer()
    with first.intercepting():
        channel = grpc.secure_channel(GEMINI, grpc.ssl_channel_credentials())
        ask(channel)
    with pytest.raises(grpc.RpcError, match="no test that uses the fixture is running") as refused:
        ask(channel)
    with second.intercepting():
        ask(channel)
    channel.close()

    assert grpc.StatusCode.UNAVAILABLE is refused.value.code()
    assert (1, 1) == (len(first.calls), len(second.calls))


def test_the_newest_answers_of_several() -> None:
    """As for HTTP."""
    outer, inner = MockServer(), MockServer()
    with (
        outer.intercepting(),
        grpc.secure_channel(GEMINI, grpc.ssl_channel_credentials()) as channel,
    ):
        with inner.intercepting():
            ask(channel)
        ask(channel)

    assert (1, 1) == (len(outer.calls), len(inner.calls))


def test_a_fork_answers_in_its_own_world() -> None:
    """Inside its own `intercepting()`."""
    server = MockServer()
    fork = server.fork()
    with fork.intercepting(), grpc.secure_channel(GEMINI, grpc.ssl_channel_credentials()) as channel:
        ask(channel)

    assert (0, 1) == (len(server.calls), len(fork.calls))


def test_latency_on_the_tests_clock_takes_no_time() -> None:
    """An hour of it."""
    server = MockServer()
    server.fault(Fault(latency_seconds=3600))
    start = server.now
    with server.intercepting(), grpc.secure_channel(GEMINI, grpc.ssl_channel_credentials()) as channel:
        channel.unary_unary(GET_MODEL)(REQUEST, metadata=KEY)

    assert 3600 == (server.now - start).total_seconds()


def test_others_are_left_alone_and_everything_is_as_it_was() -> None:
    """The functions of grpcio, and channels to other hosts."""
    names = ("secure_channel", "composite_channel_credentials", "compute_engine_channel_credentials")
    before = [getattr(grpc, name) for name in names] + [grpc.aio.secure_channel]
    with MockServer(auth="off").intercepting() as server:
        channel = grpc.secure_channel("localhost:1", grpc.ssl_channel_credentials())
        with channel, pytest.raises(grpc.RpcError):
            ask(channel)
        assert [] == list(server.calls)

    assert before == [getattr(grpc, name) for name in names] + [grpc.aio.secure_channel]

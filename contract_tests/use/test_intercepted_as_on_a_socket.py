"""In process as on a socket: each library sees the same, whatever the answer and however the connection ends."""

import asyncio
import http.client
import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter

from contract_tests.environment import HANGS
from contract_tests.use.test_intercepting import BODY, GEMINI, KEY, LIBRARIES
from mockserver import Answer, Fault, MockServer
from mockserver.doors.intercept.interceptors import NotServed

MODELS = "/v1beta/models?pageSize=2"
TYPE = "текст/plain"
STREAM = "/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse"


@pytest.fixture(scope="module")
def live() -> Iterator[MockServer]:
    """One server on a socket; each test has a fresh world on it."""
    with MockServer().live() as server:
        yield server


Way = Callable[[Callable[[str], object], Callable[[MockServer], None]], tuple[object, int]]


@pytest.fixture
def both(live: MockServer) -> Way:
    """Runs something against the server on a socket, and in process; returns what came of it if it is the same."""

    def compare(act: Callable[[str], object], prepare: Callable[[MockServer], None]) -> tuple[object, int]:
        with live.fresh_world(seed=1, start_time="2025-06-01", clock="manual"):
            prepare(live)
            on_socket = outcome(act, live.url), len(live.calls)
        with MockServer(seed=1, start_time="2025-06-01").intercepting() as server:
            prepare(server)
            in_process = outcome(act, GEMINI), len(server.calls)
        assert on_socket == in_process
        return in_process

    return compare


def outcome(act: Callable[[str], object], base: str) -> object:
    """What is returned, or the error, without the address of the server and of objects."""
    try:
        return act(base)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
        host = re.escape(base.partition("://")[2].partition(":")[0])
        text = re.sub(
            rf" at 0x\w+|https?://|https?(?=connection)|{host}|(?::|port=)\d+", "", str(error), flags=re.IGNORECASE
        )
        return f"{type(error).__module__}.{type(error).__name__}: {text}"


FAULTS: dict[str, list[Fault]] = {
    "none": [],
    "status": [Fault(status=503)],
    "retry-after": [Fault(status=429, retry_after=30)],
    "reset": [Fault(reset=True)],
    "truncated": [Fault(truncate=True)],
    "garbled": [Fault(garble=True)],
    "cut": [Fault(cut_after_chunks=1)],
    "cut at once": [Fault(cut_after_chunks=0)],
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_sees_the_same(both: Way, library: str, fault: str, *, stream: bool) -> None:
    """Status and body, or the error and its words."""

    def act(base: str) -> object:
        if stream:
            return LIBRARIES[library].post(base + STREAM, BODY)
        return LIBRARIES[library].get(base + MODELS)

    def prepare(server: MockServer) -> None:
        server.answer(Answer(chunks=["one ", "two ", "three"]))
        for each in FAULTS[fault]:
            server.fault(each)

    _, calls = both(act, prepare)

    assert calls >= 1


def session(**retries: Any) -> requests.Session:
    """A session whose users have configured what is tried again, as Google's own libraries do."""
    made = requests.Session()
    wanted: dict[str, Any] = {"total": 3, "status_forcelist": [429, 503], "allowed_methods": None}
    retry = urllib3.Retry(**wanted | retries)
    for scheme in ("https://", "http://"):
        made.mount(scheme, HTTPAdapter(max_retries=retry))
    made.headers.update(KEY)
    return made


def facts(answer: requests.Response) -> object:
    """What code may look at in an answer of requests, beside the address."""
    assert answer.raw.retries is not None
    history = [(each.status, each.error and type(each.error).__name__) for each in answer.raw.retries.history]
    headers = [(name, value) for name, value in answer.headers.items() if name.lower() != "date"]
    return answer.status_code, answer.reason, headers, answer.content, answer.raw.version, history, answer.encoding


@pytest.mark.parametrize(
    ("faults", "calls"),
    [
        ([Fault(status=503, times=2)], 3),
        ([Fault(status=503)], 4),
        ([Fault(status=429, retry_after=0, times=1)], 2),
        ([Fault(reset=True, times=2)], 3),
        ([Fault(reset=True)], 4),
        ([Fault(status=500)], 1),
    ],
)
def test_retries_that_are_mounted_are_made(both: Way, faults: list[Fault], calls: int) -> None:
    """By urllib3, below the adapter: as often, and with the same end."""

    def act(base: str) -> object:
        with session() as client:
            return facts(client.get(base + MODELS, timeout=5))

    def prepare(server: MockServer) -> None:
        for fault in faults:
            server.fault(fault)

    assert calls == both(act, prepare)[1]


def test_retries_are_waited_for_by_the_clock() -> None:
    """The time that urllib3 sleeps is the server's."""
    with MockServer().intercepting() as server, session(backoff_factor=5) as client:
        server.fault(Fault(status=503, times=2))
        began = server.now
        answer = client.get(GEMINI + MODELS, timeout=5)

    assert 200 == answer.status_code
    assert 10 == (server.now - began).total_seconds()


def test_a_timeout_is_tried_again() -> None:
    """Like any other failure to read; the error at the end is the one of a socket."""
    with MockServer().intercepting() as server, session(total=2) as client:
        server.fault(Fault(latency_seconds=6))
        with pytest.raises(requests.ConnectionError, match=r"Max retries exceeded .*Read timed out"):
            client.get(GEMINI + MODELS, timeout=5)

    assert 3 == len(server.calls)


def test_hooks_and_adapters_of_the_user_are_called(both: Way) -> None:
    """An adapter of theirs that changes what is sent, and a hook that sees what comes."""

    class Adapter(HTTPAdapter):
        def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
            request.headers["x-goog-api-client"] = "theirs"
            return super().send(request, *args, **kwargs)

    def act(base: str) -> object:
        seen: list[int] = []
        with session() as client:
            client.mount("https://", Adapter())
            client.mount("http://", Adapter())
            client.hooks["response"] = [lambda answer, **_: seen.append(answer.status_code)]
            return facts(client.get(base + MODELS, timeout=5)), seen

    both(act, lambda _: None)


@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_are_read_whole_whatever_their_form(both: Way, *, chunked: bool) -> None:
    """A generator is sent in chunks."""
    text = b'{"contents": [{"parts": [{"text": "' + b"x" * 100_000 + b'"}]}]}'

    def act(base: str) -> object:
        body = (text[at : at + 4096] for at in range(0, len(text), 4096)) if chunked else text
        url = f"{base}/v1beta/models/gemini-2.0-flash:countTokens"
        headers = {"content-type": "application/json"}
        with session() as client:
            return client.post(url, data=body, headers=headers, timeout=5).text

    result, _ = both(act, lambda _: None)

    assert "totalTokens" in str(result)


def test_a_connection_of_http_client_takes_one_request_after_the_other(both: Way) -> None:
    """As one that is kept alive; of a HEAD there is no body."""

    def act(base: str) -> object:
        scheme, _, host = base.partition("://")
        kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
        connection = kind(host, timeout=5)
        answers = []
        for verb in ("GET", "HEAD", "GET"):
            connection.request(verb, MODELS, headers=KEY)
            answer = connection.getresponse()
            answers.append((answer.status, answer.read()))
        connection.close()
        return answers

    both(act, lambda _: None)


def test_a_pool_outlives_the_server() -> None:
    """What it keeps of one test's server is not used for the next one's; without any, nobody is reached."""
    first, second = MockServer(), MockServer()
    with session(total=0) as client, urllib3.PoolManager() as pool:
        for server in (first, second):
            with server.intercepting():
                for _ in range(2):
                    assert 200 == client.get(GEMINI + MODELS, timeout=5).status_code
                    assert 200 == pool.request("GET", GEMINI + MODELS, headers=KEY).status

    assert [4, 4] == [len(first.calls), len(second.calls)]


def test_a_connection_that_outlives_the_server_is_broken() -> None:
    """It does not turn into one to the real host."""
    connection = http.client.HTTPSConnection("generativelanguage.googleapis.com", timeout=5)
    with MockServer().intercepting():
        connection.request("GET", MODELS, headers=KEY)
        assert connection.getresponse().read()
    connection.request("GET", MODELS, headers=KEY)
    with pytest.raises(ConnectionResetError):
        connection.getresponse()
    connection.close()


def test_a_proxy_of_the_machine_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's hosts are answered here also where a variable leads all others through a proxy."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with MockServer().intercepting() as server:
        statuses = [library.get(GEMINI + MODELS)[0] for library in LIBRARIES.values()]

    assert {200} == set(statuses)
    assert len(LIBRARIES) == len(server.calls)


@pytest.mark.parametrize("name", ["requests", "urllib"])
def test_a_proxy_does_not_get_a_plain_request_for_google(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """It would look the host up itself, where no guard of ours sees it. NO_PROXY, which prevents that, may be lost."""
    for variable in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.setattr(urllib.request, "_opener", None)  # urlopen keeps the proxies of its first call
    with MockServer().intercepting(), monkeypatch.context() as patch:
        for variable in ("NO_PROXY", "no_proxy"):
            patch.delenv(variable)
        with pytest.raises(NotServed, match="in plain HTTP through a proxy; use https"):
            LIBRARIES[name].get(GEMINI.replace("https", "http") + MODELS)


Raw = dict[str, bytes]
Ask = Callable[[str, str, bytes, Raw], tuple[int, list[bytes], bytes]]


def by_httpx(library: Any) -> Ask:
    """By httpx or httpx2."""

    def ask(verb: str, url: str, content: bytes, headers: Raw) -> tuple[int, list[bytes], bytes]:
        answer = library.request(verb, url, content=content, headers=headers)
        types = [value for name, value in answer.headers.raw if name.lower() == b"content-type"]
        return answer.status_code, types, answer.content

    return ask


def by_httpx_later(library: Any) -> Ask:
    """By its async client."""

    def ask(verb: str, url: str, content: bytes, headers: Raw) -> tuple[int, list[bytes], bytes]:
        async def send() -> Any:
            async with library.AsyncClient() as client:
                return await client.request(verb, url, content=content, headers=headers)

        answer = asyncio.run(send())
        types = [value for name, value in answer.headers.raw if name.lower() == b"content-type"]
        return answer.status_code, types, answer.content

    return ask


def by_urllib3(verb: str, url: str, content: bytes, headers: Raw) -> tuple[int, list[bytes], bytes]:
    """By urllib3, which has texts of Latin-1."""
    texts = {name: value.decode("latin-1") for name, value in headers.items()}
    answer = urllib3.request(verb, url, body=content, headers=texts, timeout=HANGS)
    return answer.status, [answer.headers["content-type"].encode("latin-1")], answer.data


ASKS: dict[str, Ask] = {
    "httpx": by_httpx(httpx),
    "httpx-async": by_httpx_later(httpx),
    "httpx2": by_httpx(httpx2),
    "httpx2-async": by_httpx_later(httpx2),
    "urllib3": by_urllib3,
}


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_headers_that_are_not_ascii_are_the_same(both: Way, ask: Ask) -> None:
    """Those of a request, and those of an answer: the type of an object is what somebody has said it is."""

    def act(base: str) -> object:
        host = "https://storage.googleapis.com" if base == GEMINI else base
        metadata = json.dumps({"name": "x", "contentType": TYPE}).encode()
        parts = b"--cut\r\n\r\n" + metadata + b"\r\n--cut\r\n\r\ncontent\r\n--cut--"
        headers = {"content-type": b"multipart/related; boundary=cut", "x-goog-user-project": TYPE.encode()}
        status, *_ = ask("POST", f"{host}/upload/storage/v1/b/bucket/o?uploadType=multipart", parts, headers)
        return status, ask("GET", f"{host}/download/storage/v1/b/bucket/o/x?alt=media", b"", {})

    expected = (200, (200, [TYPE.encode()], b"content")), 2
    assert expected == both(act, lambda _: None)

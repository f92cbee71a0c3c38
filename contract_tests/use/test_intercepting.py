"""MockServer.intercepting(): it answers requests of this process to Google's hosts, and touches no others."""

import asyncio
import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import aiohttp
import httpcore
import httplib2
import httpx
import httpx2
import pytest
import requests
import respx
import urllib3

from contract_tests.environment import HANGS
from contract_tests.neighbour import Neighbour, serving
from mockserver import Answer, Fault, MockServer
from mockserver.doors.intercept.interceptors import NotServed

GEMINI = "https://generativelanguage.googleapis.com"
STREAM = f"{GEMINI}/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse"
BODY = {"contents": [{"parts": [{"text": "Explain how AI works"}]}]}
KEY = {"x-goog-api-key": "any-key"}


class Library:
    """One HTTP library in one of its ways, asked for no more than the status and the body."""

    def __init__(
        self,
        ask: Callable[[str, str, object], tuple[int, bytes]],
        broken: type[Exception] | tuple[type[Exception], ...],
    ) -> None:
        self.ask = ask
        self.broken = broken

    def get(self, url: str) -> tuple[int, bytes]:
        """What a GET is answered."""
        return self.ask("GET", url, None)

    def post(self, url: str, body: object) -> tuple[int, bytes]:
        """What a POST of JSON is answered."""
        return self.ask("POST", url, body)


def by_requests(verb: str, url: str, body: object) -> tuple[int, bytes]:
    """By requests."""
    answer = requests.request(verb, url, json=body, headers=KEY, timeout=5)
    return answer.status_code, answer.content


def by_httpx(verb: str, url: str, body: object) -> tuple[int, bytes]:
    """By httpx."""
    answer = httpx.request(verb, url, json=body, headers=KEY)
    return answer.status_code, answer.content


def by_httpx2(verb: str, url: str, body: object) -> tuple[int, bytes]:
    """By httpx2."""
    answer = httpx2.request(verb, url, json=body, headers=KEY)
    return answer.status_code, answer.content


def by_urllib(verb: str, url: str, body: object) -> tuple[int, bytes]:
    """By Python's own urllib.request."""
    content = None if body is None else json.dumps(body).encode()
    headers = KEY | {"content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, content, headers, method=verb), timeout=5) as answer:
        return answer.status, answer.read()


def by_urllib3(verb: str, url: str, body: object) -> tuple[int, bytes]:
    """By urllib3, with its own retries left out: they are tried elsewhere."""
    answer = urllib3.request(verb, url, json=body, headers=KEY, retries=False)
    return answer.status, answer.data


def by_httplib2(verb: str, url: str, body: object) -> tuple[int, bytes]:
    """By httplib2."""
    content = None if body is None else json.dumps(body)
    with contextlib.closing(httplib2.Http()) as client:
        answer, data = client.request(url, verb, content, KEY | {"content-type": "application/json"})
    return answer.status, data


def by_httpx_later(verb: str, url: str, body: object) -> tuple[int, bytes]:
    """By httpx, asynchronously."""

    async def ask() -> tuple[int, bytes]:
        async with httpx.AsyncClient() as client:
            answer = await client.request(verb, url, json=body, headers=KEY)
            return answer.status_code, answer.content

    return asyncio.run(ask())


def by_httpx2_later(verb: str, url: str, body: object) -> tuple[int, bytes]:
    """By httpx2, asynchronously."""

    async def ask() -> tuple[int, bytes]:
        async with httpx2.AsyncClient() as client:
            answer = await client.request(verb, url, json=body, headers=KEY)
            return answer.status_code, answer.content

    return asyncio.run(ask())


def by_aiohttp(verb: str, url: str, body: object) -> tuple[int, bytes]:
    """By aiohttp."""

    async def ask() -> tuple[int, bytes]:
        async with (
            aiohttp.ClientSession() as session,
            session.request(verb, url, json=body, headers=KEY) as answer,
        ):
            return answer.status, await answer.read()

    return asyncio.run(ask())


LIBRARIES = {
    "urllib": Library(by_urllib, (OSError, http.client.HTTPException)),
    "urllib3": Library(by_urllib3, urllib3.exceptions.HTTPError),
    "httplib2": Library(by_httplib2, (OSError, http.client.HTTPException)),
    "requests": Library(by_requests, requests.RequestException),
    "httpx": Library(by_httpx, httpx.TransportError),
    "httpx-async": Library(by_httpx_later, httpx.TransportError),
    "httpx2": Library(by_httpx2, httpx2.TransportError),
    "httpx2-async": Library(by_httpx2_later, httpx2.TransportError),
    "aiohttp": Library(by_aiohttp, aiohttp.ClientError),
}


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Library:
    """Each library, each way."""
    return LIBRARIES[request.param]


@pytest.fixture(scope="module")
def neighbour() -> Iterator[str]:
    """The URL of somebody else's server on this machine, which answers every GET in its own words."""

    class Words(Neighbour):
        def get(self) -> None:
            self.answer(200, b"neighbour")

    with serving(Words) as url:
        yield f"{url}/"


@pytest.mark.parametrize(
    "host",
    [
        "generativelanguage.googleapis.com",
        "aiplatform.googleapis.com",
        "us-central1-aiplatform.googleapis.com",
        "aiplatform.eu.rep.googleapis.com",
    ],
)
def test_every_host_of_googles_is_answered(library: Library, host: str) -> None:
    """Whatever the region, whichever the library."""
    path = (
        "v1beta/models" if host.startswith("gen") else "v1/projects/p/locations/us-central1/tuningJobs?access_token=t"
    )
    with MockServer().intercepting() as server:
        status, _ = library.get(f"https://{host}/{path}")

    assert 200 == status
    assert 1 == len(server.calls)


def test_tokens_are_given_out(library: Library) -> None:
    """oauth2.googleapis.com exchanges the credentials that are in place for a token of this world."""
    with MockServer().fork().intercepting() as server:
        refresh = f"grant_type=refresh_token&refresh_token={server.credentials.token}"
        answer = requests.post("https://oauth2.googleapis.com/token", data=refresh, timeout=5)

    assert server.credentials.token == answer.json()["access_token"]
    assert library is not None


def test_everybody_else_is_left_alone(library: Library, neighbour: str) -> None:
    """A request to any other host goes where it always went."""
    with MockServer().intercepting() as server:
        said = library.get(neighbour)

    assert (200, b"neighbour") == said
    assert 0 == len(server.calls)


def test_nothing_is_intercepted_afterwards(library: Library) -> None:
    """The libraries are as they were, down to the function."""
    before = doors()
    with MockServer().intercepting() as server:
        library.get(f"{GEMINI}/v1beta/models")
        assert before != doors()

    assert before == doors()
    assert 1 == len(server.calls)


def doors() -> list[object]:
    """What a request leaves each library through."""
    functions = [
        http.client.HTTPSConnection.connect,
        urllib3.connection.HTTPSConnection.connect,
        httplib2.HTTPSConnectionWithTimeout.connect,
        httpx.HTTPTransport.handle_request,
        httpx.AsyncHTTPTransport.handle_async_request,
        httpx2.HTTPTransport.handle_request,
        httpx2.AsyncHTTPTransport.handle_async_request,
        aiohttp.TCPConnector._create_connection,  # noqa: SLF001 - it has no other
    ]
    return [(function, function.__code__) for function in functions]


def test_inner_server_answers_and_the_outer_one_is_back_afterwards(library: Library) -> None:
    """Nested use: the innermost counts, for requests, environment and time; each exit restores what was there."""
    with MockServer(seed=1).intercepting() as outer:
        variables = dict(os.environ)
        with MockServer(seed=2).intercepting() as inner:
            library.get(f"{GEMINI}/v1beta/models")
            assert inner.credentials.token in Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"]).read_text()
        assert variables == dict(os.environ)
        library.get(f"{GEMINI}/v1beta/tunedModels")

    assert ["models.list"] == [call.method for call in inner.calls]
    assert ["tunedModels.list"] == [call.method for call in outer.calls]


def test_a_connection_is_not_kept_for_another_server() -> None:
    """A client that outlives its test asks the next test's server."""

    async def ask_twice() -> None:
        async with aiohttp.ClientSession(headers=KEY) as session:
            for server in (first, second):
                with server.intercepting():
                    assert 200 == (await session.get(f"{GEMINI}/v1beta/models")).status

    first, second = MockServer(), MockServer()
    asyncio.run(ask_twice())

    assert [1, 1] == [len(first.calls), len(second.calls)]


def test_clients_of_other_threads_are_intercepted(library: Library) -> None:
    """Code under test may ask from a pool of its own."""
    with MockServer().intercepting() as server:
        thread = threading.Thread(target=library.get, args=(f"{GEMINI}/v1beta/models",))
        thread.start()
        thread.join()

    assert 1 == len(server.calls)


def test_fault_reset_breaks_the_connection(library: Library) -> None:
    """As when a peer is gone."""
    with MockServer().intercepting() as server:
        server.fault(Fault(reset=True))
        with pytest.raises(library.broken):
            library.get(f"{GEMINI}/v1beta/models")


@pytest.mark.parametrize("fault", [Fault(truncate=True), Fault(cut_after_chunks=1)])
def test_broken_bodies_are_errors(library: Library, fault: Fault) -> None:
    """What ends too early is noticed, in the library's own words."""
    with MockServer().intercepting() as server:
        server.fault(fault)
        url = STREAM if fault.cut_after_chunks else f"{GEMINI}/v1beta/models"
        with pytest.raises(library.broken):
            library.ask("POST" if fault.cut_after_chunks else "GET", url, BODY if fault.cut_after_chunks else None)


def test_large_bodies_come_whole(library: Library) -> None:
    """Both ways, whatever the buffers between."""
    text = "七" * 150_000
    with MockServer().intercepting() as server:
        server.answer(Answer(text))
        url = f"{GEMINI}/v1beta/models/gemini-2.0-flash:generateContent"
        status, body = library.post(url, {"contents": [{"parts": [{"text": text}]}]})

    assert 200 == status
    assert text in body.decode()


def test_streams_come_piece_by_piece() -> None:
    """An event is there before the next one is made: time moves on between them."""
    with MockServer().intercepting() as server:
        server.answer(Answer(chunks=["one ", "two "], delays=[0, 60]))
        began = server.now
        with httpx.stream("POST", STREAM, json=BODY, headers=KEY, timeout=90) as answer:
            waited = [(server.now - began).total_seconds() for line in answer.iter_lines() if line]

    assert [0, 60] == waited


@pytest.mark.parametrize(
    ("ask", "gave_up"),
    [
        (lambda: httpx.get(f"{GEMINI}/v1beta/models", headers=KEY, timeout=5), httpx.ReadTimeout),
        (lambda: httpx2.get(f"{GEMINI}/v1beta/models", headers=KEY, timeout=5), httpx2.ReadTimeout),
        (lambda: requests.get(f"{GEMINI}/v1beta/models", headers=KEY, timeout=5), requests.ReadTimeout),
        (lambda: requests.get(f"{GEMINI}/v1beta/models", headers=KEY, timeout=(1, 5)), requests.ReadTimeout),
        (lambda: httpx.post(STREAM, json=BODY, headers=KEY, timeout=5), httpx.ReadTimeout),
        (lambda: httpx2.post(STREAM, json=BODY, headers=KEY, timeout=5), httpx2.ReadTimeout),
        (lambda: requests.post(STREAM, json=BODY, headers=KEY, timeout=5), requests.ConnectionError),
        (lambda: with_timeouts("GET", f"{GEMINI}/v1beta/models", total=5), TimeoutError),
        (lambda: with_timeouts("GET", f"{GEMINI}/v1beta/models", total=9, sock_read=5), aiohttp.SocketTimeoutError),
        (lambda: with_timeouts("POST", STREAM, sock_read=5), aiohttp.SocketTimeoutError),
    ],
)
def test_timeouts_go_by_the_servers_clock(ask: Callable[[], object], gave_up: type[Exception]) -> None:
    """A client that waits five seconds gives up on an answer, or a piece of one, that takes six; not on one of four."""
    with MockServer().intercepting() as server:
        for nth, seconds in ((1, 4), (2, 6)):
            server.fault(Fault("models.list", latency_seconds=seconds, nth=nth))
            server.fault(Fault("*.streamGenerateContent", chunk_delay_seconds=seconds, nth=nth))
        ask()
        with pytest.raises(gave_up) as failure:
            ask()

    assert gave_up is failure.type


def with_timeouts(verb: str, url: str, **seconds: float) -> bytes:
    """What aiohttp is answered in that time."""

    async def ask() -> bytes:
        timeout = aiohttp.ClientTimeout(**seconds)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(verb, url, json=BODY if verb == "POST" else None, headers=KEY) as answer,
        ):
            return await answer.read()

    return asyncio.run(ask())


@pytest.mark.parametrize("timeouts", [{"total": 30}, {"sock_read": 30}])
def test_what_came_in_time_is_heard(timeouts: dict[str, float]) -> None:
    """Of a stream that aiohttp gives up on; and time moves no further than to where it does."""

    async def listen() -> None:
        timeout = aiohttp.ClientTimeout(**timeouts)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(STREAM, json=BODY, headers=KEY) as answer,
        ):
            while line := await answer.content.readline():
                heard.append(line)

    heard: list[bytes] = []
    with MockServer().intercepting() as server:
        server.answer(Answer(chunks=["one ", "two ", "three"], delays=[0, 60, 60]))
        began = server.now
        with pytest.raises(TimeoutError):
            asyncio.run(listen())

    assert [True] == [b"one " in line for line in heard if line.strip()]
    assert 60 == (server.now - began).total_seconds()


def test_routers_of_the_testers_own_go_on_answering(neighbour: str) -> None:
    """Respx beside us, inside and outside: each answers for its hosts, and what nobody mocks is said by respx."""
    with respx.mock(assert_all_called=False) as outside:
        outside.get("https://outside.example.com/").respond(201)
        with MockServer().intercepting() as server, respx.mock(assert_all_called=False) as inside:
            inside.get("https://inside.example.com/").respond(202)
            statuses = [
                httpx.get(url, headers=KEY).status_code
                for url in ("https://outside.example.com/", "https://inside.example.com/", f"{GEMINI}/v1beta/models")
            ]
            with pytest.raises(AssertionError, match="not mocked"):
                httpx.get(neighbour)

    assert [201, 202, 200] == statuses
    assert 1 == len(server.calls)


def run_script(text: str, folder: Path) -> None:
    """Run a program in a fresh interpreter. AssertionError, with all that it printed, if it fails."""
    path = folder / "script.py"
    path.write_text(dedent(text))
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr)


def test_libraries_loaded_later_are_intercepted(tmp_path: Path) -> None:
    """Code under test may import its client when it first needs it, and may ask before whether it is there."""
    script = """
        import importlib.util, sys
        from mockserver import MockServer

        URL = "https://generativelanguage.googleapis.com/v1beta/models?key=any-key"
        NAMES = {"requests", "httpx", "httpx2", "httplib2", "urllib3"}
        with MockServer().intercepting() as server:
            assert not NAMES & sys.modules.keys()
            loaders = {name: importlib.util.find_spec(name).loader for name in NAMES}
            import httplib2, httpx, httpx2, requests
            for library in (httpx, httpx2, requests):
                assert library.get(URL).status_code == 200
            assert httplib2.Http().request(URL)[0].status == 200
            patched = requests.packages.urllib3.connection.HTTPSConnection.connect
        assert len(server.calls) == 4
        assert requests.packages.urllib3.connection.HTTPSConnection.connect is not patched
        assert "mockserver.doors.import_hook" not in {type(finder).__module__ for finder in sys.meta_path}
        for name, loader in loaders.items():
            used = sys.modules[name].__spec__.loader
            assert type(used) is type(loader) and "exec_module" not in vars(used), used
    """
    run_script(script, tmp_path)


def test_interceptors_end_in_any_order(library: Library) -> None:
    """As fixtures of different scopes do: whoever is left answers; afterwards everything is as it was."""
    before, real = doors(), (time.sleep, asyncio.sleep, socket.getaddrinfo, dict(os.environ))
    outer, inner = MockServer(), MockServer()
    first, second = contextlib.ExitStack(), contextlib.ExitStack()
    first.enter_context(outer.intercepting())
    second.enter_context(inner.intercepting())
    library.get(f"{GEMINI}/v1beta/models")
    began = inner.now
    first.close()
    library.get(f"{GEMINI}/v1beta/tunedModels")
    time.sleep(60)
    slept = (inner.now - began).total_seconds()
    second.close()

    assert [] == list(outer.calls)
    assert ["models.list", "tunedModels.list"] == [call.method for call in inner.calls]
    assert 60 == slept
    assert before == doors()
    assert real == (time.sleep, asyncio.sleep, socket.getaddrinfo, dict(os.environ))


def test_servers_side_by_side_in_threads_are_each_asked_by_their_own(library: Library) -> None:
    """Suites that run tests in threads; each enters, asks and leaves when it likes."""
    before = doors()
    servers = [MockServer() for _ in range(4)]
    together = threading.Barrier(len(servers))

    def use(server: MockServer) -> None:
        with server.intercepting():
            together.wait(HANGS)
            library.get(f"{GEMINI}/v1beta/models")
            together.wait(HANGS)

    threads = [threading.Thread(target=use, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [1, 1, 1, 1] == [len(server.calls) for server in servers]
    assert before == doors()


def test_what_is_not_intercepted_is_refused() -> None:
    """A library that we do not know, and a service of Google's that is not answered: neither reaches the network.

    The error is not one of the network, which clients would take for a reason to try again.
    """
    with MockServer().intercepting() as server:
        with pytest.raises(NotServed, match=r"generativelanguage.googleapis\.com was about to be reached"):
            httpcore.request("GET", f"{GEMINI}/v1beta/models")
        with pytest.raises(NotServed, match=r"us-central1-aiplatform.googleapis\.com was about to be reached"):
            socket.create_connection(("us-central1-aiplatform.googleapis.com", 443))
        with pytest.raises(NotServed, match=r"generativelanguage.googleapis\.com was about"):
            socket.gethostbyname("generativelanguage.googleapis.com")
        for ask in (by_requests, by_httpx, by_httpx_later, by_aiohttp, by_urllib3, by_urllib, by_httplib2):
            with pytest.raises(NotServed, match=r"bigquery.googleapis\.com is not answered here"):
                ask("GET", "https://bigquery.googleapis.com/bigquery/v2/projects", None)

    assert 0 == len(server.calls)


def test_a_clock_that_runs_is_waited_for(library: Library) -> None:
    """In process too a server may go by the machine's time: then it takes what it takes."""
    with MockServer(clock="1000x").intercepting(sleep="real") as server:
        server.fault(Fault(latency_seconds=20))
        status, _ = library.get(f"{GEMINI}/v1beta/models")

    assert 200 == status


@contextmanager
def variables(**given: str) -> Iterator[None]:
    """An environment with these in it, and none of those we care for."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION"):
            patch.delenv(name, raising=False)
        for name, value in given.items():
            patch.setenv(name, value)
        yield


def test_credentials_are_in_place_where_there_are_none() -> None:
    """A key, a project, a location and a file of credentials, all of this world."""
    with variables(), MockServer().fork().intercepting() as server:
        ours = server.credentials

        assert ours.api_key == os.environ["GOOGLE_API_KEY"]
        assert ours.project == os.environ["GOOGLE_CLOUD_PROJECT"]
        assert "us-central1" == os.environ["GOOGLE_CLOUD_LOCATION"]
        assert ours.token in Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"]).read_text()


def test_made_up_key_can_be_left_out() -> None:
    """A key of the tester's own stays, and one that looks real is put aside all the same."""
    with variables(), MockServer().intercepting(fake_api_key=False):
        assert "GOOGLE_API_KEY" not in os.environ
        assert "GOOGLE_APPLICATION_CREDENTIALS" in os.environ
    with variables(GOOGLE_API_KEY="mine"), MockServer().intercepting(fake_api_key=False):
        assert "mine" == os.environ["GOOGLE_API_KEY"]


def test_what_the_tester_set_stays_and_what_is_real_does_not() -> None:
    """A key of the tester's own is theirs to choose; one that looks real is put aside, and so is another address."""
    with variables(GOOGLE_CLOUD_PROJECT="theirs", GEMINI_API_KEY="theirs", GOOGLE_GEMINI_BASE_URL="http://example.com"):
        with MockServer().intercepting():
            assert ("theirs", "theirs") == (os.environ["GOOGLE_CLOUD_PROJECT"], os.environ["GEMINI_API_KEY"])
            assert "GOOGLE_API_KEY" not in os.environ
            assert "GOOGLE_GEMINI_BASE_URL" not in os.environ
        assert "http://example.com" == os.environ["GOOGLE_GEMINI_BASE_URL"]
    with variables(GOOGLE_API_KEY="AIza" + "x" * 35), MockServer().intercepting() as server:
        assert server.credentials.api_key == os.environ["GOOGLE_API_KEY"]

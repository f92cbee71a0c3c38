"""In process with a clock that runs, as on a socket: streams come piece by piece, timeouts hold, tasks go on."""

import asyncio
import itertools
import json
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
import requests
import urllib3

from mockserver import Answer, Fault, MockServer
from mockserver.state.clock import Machine

GEMINI = "https://generativelanguage.googleapis.com"
STREAM = "/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse&key=any-key"
BODY = {"contents": [{"parts": [{"text": "x"}]}]}
TIMEOUT = 0.3

Read = Callable[[str, float], Iterator[bytes]]
ReadAsync = Callable[[str, float], AsyncIterator[bytes]]


def read_httpx(url: str, timeout: float, library: Any = httpx) -> Iterator[bytes]:
    """Read the events with httpx."""
    with library.stream("POST", url, json=BODY, timeout=timeout) as answer:
        yield from (line.encode() for line in answer.iter_lines() if line)


def read_httpx2(url: str, timeout: float) -> Iterator[bytes]:
    """Read the events with httpx2."""
    return read_httpx(url, timeout, httpx2)


def read_requests(url: str, timeout: float) -> Iterator[bytes]:
    """Read the events with requests."""
    with requests.post(url, json=BODY, timeout=timeout, stream=True) as answer:
        yield from (line for line in answer.iter_lines(chunk_size=1) if line)


def read_urllib3(url: str, timeout: float) -> Iterator[bytes]:
    """Read the events with urllib3."""
    with urllib3.PoolManager() as pool:
        answer = pool.request("POST", url, json=BODY, timeout=timeout, retries=False, preload_content=False)
        for piece in answer.stream():
            yield from (line for line in piece.splitlines() if line)


def read_urllib(url: str, timeout: float) -> Iterator[bytes]:
    """Read the events with urllib.request, and so http.client."""
    request = urllib.request.Request(url, json.dumps(BODY).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        yield from (line for line in answer if line.strip())


async def read_httpx_async(url: str, timeout: float, library: Any = httpx) -> AsyncIterator[bytes]:  # noqa: ASYNC109 - the client's
    """Read the events with an asynchronous client of httpx."""
    async with library.AsyncClient(timeout=timeout) as client, client.stream("POST", url, json=BODY) as answer:
        async for line in answer.aiter_lines():
            if line:
                yield line.encode()


def read_httpx2_async(url: str, timeout: float) -> AsyncIterator[bytes]:
    """Read the events with an asynchronous client of httpx2."""
    return read_httpx_async(url, timeout, httpx2)


async def read_aiohttp(url: str, timeout: float) -> AsyncIterator[bytes]:  # noqa: ASYNC109 - the client's
    """Read the events with aiohttp."""
    waits = aiohttp.ClientTimeout(sock_read=timeout)
    async with aiohttp.ClientSession(timeout=waits) as session, session.post(url, json=BODY) as answer:
        async for line in answer.content:
            if line.strip():
                yield line
        await asyncio.sleep(0)


READERS: dict[str, Read] = {
    "httpx": read_httpx,
    "httpx2": read_httpx2,
    "requests": read_requests,
    "urllib3": read_urllib3,
    "urllib": read_urllib,
}
ASYNC_READERS: dict[str, ReadAsync] = {
    "httpx async": read_httpx_async,
    "httpx2 async": read_httpx2_async,
    "aiohttp": read_aiohttp,
}


def observe(library: str, url: str, timeout: float = 10) -> tuple[list[float], str]:
    """Return how many seconds passed before each event, and the name of the error at the end."""
    seen = [Machine.perf_counter()]

    async def read_async() -> None:
        async for _ in ASYNC_READERS[library](url, timeout):
            seen.append(Machine.perf_counter())

    error = ""
    try:
        if library in READERS:
            seen += (Machine.perf_counter() for _ in READERS[library](url, timeout))
        else:
            asyncio.run(read_async())
    except Exception as caught:  # noqa: BLE001 - whatever it is, it is compared
        error = f"{type(caught).__module__}.{type(caught).__name__}"
    return [after - before for before, after in itertools.pairwise(seen)], error


@pytest.fixture(scope="module", params=["real", "60x"])
def clock(request: pytest.FixtureRequest) -> str:
    """The speed of a clock that runs."""
    return str(request.param)


@pytest.fixture(scope="module")
def live() -> Iterator[MockServer]:
    """One server on a socket."""
    with MockServer().live() as server:
        yield server


def both(live: MockServer, clock: str, fault: Fault) -> Iterator[tuple[MockServer, str]]:
    """Yield a server with the fault, and where it is reached: on a socket, then in process with and without one."""
    with live.fresh_world(clock=clock):
        live.answer(Answer(chunks=["one ", "two ", "three"]))
        live.fault(fault)
        yield live, live.url
        with live.intercepting():
            yield live, GEMINI
    with MockServer(clock=clock).intercepting() as server:
        server.answer(Answer(chunks=["one ", "two ", "three"]))
        server.fault(fault)
        yield server, GEMINI


def simulated(seconds: float, clock: str) -> float:
    """Return the seconds of the clock that take so many of the machine's."""
    return seconds * 60 if clock == "60x" else seconds


@pytest.mark.parametrize("library", [*READERS, *ASYNC_READERS])
def test_pieces_arrive_one_by_one(live: MockServer, clock: str, library: str) -> None:
    """Each when its time has come, by the machine's clock."""
    for _, base in both(live, clock, Fault(chunk_delay_seconds=simulated(0.2, clock))):
        waits, error = observe(library, base + STREAM)
        assert ("", 3) == (error, len(waits))
        assert min(waits) > 0.1


@pytest.mark.parametrize("library", [*READERS, *ASYNC_READERS])
def test_timeouts_hold(live: MockServer, clock: str, library: str) -> None:
    """Before the answer and between two pieces, with the same error; the server has logged the call."""
    seconds = simulated(20, clock)
    fault = Fault(latency_seconds=seconds) if clock == "real" else Fault(chunk_delay_seconds=seconds)
    errors = set()
    for server, base in both(live, clock, fault):
        began, calls = Machine.perf_counter(), len(server.calls)
        waits, error = observe(library, base + STREAM, TIMEOUT)
        assert TIMEOUT - 0.05 < Machine.perf_counter() - began < 10
        assert not waits
        assert error
        errors.add(error)
        if base == GEMINI:
            assert calls + 1 == len(server.calls)

    assert 1 == len(errors)


@pytest.mark.parametrize("library", [*READERS, *ASYNC_READERS])
def test_a_cut_stream_shows_what_came_before(live: MockServer, library: str) -> None:
    """And then the same error as on a socket."""
    seen = []
    for _, base in both(live, "real", Fault(cut_after_chunks=2)):
        waits, error = observe(library, base + STREAM)
        seen.append((len(waits), error))

    assert 2 == seen[0][0]
    assert [seen[0]] * 3 == seen


@pytest.mark.parametrize("library", ASYNC_READERS)
def test_other_tasks_go_on(clock: str, library: str) -> None:
    """While the answer and its pieces are waited for; a task that is cancelled ends at once."""

    async def run() -> tuple[int, float]:
        loop, ticks = asyncio.get_running_loop(), 0

        def tick() -> None:
            nonlocal ticks
            ticks += 1
            loop.call_later(0.02, tick)

        tick()
        events = [event async for event in ASYNC_READERS[library](GEMINI + STREAM, 10)]
        assert 3 == len(events)
        assert "one" in str(events[0])
        server.fault(Fault(latency_seconds=simulated(100, clock)))

        async def read() -> list[bytes]:
            return [event async for event in ASYNC_READERS[library](GEMINI + STREAM, 10)]

        began, read_ticks = Machine.perf_counter(), ticks
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(read(), 0.1)
        return read_ticks, Machine.perf_counter() - began

    with MockServer(clock=clock).intercepting(sleep="real") as server:
        server.answer(Answer(chunks=["one ", "two ", "three"]))
        delay = simulated(0.2, clock)
        server.fault(Fault(latency_seconds=delay, chunk_delay_seconds=delay, times=1))
        ticks, seconds = asyncio.run(run())

    assert ticks > 10
    assert seconds < 5


def test_an_answer_that_is_computed_for_too_long_is_late() -> None:
    """Code of the test's own is waited for as well, but is not ended."""

    def answer(_: object) -> str:
        time.sleep(2 * TIMEOUT)  # noqa: TID251 - a slow answer
        return "late"

    with MockServer(clock="real").intercepting(sleep="real") as server:
        server.answer(answer)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(GEMINI + STREAM, json=BODY, timeout=TIMEOUT)

    async def ask() -> None:
        async with httpx.AsyncClient(timeout=TIMEOUT) as client:
            await client.post(GEMINI + STREAM, json=BODY)

    with MockServer(clock="real").intercepting(sleep="real") as server:
        server.answer(answer)
        with pytest.raises(httpx.ReadTimeout):
            asyncio.run(ask())


def test_waiting_for_a_running_clock_takes_its_time_where_sleeping_moves_it() -> None:
    """What the server waits for is no sleep of the code under test: that alone moves the clock."""
    with MockServer(clock="real").intercepting() as server:
        server.fault(Fault(latency_seconds=0.3))
        began, began_there = Machine.perf_counter(), server.now
        assert httpx.post(GEMINI + STREAM, json=BODY).is_success
        assert Machine.perf_counter() - began > 0.25
        assert (server.now - began_there).total_seconds() < 5


@pytest.mark.parametrize("speed", ["manual", "real"])
def test_the_port_of_grpc_can_be_asked_for_without_an_event_loop(speed: str) -> None:
    """There is none in process."""
    with MockServer(clock=speed).intercepting():
        assert {"port": None, "reason": ""} == httpx.get(f"{GEMINI}/_mock/grpc").json()

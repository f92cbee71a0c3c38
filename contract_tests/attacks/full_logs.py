"""Attacks on the memory of the log of calls: long streams, requests that grow when they are read, forks and snapshots.

A log holds what it may and no more, whatever the calls are made of; so do all logs of the process together.
"""

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson

from contract_tests.attacks.tally import Tally
from mockserver.app import create_app
from mockserver.doors.inprocess import App, AppRequest, send_request
from mockserver.scripting.answers import Answer, Rule
from mockserver.scripting.scenario import Scenario
from mockserver.state import calls
from mockserver.state.calls import CallLog
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

STREAM_BYTES, PIECE_BYTES = 256 * 2**10, 4 * 2**10
LONG, SHORT = 400, 12
MOST_OVERHEAD = 1.25
"""How many bytes the process may keep for each that is counted."""

OF_MODEL = "/v1beta/models/gemini-2.5-flash"


def ask(app: App, path: str, body: bytes) -> int:
    """The status of an answer, which is read to its end."""
    headers = [("x-goog-api-key", "k"), ("content-type", "application/json"), ("content-length", str(len(body)))]
    answer = send_request(app, AppRequest("POST", f"http://mock{path}", headers, body))
    for _ in answer.pieces:
        pass
    return answer.status


@contextmanager
def kept(limit: int) -> Iterator[Callable[[], None]]:
    """A check that the process has kept no more than the limit since then, but for what the program needs anyhow."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]

    def check() -> None:
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        assert grown <= limit * MOST_OVERHEAD + 4 * 2**20, f"{grown:,} bytes are kept where {limit:,} are allowed"

    try:
        yield check
    finally:
        tracemalloc.stop()


def streaming_world(log_bytes: int) -> World:
    """A world that streams a long answer in many pieces."""
    world = World(ManualClock(), Settings(seed=1))
    world.store.log = CallLog(max_bytes=log_bytes)
    Scenario(world.store).add_rules(Rule(Answer(chunks=["x" * PIECE_BYTES] * (STREAM_BYTES // PIECE_BYTES))))
    return world


def streams(tally: Tally, count: int, limit: int) -> None:
    """Streams of many messages: what is counted is the messages, not the first of them."""
    world = streaming_world(limit)
    app, prompt = create_app(world), b'{"contents":[{"parts":[{"text":"x"}]}]}'
    ask(app, f"{OF_MODEL}:streamGenerateContent", prompt)
    with kept(limit) as check:
        for _ in range(count):
            tally.status("stream", lambda: ask(app, f"{OF_MODEL}:streamGenerateContent?alt=sse", prompt))
        tally.act("memory after streams", check)
    tally.expect("the log kept the last stream", right=bool(list(world.calls)[-1].response))


def expanding_requests(tally: Tally, count: int, limit: int) -> None:
    """Requests of nothing but empty objects, which take twenty times as much memory when they are read."""
    world = World(ManualClock(), Settings(seed=1))
    world.store.log = CallLog(max_bytes=limit)
    app, body = create_app(world), b'{"contents":[{"parts":[' + b"{}," * 20_000 + b'{"text":"x"}]}]}'
    ask(app, f"{OF_MODEL}:countTokens", body)
    with kept(limit) as check:
        for _ in range(count):
            tally.status("empty objects", lambda: ask(app, f"{OF_MODEL}:countTokens", body))
        tally.act("memory after empty objects", check)


def copies(tally: Tally, count: int, limit: int) -> None:
    """Logs of snapshots and of forks, each filled with calls of its own: all together have a limit."""
    usual, calls.MAX_TOTAL_BYTES = calls.MAX_TOTAL_BYTES, limit
    try:
        world = streaming_world(limit // 2)
        prompt = orjson.dumps({"contents": [{"parts": [{"text": "x"}]}]})
        ask(create_app(world), f"{OF_MODEL}:streamGenerateContent", prompt)
        forks = []
        with kept(limit) as check:
            for number in range(count):
                if number % 4 == 0:
                    world.store.snapshots[f"s{number}"] = world.snapshot()
                    forks.append(world.fork(f"f{number}"))
                for each in (world, forks[-1]):
                    path = f"{OF_MODEL}:streamGenerateContent"
                    tally.status("stream of a fork", lambda: ask(create_app(each), path, prompt))  # noqa: B023 - called at once
            tally.act("memory of forks and snapshots", check)
    finally:
        calls.MAX_TOTAL_BYTES = usual


def attack(tally: Tally, *, long: bool) -> None:
    """Fill logs several times over; the short form has smaller ones."""
    count, limit = (LONG, calls.MAX_BYTES) if long else (SHORT, 2**20)
    streams(tally, count, limit)
    expanding_requests(tally, max(count // 4, SHORT), limit)
    copies(tally, count, 4 * limit)

"""Measures us beside what people could use instead, in one run.

    make peers [ARGS=ROUNDS]

On a socket: `generateContent` with a prompt of 300 bytes, over eight connections, each server pinned to one core.
aimock answers any prompt with one fixture. FastAPI reads the request into pydantic models and answers with others. moto
does not know Gemini: it lists buckets. In a test: one call by httpx or requests, answered by us or by a constant. Linux
only.
"""

import json
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import httpx
import requests
import responses
import respx
from in_process import spend as spend_in_process
from kinds import PROMPT, Kind, generation
from live import REQUESTS, Load, spend
from processes import MODEL, baseline, free_port, need_linux, ours, running
from table import Row, print_rows

from mockserver import MockServer

ON_A_SOCKET = "on a socket, processor time; prebuilt bytes are 1"
IN_A_TEST = "one call in a test, processor time; the constant is 1"
AT_THE_START = "from start to first answer; Starlette and uvicorn are 1"

GENERATE = "/v1beta/models/gemini-2.0-flash:generateContent"
URL = f"https://generativelanguage.googleapis.com{GENERATE}"
ANSWER = {"candidates": [{"content": {"role": "model", "parts": [{"text": "x" * 800}]}, "finishReason": "STOP"}]}
CALLS = 100

AIMOCK = Path(__file__).parent.parent / "clients/peers/node_modules/@copilotkit/aimock/dist/cli.js"
AIMOCK_FIXTURES = {"fixtures": [{"match": {"userMessage": ""}, "response": {"content": "x" * 60}}]}

FASTAPI = """
import sys

from fastapi import FastAPI
from pydantic import BaseModel

from mockserver.doors.live import serve


class Part(BaseModel):
    text: str


class Content(BaseModel):
    role: str
    parts: list[Part]


class Request(BaseModel):
    contents: list[Content]


class Candidate(BaseModel):
    content: Content
    finishReason: str


class Response(BaseModel):
    candidates: list[Candidate]


app = FastAPI()


@app.get("/")
async def ready() -> dict:
    return {}


@app.post("/v1beta/models/{model}:generateContent")
async def generate(model: str, request: Request) -> Response:
    content = Content(role="model", parts=[Part(text="x" * 800)])
    return Response(candidates=[Candidate(content=content, finishReason="STOP")])


serve(app, "127.0.0.1", int(sys.argv[1]), lambda url: None)
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server: how to start it on a port, a path that it answers, and the request that is measured."""

    name: str
    command: Callable[[int], list[str]]
    ready: str
    kind: Kind


def aimock(port: int) -> list[str]:
    """Return the command that starts aimock without a log."""
    fixtures = AIMOCK.parent.parent / "fixtures.json"
    fixtures.write_text(json.dumps(AIMOCK_FIXTURES))
    node = which("node") or "node"
    return [node, str(AIMOCK), "--port", str(port), "--fixtures", str(fixtures), "--log-level", "silent"]


def fastapi(port: int) -> list[str]:
    """Return the command that starts an app of FastAPI, served as we are."""
    return [sys.executable, "-c", FASTAPI, str(port)]


def moto(port: int) -> list[str]:
    """Return the command that starts moto's server."""
    return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]


def find_peers() -> list[Peer]:
    """Return the servers to compare; the first is the baseline."""
    generate = Kind("generateContent", "POST", GENERATE, generation(PROMPT))
    return [
        Peer("prebuilt bytes", baseline, MODEL, Kind("prebuilt", "POST", "/", generation(PROMPT))),
        Peer("mockserver serve --quiet", ours, MODEL, generate),
        Peer("aimock", aimock, "/__aimock/health", generate),
        Peer("FastAPI with pydantic", fastapi, "/", generate),
        Peer("moto, a list of buckets", moto, "/moto-api/", Kind("buckets", "GET", "/", weight=8)),
    ]


def measure_requests(rounds: int) -> list[Row]:
    """Run the rounds, with all servers started and warm."""
    with ExitStack() as stack:
        loads = {}
        for peer in find_peers():
            port = free_port()
            loads[peer.name] = Load(peer.kind, stack.enter_context(running(peer.command(port), port, peer.ready)))
            spend(loads[peer.name], 5 * REQUESTS)
        seconds: dict[str, list[float]] = {name: [] for name in loads}
        for _ in range(rounds):
            for name in random.sample(list(loads), len(loads)):
                seconds[name].append(spend(loads[name], REQUESTS))
    return _compare(seconds)


def measure_starts(rounds: int) -> list[Row]:
    """Run the rounds; each starts every server once."""
    peers = find_peers()
    seconds: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for _ in range(rounds):
        for peer in random.sample(peers, len(peers)):
            port = free_port()
            with running(peer.command(port), port, peer.ready) as server:
                seconds[peer.name].append(server.started)
    return _compare(seconds)


def _compare(seconds: dict[str, list[float]]) -> list[Row]:
    base, *others = seconds
    return [
        Row(name, [own / least for own, least in zip(seconds[name], seconds[base], strict=True)]) for name in others
    ]


Calls = AbstractContextManager[Callable[[], bytes]]


@contextmanager
def httpx_by_us() -> Iterator[Callable[[], bytes]]:
    """Yield a call by httpx that we answer."""
    with MockServer().intercepting(), httpx.Client(headers={"x-goog-api-key": "any"}) as client:
        yield lambda: client.post(URL, content=generation(PROMPT)).content


@contextmanager
def httpx_by_respx() -> Iterator[Callable[[], bytes]]:
    """Yield a call by httpx that respx answers with a constant."""
    with respx.mock() as router, httpx.Client(headers={"x-goog-api-key": "any"}) as client:
        router.post(URL).respond(json=ANSWER)
        yield lambda: client.post(URL, content=generation(PROMPT)).content


@contextmanager
def requests_by_us() -> Iterator[Callable[[], bytes]]:
    """Yield a call by requests that we answer."""
    with MockServer().intercepting(), requests.Session() as session:
        session.headers["x-goog-api-key"] = "any"
        yield lambda: session.post(URL, data=generation(PROMPT)).content


@contextmanager
def requests_by_responses() -> Iterator[Callable[[], bytes]]:
    """Yield a call by requests that responses answers with a constant."""
    with responses.RequestsMock() as mock, requests.Session() as session:
        session.headers["x-goog-api-key"] = "any"
        mock.post(URL, json=ANSWER)
        yield lambda: session.post(URL, data=generation(PROMPT)).content


PAIRS: dict[str, tuple[Callable[[], Calls], Callable[[], Calls]]] = {
    "httpx, against respx": (httpx_by_us, httpx_by_respx),
    "requests, against responses": (requests_by_us, requests_by_responses),
}


def measure_doubles(rounds: int) -> list[Row]:
    """Run the rounds; each answers in turn by us and by the constant."""
    ratios: dict[str, list[float]] = {name: [] for name in PAIRS}
    for _ in range(rounds):
        for name, pair in PAIRS.items():
            own, constant = (_spend(calls) for calls in pair)
            ratios[name].append(own / constant)
    return [Row(name, values, 1.5) for name, values in ratios.items()]


def _spend(calls: Callable[[], Calls]) -> float:
    with calls() as call:
        call()
        return spend_in_process(call, CALLS)


def main() -> None:
    """Measure and print."""
    need_linux()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print_rows(IN_A_TEST, measure_doubles(rounds))
    print_rows(ON_A_SOCKET, measure_requests(rounds))
    print_rows(AT_THE_START, measure_starts(rounds))


if __name__ == "__main__":
    main()

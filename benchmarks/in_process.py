"""Measures the cost of requests inside the process, relative to a response of prebuilt bytes.

    .venv/bin/python benchmarks/in_process.py [ROUNDS]

Machines differ and are noisy, so only ratios are meaningful: every round runs each kind of request in a random order,
and the ratio is taken within the round. The baseline is a Starlette route that returns one prebuilt body of a kilobyte.
"""

import random
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from kinds import Kind, prepare
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from table import Row, print_rows

from mockserver.app import create_app
from mockserver.doors.inprocess import App, AppRequest, send_request
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

TITLE = "in process; prebuilt bytes are 1"
URL = "http://127.0.0.1"
CREDENTIALS = [("x-goog-api-key", "any"), ("content-type", "application/json")]
VERTEX_CREDENTIALS = [("authorization", "Bearer any"), ("content-type", "application/json")]
CALLS = 40


def baseline() -> App:
    """Return an app with a route that does no work."""
    body = b"x" * 1000

    async def prebuilt(_: Request) -> Response:
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/prebuilt", prebuilt)])


def request_function(
    app: App, verb: str, path: str, body: bytes = b"", headers: Sequence[tuple[str, str]] = ()
) -> Callable[[], bytes]:
    """Return a function that sends the request once."""
    headers = headers or (VERTEX_CREDENTIALS if "/projects/" in path else CREDENTIALS)
    request = AppRequest(verb, URL + path, [*headers, ("content-length", str(len(body)))], body)

    def once() -> bytes:
        return b"".join(send_request(app, request).pieces)

    return once


def spend(send: Callable[[], bytes], calls: int) -> float:
    """Return the processor seconds of a call."""
    return spend_each([send] * calls)


def spend_each(sends: Sequence[Callable[[], bytes]]) -> float:
    """Return the processor seconds of one of these calls."""
    start = time.process_time()
    for send in sends:
        send()
    return (time.process_time() - start) / len(sends)


def next_requests(app: App, kind: Kind) -> list[Callable[[], bytes]]:
    """Return functions that send the next requests of a kind, each once."""
    calls = max(CALLS // kind.weight, 5)
    return [request_function(app, kind.verb, kind.path, kind.next_body()) for _ in range(calls)]


def measure(rounds: int) -> list[Row]:
    """Run the rounds."""
    app = create_app(World(ManualClock(datetime(2026, 10, 1, tzinfo=UTC)), Settings(seed=1)))
    kinds = prepare(lambda verb, path, body: request_function(app, verb, path, body)())
    prebuilt = request_function(baseline(), "GET", "/prebuilt")
    ratios: dict[str, list[float]] = {kind.name: [] for kind in kinds}
    for _ in range(rounds):
        base = spend(prebuilt, 10 * CALLS)
        for kind in random.sample(kinds, len(kinds)):
            ratios[kind.name].append(spend_each(next_requests(app, kind)) / base)
    return [Row(name, values) for name, values in ratios.items()]


if __name__ == "__main__":
    print_rows(TITLE, measure(int(sys.argv[1]) if len(sys.argv) > 1 else 15))

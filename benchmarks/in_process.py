"""Measures the cost of requests inside the process, relative to a response of prebuilt bytes.

    .venv/bin/python benchmarks/in_process.py [ROUNDS]

Machines differ and are noisy, so only ratios are meaningful: every round runs each kind of request in a random order,
and the ratio is taken within the round. The output has the median and the range.
The baseline is a Starlette route that returns one prebuilt body of a kilobyte.
"""

import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mockserver.app import create_app
from mockserver.doors.inprocess import App, AppRequest, send_request
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

URL = "http://mock"
HEADERS = [("x-goog-api-key", "any"), ("content-type", "application/json")]
CALLS = 40


def baseline() -> App:
    """Return an app with a route that does no work."""
    body = b"x" * 1000

    async def prebuilt(_: Request) -> Response:
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/prebuilt", prebuilt)])


def request_function(
    app: App, verb: str, path: str, body: bytes = b"", headers: Sequence[tuple[str, str]] = HEADERS
) -> Callable[[], bytes]:
    """Return a function that sends the request once."""
    request = AppRequest(verb, URL + path, [*headers, ("content-length", str(len(body)))], body)

    def once() -> bytes:
        return b"".join(send_request(app, request).pieces)

    return once


def creation(name: str) -> bytes:
    """Return a create request with 500 examples, 20 KB."""
    examples = [{"textInput": f"in {number}", "output": f"out {number}"} for number in range(500)]
    task = {"hyperparameters": {"batchSize": 16, "epochCount": 5}, "trainingData": {"examples": {"examples": examples}}}
    model = {"displayName": name, "baseModel": "models/gemini-1.5-flash-001-tuning", "tuningTask": task}
    return json.dumps(model).encode()


def generation(text: str) -> bytes:
    """Return a generate request."""
    return json.dumps({"contents": [{"role": "user", "parts": [{"text": text}]}]}).encode()


def requests_by_name() -> dict[str, Callable[[], bytes]]:
    """Return each kind of request; those on models use a world with 50 tuned models of 157 steps each."""
    clock = ManualClock(datetime(2025, 5, 1, tzinfo=UTC))
    app = create_app(World(clock, Settings(seed=1)))
    models = [
        request_function(app, "POST", "/v1beta/tunedModels", creation(f"bench {number}"))() for number in range(50)
    ]
    model = json.loads(models[0])["metadata"]["tunedModel"]
    clock.advance(hours=1)
    creation_app = create_app(World(clock, Settings(seed=1)))  # separate, so that the list does not grow
    trailing_commas = creation("bench").replace(b'"}', b'",}').replace(b"}]", b"},]")
    trained, untrained = generation("in 7"), generation("What is this?")
    generate = f"/v1beta/{model}:generateContent"
    stream = f"/v1beta/{model}:streamGenerateContent?alt=sse"
    return {
        "prebuilt bytes (1.00)": request_function(baseline(), "GET", "/prebuilt"),
        "tunedModels.get, 157 snapshots": request_function(app, "GET", f"/v1beta/{model}"),
        "tunedModels.list, 50 of them": request_function(app, "GET", "/v1beta/tunedModels?pageSize=50"),
        "tunedModels.generateContent": request_function(app, "POST", generate, trained),
        "  of a prompt not trained on": request_function(app, "POST", generate, untrained),
        "streamGenerateContent, SSE": request_function(app, "POST", stream, trained),
        "create, 500 examples": request_function(creation_app, "POST", "/v1beta/tunedModels", creation("bench")),
        "  with trailing commas": request_function(creation_app, "POST", "/v1beta/tunedModels", trailing_commas),
    }


def measure(send: Callable[[], bytes]) -> float:
    """Return the processor seconds of some calls."""
    start = time.process_time()
    for _ in range(CALLS):
        send()
    return time.process_time() - start


def main() -> None:
    """Run the rounds, print the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    requests = requests_by_name()
    base, *_ = requests
    ratios: dict[str, list[float]] = {name: [] for name in requests}
    for _ in range(rounds):
        order = random.sample(list(requests), len(requests))
        spent = {name: measure(requests[name]) for name in order}
        for name, seconds in spent.items():
            ratios[name].append(seconds / spent[base])
    print(f"cost of a request, {rounds} rounds of {CALLS}; median (range)")
    for name, values in ratios.items():
        print(f"  {name:32} {statistics.median(values):6.2f}  ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()

"""What a request costs inside the process, as a multiple of answering it with bytes made beforehand.

    .venv/bin/python benchmarks/in_process.py [ROUNDS]

Machines are noisy and differ, so only ratios mean anything: in every round each contestant runs in turn,
in an order of its own, and the ratio is taken within the round. Printed are the median and the range.
The baseline is a Starlette route that returns one prebuilt body of a kilobyte.
"""

import json
import random
import statistics
import sys
import time
from collections.abc import Callable
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
    """A route that does no work."""
    body = b"x" * 1000

    async def prebuilt(_: Request) -> Response:
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/prebuilt", prebuilt)])


def requester(app: App, verb: str, path: str, body: bytes = b"") -> Callable[[], bytes]:
    """A function that asks once."""
    asked = AppRequest(verb, URL + path, [*HEADERS, ("content-length", str(len(body)))], body)

    def once() -> bytes:
        return b"".join(send_request(app, asked).pieces)

    return once


def creation(name: str) -> bytes:
    """A create request with 500 examples, 20 KB."""
    examples = [{"textInput": f"in {number}", "output": f"out {number}"} for number in range(500)]
    task = {"hyperparameters": {"batchSize": 16, "epochCount": 5}, "trainingData": {"examples": {"examples": examples}}}
    model = {"displayName": name, "baseModel": "models/gemini-1.5-flash-001-tuning", "tuningTask": task}
    return json.dumps(model).encode()


def generation(text: str) -> bytes:
    """A generate request."""
    return json.dumps({"contents": [{"role": "user", "parts": [{"text": text}]}]}).encode()


def contestants() -> dict[str, Callable[[], bytes]]:
    """Each kind of request: those on ended models against a world with 50 of them, of 157 steps each."""
    clock = ManualClock(datetime(2025, 5, 1, tzinfo=UTC))
    app = create_app(World(clock, Settings(seed=1)))
    models = [requester(app, "POST", "/v1beta/tunedModels", creation(f"bench {number}"))() for number in range(50)]
    model = json.loads(models[0])["metadata"]["tunedModel"]
    clock.advance(hours=1)
    nursery = create_app(World(clock, Settings(seed=1)))  # apart, so that no page gets longer
    by_hand = creation("bench").replace(b'"}', b'",}').replace(b"}]", b"},]")
    asked, unheard_of = generation("in 7"), generation("What is this?")
    generate = f"/v1beta/{model}:generateContent"
    stream = f"/v1beta/{model}:streamGenerateContent?alt=sse"
    return {
        "prebuilt bytes (1.00)": requester(baseline(), "GET", "/prebuilt"),
        "tunedModels.get, 157 snapshots": requester(app, "GET", f"/v1beta/{model}"),
        "tunedModels.list, 50 of them": requester(app, "GET", "/v1beta/tunedModels?pageSize=50"),
        "tunedModels.generateContent": requester(app, "POST", generate, asked),
        "  of a prompt not trained on": requester(app, "POST", generate, unheard_of),
        "streamGenerateContent, SSE": requester(app, "POST", stream, asked),
        "create, 500 examples": requester(nursery, "POST", "/v1beta/tunedModels", creation("bench")),
        "  with trailing commas": requester(nursery, "POST", "/v1beta/tunedModels", by_hand),
    }


def measure(once: Callable[[], bytes]) -> float:
    """Processor seconds of some calls."""
    start = time.process_time()
    for _ in range(CALLS):
        once()
    return time.process_time() - start


def main() -> None:
    """Run the rounds, print the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    field = contestants()
    base, *_ = field
    ratios: dict[str, list[float]] = {name: [] for name in field}
    for _ in range(rounds):
        order = random.sample(list(field), len(field))
        spent = {name: measure(field[name]) for name in order}
        for name, seconds in spent.items():
            ratios[name].append(seconds / spent[base])
    print(f"cost of a request, {rounds} rounds of {CALLS}; median (range)")
    for name, values in ratios.items():
        print(f"  {name:32} {statistics.median(values):6.2f}  ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()

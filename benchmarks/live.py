"""Measures the cost of requests to a server on a socket, relative to a response of prebuilt bytes.

    .venv/bin/python benchmarks/live.py [ROUNDS]

Our server and a minimal Starlette app run in processes of their own, served in the same way. Every round sends each kind
of request, in a random order, a fixed number of times over eight connections, and compares the server's processor time
for one request. The output has the median and the range of the ratio, and the requests a second that one processor can
serve. Linux only.
"""

import asyncio
import json
import random
import statistics
import sys
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from processes import Server, baseline, free_port, need_linux, ours, running

CONNECTIONS = 8
REQUESTS = 800


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request: its server and its bytes."""

    name: str
    server: Server
    request: bytes


def request(verb: str, path: str, body: bytes = b"") -> bytes:
    """Return the bytes of a request."""
    head = [f"{verb} {path} HTTP/1.1", "host: 127.0.0.1", "x-goog-api-key: any", "content-type: application/json"]
    return "\r\n".join([*head, f"content-length: {len(body)}", "", ""]).encode() + body


async def read_response(reader: asyncio.StreamReader) -> None:
    """Read one response to its end. SystemExit unless it is 200."""
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(head.decode())
    for line in head.splitlines():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            await reader.readexactly(int(value))
            return
    while size := int(await reader.readline(), 16):  # chunks
        await reader.readexactly(size + 2)
    await reader.readline()


async def send_requests(kind: Kind, count: int) -> None:
    """Send `count` requests of a kind over several connections."""
    left = iter(range(count))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", kind.server.port)
        for _ in left:
            writer.write(kind.request)
            await read_response(reader)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))


def measure(kind: Kind, count: int = REQUESTS) -> float:
    """Return the processor seconds of the server for one request."""
    before = kind.server.cpu_seconds()
    asyncio.run(send_requests(kind, count))
    return (kind.server.cpu_seconds() - before) / count


def create_tuned_model(server: Server) -> str:
    """Create a tuned model with 157 steps and return its path."""
    examples = [{"textInput": f"in {number}", "output": f"out {number}"} for number in range(500)]
    task = {"hyperparameters": {"batchSize": 16, "epochCount": 5}, "trainingData": {"examples": {"examples": examples}}}
    model = {"displayName": "mock-finish-now", "baseModel": "models/gemini-1.5-flash-001-tuning", "tuningTask": task}
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/v1beta/tunedModels",
        json.dumps(model).encode(),
        {"content-type": "application/json", "x-goog-api-key": "any"},
    )
    with urllib.request.urlopen(request) as reply:  # noqa: S310 - our own server
        return "/v1beta/" + str(json.load(reply)["metadata"]["tunedModel"])


def list_kinds(minimal: Server, server: Server) -> list[Kind]:
    """Return the kinds of request, the baseline first."""
    model = create_tuned_model(server)
    prompt = json.dumps({"contents": [{"role": "user", "parts": [{"text": "in 7"}]}]}).encode()
    return [
        Kind("prebuilt bytes (1.00)", minimal, request("POST", "/", prompt)),
        Kind("tunedModels.get, 157 snapshots", server, request("GET", model)),
        Kind("tunedModels.generateContent", server, request("POST", f"{model}:generateContent", prompt)),
        Kind("streamGenerateContent, SSE", server, request("POST", f"{model}:streamGenerateContent?alt=sse", prompt)),
    ]


def start_server(stack: ExitStack, command: Callable[[int], list[str]]) -> Server:
    """Start a server that runs until the stack is closed."""
    port = free_port()
    return stack.enter_context(running(command(port), port))


def main() -> None:
    """Run the rounds, print the ratios."""
    need_linux()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with ExitStack() as stack:
        kinds = list_kinds(start_server(stack, baseline), start_server(stack, ours))
        spent: dict[str, list[float]] = {kind.name: [] for kind in kinds}
        for _ in range(rounds):
            for kind in random.sample(kinds, len(kinds)):
                spent[kind.name].append(measure(kind))
    baseline_seconds = spent[kinds[0].name]
    print(
        f"cost of a request on a socket, {rounds} rounds of {REQUESTS} over {CONNECTIONS} connections; median (range)"
    )
    for name, seconds in spent.items():
        ratios = [own / base for own, base in zip(seconds, baseline_seconds, strict=True)]
        rate = 1 / statistics.median(seconds)
        print(f"  {name:32} {statistics.median(ratios):6.2f}  ({min(ratios):.2f} to {max(ratios):.2f})  {rate:7.0f}/s")


if __name__ == "__main__":
    main()

"""What a request costs a server on a socket, as a multiple of answering it with bytes made beforehand.

    .venv/bin/python benchmarks/live.py [ROUNDS]

Ours and the least Starlette there is run in processes of their own, behind the same door. In every round each kind
of request is made a bounded number of times over eight connections, in an order of its own; what is compared is the
processor time the server spent on one. Printed are the median of the ratio and its range, and how many requests a
second one processor would serve. Linux only.
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
    """A kind of request: whom it is for, and what is sent."""

    name: str
    server: Server
    request: bytes


def request(verb: str, path: str, body: bytes = b"") -> bytes:
    """A request as it is on the wire."""
    head = [f"{verb} {path} HTTP/1.1", "host: 127.0.0.1", "x-goog-api-key: any", "content-type: application/json"]
    return "\r\n".join([*head, f"content-length: {len(body)}", "", ""]).encode() + body


async def answer(reader: asyncio.StreamReader) -> None:
    """Read one reply to its end. SystemExit for any but 200."""
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


async def load(kind: Kind, count: int) -> None:
    """Make requests of a kind over several connections, until there were so many."""
    left = iter(range(count))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", kind.server.port)
        for _ in left:
            writer.write(kind.request)
            await answer(reader)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))


def cost(kind: Kind) -> float:
    """The processor seconds a request costs its server."""
    before = kind.server.cpu_seconds()
    asyncio.run(load(kind, REQUESTS))
    return (kind.server.cpu_seconds() - before) / REQUESTS


def tuned(server: Server) -> str:
    """The path of a model that was tuned, with 157 steps."""
    examples = [{"textInput": f"in {number}", "output": f"out {number}"} for number in range(500)]
    task = {"hyperparameters": {"batchSize": 16, "epochCount": 5}, "trainingData": {"examples": {"examples": examples}}}
    model = {"displayName": "mock-finish-now", "baseModel": "models/gemini-1.5-flash-001-tuning", "tuningTask": task}
    asked = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/v1beta/tunedModels",
        json.dumps(model).encode(),
        {"content-type": "application/json", "x-goog-api-key": "any"},
    )
    with urllib.request.urlopen(asked) as reply:  # noqa: S310 - our own server
        return "/v1beta/" + str(json.load(reply)["metadata"]["tunedModel"])


def kinds(least: Server, server: Server) -> list[Kind]:
    """What is compared, the baseline first."""
    model = tuned(server)
    prompt = json.dumps({"contents": [{"role": "user", "parts": [{"text": "in 7"}]}]}).encode()
    return [
        Kind("prebuilt bytes (1.00)", least, request("POST", "/", prompt)),
        Kind("tunedModels.get, 157 snapshots", server, request("GET", model)),
        Kind("tunedModels.generateContent", server, request("POST", f"{model}:generateContent", prompt)),
        Kind("streamGenerateContent, SSE", server, request("POST", f"{model}:streamGenerateContent?alt=sse", prompt)),
    ]


def started(stack: ExitStack, command: Callable[[int], list[str]]) -> Server:
    """A server that runs until the stack is left."""
    port = free_port()
    return stack.enter_context(running(command(port), port))


def main() -> None:
    """Run the rounds, print the ratios."""
    need_linux()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with ExitStack() as stack:
        field = kinds(started(stack, baseline), started(stack, ours))
        spent: dict[str, list[float]] = {kind.name: [] for kind in field}
        for _ in range(rounds):
            for kind in random.sample(field, len(field)):
                spent[kind.name].append(cost(kind))
    least = spent[field[0].name]
    print(
        f"cost of a request on a socket, {rounds} rounds of {REQUESTS} over {CONNECTIONS} connections; median (range)"
    )
    for name, seconds in spent.items():
        ratios = [own / base for own, base in zip(seconds, least, strict=True)]
        rate = 1 / statistics.median(seconds)
        print(f"  {name:32} {statistics.median(ratios):6.2f}  ({min(ratios):.2f} to {max(ratios):.2f})  {rate:7.0f}/s")


if __name__ == "__main__":
    main()

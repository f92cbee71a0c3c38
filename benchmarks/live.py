"""Measures the cost of requests to a server on a socket, relative to a response of prebuilt bytes.

    .venv/bin/python benchmarks/live.py [ROUNDS]

Our servers and a minimal Starlette app run in processes of their own, served in the same way and pinned to one core.
Every round sends each kind of request, in a random order, a fixed number of times over eight connections, and compares
the server's processor time for one request. A stream is compared with Starlette's own stream of as many bytes. The
remark is the requests a second that one processor can serve. Linux only.
"""

import asyncio
import random
import statistics
import sys
import urllib.request
from collections.abc import Coroutine
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from kinds import STREAM, Kind, prepare
from processes import Server, baseline, free_port, need_linux, ours, running
from table import Row, print_rows

TITLE = "on a socket, processor time; prebuilt bytes are 1"
CONNECTIONS = 8
REQUESTS = 800


@dataclass(frozen=True, slots=True)
class Load:
    """A kind of request to a server."""

    kind: Kind
    server: Server

    def next_request(self) -> bytes:
        """Return the bytes of the next request."""
        name, value = credentials(self.kind.path)
        body = self.kind.next_body()
        head = [f"{self.kind.verb} {self.kind.path} HTTP/1.1", "host: 127.0.0.1", f"{name}: {value}"]
        head += ["content-type: application/json", f"content-length: {len(body)}"]
        return "\r\n".join([*head, "", ""]).encode() + body


def credentials(path: str) -> tuple[str, str]:
    """Return the header that a client of the service sends."""
    return ("authorization", "Bearer any") if "/projects/" in path else ("x-goog-api-key", "any")


async def read_response(reader: asyncio.StreamReader) -> bool:
    """Read one response to its end; return whether the connection stays open. SystemExit unless it is 200."""
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(head.decode())
    stays_open = b"\r\nconnection: close" not in head.lower()
    for line in head.splitlines():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            await reader.readexactly(int(value))
            return stays_open
    while size := int(await reader.readline(), 16):  # chunks
        await reader.readexactly(size + 2)
    await reader.readline()
    return stays_open


async def send_requests(load: Load, count: int) -> None:
    """Send `count` requests of a kind over several connections."""
    requests = iter([load.next_request() for _ in range(count)])

    async def client() -> None:
        reader, writer = await connect()
        for request in requests:
            writer.write(request)
            if not await read_response(reader):
                writer.close()
                reader, writer = await connect()
        writer.close()
        await writer.wait_closed()

    def connect() -> Coroutine[Any, Any, tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        return asyncio.open_connection("127.0.0.1", load.server.port)

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))


def spend(load: Load, requests: int) -> float:
    """Return the processor seconds of the server for one request."""
    count = max(requests // load.kind.weight, CONNECTIONS)
    before = load.server.cpu_seconds()
    asyncio.run(send_requests(load, count))
    return (load.server.cpu_seconds() - before) / count


def send_once(server: Server, verb: str, path: str, body: bytes) -> bytes:
    """Send one request and return the body of the answer."""
    name, value = credentials(path)
    headers = {"content-type": "application/json", name: value}
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", body or None, headers, method=verb)
    with urllib.request.urlopen(request) as reply:  # noqa: S310 - our own server
        return bytes(reply.read())


def start_servers(stack: ExitStack) -> tuple[Server, Server, Server]:
    """Start the minimal app, our server without a log, and one with; they run until the stack is closed."""

    def start(command: list[str], port: int) -> Server:
        return stack.enter_context(running(command, port))

    ports = [free_port() for _ in range(3)]
    logging = [part for part in ours(ports[2]) if part != "--quiet"]
    return start(baseline(ports[0]), ports[0]), start(ours(ports[1]), ports[1]), start(logging, ports[2])


def measure(rounds: int, requests: int = REQUESTS) -> list[Row]:
    """Run the rounds."""
    with ExitStack() as stack:
        minimal, quiet, logging = start_servers(stack)
        kinds = prepare(lambda verb, path, body: send_once(quiet, verb, path, body))
        logged = Kind("  with a line in the log", *(kinds[0].verb, kinds[0].path, kinds[0].body), goal=2.42)
        prebuilt = Load(Kind("prebuilt bytes", "POST", "/", kinds[0].next_body()), minimal)
        streamed = Load(Kind("Starlette's stream", "POST", "/stream", kinds[0].next_body()), minimal)
        loads = [prebuilt, streamed, *(Load(kind, quiet) for kind in kinds), Load(logged, logging)]
        seconds: dict[str, list[float]] = {load.kind.name: [] for load in loads}
        for _ in range(rounds):
            for load in random.sample(loads, len(loads)):
                seconds[load.kind.name].append(spend(load, requests))
    rows = [_row(load.kind, seconds, prebuilt.kind.name) for load in loads[2:]]
    return [
        rows[0],
        rows.pop(),
        *rows[1:],
        _row(Kind(STREAM, "", "", goal=1.2), seconds, streamed.kind.name, ", Starlette's is 1"),
    ]


def _row(kind: Kind, seconds: dict[str, list[float]], base: str, suffix: str = "") -> Row:
    ratios = [own / base for own, base in zip(seconds[kind.name], seconds[base], strict=True)]
    return Row(kind.name + suffix, ratios, kind.goal, f"{1 / statistics.median(seconds[kind.name]):6.0f}/s")


if __name__ == "__main__":
    need_linux()
    print_rows(TITLE, measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10))

"""Measures what requests cost on a server whose store is in a database, and what a second process on it adds.

    .venv/bin/python benchmarks/store.py [ROUNDS] [--store URL | --sqlite]

Servers in processes of their own have a store in memory, one in a new SQLite file, one in a SQLite file that two
processes serve (`--workers 2`), and the last two for a database of a PostgreSQL server too. The first table has the
servers' processor time for one request, relative to that in memory; a database in a process of its own is not counted.
The second one has the requests a second of two processes, relative to one, for a client that keeps sixteen connections
busy, as many to each process: with other programs on the machine's processors it shows less than there is. Creates take
turns at the database. Last comes what a world costs. Linux only.

Without `--store`, PostgreSQL is started in a temporary folder if it is installed.
"""

import argparse
import json
import os
import random
import selectors
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kinds import PROMPT, Kind, generation, new_prompt
from live import REQUESTS, Load, send_once, spend
from processes import Server, free_port, need_linux, ours, running
from table import Row, print_rows

T = TypeVar("T")

COST = "on a database, processor time; the same request in memory is 1"
SCALE = "--workers 2, requests a second; one process is 1"

MODEL = json.dumps(
    {
        "displayName": "next",
        "baseModel": "models/gemini-1.5-flash-001-tuning",
        "tuningTask": {"trainingData": {"examples": {"examples": [{"textInput": "1", "output": "2"}] * 20}}},
    }
).encode()

NEW_PROMPT, SAME_PROMPT = "generate, new prompts", "generate, the same prompt again"

GOALS = {"get": 2.0, "poll": 2.0, NEW_PROMPT: 1.3, SAME_PROMPT: 1.3}
SCALE_GOAL = 1.6
SCALED = ("get", "poll", "create")
WORLDS = 200

CONNECTIONS = 16
PIPELINED = 8
"""How many requests are under way on each connection, so that the client needs little of the processors."""


@dataclass(frozen=True, slots=True)
class Store:
    """A store, and the server on it with one process, or with two."""

    name: str
    server: Server
    workers: int


def list_loads(server: Server) -> list[Load]:
    """Return the kinds of request to a server; a model has been tuned for them."""
    path, name = "/v1beta/tunedModels", f"mine-{server.port}"
    operation = json.loads(send_once(server, "POST", f"{path}?tunedModelId={name}", MODEL))["name"]
    send_once(server, "POST", "/_mock/clock/advance", b'{"hours": 2}')
    return [
        Load(Kind("get", "GET", f"{path}/{name}", b""), server),
        Load(Kind("poll", "GET", f"/v1beta/{operation}", b""), server),
        Load(Kind(NEW_PROMPT, "POST", f"{path}/{name}:generateContent", new_prompt), server),
        Load(Kind(SAME_PROMPT, "POST", f"{path}/{name}:generateContent", generation(PROMPT)), server),
        Load(Kind("create", "POST", path, MODEL), server),
    ]


def workers_of(server: Server) -> list[int]:
    """Return the processes that serve: the children of the server, or itself."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return [int(child) for child in children] or [server.pid]


@contextmanager
def connections(server: Server) -> Iterator[list[socket.socket]]:
    """Open connections, as many to each process of a server."""
    places = {worker: CONNECTIONS // len(workers_of(server)) for worker in workers_of(server)}
    with ExitStack() as stack:
        kept: list[socket.socket] = []
        while len(kept) < CONNECTIONS:
            before = {worker: _count_descriptors(worker) for worker in places}
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            connection.sendall(b"GET /_mock/healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            connection.recv(4096)
            worker = max(places, key=lambda worker: _count_descriptors(worker) - before[worker])
            if places[worker]:
                places[worker] -= 1
                kept.append(connection)
        yield kept


def _count_descriptors(process: int) -> int:
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())


def measure_rate(load: Load, sockets: list[socket.socket], count: int) -> float:
    """Return the answers a second to `count` requests."""
    request = load.next_request() * PIPELINED
    left = count // PIPELINED - len(sockets)
    with selectors.DefaultSelector() as selector:
        for connection in sockets:
            selector.register(connection, selectors.EVENT_READ, (connection, [0, b""]))
        start = time.perf_counter()
        for connection in sockets:
            connection.sendall(request)
        while selector.get_map():
            for key, _ in selector.select():
                connection, state = key.data
                text = state[1] + connection.recv(1 << 18)
                state[0] += text.count(b"HTTP/1.1 200")
                state[1] = text[-11:]
                if state[0] == PIPELINED:
                    state[0], left = 0, left - 1
                    if left >= 0:
                        connection.sendall(request)
                    else:
                        selector.unregister(connection)
        return count / (time.perf_counter() - start)


def find_postgres() -> str | None:
    """Start PostgreSQL if it is installed, and return the URL of a new database."""
    if not (shutil.which("postgres") or any(Path("/usr/lib/postgresql").glob("*/bin"))):
        return None
    sys.path.append(str(Path(__file__).parents[1]))
    from contract_tests.postgres import postgres  # noqa: PLC0415 - only if it is installed

    return postgres().create_database("benchmark")


def start_stores(stack: ExitStack, given: str | None) -> list[Store]:
    """Start the servers; they run until the stack is closed."""
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    urls = [
        ("memory", "memory:", 1),
        ("sqlite", f"sqlite:///{folder}/1.db", 1),
        ("sqlite", f"sqlite:///{folder}/2.db", 2),
    ]
    if given:
        urls += [("postgresql", given, 1), ("postgresql", given, 2)]
    stores = []
    for name, url, workers in urls:
        port = free_port()
        command = [*ours(port), "--store", url, "--workers", str(workers)]
        stores.append(Store(name, stack.enter_context(running(command, port)), workers))
    return stores


def shuffled(items: list[T]) -> list[T]:
    """Return the items in a random order."""
    return random.sample(items, len(items))


def measure_costs(stores: list[Store], loads: dict[int, list[Load]], rounds: int) -> list[Row]:
    """Compare the processor time of servers with one process, one after the other: a machine's speed changes."""
    single = [store for store in stores if store.workers == 1]
    spent: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for kind in shuffled(list(zip(*(loads[store.server.port] for store in single), strict=True))):
            for store, load in shuffled(list(zip(single, kind, strict=True))):
                spent.setdefault((store.name, load.kind.name), []).append(spend(load, REQUESTS))
    return [
        Row(
            f"{name}, {kind}",
            [own / base for own, base in zip(seconds, spent["memory", kind], strict=True)],
            GOALS.get(kind) if name == "sqlite" else None,
            f"{sorted(seconds)[len(seconds) // 2] * 1e6:.0f} µs",
        )
        for (name, kind), seconds in sorted(spent.items(), key=lambda item: item[0][0] != "memory")
        if name != "memory"
    ]


def measure_scale(stores: list[Store], loads: dict[int, list[Load]], rounds: int) -> list[Row]:
    """Compare two processes with one, on reads."""
    pairs: dict[tuple[str, str], list[tuple[int, Load]]] = {}
    for store in stores:
        for load in loads[store.server.port]:
            if store.name != "memory" and load.kind.name in SCALED:
                pairs.setdefault((store.name, load.kind.name), []).append((store.workers, load))
    rates: dict[tuple[str, str, int], list[float]] = {}
    for _ in range(rounds):
        for names, pair in shuffled(list(pairs.items())):
            for workers, load in shuffled(pair):
                with connections(load.server) as sockets:
                    rates.setdefault((*names, workers), []).append(measure_rate(load, sockets, 4 * REQUESTS))
    return [
        Row(
            f"{name}, {kind}",
            [two / one for two, one in zip(rates[name, kind, 2], rates[name, kind, 1], strict=True)],
            SCALE_GOAL if name == "sqlite" and kind in GOALS else None,
            f"{max(rates[name, kind, 2]):.0f}/s at most",
        )
        for name, kind, workers in rates
        if workers == 1
    ]


def measure_worlds(store: Store) -> str:
    """Say how much of the process's memory a world takes that one request has used."""
    before = store.server.megabytes()
    for number in range(WORLDS):
        body = json.dumps({"name": f"w{number}"}).encode()
        send_once(store.server, "POST", "/_mock/worlds", body)
        send_once(store.server, "GET", f"/v1beta/tunedModels?key=mockserver-w{number}-key", b"")
    kilobytes = (store.server.megabytes() - before) / WORLDS * 1024
    return f"{store.name}, an empty world: {kilobytes:.0f} KiB of memory"


def unpin(server: Server) -> None:
    """Let a server run on all processors again, its workers on one each."""
    processors = sorted(os.sched_getaffinity(0))
    workers = workers_of(server)
    for place, worker in enumerate(workers):
        own = {processors[place % len(processors)]} if len(workers) > 1 else set(processors)
        os.sched_setaffinity(worker, own)


def main() -> None:
    """Run the rounds, print the ratios."""
    need_linux()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", type=int, nargs="?", default=10)
    others = parser.add_mutually_exclusive_group()
    others.add_argument("--store", help="the URL of an empty database")
    others.add_argument("--sqlite", action="store_true", help="measure SQLite only")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        stores = start_stores(stack, None if chosen.sqlite else chosen.store or find_postgres())
        loads = {store.server.port: list_loads(store.server) for store in stores}
        print_rows(COST, measure_costs(stores, loads, chosen.rounds))
        for store in stores:
            unpin(store.server)
        print_rows(SCALE, measure_scale(stores, loads, chosen.rounds))
        for store in stores[:2]:
            print(measure_worlds(store))


if __name__ == "__main__":
    main()

"""Measures the cost of requests to a server with a store in a database, relative to one in memory.

    .venv/bin/python benchmarks/store.py [ROUNDS] [--store URL]

The servers run in processes of their own, one with `--store memory:`, one with a new SQLite file, and one with the
given URL, if there is one. Every round sends each kind of request, in a random order, over eight connections, and
compares the servers' processor time for one request. A database in a process of its own is not counted. Linux only.
"""

import argparse
import json
import random
import statistics
import tempfile
from contextlib import ExitStack

from kinds import Kind
from live import REQUESTS, Load, send_once, spend
from processes import Server, free_port, need_linux, ours, running

PROMPT = json.dumps({"contents": [{"role": "user", "parts": [{"text": "in 7"}]}]}).encode()
MODEL = json.dumps(
    {
        "displayName": "next",
        "baseModel": "models/gemini-1.5-flash-001-tuning",
        "tuningTask": {"trainingData": {"examples": {"examples": [{"textInput": "1", "output": "2"}] * 20}}},
    }
).encode()


def list_loads(server: Server) -> list[Load]:
    """Return the kinds of request to a server; a model has been created for them."""
    path = "/v1beta/tunedModels"
    send_once(server, "POST", f"{path}?tunedModelId=mine", MODEL)
    return [
        Load(Kind("get", "GET", f"{path}/mine", b""), server),
        Load(Kind("generate", "POST", f"{path}/mine:generateContent", PROMPT), server),
        Load(Kind("create", "POST", path, MODEL), server),
    ]


def main() -> None:
    """Run the rounds, print the ratios."""
    need_linux()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", type=int, nargs="?", default=10)
    parser.add_argument("--store")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        stores = {"memory": "memory:", "sqlite": f"sqlite:///{folder}/store.db"}
        if chosen.store:
            stores["given"] = chosen.store
        loads: list[tuple[str, Load]] = []
        for name, url in stores.items():
            port = free_port()
            server = stack.enter_context(running([*ours(port), "--store", url, "--clock", "600x"], port))
            loads += [(name, load) for load in list_loads(server)]
        spent: dict[tuple[str, str], list[float]] = {(name, load.kind.name): [] for name, load in loads}
        for _ in range(chosen.rounds):
            for name, load in random.sample(loads, len(loads)):
                spent[name, load.kind.name].append(spend(load, REQUESTS))
    for (name, kind_name), seconds in spent.items():
        ratios = [own / base for own, base in zip(seconds, spent["memory", kind_name], strict=True)]
        rate = 1 / statistics.median(seconds)
        print(
            f"{name:8} {kind_name:10} {statistics.median(ratios):6.2f}  ({min(ratios):.2f} to {max(ratios):.2f})  {rate:7.0f}/s"
        )


if __name__ == "__main__":
    main()

"""Measures the cost of calls over gRPC, relative to a prebuilt message of the same size from a minimal grpcio server.

    .venv/bin/python benchmarks/grpc_port.py [ROUNDS]

As benchmarks/live.py: two servers in processes of their own, processor time of the server for one call. Linux only.
"""

import json
import random
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import grpc
from live import send_once
from processes import BASELINE, Server, free_port, need_linux, ours, running
from table import Row, print_rows

from mockserver.grpc.codec import encode

CONNECTIONS = 8
REQUESTS = 800
BETA = "google.ai.generativelanguage.v1beta"
METADATA = (("x-goog-api-key", "any"),)

# Returns as many bytes as the request says, from as many threads as our server has.
MINIMAL = """
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

BODY = b"x" * 1_000_000


class Handlers(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: BODY[: int(request)])


server = grpc.server(ThreadPoolExecutor(1000), handlers=[Handlers()])
server.add_insecure_port(f"127.0.0.1:{sys.argv[2]}")
server.start()
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of call: its server, the port of gRPC there, method and bytes."""

    name: str
    server: Server
    port: int
    method: str
    request: bytes

    def call(self, channel: grpc.Channel) -> bytes:
        """Send one."""
        answer: bytes = channel.unary_unary(self.method)(self.request, metadata=METADATA)
        return answer

    def size(self) -> int:
        """Return the size of the answer."""
        with self.channel() as channel:
            return len(self.call(channel))

    def channel(self) -> grpc.Channel:
        """Open a connection of its own."""
        options = (("grpc.use_local_subchannel_pool", 1),)
        return grpc.insecure_channel(f"127.0.0.1:{self.port}", options)


def measure(kind: Kind) -> float:
    """Return the processor seconds of the server for one call."""

    def send(count: int) -> None:
        with kind.channel() as channel:
            for _ in range(count):
                kind.call(channel)

    before = kind.server.cpu_seconds()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(send, [REQUESTS // CONNECTIONS] * CONNECTIONS))
    return (kind.server.cpu_seconds() - before) / REQUESTS


def list_pairs(stack: ExitStack) -> list[tuple[Kind, Kind]]:
    """Return each kind of call with the prebuilt message that it is compared with."""
    minimal_port, port = free_port(), free_port()
    http, minimal_http = free_port(), free_port()
    script = [sys.executable, "-c", MINIMAL + BASELINE, str(minimal_http), str(minimal_port)]
    minimal = stack.enter_context(running(script, minimal_http))
    server = stack.enter_context(running([*ours(http), "--grpc-port", str(port)], http))
    model = create_tuned_model(server)
    prompt = {"model": model, "contents": [{"role": "user", "parts": [{"text": "in 7"}]}]}
    calls: dict[str, tuple[str, str, dict[str, Any]]] = {
        "GetModel": ("ModelService.GetModel", "GetModelRequest", {"name": "models/gemini-2.0-flash"}),
        "GetTunedModel, 157 snapshots": ("ModelService.GetTunedModel", "GetTunedModelRequest", {"name": model}),
        "GenerateContent": ("GenerativeService.GenerateContent", "GenerateContentRequest", prompt),
    }
    pairs = []
    for name, (method, message, value) in calls.items():
        kind = Kind(name, server, port, f"/{BETA}.{method}", encode(f"{BETA}.{message}", value))
        prebuilt = Kind(f"prebuilt, for {name}", minimal, minimal_port, kind.method, str(kind.size()).encode())
        pairs.append((kind, prebuilt))
    return pairs


def create_tuned_model(server: Server) -> str:
    """Create a tuned model with 157 steps and return its name."""
    examples = [{"textInput": f"in {number}", "output": f"out {number}"} for number in range(500)]
    task = {"hyperparameters": {"batchSize": 16, "epochCount": 5}, "trainingData": {"examples": {"examples": examples}}}
    model = {"displayName": "mock-finish-now", "baseModel": "models/gemini-1.5-flash-001-tuning", "tuningTask": task}
    created = send_once(server, "POST", "/v1beta/tunedModels", json.dumps(model).encode())
    return str(json.loads(created)["metadata"]["tunedModel"])


def main() -> None:
    """Run the rounds, print the ratios."""
    need_linux()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with ExitStack() as stack:
        pairs = list_pairs(stack)
        spent: dict[str, list[float]] = {kind.name: [] for pair in pairs for kind in pair}
        for _ in range(rounds):
            for kind in random.sample([kind for pair in pairs for kind in pair], 2 * len(pairs)):
                spent[kind.name].append(measure(kind))
    rows = []
    for kind, prebuilt in pairs:
        ratios = [own / base for own, base in zip(spent[kind.name], spent[prebuilt.name], strict=True)]
        rows.append(Row(kind.name, ratios, 1.5, f"{1 / statistics.median(spent[kind.name]):6.0f}/s"))
    print_rows(f"a call over gRPC, {rounds} rounds of {REQUESTS}; a prebuilt message is 1", rows)


if __name__ == "__main__":
    main()

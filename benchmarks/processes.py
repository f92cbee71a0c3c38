"""Servers in processes of their own, for the benchmarks beside this file: ours, and the least Starlette there is."""

import http.client
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

# One route that returns one prebuilt body of a kilobyte, served by the door our own server is served by.
BASELINE = """
import sys

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from mockserver.doors.live import serve

BODY = b"x" * 1000


async def prebuilt(_):
    return Response(BODY, media_type="application/json")


app = Starlette(routes=[Route("/{path:path}", prebuilt, methods=["GET", "POST"])])
serve(app, "127.0.0.1", int(sys.argv[1]), lambda url: None)
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers. `started` is how many seconds it took until it did."""

    port: int
    pid: int
    started: float

    def cpu_seconds(self) -> float:
        """The processor time it has used."""
        threads = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def megabytes(self) -> float:
        """The memory it holds, of what it shares with others its share (PSS)."""
        rows = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return next(int(row.split()[1]) for row in rows if row.startswith("Pss:")) / 1024


def need_linux() -> None:
    """Leave the benchmark, with a word that says which, where no kernel tells what a process has used."""
    if not Path("/proc/self/smaps_rollup").is_file():
        print(f"{Path(sys.argv[0]).name}: left out, because only Linux says in /proc what a process has used")
        sys.exit()


def ours(port: int) -> list[str]:
    """The command that serves the mock server."""
    return [sys.executable, "-m", "mockserver", "serve", "--port", str(port), "--seed", "1", "--quiet"]


def baseline(port: int) -> list[str]:
    """The command that serves the least Starlette there is."""
    return [sys.executable, "-c", BASELINE, str(port)]


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], port: int) -> Iterator[Server]:
    """Start a server, wait until it answers, stop it."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - ours
        try:
            while not answers(port):
                if process.poll() is not None:
                    raise SystemExit(f"{' '.join(command[:4])} ended with status {process.returncode}")
                time.sleep(0.001)
            yield Server(port, process.pid, time.perf_counter() - began)
        finally:
            process.send_signal(signal.SIGINT)


def answers(port: int) -> bool:
    """Whether a request to the server gets a reply."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with suppress(OSError):
        connection.request("GET", "/v1beta/models/gemini-2.0-flash?key=any")
        reply = connection.getresponse()
        reply.read()
        return reply.status == 200
    return False

"""Runs servers in processes of their own for the benchmarks: ours, and a minimal Starlette app."""

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

# A route that returns one prebuilt body of a kilobyte, and a stream of 20 events, served in the same way as our server.
BASELINE = """
import sys

from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from mockserver.doors.live import serve

BODY = b"x" * 1000
EVENT = b"data: " + b"x" * 600 + b"\\r\\n\\r\\n"


async def prebuilt(_):
    return Response(BODY, media_type="application/json")


async def events():
    for _ in range(20):
        yield EVENT


async def stream(_):
    return StreamingResponse(events(), media_type="text/event-stream")


app = Starlette(routes=[
    Route("/stream", stream, methods=["POST"]),
    Route("/{path:path}", prebuilt, methods=["GET", "POST"]),
])
serve(app, "127.0.0.1", int(sys.argv[1]), lambda url: None)
"""


FOLDER = tempfile.TemporaryDirectory()
"""For the files of the servers, such as their databases."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers requests. `started` is the seconds until its first answer."""

    port: int
    pid: int
    started: float

    def cpu_seconds(self) -> float:
        """Return the processor time it has used, with that of threads that have ended."""
        return time.clock_gettime(~self.pid << 3 | 2)  # Linux: the processor-time clock of a process, CPUCLOCK_SCHED

    def megabytes(self) -> float:
        """Return its memory as proportional set size (PSS)."""
        rows = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return next(int(row.split()[1]) for row in rows if row.startswith("Pss:")) / 1024


def need_linux() -> None:
    """Exit with a message on systems without /proc."""
    if not Path("/proc/self/smaps_rollup").is_file():
        print(f"{Path(sys.argv[0]).name}: skipped: it needs Linux, which reports processor time and memory in /proc")
        sys.exit()


def ours(port: int) -> list[str]:
    """Return the command that starts the mock server."""
    options = ["--port", str(port), "--seed", "1", "--clock", "manual", "--quiet"]
    return [sys.executable, "-m", "mockserver", "serve", *options]


def ours_with_program(port: int) -> list[str]:
    """Return the command that starts it with its proxy, and a program that waits."""
    program = ["sh", "-c", f"> {_marker(port)}; exec sleep 60"]
    return [sys.executable, "-m", "mockserver", "run", "--port", str(port), "--seed", "1", "--", *program]


def is_running_program(port: int) -> bool:
    """Return whether the program of a server with one has started."""
    return _marker(port).exists()


def _marker(port: int) -> Path:
    return Path(FOLDER.name) / f"{port}.started"


def ours_with_everything(port: int) -> list[str]:
    """Return the command that starts it with what takes longest: gRPC, a database, traces that no collector takes."""
    traced = ["env", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9"]
    return [*traced, *ours(port), "--grpc-port", "0", "--store", f"sqlite:///{FOLDER.name}/{port}.db"]


def baseline(port: int) -> list[str]:
    """Return the command that starts a minimal Starlette app."""
    return [sys.executable, "-c", BASELINE, str(port)]


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


MODEL = "/v1beta/models/gemini-2.0-flash?key=any"


@contextmanager
def running(
    command: list[str], port: int, path: str = MODEL, has_started: Callable[[int], bool] | None = None
) -> Iterator[Server]:
    """Start a server, wait until it answers a GET of the path (or what `has_started` says of its port), stop it."""
    start = time.perf_counter()
    quiet, environment = subprocess.DEVNULL, os.environ | {"PYTHONDONTWRITEBYTECODE": ""}  # pip writes it
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, env=environment) as process:  # noqa: S603 - ours
        try:
            while not (has_started(port) if has_started else is_answering(port, path)):
                if process.poll() is not None:
                    raise SystemExit(f"{' '.join(command[:4])} ended with status {process.returncode}")
                time.sleep(0.001)
            os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
            yield Server(port, process.pid, time.perf_counter() - start)
        finally:
            process.terminate()


def is_answering(port: int, path: str) -> bool:
    """Return whether the server answers a GET of the path with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with suppress(OSError):
        connection.request("GET", path)
        reply = connection.getresponse()
        reply.read()
        return reply.status == 200
    return False

"""Measures the time from start to the first answer of a server, or to the start of its program, and the memory then.

    .venv/bin/python benchmarks/start.py [ROUNDS]

It is compared with a minimal Starlette app with one route of prebuilt bytes, served in the same way. Every round starts
each once, in a random order. The last rows are seconds and megabytes with a limit; above it, the exit status is 1. On a
busy machine only the ratios are meaningful. Linux only.
"""

import random
import statistics
import sys

from processes import (
    baseline,
    free_port,
    is_running_program,
    need_linux,
    ours,
    ours_with_everything,
    ours_with_program,
    running,
)
from table import Row, print_rows

TITLE = "from start to first answer; Starlette and uvicorn are 1"
SERVE, RUN, EVERYTHING = "mockserver serve", "mockserver run", "serve with gRPC, SQLite and traces"
SERVERS = {"starlette + uvicorn": baseline, SERVE: ours, RUN: ours_with_program, EVERYTHING: ours_with_everything}

RUN_ADDS, START, MEMORY = (
    "seconds that run adds to serve",
    "seconds, with everything",
    "megabytes (PSS), with everything",
)
LIMITS = {RUN_ADDS: 0.5, START: 1.5, MEMORY: 120.0}


def measure(rounds: int) -> list[Row]:
    """Run the rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in SERVERS}
    megabytes: dict[str, list[float]] = {name: [] for name in SERVERS}
    for _ in range(rounds):
        for name in random.sample(list(SERVERS), len(SERVERS)):
            port = free_port()
            has_started = is_running_program if name == RUN else None
            with running(SERVERS[name](port), port, has_started=has_started) as server:
                seconds[name].append(server.started)
                megabytes[name].append(server.megabytes())
    base, *others = SERVERS
    rows = []
    for own in others:
        ratios = [mine / least for mine, least in zip(seconds[own], seconds[base], strict=True)]
        memory = [mine / least for mine, least in zip(megabytes[own], megabytes[base], strict=True)]
        goal = 1.35 if own == SERVE else None
        rows.append(Row(own, ratios, goal, f"{1000 * statistics.median(seconds[own]):.0f} ms"))
        rows.append(Row("  memory then", memory, None, f"{statistics.median(megabytes[own]):.1f} MB (PSS)"))
    absolute = {
        RUN_ADDS: [run - serve for run, serve in zip(seconds[RUN], seconds[SERVE], strict=True)],
        START: seconds[EVERYTHING],
        MEMORY: megabytes[EVERYTHING],
    }
    return [*rows, *(Row(name, values, LIMITS[name]) for name, values in absolute.items())]


def is_over_limit(row: Row) -> bool:
    """Return whether what was measured is above its limit."""
    return row.name in LIMITS and statistics.median(row.ratios) > LIMITS[row.name]


if __name__ == "__main__":
    need_linux()
    measured = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
    print_rows(TITLE, measured)
    sys.exit(any(map(is_over_limit, measured)))

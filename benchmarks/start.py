"""Measures the time from start to the first answer of a server, and its memory then.

    .venv/bin/python benchmarks/start.py [ROUNDS]

It is compared with a minimal Starlette app with one route of prebuilt bytes, served in the same way. Every round starts
each once, in a random order; only the ratio is meaningful. Linux only.
"""

import random
import statistics
import sys

from processes import baseline, free_port, need_linux, ours, ours_with_program, running
from table import Row, print_rows

TITLE = "from start to first answer; Starlette and uvicorn are 1"
SERVERS = {"starlette + uvicorn": baseline, "mockserver serve": ours, "mockserver run": ours_with_program}


def measure(rounds: int) -> list[Row]:
    """Run the rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in SERVERS}
    megabytes: dict[str, list[float]] = {name: [] for name in SERVERS}
    for _ in range(rounds):
        for name in random.sample(list(SERVERS), len(SERVERS)):
            port = free_port()
            with running(SERVERS[name](port), port) as server:
                seconds[name].append(server.started)
                megabytes[name].append(server.megabytes())
    base, *others = SERVERS
    rows = []
    for own in others:
        ratios = [mine / least for mine, least in zip(seconds[own], seconds[base], strict=True)]
        memory = [mine / least for mine, least in zip(megabytes[own], megabytes[base], strict=True)]
        goal = 1.35 if own == "mockserver serve" else None
        rows.append(Row(own, ratios, goal, f"{1000 * statistics.median(seconds[own]):.0f} ms"))
        rows.append(Row("  memory then", memory, None, f"{statistics.median(megabytes[own]):.1f} MB (PSS)"))
    return rows


if __name__ == "__main__":
    need_linux()
    print_rows(TITLE, measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10))

"""Measures the log of calls: its memory, and the pauses of the garbage collector while it fills.

    .venv/bin/python benchmarks/log.py [CALLS]

Pauses are processor time. CALLS (default 10,000) streams are read inside the process.
"""

import gc
import sys
import time
from datetime import UTC, datetime
from typing import Any

from in_process import request_function
from kinds import generation

from mockserver.app import create_app
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

PATH = "/v1beta/models/gemini-1.5-flash:streamGenerateContent?alt=sse"


def main() -> None:
    """Fill the log, print what it takes and the longest pause."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    world = World(ManualClock(datetime(2025, 5, 1, tzinfo=UTC)), Settings(seed=1))
    prompt = " ".join(f"word{number}" for number in range(400))
    stream = request_function(create_app(world), "POST", PATH, generation(prompt))
    stream()
    pauses: list[float] = []
    start = 0.0

    def watch(phase: str, _: dict[str, Any]) -> None:
        nonlocal start
        if phase == "start":
            start = time.process_time()
        else:
            pauses.append(1000 * (time.process_time() - start))

    gc.freeze()  # as `mockserver serve` does
    gc.callbacks.append(watch)
    for _ in range(calls):
        stream()
    gc.callbacks.remove(watch)
    kept = world.calls
    print(f"{calls} streams: {len(kept)} calls in the log, {kept.size / 2**20:.1f} MiB")
    print(f"{len(pauses)} collections, the longest {max(pauses, default=0):.1f} ms, all {sum(pauses):.0f} ms")


if __name__ == "__main__":
    main()

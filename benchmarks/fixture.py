"""Measures the set-up and the tear-down of the fixture `mockserver`, without and with client libraries loaded.

.venv/bin/python benchmarks/fixture.py [ROUNDS]
"""

import importlib
import statistics
import sys
import time
from pathlib import Path

from mockserver.testing.fixtures import in_process


def milliseconds(rounds: int) -> list[float]:
    """Return the milliseconds of each set-up with its tear-down."""
    spent = []
    for _ in range(rounds):
        start = time.perf_counter()
        with in_process({}, Path()):
            pass
        spent.append(1000 * (time.perf_counter() - start))
    return spent


def main() -> None:
    """Measure, load client libraries, measure again; print medians and quartiles."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    milliseconds(20)  # fill the caches
    for title in ("no client library", "httpx, requests and aiohttp"):
        first, median, third = statistics.quantiles(milliseconds(rounds), n=4)
        print(f"  {title:28} {median:5.2f} ms  ({first:.2f} to {third:.2f})  {len(sys.modules)} modules")
        for name in ("aiohttp", "httpx", "requests"):
            importlib.import_module(name)


if __name__ == "__main__":
    main()

"""Measures the time from start to the first answer of a server, and its memory then.

    .venv/bin/python benchmarks/start.py [ROUNDS]

It is compared with a minimal Starlette app with one route of prebuilt bytes, served in the same way. Every round starts
each once, in a random order; only the ratio is meaningful. Linux only.
"""

import random
import statistics
import sys

from processes import baseline, free_port, need_linux, ours, ours_with_program, running

SERVERS = {"starlette + uvicorn (1.00)": baseline, "mockserver serve": ours, "mockserver run": ours_with_program}


def main() -> None:
    """Run the rounds, print medians and ratios."""
    need_linux()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    seconds: dict[str, list[float]] = {name: [] for name in SERVERS}
    megabytes: dict[str, list[float]] = {name: [] for name in SERVERS}
    for _ in range(rounds):
        for name in random.sample(list(SERVERS), len(SERVERS)):
            port = free_port()
            with running(SERVERS[name](port), port) as server:
                seconds[name].append(server.started)
                megabytes[name].append(server.megabytes())
    base, *_ = SERVERS
    print(f"start to first answer, {rounds} rounds; medians")
    for name in SERVERS:
        ratio = statistics.median(own / least for own, least in zip(seconds[name], seconds[base], strict=True))
        print(
            f"  {name:28} {ratio:5.2f}  {1000 * statistics.median(seconds[name]):5.0f} ms"
            f"  {statistics.median(megabytes[name]):5.1f} MB"
        )


if __name__ == "__main__":
    main()

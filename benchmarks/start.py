"""How long a server takes from being started to its first answer, and what memory it holds then.

    .venv/bin/python benchmarks/start.py [ROUNDS]

Beside it, the least there is on the same foundations: a Starlette with one route of prebuilt bytes, served by
the same door. In every round each starts once, in an order of its own; what matters is the ratio. Linux only.
"""

import random
import statistics
import sys

from processes import baseline, free_port, need_linux, ours, running

CONTESTANTS = {"starlette + uvicorn (1.00)": baseline, "mockserver serve": ours}


def main() -> None:
    """Run the rounds, print medians and ratios."""
    need_linux()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    seconds: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    megabytes: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for _ in range(rounds):
        for name in random.sample(list(CONTESTANTS), len(CONTESTANTS)):
            port = free_port()
            with running(CONTESTANTS[name](port), port) as server:
                seconds[name].append(server.started)
                megabytes[name].append(server.megabytes())
    base, *_ = CONTESTANTS
    print(f"start to first answer, {rounds} rounds; medians")
    for name in CONTESTANTS:
        ratio = statistics.median(own / least for own, least in zip(seconds[name], seconds[base], strict=True))
        print(
            f"  {name:28} {ratio:5.2f}  {1000 * statistics.median(seconds[name]):5.0f} ms"
            f"  {statistics.median(megabytes[name]):5.1f} MB"
        )


if __name__ == "__main__":
    main()

"""Runs all benchmarks and prints one table of ratios. Linux only.

    .venv/bin/python benchmarks/run.py [--quick]

All of it takes about ten minutes, `--quick` with fewer rounds two.
"""

import sys

import in_process
import live
import start
from processes import need_linux
from table import print_rows


def main() -> None:
    """Measure and print."""
    need_linux()
    quick = "--quick" in sys.argv[1:]
    print_rows(live.TITLE, live.measure(3, 200) if quick else live.measure(15))
    print_rows(in_process.TITLE, in_process.measure(5 if quick else 20))
    print_rows(start.TITLE, start.measure(5 if quick else 20))


if __name__ == "__main__":
    main()

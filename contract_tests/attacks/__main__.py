"""The long form of every attack, or of some: `python -m contract_tests.attacks [KIND ...] [--short]`."""

import argparse
import json
import logging
import subprocess
import sys
from importlib import import_module

from contract_tests.attacks.kinds import kinds
from contract_tests.attacks.tally import Tally, resident_bytes

HEAD = ("kind", "tried", "refused", "errors", "worst time", "memory at start", "at end")


def main() -> int:
    """Print the table; 1 if there were errors."""
    parser = argparse.ArgumentParser(prog="python -m contract_tests.attacks", description=__doc__)
    parser.add_argument("kind", nargs="*", choices=[*kinds(), []], help="all by default")
    parser.add_argument("--short", action="store_true", help="as in every run of the suite")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.alone:
        print(json.dumps(run(chosen.kind[0], long=not chosen.short)))  # noqa: T201 - read by the process that began this
        return 0
    errors = 0
    print(row(HEAD))  # noqa: T201 - for who runs it
    for kind in chosen.kind or kinds():
        command = [sys.executable, "-m", "contract_tests.attacks", kind, "--alone", *["--short"] * chosen.short]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            errors += 1
            print(row((kind, "it ended with", str(done.returncode))))  # noqa: T201 - as above
            continue
        line = json.loads(done.stdout.splitlines()[-1])
        print(row(line["columns"]))  # noqa: T201 - as above
        for error in line["errors"]:
            errors += 1
            print(f"    {error}")  # noqa: T201 - as above
    return 1 if errors else 0


def run(kind: str, *, long: bool) -> dict[str, list[str]]:
    """One kind in this process: the columns of its row, and its errors."""
    logging.disable(logging.CRITICAL)
    attack = import_module(f"contract_tests.attacks.{kind}").attack
    tally, before = Tally(), memory()
    attack(tally, long=long)
    counts = [str(count) for count in (tally.tried, tally.refused, len(tally.errors))]
    seconds = f"{tally.worst_seconds:.2f} s"
    return {"columns": [kind, *counts, seconds, before, memory()], "errors": tally.errors}


def memory() -> str:
    """What the process holds now."""
    return f"{resident_bytes() / 2**20:.0f} MiB"


def row(columns: tuple[str, ...] | list[str]) -> str:
    """A line of the table."""
    first, *others = columns
    return f"{first:<20}" + "".join(f"{column:>17}" for column in others)


if __name__ == "__main__":
    sys.exit(main())

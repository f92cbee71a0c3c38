"""The one table that all benchmarks print: ratios to a baseline of the same run."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured: its ratios to the baseline, a round each, and the ratio to reach, if one is set."""

    name: str
    ratios: Sequence[float]
    goal: float | None = None
    remark: str = ""


def print_rows(title: str, rows: Iterable[Row]) -> None:
    """Print the median and the quartiles of each row."""
    print(f"{title:60} {'median':>7} {'quartiles':>17} {'goal':>6}")
    for row in rows:
        low, middle, high = statistics.quantiles(row.ratios, n=4) if len(row.ratios) > 1 else [*row.ratios] * 3
        goal = "" if row.goal is None else f"{row.goal:.2f}"
        print(f"  {row.name:58} {middle:7.2f} {low:8.2f} {high:8.2f} {goal:>6}  {row.remark}".rstrip(), flush=True)
    print()

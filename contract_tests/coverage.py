"""How much of the API the contract's tests touch: a few lines after each run, and the table in docs/coverage.md."""

from collections.abc import Iterator
from pathlib import Path

from contract_tests.google_suite import SECTION
from contract_tests.harvest import REASONS, Harvest, method_of, reachable
from mockserver.inspection.services import route_table

TABLE = Path(__file__).resolve().parent.parent / "docs" / "coverage.md"

PREFACE = """\
# What the contract's tests touch

Written by `make coverage-table`, which runs `contract_tests/api` against us in process and over a socket and counts
what went over the wire. A method counts when it was called, a message when it was sent either way, a value of an enum
when its name was sent or returned, a reason of an error when it was returned.
All means: every route; every message that a route can take or answer, and every value of an enum in them; the reasons
that the two services were seen to give.
"""


def methods() -> list[str]:
    """Every method we serve."""
    return sorted({method_of(route) for route in route_table().routes})


def counts(harvest: Harvest) -> Iterator[tuple[str, int, int]]:
    """What, how many of it were touched, and how many there are."""
    messages, values = reachable()
    yield "methods", len(harvest.methods), len(methods())
    yield "messages", len(harvest.messages & messages), len(messages)
    yield "enum values", len(harvest.values & values), len(values)
    yield "error reasons", len(harvest.reasons & set(REASONS)), len(REASONS)


def summary(harvest: Harvest) -> Iterator[str]:
    """Two lines, if anything was touched."""
    if harvest.methods:
        yield "exercised: " + ", ".join(f"{some} of {all_} {what}" for what, some, all_ in counts(harvest))
        yield f"heard: {harvest.heard} different answers"


def table(harvest: Harvest) -> str:
    """The page: the sums, then every method."""
    lines = [PREFACE, "| of | exercised | all |", "|---|---:|---:|"]
    lines += [f"| {what} | {some} | {all_} |" for what, some, all_ in counts(harvest)]
    lines += ["", "| method | exercised |", "|---|---|"]
    lines += [f"| `{method}` | {'yes' if method in harvest.methods else 'no'} |" for method in methods()]
    missing = sorted(set(REASONS) - harvest.reasons)
    lines += ["", "Reasons that no test provokes: " + (", ".join(missing) or "none") + "."]
    return "\n".join(lines) + "\n"


def rewritten(page: str, harvest: Harvest) -> str:
    """The page with a new table; the section about Google's own tests, which `make google-suite` writes, stays."""
    _, title, section = page.partition(SECTION)
    return table(harvest) + (f"\n{title}{section}" if title else "")


def listed(page: str) -> dict[str, bool]:
    """The methods of a page, and whether it calls them exercised."""
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    return {name.strip("`"): said == "yes" for name, said in rows}

"""docs/limits.md says what the code does, and each limit has its test."""

import inspect
import re
from pathlib import Path

import pytest

from contract_tests.environment import ROOT
from mockserver import limits
from mockserver.control.worlds import MAX_SNAPSHOTS
from mockserver.datasets import files, storage
from mockserver.doors.live import Breakable
from mockserver.grpc import server
from mockserver.http import blocking
from mockserver.scripting import yaml_aliases
from mockserver.state import calls
from mockserver.state.calls import CallLog
from mockserver.state.world import Worlds


def default_of(function: object, name: str) -> int:
    """The default of an argument."""
    assert callable(function)
    return int(inspect.signature(function).parameters[name].default)


DEFAULTS = [
    f"{Breakable.header_seconds:.0f} s",
    f"{Breakable.idle_seconds:.0f} s",
    f"{Breakable.header_bytes:,} bytes",
    f"{Breakable.header_count}",
    f"{Breakable.read_seconds:.0f} s",
    f"{limits.REQUEST_BYTES:,} bytes",
    f"{server.LARGEST_MESSAGE:,} bytes",
    f"{server.MOST_CALLS:,}",
    f"{default_of(CallLog, 'capacity'):,}",
    f"{default_of(CallLog, 'max_bytes'):,} bytes",
    f"{calls.MAX_TOTAL_BYTES:,} bytes",
    f"{MAX_SNAPSHOTS:,}",
    f"{default_of(Worlds, 'capacity'):,}",
    f"{storage.EMULATOR_TIMEOUT_SECONDS:.0f} s",
    f"{blocking.THREADS}",
    f"{files.LARGEST_FILE:,} bytes",
    f"{files.LONGEST_LINE:,} bytes",
    f"{yaml_aliases.EXPANSION} times those written, {yaml_aliases.ALWAYS_ALLOWED:,} always",
    "this machine's, and for requests Google's",
    "no limit",
    *(f"{limit.value:,}" for limit in limits.LIMITS.values()),
]


def rows() -> list[list[str]]:
    """The cells of the table."""
    page = (ROOT / "docs" / "limits.md").read_text()
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line != lines[0]]


def test_the_defaults_are_those_of_the_code() -> None:
    """In the order of the page."""
    assert DEFAULTS == [default for _, default, *_ in rows()]
    assert f"takes {Breakable.read_bytes:,} bytes" in next(limit for limit, *_ in rows() if "takes" in limit)


def test_limits_of_a_request_are_described_as_where_they_are_declared() -> None:
    """What each counts, and what somebody past it is told."""
    described = [[limit.counts, limit.answer] for limit in limits.LIMITS.values()]

    assert described == [[counts, answer] for counts, _, answer, *_ in rows()[-len(described) :]]


@pytest.mark.parametrize("place", [test.strip("`") for *_, test in rows()])
def test_every_limit_has_a_test(place: str) -> None:
    """That is there under this name."""
    file, _, name = place.partition("::")
    text = (Path(ROOT) / "contract_tests" / file).read_text()

    assert re.search(rf"^def {name}\(", text, re.MULTILINE)

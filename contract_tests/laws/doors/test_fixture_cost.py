"""What the fixture costs each test: counts that do not depend on the machine.

`benchmarks/fixture.py` measures the time.
"""

import os
import sys
import types
from pathlib import Path

import pytest

from mockserver.testing.fixtures import in_process

MOST_CALLS = 1500
"""The Python calls of a set-up and a tear-down, with the client libraries of this environment loaded."""


def count_calls() -> int:
    """Count the Python calls of a set-up and a tear-down; earlier ones have filled the caches."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    for _ in range(2):
        with in_process({}, Path()):
            pass
    sys.setprofile(count)
    try:
        with in_process({}, Path()):
            pass
    finally:
        sys.setprofile(None)
    return calls


def test_a_fixture_needs_few_calls() -> None:
    """The bound is a tenth above what it needs today."""
    assert count_calls() <= MOST_CALLS


def test_a_loaded_module_costs_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are: a program with a client library has a thousand."""
    before = count_calls()
    for number in range(200):
        name = f"contract_tests_loaded_{number}"
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))

    assert count_calls() < before + 20  # weak references are cleaned up now and then


def test_credentials_are_written_once_for_all_tests() -> None:
    """The file is the same in each test, and whole again if a test has changed or deleted it."""
    seen: list[Path] = []
    contents: list[str] = []
    times: list[int] = []
    for spoil in (lambda _: None, lambda _: None, lambda path: path.write_text("{}"), Path.unlink, lambda _: None):
        with in_process({}, Path()):
            path = Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"])
            seen.append(path)
            contents.append(path.read_text())
            times.append(path.stat().st_mtime_ns)
            spoil(path)

    assert 1 == len(set(seen)) == len(set(contents))
    assert times[0] == times[1] == times[2] != times[3] != times[4]

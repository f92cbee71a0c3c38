"""docs/facts.md names tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from contract_tests.environment import ROOT

NAMES = re.findall(r"`((?:api|laws|use|google_suite)/[\w/.]+\.py(?:::\w+)?)`", (ROOT / "docs" / "facts.md").read_text())


@cache
def functions(path: Path) -> frozenset[str]:
    """The names of the functions of a module."""
    return frozenset(node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("name", sorted(set(NAMES)))
def test_a_fact_names_a_test_that_is_there(name: str) -> None:
    """A test that is renamed takes its fact along."""
    file, _, function = name.partition("::")
    path = ROOT / "contract_tests" / file

    assert path.is_file()
    assert not function or function in functions(path)


def test_every_fact_has_a_test_or_a_reason() -> None:
    """No row is empty."""
    rows = [
        line.split(" | ") for line in (ROOT / "docs" / "facts.md").read_text().splitlines() if line.startswith("| ")
    ]

    assert len(rows) > 30
    assert all(len(row) == 2 and row[1].strip(" |") for row in rows)

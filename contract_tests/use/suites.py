"""Test files of users, run as they run them: by pytest in the environment of a client library."""

import re
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from contract_tests.environment import ROOT
from contract_tests.use.programs import run

TESTS = ROOT / "fixtures" / "tests"
OURS = Path(sys.executable)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a suite went, with all it printed."""

    output: str

    @property
    def outcome(self) -> Mapping[str, int]:
        """How many tests passed, failed, ..."""
        last = self.output.strip().splitlines()[-1]
        return {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", last) if word != "in"}

    def seconds(self, test: str) -> float:
        """How long the test itself took."""
        found = re.search(rf"^([\d.]+)s call +\S+::{test}$", self.output, re.MULTILINE)
        assert found, self.output
        return float(found[1])


def run_suite(python: Path, name: str, folder: Path) -> Ran:
    """Run one of the test files of `fixtures/tests`. Libraries past their end warn; that is not our matter."""
    return run_text(python, (TESTS / f"{name}.py").read_text(), folder, "-W", "ignore")


def run_text(python: Path, text: str, folder: Path, *options: str) -> Ran:
    """Run a test file of that text. AssertionError, with all it said, if a test of it fails."""
    path = folder / "test_theirs.py"
    path.write_text(text)
    quiet = ("-q", "-p", "no:cacheprovider", "--durations=0", "--durations-min=0", "-vv", "--rootdir", folder)
    return Ran(run([python, "-m", "pytest", *quiet, *options, path], folder, {}))


def as_test(program: str, setting: str = "") -> str:
    """A program as the body of a test that has asked for the fixture; `setting` stands before it."""
    return "def test_program(mockserver):\n" + textwrap.indent(f"{setting}\n{program}", "    ")

"""Frameworks over Gemini: text, streams, tools, structured output and tuned models, in process and on a socket."""

import re
import sys
from pathlib import Path

import pytest

from contract_tests.environment import ROOT, client_python, node, node_packages
from contract_tests.use.programs import PROGRAMS, run, said
from contract_tests.use.suites import TESTS, Ran, run_suite

RUN = (sys.executable, "-m", "mockserver", "run", "--seed", "1", "--")
SUITE = TESTS / "frameworks.py"


@pytest.mark.slow
def test_frameworks_are_answered_in_process(tmp_path: Path) -> None:
    """Each on the Developer API and on Vertex AI."""
    assert ran_well(run_suite(client_python("frameworks"), SUITE.stem, tmp_path))


@pytest.mark.slow
def test_frameworks_are_answered_on_a_socket(tmp_path: Path) -> None:
    """The same tests without our plugin, under `mockserver run`."""
    (tmp_path / "test_theirs.py").write_text(SUITE.read_text())
    options = ("-q", "-W", "ignore", "-p", "no:cacheprovider", "-p", "no:mockserver", "--rootdir", tmp_path)
    command = (*RUN, client_python("frameworks"), "-m", "pytest", *options, "test_theirs.py")

    assert ran_well(Ran(run(command, tmp_path, {"PYTHONPATH": str(ROOT)})))


def ran_well(ran: Ran) -> bool:
    """Whether every test of the suite passed."""
    return ran.outcome.keys() == {"passed"} and ran.outcome["passed"] > len(suite_tests())


@pytest.mark.slow
def test_node_frameworks_are_answered_on_a_socket() -> None:
    """Each on both services where it has them; an agent of the AI SDK ends after two steps."""
    program = (PROGRAMS / "frameworks.mjs").read_text()
    printed = run(
        [*RUN, node(), "--input-type=module", "-"], node_packages("frameworks"), {"PYTHONPATH": str(ROOT)}, program
    )
    kinds = ("text", "stream", "tool", "object")
    frameworks = ("ai-sdk", "ai-sdk vertex", "genkit", "genkit vertex", "langchain")
    expected = {f"{framework} {kind}": "true" for framework in frameworks for kind in kinds}
    tools = {f"{framework} tool": "Rain in Paris." for framework in frameworks}
    agents = {f"{framework} tool": "Rain in Paris. 2" for framework in frameworks[:2]}
    tuned = {f"{framework} tuned": "true" for framework in frameworks[:2]}

    assert expected | tools | agents | tuned == said(printed)


def test_documented_frameworks_are_tested() -> None:
    """The table of what CI runs names the tests of Python's frameworks, and no others."""
    page = (ROOT / "docs" / "frameworks.md").read_text()

    assert sorted(suite_tests()) == sorted(re.findall(r"^\|.*\| `(test_\w+)` \|$", page, re.MULTILINE))


def suite_tests() -> list[str]:
    """The tests of the suite."""
    return re.findall(r"^def (test_\w+)", SUITE.read_text(), re.MULTILINE)

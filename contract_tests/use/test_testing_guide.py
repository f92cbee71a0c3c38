"""Words cannot rot: every block of the guide to testing is run as a reader would run it."""

import re
from pathlib import Path

import pytest

from contract_tests.environment import ROOT, client_python
from contract_tests.use.suites import OURS, run_text
from mockserver.scripting.answer_file import read_answers

GUIDE = (ROOT / "docs" / "testing.md").read_text()


def blocks(language: str) -> list[str]:
    """The blocks in a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("text", blocks("python"))
def test_tests_of_the_guide_pass(text: str, tmp_path: Path) -> None:
    """Each block is a test file of its own. google-genai warns that its tuning is experimental."""
    library = "google" if "google.cloud import storage" in text else "genai-3"
    by_google = "from google" in text
    python, warnings = (client_python(library), "ignore") if by_google else (OURS, "error")

    ran = run_text(python, text, tmp_path, "-W", warnings)

    assert {"passed"} == ran.outcome.keys()


def test_ini_file_of_the_guide_is_one(tmp_path: Path) -> None:
    """Pytest knows every option in it."""
    (ini,) = blocks("ini")
    (tmp_path / "pytest.ini").write_text(ini)
    text = "def test_ini(mockserver, request):\n    assert request.config.getini('mockserver_leaks') == 'warn'\n"

    ran = run_text(OURS, text, tmp_path, "-W", "error", "-c", str(tmp_path / "pytest.ini"), "--strict-config")

    assert {"passed": 1} == ran.outcome


def test_answers_file_of_the_guide_is_read(tmp_path: Path) -> None:
    """With its two answers and its fault."""
    (text,) = blocks("yaml")
    (tmp_path / "answers.yaml").write_text(text)
    scripted = read_answers(tmp_path / "answers.yaml")

    assert (2, 1) == (len(scripted.answers), len(scripted.faults))

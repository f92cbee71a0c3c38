"""Other test doubles, pytest plugins and libraries that wait, each in one test with the fixture; and a notebook."""

import json
from pathlib import Path

import pytest

from contract_tests.environment import ROOT, client_python
from contract_tests.use.programs import run
from contract_tests.use.suites import run_suite

URL = "https://generativelanguage.googleapis.com/v1beta/models?key=any-key"

EXECUTE = """
import nbclient, nbformat
book = nbformat.read("book.ipynb", 4)
nbclient.NotebookClient(book).execute()
nbformat.write(book, "book.ipynb")
"""

IN_A_BLOCK = """\
with MockServer().intercepting() as server:
    began = server.now
    time.sleep(3600)
    await asyncio.sleep(60)
    print(requests.get(URL).status_code, (server.now - began).total_seconds())
"""


@pytest.mark.parametrize(("suite", "tests"), [("other_doubles", 14), ("waiting", 20)])
def test_libraries_work_beside_the_fixture(suite: str, tests: int, tmp_path: Path) -> None:
    """Each as its own documents say, with what our guide adds."""
    ran = run_suite(client_python("doubles"), suite, tmp_path)

    assert {"passed": tests} == ran.outcome


def test_cells_of_a_notebook_are_answered(tmp_path: Path) -> None:
    """In Jupyter's kernel: in a block, from one cell to another, and awaited."""
    cells = [
        f"import time, asyncio, requests\nfrom mockserver import MockServer\nURL = {URL!r}",
        IN_A_BLOCK,
        "interception = MockServer().intercepting()\nserver = interception.start()",
        "print(requests.get(URL).status_code, len(server.calls))",
        "interception.stop()",
    ]
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [code(cell, n) for n, cell in enumerate(cells)],
    }
    (tmp_path / "book.ipynb").write_text(json.dumps(notebook))
    python = client_python("doubles")
    run([python, "-c", EXECUTE], tmp_path, {"PYTHONPATH": str(ROOT)})
    ran = json.loads((tmp_path / "book.ipynb").read_text())
    printed = ["".join(output["text"]) for cell in ran["cells"] for output in cell["outputs"] if "text" in output]

    assert ["200 3660.0\n", "200 1\n"] == printed


def code(text: str, number: int) -> dict[str, object]:
    """A cell."""
    return {
        "cell_type": "code",
        "id": str(number),
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": text,
    }

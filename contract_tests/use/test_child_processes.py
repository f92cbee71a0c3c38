"""Child processes of a test under `mockserver_live`: their environment leads them to the server, and nowhere else."""

from pathlib import Path

import pytest

from contract_tests.environment import client_python
from contract_tests.use.suites import run_suite


@pytest.mark.parametrize("library", ["genai-1", "genai-2", "genai-3"])
def test_children_use_vertex_ai_unchanged(library: str, tmp_path: Path) -> None:
    """google-genai and google-auth in a real process reach nothing but this machine."""
    ran = run_suite(client_python(library), "child_processes", tmp_path)

    assert {"passed": 7} == ran.outcome


def test_children_upload_and_tune(tmp_path: Path) -> None:
    """google-cloud-storage finds the server by STORAGE_EMULATOR_HOST, in the child and in the process of the test."""
    ran = run_suite(client_python("google"), "child_uploads", tmp_path)

    assert {"passed": 3} == ran.outcome

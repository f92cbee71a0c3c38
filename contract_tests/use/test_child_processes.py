"""Child processes of a test under `mockserver_live`: their environment leads them to the server, and nowhere else."""

import subprocess
import sys
from pathlib import Path

import pytest

from contract_tests.environment import client_python
from contract_tests.use.suites import run_suite
from mockserver import MockServer


@pytest.mark.parametrize("library", ["genai-1", "genai-2", "genai-3"])
def test_children_use_vertex_ai_unchanged(library: str, tmp_path: Path) -> None:
    """google-genai and google-auth in a real process reach nothing but this machine."""
    ran = run_suite(client_python(library), "child_processes", tmp_path)

    assert {"passed": 7} == ran.outcome


def test_children_upload_and_tune(tmp_path: Path) -> None:
    """google-cloud-storage finds the server by STORAGE_EMULATOR_HOST, in the child and in the process of the test."""
    ran = run_suite(client_python("google"), "child_uploads", tmp_path)

    assert {"passed": 3} == ran.outcome


def test_a_new_beginning_forgets_them() -> None:
    """After `reset` and in a fresh world those of before are not the test's own."""
    with MockServer().intercepting() as server:
        subprocess.run([sys.executable, "-c", ""], check=True)
        noted = [server.child_processes]
        server.reset()
        noted.append(server.child_processes)
        subprocess.run([sys.executable, "-c", ""], check=True)
        with server.fresh_world():
            noted.append(server.child_processes)

    assert [1, 0, 0] == [len(programs) for programs in noted]

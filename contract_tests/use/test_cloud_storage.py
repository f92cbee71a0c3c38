"""google-cloud-storage, unchanged: in process, on a socket, and together with tuning."""

from pathlib import Path

import pytest

from contract_tests.environment import client_python
from contract_tests.use.suites import TESTS, run_suite, run_text

ON_SOCKET = """
import pytest


@pytest.fixture
def mockserver(mockserver_live):
    return mockserver_live
"""


@pytest.mark.parametrize("library", ["storage-2", "storage-3"])
def test_the_client_is_answered_in_process(library: str, tmp_path: Path) -> None:
    """Every kind of upload, download, lists, conditions, checksums, and what is refused."""
    ran = run_suite(client_python(library), "cloud_storage", tmp_path)

    assert {"passed": 14} == ran.outcome


@pytest.mark.parametrize("library", ["storage-2", "storage-3"])
def test_the_client_is_answered_on_a_socket(library: str, tmp_path: Path) -> None:
    """The fixture sets STORAGE_EMULATOR_HOST; the client then sends no credentials."""
    (tmp_path / "conftest.py").write_text(ON_SOCKET)
    text = (TESTS / "cloud_storage.py").read_text()

    ran = run_text(
        client_python(library),
        text,
        tmp_path,
        "-W",
        "ignore",
        "--deselect",
        "test_theirs.py::test_strict_credentials_are_checked",
    )

    assert {"passed": 13, "deselected": 1} == ran.outcome


def test_what_is_uploaded_is_what_is_tuned_with(tmp_path: Path) -> None:
    """The rows are checked and counted, in the world or below `gcs_root`."""
    (tmp_path / "buckets").mkdir()
    (tmp_path / "buckets2").mkdir()

    ran = run_suite(client_python("google"), "upload_then_tune", tmp_path)

    assert {"passed": 6} == ran.outcome


def test_what_the_client_asks_in_its_own_thread_is_no_call_of_the_test(tmp_path: Path) -> None:
    """It is neither recorded nor hit by a fault, and the next test's server does not hear of it."""
    ran = run_suite(client_python("storage-3"), "storage_in_background", tmp_path)

    assert {"passed": 5} == ran.outcome

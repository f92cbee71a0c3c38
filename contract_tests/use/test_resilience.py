"""The verdict on real clients: google-genai with its retry options, requests with urllib3.Retry, tenacity."""

from pathlib import Path

import pytest

from contract_tests.environment import client_python
from contract_tests.use.suites import run_suite


@pytest.mark.parametrize("library", ["genai-2", "genai-3"])
def test_real_clients_are_judged(library: str, tmp_path: Path) -> None:
    """Those that retry well pass; each way to retry badly is found, with the call that shows it."""
    ran = run_suite(client_python(library), "resilience", tmp_path)

    assert {"passed": 15} == ran.outcome

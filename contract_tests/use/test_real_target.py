"""The target `real`, as somebody with credentials meets it; rehearsed against a server of ours."""

import os
import subprocess
import sys
from pathlib import Path

from contract_tests.environment import ROOT
from contract_tests.use.serving import serving

TESTS = ("contract_tests/api/test_real.py", "--target", "real", "-p", "no:cacheprovider", "-q")


def run(**variables: str) -> subprocess.CompletedProcess[str]:
    """The tests of the real services, with these variables and no others of theirs."""
    others = {name: text for name, text in os.environ.items() if not name.startswith(("GOOGLE_", "MOCKSERVER_"))}
    command = [sys.executable, "-m", "pytest", *TESTS]
    return subprocess.run(command, cwd=ROOT, env=others | variables, capture_output=True, text=True, check=False)


def test_the_real_services_are_not_asked_without_a_key_or_a_project() -> None:
    """The run is refused, in words that say what is missing."""
    refused = run()

    assert refused.returncode == 4
    assert "needs GOOGLE_API_KEY for the Developer API, or MOCKSERVER_REAL_PROJECT for Vertex AI" in refused.stderr


def test_tests_of_the_real_services_hold_of_ours(tmp_path: Path) -> None:
    """Asked in Google's place a server of ours agrees with itself, and the run says beforehand what it will do."""
    with serving(tmp_path / "log", "--as-of", "today", "--clock", "60x") as served:
        done = run(
            GOOGLE_API_KEY="key",
            MOCKSERVER_REAL_PROJECT="my-project",
            MOCKSERVER_REAL_TOKEN="token",
            MOCKSERVER_REAL_DATASET="gs://bucket/train.jsonl",
            MOCKSERVER_REAL_URL=served.base_url,
        )

    assert done.returncode == 0, done.stdout
    assert "one tuning job mockserver-contract-..., trained on gs://bucket/train.jsonl, cancelled" in done.stdout
    assert "real: 19 passed, 0 failed, 0 skipped" in done.stdout

"""No way past: each HTTP library among the most downloaded packages is answered or refused, never sent."""

from pathlib import Path

from contract_tests.environment import client_python
from contract_tests.use.suites import run_suite


def test_every_library_is_answered_or_refused(tmp_path: Path) -> None:
    """Sixteen ways are answered, twenty are refused with what to do; none reaches the network, also behind a proxy."""
    ran = run_suite(client_python("doubles"), "http_libraries", tmp_path)

    assert {"passed": 123} == ran.outcome


def test_library_that_takes_the_place_of_another_is_refused(tmp_path: Path) -> None:
    """niquests, sync and async, and requests where urllib3 is not what it was."""
    ran = run_suite(client_python("niquests"), "http_niquests", tmp_path)

    assert {"passed": 3} == ran.outcome

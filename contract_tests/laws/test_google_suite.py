"""The declared failures of Google's own tests: each has one reason, of a known kind, and the page has their number."""

from contract_tests.environment import ROOT
from contract_tests.google_suite import SECTION
from contract_tests.google_suite.declared import FAILURES, KINDS, declared_reasons


def test_each_declared_failure_has_one_reason() -> None:
    """A test id stands once, in a group of a known kind with a sentence that says why."""
    tests = [test for group in FAILURES for test in group["tests"]]

    assert len(set(tests)) == len(tests)
    assert {group["kind"] for group in FAILURES} <= set(KINDS)
    assert all(group["why"].endswith(".") and group["tests"] for group in FAILURES)


def test_the_page_says_how_many_are_declared() -> None:
    """`make google-suite ARGS=--write` has been run since the last change of the declarations."""
    section = (ROOT / "docs" / "coverage.md").read_text().partition(SECTION)[2]
    rows = dict(line.strip("| ").split(" | ")[:2] for line in section.splitlines() if line.startswith("| declared"))
    reasons = declared_reasons(over_a_socket=False).values()
    expected = {
        f"declared failures: {kind}": sum(reason.startswith(f"{kind}:") for reason in reasons) for kind in KINDS
    }

    assert expected == {kind: int(number) for kind, number in rows.items()}

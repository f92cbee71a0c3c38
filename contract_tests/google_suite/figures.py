"""The figures of the suite, and the section of docs/coverage.md that shows them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from contract_tests.google_suite import SECTION
from contract_tests.google_suite.declared import KINDS, declared_reasons

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "coverage.md"


@dataclass(frozen=True, slots=True)
class Figures:
    """The ids of the tests of a run by outcome, and whether there was nothing but what was expected."""

    is_good: bool
    over_a_socket: bool
    passed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    declared: list[str] = field(default_factory=list)

    def by_kind(self) -> Counter[str]:
        """Count the declared failures by the kind of their reason."""
        reasons = declared_reasons(over_a_socket=self.over_a_socket)
        return Counter(reasons[test].partition(":")[0] for test in self.declared)


def section(runs: Sequence[Figures]) -> str:
    """Return the section about these runs."""
    kinds = [run.by_kind() for run in runs]
    rows = [
        ("passed", [len(run.passed) for run in runs]),
        *((f"declared failures: {kind}", [kind_counts[kind] for kind_counts in kinds]) for kind in KINDS),
        ("skipped by Google", [len(run.skipped) for run in runs]),
    ]
    lines = [f"| {name} | {' | '.join(map(str, numbers))} |" for name, numbers in rows]
    return f"""{SECTION}

Written by `make google-suite ARGS=--write`, which runs the tests in the wheel of google-genai {version("google-genai")} against us. Each
failure is declared with its reason in `contract_tests/google_suite/failures.json`: "out of scope" is a product that we
leave out, "host-internal" depends on Google's own machines or data, and "evidence" contradicts what the real service
was seen to do.

| tests | all, in process | `shared` and `tunings`, over a socket |
|---|---:|---:|
{chr(10).join(lines)}
"""


def with_section(page: str, text: str) -> str:
    """Return a page with this section at its end, in place of an older one."""
    return f"{page.partition(SECTION)[0].rstrip()}\n\n{text}"

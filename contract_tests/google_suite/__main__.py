"""Runs Google's own tests of google-genai against the mock server, twice, and holds the outcome to what is declared.

    python -m contract_tests.google_suite             both runs; exit status 1 for a difference
    python -m contract_tests.google_suite --write     and write the figures to docs/coverage.md

All tests run in this process's world without a socket; those of tuning, and those that Google shares between its SDKs,
run over a socket too. An undeclared failure, a declared one that has healed, and a declared test that did not run are
differences. Arguments that begin with a hyphen go to pytest, the others choose tests of the first run: "tunings".
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import google.genai

from contract_tests.google_suite.declared import declared_reasons
from contract_tests.google_suite.figures import PAGE, Figures, section, with_section
from contract_tests.google_suite.stand_ins import write_stand_ins

ROOT = Path(__file__).resolve().parent.parent.parent
TESTS = Path(google.genai.__file__).parent / "tests"
PROJECT = "801452371447"
"""The project of Google's tests: the names in them say so."""
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables of the machine that some tests of certificates look at."""
ON_A_SOCKET = ("shared", "tunings")


def main(arguments: Sequence[str]) -> int:
    """Run the suite; return the exit status."""
    options = [each for each in arguments if each.startswith("-") and each != "--write"]
    chosen = [each for each in arguments if not each.startswith("-")]
    write_stand_ins(TESTS / "data")
    runs = [_run(chosen or ["."], options)]
    if chosen:
        return int(not runs[0].is_good)
    runs.append(_run(ON_A_SOCKET, [*options, "--over-a-socket"]))
    missing = [
        *_not_run(runs[0], over_a_socket=False, folders=()),
        *_not_run(runs[1], over_a_socket=True, folders=ON_A_SOCKET),
    ]
    for test in missing:
        print(f"declared, but it did not run: {test}")  # noqa: T201 - a program
    page = with_section(PAGE.read_text(), section(runs))
    if "--write" in arguments:
        PAGE.write_text(page)
    elif page != PAGE.read_text():
        print(f"{PAGE.name} has other figures: `make google-suite ARGS=--write` writes them")  # noqa: T201 - a program
    return int(bool(missing) or page != PAGE.read_text() or not all(run.is_good for run in runs))


def _run(tests: Sequence[str], options: Sequence[str]) -> Figures:
    """Run these files or folders of the tests, and return what became of them."""
    with tempfile.TemporaryDirectory(prefix="google-suite-") as folder:
        scratch = Path(folder)
        (scratch / "tests").mkdir()
        (scratch / "tests" / "data").symlink_to(TESTS / "data")  # some tests open tests/data/google.png
        (scratch / "pytest.ini").write_text("[pytest]\nmockserver_leaks = ignore\nmockserver_lenient_routes = true\n")
        figures = scratch / "figures.json"
        command = [
            sys.executable, "-c", "import pytest, sys; sys.exit(pytest.main(sys.argv[1:]))",
            *(str(TESTS / test) for test in tests),
            f"--rootdir={TESTS}", "-c", str(scratch / "pytest.ini"), "-p", "contract_tests.google_suite.plugin",
            "-p", "no:cacheprovider", "--mode=api", f"--figures={figures}", "-n=2", "-q", "--no-header", "--tb=native", *options,
        ]  # fmt: skip
        kept = {name: value for name, value in os.environ.items() if name not in CERTIFICATES}
        environment = kept | {
            "PYTHONPATH": str(ROOT),
            "GOOGLE_GENAI_REPLAYS_DIRECTORY": str(scratch / "replays"),
            "GOOGLE_API_KEY": "mockserver-google-suite",
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "GOOGLE_CLOUD_LOCATION": "us-central1",
        }
        status = subprocess.run(command, cwd=scratch, env=environment, check=False).returncode
        outcomes = json.loads(figures.read_text()) if figures.exists() else {}
    return Figures(is_good=status == 0, over_a_socket="--over-a-socket" in options, **outcomes)


def _not_run(run: Figures, *, over_a_socket: bool, folders: Sequence[str]) -> list[str]:
    """Return the declared tests of a run that were not among its expected failures."""
    wanted = declared_reasons(over_a_socket=over_a_socket)
    return sorted(
        test for test in wanted.keys() - set(run.declared) if not folders or test.partition("/")[0] in folders
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

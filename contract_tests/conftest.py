"""What every test may ask for: a target, and the recordings where this checkout has them beside it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest

from contract_tests.coverage import TABLE, rewritten, summary
from contract_tests.effort import register
from contract_tests.environment import ROOT, SHARED, shared
from contract_tests.harvest import HARVEST, Harvest
from contract_tests.real import Access, of_environment
from contract_tests.stores import STORES
from contract_tests.targets import OURS, TARGETS, Live, chosen, tally

LAST = "test_whole_run.py"
REAL = "test_real.py"
WHOLE = {"test_the_table_says_what_was_exercised", "test_recordings_that_are_here_are_used"}

ACCESS = pytest.StashKey[Access]()
EXERCISED = pytest.StashKey[list[str]]()
WITHOUT_RECORDINGS = pytest.StashKey[int]()

FROM_SHARED = {"transcripts", "seeds"}
"""Fixtures that make a test one of the marker `recordings`."""

API = ROOT / "contract_tests" / "api"

register()  # before hypothesis looks for the profile it is told to load


def pytest_addoption(parser: pytest.Parser) -> None:
    """--target, once or more; --store."""
    parser.addoption(
        "--target",
        action="append",
        default=[],
        choices=TARGETS,
        help="run the tests of Google's API against this: inprocess, live, transcript (all three by default), or real",
    )
    parser.addoption(
        "--store",
        default="memory",
        choices=STORES,
        help="what keeps the worlds of these tests: memory (default), sqlite or postgresql",
    )
    parser.addoption("--coverage-table", action="store_true", help="write docs/coverage.md: use `make coverage-table`")


def pytest_configure(config: pytest.Config) -> None:
    """A run has a harvest. One against the real services is refused where nothing says which project."""
    config.stash[HARVEST] = Harvest()
    config.stash[EXERCISED] = []
    if "real" in chosen(config):
        try:
            config.stash[ACCESS] = of_environment()
        except LookupError as missing:
            raise pytest.UsageError(str(missing)) from None


def pytest_sessionstart(session: pytest.Session) -> None:
    """Say what will be done to the real services, however quiet the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and ACCESS in session.config.stash:
        for line in session.config.stash[ACCESS].plan:
            reporter.write_line(f"real: {line}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of the whole run come last, and only in a whole run; tests for targets that are not chosen are left out."""
    whole = is_whole(config, items)
    items.sort(key=lambda item: item.path.name == LAST)
    left_out = [item for item in items if is_aimless(config, item) or (item.name in WHOLE and not whole)]
    for item in items:
        if not FROM_SHARED.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("recordings")
    if not SHARED.is_dir():
        without = [item for item in items if item not in left_out and item.get_closest_marker("recordings")]
        config.stash[WITHOUT_RECORDINGS] = len(without)
        left_out += without
    items[:] = [item for item in items if item not in left_out]
    if hasattr(config, "workerinput"):
        sort_for_processes(config, items)
    config.hook.pytest_deselected(items=left_out)


def is_aimless(config: pytest.Config, item: pytest.Item) -> bool:
    """Whether no chosen target has a use for the test."""
    without = any("empty parameter set" in mark.kwargs.get("reason", "") for mark in item.iter_markers("skip"))
    return without or (item.path.name == REAL and "real" not in chosen(config))


def is_whole(config: pytest.Config, items: list[pytest.Item]) -> bool:
    """Whether every test of the API runs, in process and over a socket, in this very process."""
    parted = config.option.keyword or config.option.markexpr
    files = set(API.glob("test_*.py"))
    return not parted and set(OURS) <= set(chosen(config)) and files <= {item.path for item in items}


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the table, if asked to; one process of several says what it has exercised."""
    if session.config.getoption("--coverage-table"):
        page = rewritten(TABLE.read_text(encoding="utf-8"), session.config.stash[HARVEST])
        TABLE.write_text(page, encoding="utf-8")
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["exercised"] = list(summary(session.config.stash[HARVEST]))
        session.config.workeroutput["without_recordings"] = session.config.stash.get(WITHOUT_RECORDINGS, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where several processes share the work, each has whole units of it, in the order of the tests."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - a run in one process does without

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist says no types
        def _split_scope(self, nodeid: str) -> str:
            return work_unit(config, nodeid)

    config.option.loadscopereorder = False
    return Scheduling(config, log)


def work_unit(config: pytest.Config, nodeid: str) -> str:
    """Return what one process has as a whole: a file, or all tests of the API where they are for the harvest too."""
    file = nodeid.partition("::")[0]
    return "api" if set(OURS) <= set(chosen(config)) and API in (ROOT / file).parents else file


def sort_for_processes(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the units that have slow tests, then those with many: a long one at the end keeps one process busy."""
    units = {item.nodeid: work_unit(config, item.nodeid) for item in items}
    sizes = Counter(units.values())
    slow = {units[item.nodeid] for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (units[item.nodeid] not in slow, -sizes[units[item.nodeid]]))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear what one process of several has exercised, and left out as each does. One that crashed has not said it."""
    output = getattr(node, "workeroutput", {})
    node.config.stash[EXERCISED] += output.get("exercised", [])
    node.config.stash[WITHOUT_RECORDINGS] = output.get("without_recordings", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How each target did."""
    reports = [
        (outcome, report)
        for outcome in ("passed", "failed", "skipped")
        for report in terminalreporter.stats.get(outcome, ())
        if isinstance(report, pytest.TestReport)
    ]
    terminalreporter.section("targets")
    for line in tally(reports):
        terminalreporter.write_line(line)
    stash = terminalreporter.config.stash
    if left_out := stash.get(WITHOUT_RECORDINGS, 0):
        terminalreporter.write_line(f"left out: {left_out} tests of recordings that are not part of the repository")
    for line in (*summary(stash[HARVEST]), *stash[EXERCISED]):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session", autouse=True)
def _one_certificate(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let clients load one public CA, not a machine's 140: no test needs them, and each httpx.get() loads them."""
    with pytest.MonkeyPatch.context() as patch:
        if "real" not in chosen(pytestconfig):
            end = "-----END CERTIFICATE-----\n"
            file = tmp_path_factory.mktemp("certificate") / "one.pem"
            file.write_text(certifi.contents().partition(end)[0] + end)
            patch.setenv("SSL_CERT_FILE", str(file))
        yield


@pytest.fixture(scope="session")
def transcripts() -> Path:
    """The folder of recordings of the real services."""
    return shared("transcripts")


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    """The run's one server on a socket."""
    server = Live()
    yield server
    server.stop()

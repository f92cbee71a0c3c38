"""The pytest plugin: two fixtures and a marker. Nothing heavy is imported until a fixture is used."""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mockserver.testing.mock_server import MockServer

# What the marker takes, and the ini file under the same names with `mockserver_` before them.
OPTIONS = {
    "clock": "manual (mockserver's default), real, or a factor such as 60x (mockserver_live's)",
    "start_time": "the date or time the clock starts at",
    "seed": "makes ids, losses and answers repeat (default: 0)",
    "as_of": "be the service of that day: a date, or today; all days at once if absent",
    "answers": "an answers file, from the root directory; in the marker also a list of answers",
    "auth": "any (default), off or strict",
    "accepted_credentials": "what strict takes, with commas",
    "default_user": "whom a token that is no e-mail address stands for",
    "sleep": "virtual (default): time.sleep and asyncio.sleep move the clock; real: they wait",
    "block_network": "refuse to connect to other machines",
    "leaks": "what a test left behind at its end: ignore (default), warn, fail",
    "magic": "heed words such as mock-fail-at-step-10 (default: yes)",
    "lenient_routes": "serve tunedModels on /v1/ too",
    "metadata_refresh_seconds": "between two refreshes of a tuning operation's metadata (default: 61)",
    "safety_ratings": "of Vertex AI answers: always (default) or real",
    "gcs_root": "the folder where gs://bucket/object is bucket/object, from the root directory",
    "max_concurrent_jobs": "Vertex AI tuning jobs a project may run at once",
    "over_quota": "what further jobs do: wait (default) or refuse",
    "refuse_real_credentials": "answer credentials that look real with an error",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Every option of the marker as an ini value; and a word for the command line."""
    parser.getgroup("mockserver").addoption(
        "--strict-evidence", action="store_true", help="warn of answers in words nobody has seen the real service use"
    )
    for name, help_text in OPTIONS.items():
        parser.addini(f"mockserver_{name}", f"mockserver: {help_text}", default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    options = ", ".join(f"{name}=..." for name in OPTIONS)
    config.addinivalue_line("markers", f"mockserver({options}): set up the fixtures mockserver and mockserver_live.")


@pytest.fixture
def mockserver(request: pytest.FixtureRequest) -> "Iterator[MockServer]":
    """Google's tuning APIs in this process: what the test sends to Google's hosts, this answers."""
    from mockserver.testing.fixtures import in_process, warn_of_choices

    with in_process(_options(request), request.config.rootpath) as server:
        yield server
        if request.config.getoption("--strict-evidence"):
            warn_of_choices(server)


@pytest.fixture(scope="session")
def _mockserver_session() -> "Iterator[MockServer]":
    from mockserver.testing.mock_server import MockServer

    with MockServer(seed=0).live() as server:
        yield server


@pytest.fixture
def mockserver_live(request: pytest.FixtureRequest, _mockserver_session: "MockServer") -> "Iterator[MockServer]":
    """The session's server on a socket, at `.url`, in a world of this test's own."""
    from mockserver.testing.fixtures import renewed, warn_of_choices

    with renewed(_mockserver_session, _options(request), request.config.rootpath) as server:
        yield server
        if request.config.getoption("--strict-evidence"):
            warn_of_choices(server)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let the report of a failed test say what the server was asked, and what came of it."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for name in item.funcargs.keys() & {"mockserver", "mockserver_live"}:
            from mockserver.testing.fixtures import told

            server: Any = item.funcargs[name]
            report.sections.append((f"calls of {name}", told(server)))
    return report


def _options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The marker's words over the ini file's; of several markers the nearest one's."""
    ini = {name: request.config.getini(f"mockserver_{name}") for name in OPTIONS}
    said = {name: value for name, value in ini.items() if value is not None}
    for marker in reversed(list(request.node.iter_markers("mockserver"))):
        unknown = [*marker.kwargs.keys() - OPTIONS.keys(), *map(repr, marker.args)]
        if unknown:
            known = ", ".join(OPTIONS)
            pytest.fail(f"mockserver marker: unknown option {', '.join(unknown)}; there are {known}", pytrace=False)
        said |= marker.kwargs
    return said

"""The pytest plugin: two fixtures and a marker. Nothing heavy is imported until a fixture is used."""

from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # import-linter counts these imports too
    from mockserver.settings import Setting
    from mockserver.testing.mock_server import MockServer


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an ini option for each setting of a test, and an option of the command line."""
    parser.getgroup("mockserver").addoption(
        "--strict-evidence", action="store_true", help="warn of answers in words nobody has seen the real service use"
    )
    for name, setting in _settings().items():
        parser.addini(f"mockserver_{name}", f"mockserver: {setting.test_help}", default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    options = ", ".join(f"{name}=..." for name in _settings())
    config.addinivalue_line("markers", f"mockserver({options}): set up the fixtures mockserver and mockserver_live.")


def _settings() -> "Mapping[str, Setting]":
    """The settings of a test: the marker's options, and with `mockserver_` before them those of the ini file."""
    from mockserver.settings import GROUPS, By, declared

    return declared(*GROUPS, by=By.TEST)


@pytest.fixture
def mockserver(request: pytest.FixtureRequest) -> "Iterator[MockServer]":
    """Google's tuning APIs in this process: it answers what the test sends to Google's hosts."""
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
    """The session's server on a socket, at `.url`, with a new world for this test."""
    from mockserver.testing.fixtures import renewed, warn_of_choices

    with renewed(_mockserver_session, _options(request), request.config.rootpath) as server:
        yield server
        if request.config.getoption("--strict-evidence"):
            warn_of_choices(server)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the calls that the server received to the report of a failed test."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for name in item.funcargs.keys() & {"mockserver", "mockserver_live"}:
            from mockserver.testing.fixtures import summary

            server: Any = item.funcargs[name]
            report.sections.append((f"calls of {name}", summary(server)))
    return report


def _options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The values of the ini file, overridden by those of the markers; the nearest marker wins."""
    from mockserver.settings import unknown_names

    settings = _settings()
    ini = {name: request.config.getini(f"mockserver_{name}") for name in settings}
    values = {name: value for name, value in ini.items() if value is not None}
    for marker in reversed(list(request.node.iter_markers("mockserver"))):
        if marker.args:
            pytest.fail(f"mockserver marker: {marker.args[0]!r} needs a name: clock={marker.args[0]!r}", pytrace=False)
        if unknown := unknown_names(marker.kwargs, settings, "option"):
            pytest.fail(f"mockserver marker: {unknown}", pytrace=False)
        values |= marker.kwargs
    return values

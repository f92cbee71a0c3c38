"""The pytest plugin: fixtures and a marker. It imports the server only when a test uses a fixture."""

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # import-linter counts these imports too
    from mockserver.settings import Setting
    from mockserver.testing.mock_server import MockServer


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an ini option for each setting of a test, and the command-line option."""
    parser.getgroup("mockserver").addoption(
        "--strict-evidence",
        action="store_true",
        help="warn about error messages that the real service was never seen to send",
    )
    parser.addini(
        "mockserver_required",
        type="bool",
        default=False,
        help="mockserver: refuse Google's hosts to the whole run, except to tests with one of the fixtures",
    )
    for name, setting in _settings().items():
        parser.addini(f"mockserver_{name}", f"mockserver: {setting.test_help}", default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    options = ", ".join(f"{name}=..." for name in _settings())
    config.addinivalue_line("markers", f"mockserver({options}): set up the fixtures mockserver, mockserver_live ...")
    _warn_of_misspelt_options(config)


def _warn_of_misspelt_options(config: pytest.Config) -> None:
    """Warn of options in the ini file that look like ours, with the one that was meant; pytest's warning has none."""
    text = config.inipath.read_text(encoding="utf-8", errors="replace") if config.inipath else ""
    names = re.findall(r"^\s*mockserver_(\w+)\s*=", text, re.MULTILINE)
    known = {*_settings(), "required"}
    if any(name not in known for name in names):
        from mockserver.settings import unknown_names

        message = f"mockserver: in the ini file, where each name has mockserver_ before it, {unknown_names(names, known, 'option')}"
        config.issue_config_time_warning(pytest.PytestConfigWarning(message), stacklevel=2)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Refuse Google's hosts outside of the fixtures, if the ini file says so."""
    if session.config.getini("mockserver_required"):
        from mockserver.testing.fixtures import refuse_outside

        session.config.add_cleanup(refuse_outside())


def _settings() -> "Mapping[str, Setting]":
    """Return the settings of a test: the options of the marker and, with the prefix `mockserver_`, of the ini file."""
    from mockserver.settings import GROUPS, By, declarations

    return declarations(*GROUPS, by=By.TEST)


_FAILED = pytest.StashKey[bool]()
"""Whether the test has failed, and so has a report of its calls, when its fixtures end."""

_LIVE_WORLD = pytest.StashKey["MockServer"]()
"""The world of `mockserver_live`: when the report of a failing tear-down is made, the server has another."""


def _failure_check(request: pytest.FixtureRequest) -> "Callable[[], bool]":
    return lambda: request.node.stash.get(_FAILED, False)


def _serve(request: pytest.FixtureRequest) -> "Iterator[MockServer]":
    from mockserver.testing.fixtures import in_process, warn_of_unseen_answers

    with in_process(_options(request), request.config.rootpath, _failure_check(request)) as server:
        yield server
        if request.config.getoption("--strict-evidence"):
            warn_of_unseen_answers(server)


@pytest.fixture
def mockserver(request: pytest.FixtureRequest) -> "Iterator[MockServer]":
    """Serve Google's tuning APIs in this process: answer the test's requests to Google's hosts."""
    yield from _serve(request)


@pytest.fixture(scope="class")
def mockserver_class(request: pytest.FixtureRequest) -> "Iterator[MockServer]":
    """Serve as `mockserver` does: one server for all tests of a class."""
    yield from _serve(request)


@pytest.fixture(scope="module")
def mockserver_module(request: pytest.FixtureRequest) -> "Iterator[MockServer]":
    """Serve as `mockserver` does: one server for all tests of a module."""
    yield from _serve(request)


@pytest.fixture(scope="session")
def mockserver_session(request: pytest.FixtureRequest) -> "Iterator[MockServer]":
    """Serve as `mockserver` does: one server for all tests of the session."""
    yield from _serve(request)


@pytest.fixture(scope="session")
def _mockserver_session() -> "Iterator[MockServer]":
    from mockserver.testing.mock_server import MockServer

    with MockServer(seed=0).live() as server:
        yield server


@pytest.fixture
def mockserver_live(request: pytest.FixtureRequest, _mockserver_session: "MockServer") -> "Iterator[MockServer]":
    """Serve Google's tuning APIs on a socket, at `.url`; the server is the session's, the world the test's own."""
    from mockserver.testing.fixtures import on_socket, warn_of_unseen_answers

    with on_socket(_mockserver_session, _options(request), request.config.rootpath, _failure_check(request)) as server:
        request.node.stash[_LIVE_WORLD] = server.pinned()
        yield server
        if request.config.getoption("--strict-evidence"):
            warn_of_unseen_answers(server)


_FIXTURES = {"mockserver", "mockserver_class", "mockserver_module", "mockserver_session", "mockserver_live"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failed test the calls that the server received, or that it lacks a fixture."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        error = call.excinfo.value if call.excinfo else None
        servers: dict[str, Any] = {name: item.funcargs[name] for name in sorted(item.funcargs.keys() & _FIXTURES)}
        if call.when == "teardown" and _LIVE_WORLD in item.stash:
            servers["mockserver_live"] = item.stash[_LIVE_WORLD]
        is_second = call.when == "teardown" and item.stash.get(_FAILED, False) and str(error).startswith("mockserver: ")
        for name, server in () if is_second else servers.items():
            from mockserver.testing.fixtures import describe_calls

            others = {other: servers[other] for other in servers if other != name}
            if text := describe_calls(server, others, error):
                report.sections.append((f"calls of {name}", text))
        if servers and error is not None:
            from mockserver.testing.advice import advise

            if advice := "\n".join(advise(_chain(error))):
                report.sections.append(("mockserver", advice))
        if not _FIXTURES.intersection(item.fixturenames) and _needs_google(error):
            report.sections.append(("mockserver", FORGOTTEN))
        item.stash[_FAILED] = True
    return report


FORGOTTEN = (
    "this test does not use the fixture mockserver, which answers for Google and has made-up credentials; the ini option"
    " mockserver_required refuses Google to such tests at once, where clients would retry for a minute"
)


_WORDS = ("googleapis.com", "api key", "api_key")


def _needs_google(error: BaseException | None) -> bool:
    """Return whether the error, or one that led to it, names Google's hosts, a missing key or missing credentials."""
    return any(
        type(each).__name__ == "DefaultCredentialsError" or any(word in str(each).lower() for word in _WORDS)
        for each in _chain(error)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error, and those that led to it, each once."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the options of the ini file, overridden by those of the markers; the nearest marker wins."""
    from mockserver.settings import unknown_settings

    settings = _settings()
    ini = {name: request.config.getini(f"mockserver_{name}") for name in settings}
    values = {name: value for name, value in ini.items() if value is not None}
    for marker in reversed(list(request.node.iter_markers("mockserver"))):
        if marker.args:
            pytest.fail(f"mockserver marker: {marker.args[0]!r} needs a name: clock={marker.args[0]!r}", pytrace=False)
        if unknown := unknown_settings(marker.kwargs, settings, "option"):
            pytest.fail(f"mockserver marker: {unknown}", pytrace=False)
        values |= marker.kwargs
    return values

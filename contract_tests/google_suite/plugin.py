"""The pytest plugin of the suite: the mock server answers in every test, and declared failures are expected.

A declared failure is an xfail(strict=True): pytest also fails a test that passes although it is declared.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import certifi
import pytest

from contract_tests.google_suite.declared import RESOURCES, declared_reasons
from contract_tests.google_suite.hosts import redirected
from mockserver import MockServer
from mockserver.gemini import cached_contents as gemini
from mockserver.generation.cached_content import new_cached_content
from mockserver.rpc.credentials import Credentials, identify
from mockserver.state.world import World
from mockserver.vertex import cached_contents as vertex

REAL_SLEEP = ("client/", "common/", "live/")
"""Tests of the SDK's own retries and timeouts, which measure the machine's time."""

OF_CERTIFICATES = ("client/",)
"""Tests of which certificates the SDK loads: they need the machine's."""

SEEDED = ("models/", "operations/", "shared/", "tunings/")
CACHED = ("caches/", "models/test_generate_content_cached_content.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that the runner passes."""
    parser.addoption("--over-a-socket", action="store_true", help="send the requests to a server on a socket")
    parser.addoption("--figures", type=Path, help="write what became of the tests to this file")


def pytest_configure(config: pytest.Config) -> None:
    """Count outcomes in the process that prints the summary."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Figures(config.getoption("--figures")))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Expect the declared failures."""
    reasons = declared_reasons(over_a_socket=config.getoption("--over-a-socket"))
    for item in items:
        if reason := reasons.get(_test_id(item.nodeid)):
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
        if _test_id(item.nodeid).startswith(REAL_SLEEP):
            item.add_marker(pytest.mark.mockserver(sleep="real"))


@pytest.fixture(scope="session")
def _certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write a file with one certificate. Nothing here speaks TLS, and each client loads what it finds three times."""
    file = tmp_path_factory.mktemp("certificate") / "one.pem"
    end = "-----END CERTIFICATE-----\n"
    file.write_text(certifi.contents().partition(end)[0] + end)
    return str(file)


@pytest.fixture(autouse=True)
def _answered(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, _certificate: str) -> None:
    """Let the mock server answer, with the resources of Google's project where tests read them."""
    if not _test_id(request.node.nodeid).startswith(OF_CERTIFICATES):
        monkeypatch.setenv("SSL_CERT_FILE", _certificate)
    live = request.config.getoption("--over-a-socket")
    server: MockServer = request.getfixturevalue("mockserver_live" if live else "mockserver")
    redirected(monkeypatch, server.url)
    if _test_id(request.node.nodeid).startswith(SEEDED):
        for kind, add in (("tuned_models", server.add_tuned_model), ("tuning_jobs", server.add_tuning_job)):
            _add_all(add, RESOURCES[kind])
    if _test_id(request.node.nodeid).startswith(CACHED):
        _add_cached_contents(server._world)  # noqa: SLF001 - their names cannot be chosen in a request


def _add_all(add: Callable[..., str], resources: list[dict[str, Any]]) -> None:
    for resource in resources:
        add(**resource)


def _add_cached_contents(world: World) -> None:
    """Add those of Google's project."""
    key = identify(Credentials(key=world.credentials.api_key)).principal
    for collection, owner, place in (
        (gemini.CACHED_CONTENTS, key, ""),
        (vertex.CACHED_CONTENTS, "", "projects/801452371447/locations/us-central1/publishers/google/"),
    ):
        for name in RESOURCES["cached_contents"][collection.name.partition(".")[0]]:
            parent = owner or name.partition("/cachedContents/")[0]
            cached = new_cached_content(name, parent, f"{place}models/gemini-2.5-flash", {}, world.clock.now())
            world.store.insert(collection, name, cached)


class _Figures:
    """The ids of the tests by outcome: passed, skipped, declared."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._ids: dict[str, list[str]] = {"passed": [], "skipped": [], "declared": []}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a phase of a test."""
        if report.skipped:
            self._ids["declared" if hasattr(report, "wasxfail") else "skipped"].append(_test_id(report.nodeid))
        elif report.passed and report.when == "call":
            self._ids["passed"].append(_test_id(report.nodeid))

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        if self._path is not None:
            self._path.write_text(json.dumps(self._ids))


def _test_id(nodeid: str) -> str:
    """Return the id from the folder of the tests on, whatever pytest's root directory is."""
    return nodeid.rpartition("google/genai/tests/")[2] if "google/genai/tests/" in nodeid.partition("::")[0] else nodeid

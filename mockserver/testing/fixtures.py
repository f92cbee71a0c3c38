"""What the fixtures of the pytest plugin do. It is loaded when a test asks for one."""

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mockserver.inspection.evidence import find_unseen_answers
from mockserver.settings import Beginning, By, Interception, Settings, declared, read_settings
from mockserver.testing.mock_server import MockServer


class Options:
    """The values of the ini file and the marker: those of `MockServer`, and those of the interception."""

    def __init__(self, values: Mapping[str, Any], root: Path) -> None:
        values = {name: _below_root(value, root) if name in _PATHS else value for name, value in values.items()}
        self.interception = read_settings(Interception, values)
        settings = declared(Beginning, Settings, by=By.TEST)
        self.server: dict[str, Any] = {name: value for name, value in values.items() if name in settings}


@contextlib.contextmanager
def in_process(values: Mapping[str, Any], root: Path) -> Iterator[MockServer]:
    """A server for this test that answers what the test sends to Google's hosts."""
    with _explained():
        options = Options(values, root)
        server = MockServer(**{"seed": 0} | options.server)
    with _intercepting(server, options.interception):
        yield server
    _report(server, options.interception.leaks)


@contextlib.contextmanager
def renewed(server: MockServer, values: Mapping[str, Any], root: Path) -> Iterator[MockServer]:
    """The session's server with a new world for this test."""
    with contextlib.ExitStack() as stack:
        with _explained():
            options = Options(values, root)
            defaults: dict[str, Any] = {"seed": 0, "clock": declared(Beginning)["clock"].live_default}
            stack.enter_context(server.renewed(**defaults | options.server))
        stack.enter_context(_intercepting(server, options.interception))
        yield server
        _report(server, options.interception.leaks)


def _intercepting(server: MockServer, options: Interception) -> contextlib.AbstractContextManager[MockServer]:
    return server.intercepting(sleep=options.sleep, block_network=options.block_network)


def summary(server: MockServer) -> str:
    """What the report of a failed test says of the server: the newest calls, and hints about the misses."""
    calls = server.calls
    lines = ["..."] if len(calls) > 20 else []
    for call in calls[-20:]:
        lines += [str(call), *([f"    hint: {call.hint}"] if call.hint else [])]
    return "\n".join(lines) or "no calls"


def warn_of_choices(server: MockServer) -> None:
    """Warn of answers in words that we chose, because nobody has seen the real service's."""
    for sentence in find_unseen_answers(server.calls):
        warnings.warn(pytest.PytestWarning(f"mockserver: {sentence}"), stacklevel=1)


_PATHS = ("answers", "gcs_root")
"""Settings whose texts are paths: in an ini file and a marker they begin at pytest's root directory."""


def _below_root(value: Any, root: Path) -> Any:
    return root / value if isinstance(value, str) else value


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Let the test fail with a sentence rather than a traceback through us."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise pytest.fail.Exception(f"mockserver: {error}", pytrace=False) from None


def _report(server: MockServer, on_leaks: str) -> None:
    left = server.leftovers
    if not left or on_leaks == "ignore":
        return
    message = f"mockserver: the test left something behind\n{left}"
    if on_leaks == "fail":
        pytest.fail(message, pytrace=False)
    warnings.warn(pytest.PytestWarning(message), stacklevel=1)

"""What the fixtures of the pytest plugin do. It is loaded when a test asks for one."""

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mockserver import settings
from mockserver.inspection.evidence import find_unseen_answers
from mockserver.testing.mock_server import SLEEPS, MockServer

# A live server's clock unless it is told otherwise: an hour passes in a minute.
LIVE_CLOCK = "60x"

_ON_LEAKS = ("ignore", "warn", "fail")


class Options:
    """What ini file and marker say, sorted by who takes it."""

    def __init__(self, said: Mapping[str, Any], root: Path) -> None:
        read = {name: _read(name, value, root) for name, value in said.items()}
        self.intercepting = {name: read.pop(name) for name in ("sleep", "block_network") if name in read}
        self.leaks = settings.one_of("leaks", read.pop("leaks", "ignore"), _ON_LEAKS)
        self.server = read


@contextlib.contextmanager
def in_process(said: Mapping[str, Any], root: Path) -> Iterator[MockServer]:
    """A server of the test's own that answers what the test sends to Google's hosts."""
    with _explained():
        asked = Options(said, root)
        server = MockServer(**{"seed": 0} | asked.server)
    with server.intercepting(**asked.intercepting):
        yield server
    _report(server, asked.leaks)


@contextlib.contextmanager
def renewed(server: MockServer, said: Mapping[str, Any], root: Path) -> Iterator[MockServer]:
    """The session's server in a world of the test's own."""
    with contextlib.ExitStack() as stack:
        with _explained():
            asked = Options(said, root)
            defaults: dict[str, Any] = {"seed": 0, "clock": LIVE_CLOCK}
            stack.enter_context(server.renewed(**defaults | asked.server))
        stack.enter_context(server.intercepting(**asked.intercepting))
        yield server
        _report(server, asked.leaks)


def told(server: MockServer) -> str:
    """What the report of a failed test says of the server: the newest calls, and what is known of the misses."""
    calls = server.calls
    lines = ["..."] if len(calls) > 20 else []
    for call in calls[-20:]:
        lines += [str(call), *([f"    hint: {call.hint}"] if call.hint else [])]
    return "\n".join(lines) or "no calls"


def warn_of_choices(server: MockServer) -> None:
    """Warn of what the test was told that is a choice of ours, nobody having seen the real service say it."""
    for sentence in find_unseen_answers(server.calls):
        warnings.warn(pytest.PytestWarning(f"mockserver: {sentence}"), stacklevel=1)


def _read(name: str, value: Any, root: Path) -> Any:
    """The value of an option that is the fixture's: an ini file has texts only, and so may the marker."""
    if name == "sleep":
        return settings.one_of(name, value, SLEEPS)
    if not isinstance(value, str):
        return value
    match name:
        case "block_network":
            return settings.yes_or_no(name, value)
        case "answers":
            return root / value
        case "gcs_root":
            return str(root / value)
        case _:
            return value


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

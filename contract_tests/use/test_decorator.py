"""`MockServer.intercepting()` for unittest and plain scripts: a context manager, a decorator, a start and a stop."""

import asyncio
import subprocess
import sys
import time
import unittest
from io import StringIO

import httpx
import pytest

from mockserver import MockServer, NotServed

URL = "https://generativelanguage.googleapis.com/v1beta/models?key=any-key"

server = MockServer()
server.add_tuned_model("days", state="CREATING", step=0)


@server.intercepting()
def ask(times: int = 1) -> int:
    """Ask so many times, and sleep."""
    for _ in range(times):
        assert httpx.get(URL).is_success
    time.sleep(3600)  # noqa: TID251 - the code under test sleeps
    assert server.tuned_models["days"]["state"] == "ACTIVE"
    return times


@server.intercepting()
async def ask_later() -> int:
    """Ask once, asynchronously."""
    async with httpx.AsyncClient() as client:
        await asyncio.sleep(60)
        return (await client.get(URL)).status_code


def test_decorated_function_is_answered_each_time_from_the_start() -> None:
    """Arguments and result pass; the world begins as it was when the function was decorated."""
    assert 2 == ask(times=2)
    assert 2 == len(server.calls)
    assert 1 == ask()
    assert 1 == len(server.calls)
    assert ("ask", "Ask so many times, and sleep.") == (ask.__name__, ask.__doc__)


def test_decorated_coroutine_is_answered_while_it_runs() -> None:
    """Not only while it is made."""
    assert 200 == asyncio.run(ask_later())
    assert 1 == len(server.calls)


@server.intercepting()
class Case(unittest.TestCase):
    """As users of unittest write it."""

    def setUp(self) -> None:
        """Send a request before the test."""
        assert httpx.get(URL).is_success

    def test_first(self) -> None:
        """Send a second one."""
        assert httpx.get(URL).is_success
        self.assertEqual(2, len(server.calls))  # noqa: PT009 - unittest's own

    def test_second(self) -> None:
        """See nothing of the other test."""
        self.assertEqual(1, len(server.calls))  # noqa: PT009 - unittest's own


@server.intercepting()
class TestDecoratedClass:
    """As users of pytest write it."""

    def test_asked(self) -> None:
        """Each test has its own world."""
        assert httpx.get(URL).is_success
        assert 1 == len(server.calls)

    @pytest.mark.parametrize("number", [1, 2])
    def test_asked_again(self, number: int) -> None:
        """Fixtures and parameters still arrive."""
        assert number in {1, 2}
        assert not server.calls


def test_each_test_of_a_case_is_answered() -> None:
    """Set-up and tear-down too."""
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Case)
    result = unittest.TextTestRunner(StringIO()).run(suite)

    assert (2, [], []) == (result.testsRun, result.errors, result.failures)


@server.intercepting()
def leave_notes() -> tuple[int, int]:
    """Reach a host that is not answered and start a program; return how often each was noted."""
    with pytest.raises(NotServed):
        httpx.get("https://translation.googleapis.com/")
    subprocess.run([sys.executable, "-c", ""], check=True)
    return len(server.refused_hosts), len(server.child_processes)


def test_each_call_has_its_own_notes() -> None:
    """What one has left in the server's lists is not the next one's."""
    assert (1, 1) == leave_notes()
    assert (1, 1) == leave_notes()


def test_start_and_stop() -> None:
    """For cells of a notebook and for setUp; a stop without a start is an error."""
    interception = MockServer().intercepting()
    started = interception.start()
    assert httpx.get(URL).is_success
    interception.stop()

    assert 1 == len(started.calls)
    with pytest.raises(RuntimeError, match=r"stop\(\) without a start\(\)"):
        interception.stop()


def test_unknown_options_are_refused_at_once() -> None:
    """Not only when the block is entered."""
    with pytest.raises(TypeError, match="there is no option 'sleeep'; did you mean 'sleep'"):
        MockServer().intercepting(sleeep="real")  # type: ignore[call-arg]  # the mistake

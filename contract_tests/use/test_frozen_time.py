"""Tests that freeze the machine's time: the server's own goes on, since it is the server's clock that a test moves."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from freezegun import freeze_time

from contract_tests.environment import HANGS
from mockserver import Fault, MockServer
from mockserver.doors import event_loop
from mockserver.state.clock import Machine

KEY = {"x-goog-api-key": "any-key"}
START = datetime(2024, 3, 14, tzinfo=UTC)
DAY = "2001-02-03"


@pytest.fixture(params=["uvloop", "asyncio"])
def loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A live server runs in this event loop."""
    if request.param == "asyncio":
        monkeypatch.setattr(event_loop, "find_spec", lambda _: None)


def has_a_body(url: str) -> bool:
    """Whether the server answers a request."""
    return bool(httpx.get(f"{url}/v1beta/models", headers=KEY, timeout=HANGS).json()["models"])


@pytest.mark.usefixtures("loop")
def test_freezing_throws_no_live_server_off() -> None:
    """Its clock is where it was, a fault of latency passes, and it stops."""
    with MockServer(clock="real", start_time=START).live() as server:
        server.fault(Fault(method="models.list", latency_seconds=0.05))
        with freeze_time(DAY):
            answered = has_a_body(server.url)
            within = server.now

        assert answered
        assert START <= within < START + timedelta(hours=1)


@pytest.mark.usefixtures("loop")
def test_a_server_may_start_and_stop_while_time_is_frozen() -> None:
    """It starts at the machine's date, since the server's time is not the test's."""
    with freeze_time(DAY), MockServer(clock="real").live() as server:
        assert has_a_body(server.url)
        assert server.now.year > 2001


def test_a_running_clock_in_process_is_not_frozen() -> None:
    """A latency passes, though the loop of the code under test stands still."""
    with MockServer(clock="1000x", start_time=START).intercepting() as server:
        server.fault(Fault(method="models.list", latency_seconds=10))
        with freeze_time(DAY):
            assert has_a_body("https://generativelanguage.googleapis.com")

        assert timedelta(seconds=10) <= server.now - START < timedelta(days=1)


def nap() -> None:
    """A synchronous hour."""
    time.sleep(3600)  # noqa: TID251 - it is the code under test that sleeps


def nap_in_a_loop() -> None:
    """An asynchronous one."""
    asyncio.run(asyncio.sleep(3600))


@pytest.mark.parametrize("sleep", [nap, nap_in_a_loop])
def test_virtual_sleep_moves_the_servers_clock_while_time_is_frozen(sleep: Callable[[], None]) -> None:
    """It is the server's clock that sleeping moves, whatever the machine's says."""
    with MockServer(start_time=START).intercepting() as server, freeze_time(DAY):
        sleep()

        assert START + timedelta(hours=1) == server.now


@pytest.mark.parametrize("days", [-365, -1, 3650])
def test_a_wall_clock_that_is_set_moves_no_running_clock(days: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by NTP, by a user, or by a virtual machine that is resumed."""
    read = Machine.time_ns
    with MockServer(clock="real").live() as server:
        before = server.now
        monkeypatch.setattr(Machine, "time_ns", staticmethod(lambda: read() + days * 86_400 * 10**9))
        answered = has_a_body(server.url)

        assert answered
        assert before <= server.now < before + timedelta(minutes=5)


def test_a_monotonic_clock_that_counts_a_suspension_moves_a_running_clock_ahead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on Windows: after a night, the night has passed for the server too, and it answers."""
    read = Machine.perf_counter_ns
    with MockServer(clock="30x", start_time=START).live() as server:
        monkeypatch.setattr(Machine, "perf_counter_ns", staticmethod(lambda: read() + 8 * 3600 * 10**9))
        answered = has_a_body(server.url)

        assert answered
        assert timedelta(hours=240) <= server.now - START < timedelta(hours=250)

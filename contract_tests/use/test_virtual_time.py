"""Time for a test: unchanged loops that sleep end at once, having seen every state on the way."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from mockserver import Fault, ManualClock, MockServer, SystemClock

Json = dict[str, Any]

GEMINI = "https://generativelanguage.googleapis.com"
START = datetime(2024, 3, 14, 15, 0, tzinfo=UTC)
KEY = {"x-goog-api-key": "any-key"}


def look(name: str, host: str = GEMINI) -> Json:
    """What a GET says of a tuned model."""
    seen: Json = httpx.get(f"{host}/v1beta/{name}", headers=KEY).json()
    return seen


def test_loop_sees_every_state_and_takes_no_time() -> None:
    """A poll every five seconds: steps grow, the end comes when it would have come."""
    with MockServer(seed=1, start_time=START).intercepting() as server:
        name = server.add_tuned_model(state="CREATING", step=0)
        steps, real = [], time.monotonic()
        while (model := look(name))["state"] == "CREATING":
            steps.append(len(model["tuningTask"].get("snapshots", ())))
            time.sleep(5)
        took = time.monotonic() - real

    assert steps == sorted(steps)
    assert len(set(steps)) > 3
    assert timedelta(seconds=5 * len(steps)) == server.now - START
    assert took < (server.now - START).total_seconds() / 5


def test_tester_moves_the_clock() -> None:
    """By units, or to a moment; never back."""
    server = MockServer(start_time=START)
    server.clock.advance(minutes=5)
    server.clock.move_to(START + timedelta(hours=1))

    assert START + timedelta(hours=1) == server.now
    with pytest.raises(ValueError, match="time does not go back"):
        server.clock.move_to(START)


def test_clock_can_be_one_of_the_testers_own() -> None:
    """Or a word for one; a server as of a day begins on it."""
    clock = ManualClock(START)

    assert clock is MockServer(clock=clock).clock
    assert START == MockServer(clock=clock).now
    assert isinstance(MockServer(clock="60x").clock, SystemClock)
    assert datetime(2024, 3, 14, 12, tzinfo=UTC) == MockServer(as_of="2024-03-14").now
    assert START == MockServer(start_time="2024-03-14T15:00:00Z").now


def test_sleep_can_stay_real() -> None:
    """Then only the tester moves time."""
    with MockServer(start_time=START).intercepting(sleep="real") as server:
        time.sleep(0.001)

        assert START == server.now


def test_asynchronous_loops_do_too() -> None:
    """Two that poll at different intervals see the same end, in one loop and one time."""

    async def poll(client: httpx.AsyncClient, name: str, seconds: float) -> int:
        polls = 0
        while (await client.get(f"{GEMINI}/v1beta/{name}")).json()["state"] == "CREATING":
            await asyncio.sleep(seconds)
            polls += 1
        return polls

    async def both(name: str) -> tuple[int, int]:
        async with httpx.AsyncClient(headers=KEY) as client:
            return await asyncio.gather(poll(client, name, 5), poll(client, name, 10))

    with MockServer(start_time=START).intercepting() as server:
        often, seldom = asyncio.run(both(server.add_tuned_model(state="CREATING", step=0)))

    assert seldom in {often // 2, (often + 1) // 2, often // 2 + 1}
    assert (server.now - START).total_seconds() in {5 * often, 10 * seldom}


def test_live_servers_clock_is_moved_by_the_code_under_test_only() -> None:
    """Beside a server on a socket the test and its threads sleep virtually; the server as ever."""
    with MockServer().live() as server, server.intercepting():
        name = server.add_tuned_model(state="CREATING", step=0)
        server.fault(Fault("models.list", latency_seconds=5))
        before = server.now
        assert 200 == httpx.get(f"{server.url}/v1beta/models", headers=KEY).status_code
        between = server.now
        thread = threading.Thread(target=time.sleep, args=(3600,))
        thread.start()
        thread.join()

        assert timedelta(seconds=5) == between - before
        assert timedelta(hours=1) == server.now - between
        assert "ACTIVE" == look(name, server.url)["state"]


def test_job_ends_by_the_clock_and_not_by_looking() -> None:
    """Nobody asked in between, and what there is now has the times it would have had."""
    server = MockServer(start_time=START)
    name = server.add_tuned_model(state="CREATING", step=0)
    seldom = MockServer(start_time=START)
    seldom.restore(server.snapshot())
    for _ in range(60):
        server.clock.advance(minutes=1)
        assert server.tuned_models[name]
    seldom.clock.advance(hours=1)

    assert server.tuned_models[name] == seldom.tuned_models[name]
    assert "ACTIVE" == server.tuned_models[name]["state"]

"""A loop that polls without sleeping would never end, since nobody moves the clock: it gets an error that says so."""

import asyncio
import pickle
import re
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import aiohttp
import httpx
import pytest
import requests

import mockserver
from contract_tests.environment import client_python
from contract_tests.use.suites import run_text
from mockserver import BusyPolling, Fault, MockServer
from mockserver.inspection.busy_polling import LIMIT, MOST_POLLS, PollWatch

URL = "https://generativelanguage.googleapis.com/v1beta/tunedModels/slow?key=any-key"
TLS = ssl.create_default_context()  # once: it takes longer than a hundred polls


def poll_by_urllib() -> None:
    """As people's scripts do."""
    while b"CREATING" in urllib.request.urlopen(URL, context=TLS).read():  # the loop that polls
        pass


def poll_by_requests() -> None:
    """As people's scripts do."""
    while requests.get(URL, timeout=5).json()["state"] == "CREATING":  # the loop that polls
        pass


def poll_by_httpx() -> None:
    """As people's scripts do."""
    with httpx.Client() as client:
        while client.get(URL).json()["state"] == "CREATING":  # the loop that polls
            pass


def poll_by_httpx_later() -> None:
    """As people's scripts do."""

    async def poll() -> None:
        async with httpx.AsyncClient() as client:
            while (await client.get(URL)).json()["state"] == "CREATING":  # the loop that polls
                pass

    asyncio.run(poll())


def poll_by_aiohttp() -> None:
    """As people's scripts do."""

    async def poll() -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(URL) as answer:  # the loop that polls
                    assert (await answer.json())["state"] == "CREATING"

    asyncio.run(poll())


POLLS = [poll_by_urllib, poll_by_requests, poll_by_httpx, poll_by_httpx_later, poll_by_aiohttp]


@pytest.mark.parametrize("poll", POLLS)
def test_busy_loop_gets_an_error_that_names_its_line(poll: Callable[[], None]) -> None:
    """It names the job, the line that polls, and the ways out; the client does not take it for a broken network."""
    with MockServer().intercepting() as server:
        server.add_tuned_model("slow", state="CREATING", step=0)
        with pytest.raises(BusyPolling) as error:
            poll()

    lines = Path(__file__).read_text().splitlines()
    number = int(str(error.value).partition(f"{__file__}:")[2].partition(" ")[0])
    assert "# the loop that polls" in lines[number - 1]
    assert f"tunedModels/slow was polled {LIMIT} times while the clock stood still" in str(error.value)
    assert all(way in str(error.value) for way in ("sleep", "finish(name)", "busy_polling='advance'", "clock='60x'"))
    assert all(place in str(error.value) for place in ("the pytest marker", "of intercepting()", "of MockServer()"))
    assert (str(error.value),) == server.busy_polls


def ask() -> str:
    """As a wrapper of people's scripts, which tries again when it is refused."""
    for _ in range(3):
        if (reply := requests.get(URL, timeout=5)).ok:
            return str(reply.json()["state"])
    return ""


def poll_by_wrapper(sleep: Callable[[], None]) -> None:
    """As people's scripts do who use one."""
    while ask() == "CREATING":  # the loop that calls the wrapper
        sleep()


def test_error_names_the_loop_and_not_a_wrapper() -> None:
    """Whether the clock stands still, or the job never ends."""
    lines = Path(__file__).read_text().splitlines()
    place = next(number for number, line in enumerate(lines, 1) if line.endswith("# the loop that calls the wrapper"))
    with MockServer().intercepting() as server:
        server.add_tuned_model("slow", state="CREATING", step=0)
        for sleep in (lambda: None, lambda: server.clock.advance(hours=12)):
            with pytest.raises(BusyPolling, match=f", by {re.escape(__file__)}:{place} in poll_by_wrapper"):
                poll_by_wrapper(sleep)
            server.stall("slow", at_step=0)


@pytest.mark.parametrize("poll", POLLS)
def test_each_poll_can_move_the_clock_instead(poll: Callable[[], None]) -> None:
    """Then the loop ends, after as many seconds as it has polled."""
    with MockServer().intercepting(busy_polling="advance") as server:
        server.add_tuned_model("slow", state="CREATING", step=0)
        began = server.now
        try:
            poll()
        except AssertionError:  # aiohttp's loop ends so
            assert poll is poll_by_aiohttp

    assert "ACTIVE" == server.tuned_models["slow"]["state"]
    assert len(server.calls) - 1 == (server.now - began).total_seconds()


JOBS = "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/tuningJobs"
JOB = {"baseModel": "gemini-2.0-flash-001", "supervisedTuningSpec": {"trainingDatasetUri": "gs://b/train.jsonl"}}
TOKEN = {"authorization": "Bearer any-token"}


def test_loop_without_a_deadline_gets_an_error_if_the_job_never_ends() -> None:
    """It sleeps, so time passes; it names the line, whichever of the two services the job is of."""
    with MockServer().intercepting() as server, httpx.Client() as client:
        server.fault(Fault(never_finish=True))
        name = client.post(JOBS, headers=TOKEN, json=JOB).json()["name"]
        url = f"https://us-central1-aiplatform.googleapis.com/v1/{name}"
        began = server.now

        def wait() -> None:
            while not client.get(url, headers=TOKEN).json()["state"].endswith("SUCCEEDED"):
                server.clock.advance(hours=1)

        with pytest.raises(
            BusyPolling, match=r"never ends \(never_finish, or a stall\).* by .*_polling.py:\d+ in .*wait"
        ):
            wait()

    assert timedelta(days=7) <= server.now - began < timedelta(days=8)


def test_loop_with_a_deadline_by_another_clock_gets_that_error_soon() -> None:
    """It sleeps half a minute each time, and looks at the machine's clock, which stands still: it says what to set."""
    deadline = time.monotonic() + 3600  # noqa: TID251 - it is the code under test that looks

    def wait() -> None:
        with httpx.Client() as client:
            while time.monotonic() < deadline and client.get(URL).json()["state"] == "CREATING":  # noqa: TID251 - see above
                time.sleep(30)  # noqa: TID251 - see above

    with MockServer().intercepting() as server:
        server.stall(server.add_tuned_model("slow", state="CREATING", step=0), at_step=3)
        with pytest.raises(BusyPolling, match=r"machine's clock .*sleep='virtual\+clock'.* busy_polling='ignore'"):
            wait()

    assert MOST_POLLS == len(server.calls) + 1


def test_poll_a_second_for_two_hours_is_no_such_loop() -> None:
    """Nor is one whose job ends."""
    with MockServer().intercepting() as server:
        server.stall(server.add_tuned_model("slow", state="CREATING", step=0), at_step=3)
        watch = PollWatch(server._world, server.clock, "fail")  # noqa: SLF001 - two hours of requests take too long
        with httpx.Client() as client:
            client.get(URL)
        for _ in range(7200):
            watch.note("poll", "")
            server.clock.advance(1)
        watch.note("poll", "")
        server.clock.advance(1)
        with pytest.raises(BusyPolling):
            watch.note("poll", "")


def test_errors_are_where_users_look() -> None:
    """They are imported from the package, and their names in an error say so."""
    for error in (mockserver.BusyPolling, mockserver.NotServed):
        assert f"mockserver.{error.__name__}" == f"{error.__module__}.{error.__qualname__}"
        assert isinstance(pickle.loads(pickle.dumps(error("why"))), error)  # noqa: S301 - it was written here


def test_loop_with_a_deadline_never_sees_that_error() -> None:
    """Nor does one whose job ends one day, nor one that polls a few times over many days."""
    with MockServer().intercepting() as server, httpx.Client() as client:
        server.stall(server.add_tuned_model("slow", state="CREATING", step=0), at_step=3)
        server.add_tuned_model("done")
        for _ in range(6 * 24):
            client.get(URL)
            server.clock.advance(hours=1)
        for _ in range(20):
            client.get(URL.replace("slow", "done"))
            server.clock.advance(hours=24)
        for _ in range(LIMIT + 10):
            client.get(URL.replace("slow", "done"))
            server.clock.advance(hours=24)
        assert "CREATING" == client.get(URL).json()["state"]


def test_loop_that_sleeps_may_poll_as_often_as_it_likes() -> None:
    """A job that never ends is polled more often than the limit, with the clock moving."""
    with MockServer().intercepting() as server:
        server.stall(server.add_tuned_model("slow", state="CREATING", step=0), at_step=3)
        with httpx.Client() as client:
            for _ in range(LIMIT + 10):
                client.get(URL)
                server.clock.advance(0.001)

    assert LIMIT + 10 == len(server.calls)


def test_other_requests_are_no_polls() -> None:
    """Neither lists, nor a job that has ended, nor a model that is not there."""
    with MockServer().intercepting() as server, httpx.Client() as client:
        for path in ("models", "tunedModels/none"):
            for _ in range(LIMIT + 10):
                client.get(f"https://generativelanguage.googleapis.com/v1beta/{path}?key=any-key")
        server.add_tuned_model("slow")
        for _ in range(LIMIT + 10):
            client.get(URL)

    assert 3 * (LIMIT + 10) == len(server.calls)


def test_two_loops_side_by_side_are_found_too() -> None:
    """Each polls its own job."""
    errors: list[Exception] = []

    def poll(name: str) -> None:
        with httpx.Client() as client:
            try:
                while True:
                    client.get(URL.replace("slow", name))
            except BusyPolling as error:
                errors.append(error)

    with MockServer().intercepting() as server:
        for name in ("one", "two"):
            server.add_tuned_model(name, state="CREATING", step=0)
        threads = [threading.Thread(target=poll, args=(name,)) for name in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert 2 == len(errors)


def test_many_who_poll_once_are_no_loop() -> None:
    """Threads and tasks that wait for the same job, each with its own sleep."""

    async def poll(client: httpx.AsyncClient) -> None:
        await client.get(URL)

    async def all_at_once() -> None:
        async with httpx.AsyncClient() as client:
            await asyncio.gather(*(poll(client) for _ in range(2 * LIMIT)))

    with MockServer().intercepting() as server:
        server.add_tuned_model("slow", state="CREATING", step=0)
        asyncio.run(all_at_once())

    assert 2 * LIMIT == len(server.calls)


def test_progress_bar_in_a_bare_loop_and_calls_over_grpc(tmp_path: Path) -> None:
    """google-generativeai polls over gRPC; neither `wait_bar()` in a bare loop nor a loop around `done()` sleeps."""
    text = r"""
import google.generativeai as genai
import pytest


def create():
    genai.configure(api_key="any-key")
    data = [{"text_input": "monday", "output": "tuesday"}]
    return genai.create_tuned_model("models/gemini-1.5-flash-001-tuning", data, id="slow", epoch_count=5)


def test_busy(mockserver):
    operation = create()
    with pytest.raises(Exception, match=r"polled 100 times while the clock stood still, by .*test_theirs.py:15 in test_busy"):
        while not operation.done():
            pass


@pytest.mark.mockserver(busy_polling="advance")
def test_advance(mockserver):
    operation = create()
    while not operation.done():
        pass
    assert operation.result().state.name == "ACTIVE"


def test_bar(mockserver):
    bar = create().wait_bar()
    with pytest.raises(Exception, match=r"polled 100 times while the clock stood still, by .*test_theirs.py:\d+ in test_bar"):
        for _ in bar:
            pass


@pytest.mark.mockserver(busy_polling="advance")
def test_bar_that_advances(mockserver):
    for _ in create().wait_bar():
        pass
    assert mockserver.tuned_models["slow"]["state"] == "ACTIVE"
"""
    ran = run_text(client_python("generativeai"), text, tmp_path, "-W", "ignore")

    assert {"passed": 4} == ran.outcome

"""A storage emulator that takes its time holds up those who wait for their data, and nobody else."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import Queue
from threading import Event
from typing import Any

import httpx
import pytest

from contract_tests.environment import HANGS
from contract_tests.neighbour import Neighbour, serving
from mockserver.testing.mock_server import MockServer

LINE = b'{"contents": [{"role": "user", "parts": [{"text": "1"}]}, {"role": "model", "parts": [{"text": "2"}]}]}\n'


class SilentEmulator:
    """Cloud Storage that hears what is asked and says nothing until it is let."""

    def __init__(self) -> None:
        self.asked: Queue[str] = Queue()
        self._let = Event()

    def speak(self) -> None:
        """Answer those who wait, and whoever asks from now on: every object is one example."""
        self._let.set()

    @contextmanager
    def run(self) -> Iterator[str]:
        """Serve; the URL."""
        emulator = self

        class Handler(Neighbour):
            def get(self) -> None:
                emulator.asked.put(self.path)
                emulator._let.wait(HANGS)
                self.answer(200, LINE)

        with serving(Handler) as url:
            try:
                yield url
            finally:
                self.speak()


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[SilentEmulator]:
    """The emulator the server asks."""
    monkeypatch.setattr("mockserver.datasets.storage.EMULATOR_TIMEOUT_SECONDS", HANGS)
    silent = SilentEmulator()
    with silent.run() as url:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        yield silent


def created(url: str, data: str, version: str = "v1") -> httpx.Response:
    """The answer to a create."""
    body = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": {"trainingDatasetUri": data}}
    path = f"{url}/{version}/projects/mine/locations/us-central1/tuningJobs"
    return httpx.post(path, json=body, headers={"authorization": "Bearer x"}, timeout=HANGS)


def listed(url: str) -> list[dict[str, Any]]:
    """The jobs there are, by a request of its own."""
    path = f"{url}/v1/projects/mine/locations/us-central1/tuningJobs"
    answer = httpx.get(path, headers={"authorization": "Bearer x"}, timeout=HANGS).raise_for_status().json()
    return list(answer.get("tuningJobs", []))


def test_others_are_answered_while_one_waits_for_its_data(emulator: SilentEmulator) -> None:
    """Nothing of the job is to be seen until its data is there."""
    with MockServer(seed=1).live() as server, ThreadPoolExecutor() as callers:
        waiting = callers.submit(created, server.url, "gs://bucket/train.jsonl")
        emulator.asked.get(timeout=HANGS)
        meanwhile = listed(server.url)
        waits = not waiting.done()
        emulator.speak()
        job = waiting.result().json()

        assert (True, []) == (waits, meanwhile)
        assert [job] == listed(server.url)


def test_jobs_are_made_in_the_order_they_were_asked_for(emulator: SilentEmulator) -> None:
    """Each has the number it would have had, however long the first one waited."""
    with MockServer(seed=1).live() as server, ThreadPoolExecutor() as callers:
        waiting: list[Future[httpx.Response]] = []
        for data in ("gs://bucket/slow.jsonl", "gs://bucket/next.jsonl", "projects/1/locations/x/datasets/1"):
            waiting.append(callers.submit(created, server.url, data))
            if len(waiting) == 1:
                emulator.asked.get(timeout=HANGS)
            listed(server.url)
        emulator.speak()
        slow = [each.result().json()["name"] for each in waiting]
    with MockServer(seed=1).live() as server:
        undisturbed = [created(server.url, "gs://bucket/other.jsonl").json()["name"] for _ in waiting]

    assert slow[0] == undisturbed[0]
    assert set(slow) == set(undisturbed)

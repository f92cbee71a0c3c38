"""A storage emulator that takes its time holds up those who wait for their data, and nobody else."""

from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue
from threading import Event
from typing import Any

import httpx
import pytest

from contract_tests.environment import HANGS
from contract_tests.neighbour import Neighbour, serving
from contract_tests.use.serving import serving as serving_process
from mockserver.http.blocking import THREADS
from mockserver.state.clock import stopwatch
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


def test_a_job_does_not_wait_for_the_data_of_others(emulator: SilentEmulator) -> None:
    """It is made while they wait; all together have the numbers they would have had."""
    with MockServer(seed=1).live() as server, ThreadPoolExecutor() as callers:
        waiting = [callers.submit(created, server.url, f"gs://bucket/{each}.jsonl") for each in ("slow", "slower")]
        for _ in waiting:
            emulator.asked.get(timeout=HANGS)
        names = [created(server.url, "projects/1/locations/x/datasets/1").json()["name"]]
        still = [each.done() for each in waiting]
        emulator.speak()
        names += [each.result().json()["name"] for each in waiting]
    with MockServer(seed=1).live() as server:
        undisturbed = [created(server.url, "gs://bucket/other.jsonl").json()["name"] for _ in names]

    assert [False, False] == still
    assert set(names) == set(undisturbed)


def test_more_jobs_than_threads_wait_their_turn(emulator: SilentEmulator) -> None:
    """Each is made in the end, and none twice."""
    with MockServer(seed=1).live() as server, ThreadPoolExecutor(2 * THREADS) as callers:
        waiting = [callers.submit(created, server.url, "gs://bucket/a.jsonl") for _ in range(2 * THREADS)]
        for _ in range(THREADS):
            emulator.asked.get(timeout=HANGS)
        meanwhile = listed(server.url)
        emulator.speak()
        names = {each.result().json()["name"] for each in waiting}

    assert ([], 2 * THREADS) == (meanwhile, len(names))


def test_an_emulator_that_says_nothing_does_not_hold_up_the_end(emulator: SilentEmulator, tmp_path: Path) -> None:
    """Ctrl-C ends the server, whoever still waits for it."""
    with ThreadPoolExecutor() as callers:
        with serving_process(tmp_path / "log") as server:
            waiting = callers.submit(created, server.base_url, "gs://bucket/a.jsonl")
            emulator.asked.get(timeout=HANGS)
            answered = waiting.done()
            took = stopwatch()
        milliseconds = took()

    assert not answered
    assert milliseconds < 8000


@contextmanager
def lying(*pieces: bytes, rest: float = 0.0) -> Iterator[str]:
    """An emulator that answers anybody with these bytes, with a rest after each, and hangs up; its URL."""

    class Handler(Neighbour):
        def get(self) -> None:
            with suppress(OSError):  # who asked has left
                for piece in pieces:
                    self.wfile.write(piece)
                    Event().wait(rest)

    with serving(Handler) as url:
        yield url


def failure(monkeypatch: pytest.MonkeyPatch, url: str) -> str:
    """Why a job with data from this emulator failed."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
    with MockServer(seed=1).intercepting() as server:
        name = created("https://us-central1-aiplatform.googleapis.com", "gs://bucket/a.jsonl").json()["name"]
        server.clock.advance(hours=1)
        return str(server.tuning_jobs[name]["error"]["message"])


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\n", *[b"x-more: 1\r\n"] * 400],
        [b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n", *[b" "] * 400],
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", *[b"1\r\n \r\n"] * 400],
        [b"HTTP/1.1 100 Continue\r\n\r\n"] * 400,
    ],
    ids=["headers", "body", "chunks", "continue"],
)
def test_reading_has_one_deadline_however_the_bytes_trickle(
    pieces: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte every now and then does not help."""
    monkeypatch.setattr("mockserver.datasets.storage.EMULATOR_TIMEOUT_SECONDS", 0.3)
    with lying(*pieces, rest=0.05) as url:
        took = stopwatch()
        message = failure(monkeypatch, url)
        milliseconds = took()

    assert message.endswith("timed out.")
    assert 300 <= milliseconds < 10_000


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + LINE,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n" % (len(LINE) + 1) + LINE,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n" % len(LINE) + LINE + b"\r\n",
    ],
    ids=["length", "chunk", "no last chunk"],
)
def test_a_body_that_ends_early_is_an_error(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not a dataset of fewer examples."""
    with lying(answer) as url:
        message = failure(monkeypatch, url)

    assert "Mock: gs://bucket/a.jsonl cannot be read: the emulator sent less than it announced." == message


@pytest.mark.parametrize("host", ["127.0.0.1:1", "127.0.0.1:port", "[", "storage.googleapis.com", "a/b", ""])
@pytest.mark.parametrize("user", ["me:hush-hush@", "me:hush-hush/@", "hush-hush@", "me:p@hush-hush@"])
@pytest.mark.parametrize("scheme", ["http://", "", "x://"])
def test_a_password_of_the_emulator_is_not_shown(
    scheme: str, user: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong with its URL."""
    message = failure(monkeypatch, f"{scheme}{user}{host}")

    assert message.startswith(f"Mock: STORAGE_EMULATOR_HOST={scheme}{host} cannot be reached: ")
    assert "hush" not in message


def test_the_emulator_gets_user_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the official clients send them."""
    sent: list[str] = []

    class Handler(Neighbour):
        def get(self) -> None:
            sent.append(self.headers["authorization"])
            self.answer(503, b"")

    with serving(Handler) as url:
        message = failure(monkeypatch, url.replace("//", "//me:p%40ss@"))

    assert f"Mock: STORAGE_EMULATOR_HOST={url} answered 503." == message
    assert ["Basic " + b64encode(b"me:p@ss").decode()] == sent

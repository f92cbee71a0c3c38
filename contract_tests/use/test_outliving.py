"""What outlives the test that it belongs to: it neither reaches Google, nor keeps anything of ours."""

import asyncio
import contextlib
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from contract_tests.environment import HANGS
from mockserver import MockServer
from mockserver.doors.intercept.interceptors import NotServed

HOST = "generativelanguage.googleapis.com"


class Outliving:
    """A thread that is told what to do after its test has ended."""

    def __init__(self) -> None:
        self._job: Callable[[], object] = lambda: None
        self._go = threading.Event()
        self._result: object = None
        self._thread = threading.Thread(target=self._run, name="left-over")

    def _run(self) -> None:
        self._go.wait(HANGS)
        try:
            self._result = self._job()
        except Exception as error:  # noqa: BLE001 - it is looked at in the test
            self._result = error

    def start(self) -> None:
        """Begin to wait."""
        self._thread.start()

    def result_of(self, job: Callable[[], object]) -> object:
        """What the job returns or raises in that thread."""
        self._job = job
        self._go.set()
        self._thread.join(HANGS)
        return self._result


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The hosts that somebody has looked up: nobody gets further."""
    asked: list[object] = []

    def look_up(host: object, *_: object, **__: object) -> object:
        asked.append(host)
        raise socket.gaierror("no network here")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def look_up() -> object:
    """What every client does first."""
    return socket.getaddrinfo(HOST, 443)


def in_another(job: Callable[[], object]) -> object:
    """The same, in a thread that this one starts: event loops look names up so."""
    inner = Outliving()
    inner.start()
    return inner.result_of(job)


def in_a_thread_of_its_own() -> object:
    """Look up so."""
    return in_another(look_up)


@pytest.mark.parametrize("job", [look_up, in_a_thread_of_its_own])
def test_a_thread_that_outlives_its_test_does_not_reach_google(
    job: Callable[[], object], network: list[object]
) -> None:
    """It is told so in words, which name the thread and the host; another test's thread is let through."""
    thread, other = Outliving(), Outliving()
    other.start()
    with MockServer().intercepting():
        thread.start()
    refused = thread.result_of(job)
    passed = other.result_of(look_up)

    assert isinstance(refused, NotServed)
    assert "has outlived its test" in str(refused)
    assert HOST in str(refused)
    assert isinstance(passed, socket.gaierror)
    assert [HOST] == network


def ask() -> object:
    """What code under test does."""
    return requests.get(f"https://{HOST}/v1beta/models?key=k", timeout=5).status_code


@pytest.mark.parametrize("is_required", [False, True])
def test_the_next_test_does_not_answer_a_thread_of_the_last(*, is_required: bool) -> None:
    """Nor what the thread starts; also if something intercepts all the time, as a session's fixture does."""
    threads = [Outliving(), Outliving()]
    with MockServer().intercepting() if is_required else contextlib.nullcontext():
        with MockServer().intercepting():
            for thread in threads:
                thread.start()
        with MockServer().intercepting() as server:
            refused = [
                thread.result_of(job) for thread, job in zip(threads, (ask, lambda: in_another(ask)), strict=True)
            ]

    assert [NotServed, NotServed] == [*map(type, refused)]
    assert "call generativelanguage.googleapis.com in the next test" in str(refused[0])
    assert not server.calls


def test_a_pool_an_event_loop_and_a_queue_serve_many_tests() -> None:
    """Their threads work for whoever hands them something."""
    loop, jobs, results = asyncio.new_event_loop(), queue.Queue[int](), queue.Queue[object]()

    def work() -> None:
        while jobs.get():
            results.put(ask())

    async def ask_later() -> object:
        return ask()

    workers = [threading.Thread(target=loop.run_forever), threading.Thread(target=work)]
    with ThreadPoolExecutor(1) as pool:
        for number in range(3):
            with MockServer().intercepting() as server:
                if number == 0:
                    for worker in workers:
                        worker.start()
                jobs.put(1)
                answers = [pool.submit(ask).result(HANGS), results.get(timeout=HANGS)]
                answers.append(asyncio.run_coroutine_threadsafe(ask_later(), loop).result(HANGS))
                while not jobs.empty() or not is_idle(workers[1]):
                    pass
            assert ([200, 200, 200], 3) == (answers, len(server.calls))
    loop.call_soon_threadsafe(loop.stop)
    jobs.put(0)
    for worker in workers:
        worker.join(HANGS)
    loop.close()


def is_idle(thread: threading.Thread) -> bool:
    """Whether it waits for its queue."""
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - Python's only way to ask
    while frame is not None and frame.f_code.co_qualname != "Queue.get":
        frame = frame.f_back
    return frame is not None


def test_once_such_threads_have_ended_nothing_of_ours_is_left(network: list[object]) -> None:
    """The next test finds the functions as they were."""
    before = socket.getaddrinfo
    thread, next_one = Outliving(), Outliving()
    with MockServer().intercepting():
        thread.start()
    guarded = socket.getaddrinfo
    thread.result_of(look_up)
    next_one.start()
    next_one.result_of(lambda: None)

    assert before is not guarded
    assert before is socket.getaddrinfo
    assert threading.Thread.start.__module__ == "threading"
    assert [] == network


def test_a_function_that_was_kept_is_the_real_one_afterwards(network: list[object]) -> None:
    """Captured while ours were in place, called when they are not."""
    with MockServer().intercepting() as server:
        sleep, kept_look_up = time.sleep, socket.getaddrinfo  # noqa: TID251 - it is the code under test that sleeps
        start = server.now
    sleep(0.001)
    with pytest.raises(socket.gaierror):
        kept_look_up(HOST, 443)

    assert start == server.now
    assert [HOST] == network


def test_a_session_needs_no_socket_where_tests_may_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps its connection, and looks whether the other end is still there."""

    def forbidden(*_: object, **__: object) -> None:
        raise RuntimeError("a test must not use a socket")

    with MockServer().intercepting(), requests.Session() as session:
        monkeypatch.setattr(socket, "socket", forbidden)
        monkeypatch.setattr(socket, "socketpair", forbidden)
        statuses = [session.get(f"https://{HOST}/v1beta/models?key=k").status_code for _ in range(2)]

    assert [200, 200] == statuses

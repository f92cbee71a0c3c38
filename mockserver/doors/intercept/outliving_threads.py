"""Threads that go on when their test has ended: what they ask of Google is refused, and does not leave.

They belong to a test that has ended, and whatever they start later belongs to it too. The next test's server does not
answer them either: that test has not called anything. Only threads that work for whoever hands them something, such as
those of a pool or of an event loop, are answered like all others: they may serve many tests.
"""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from weakref import WeakSet

from mockserver.doors.blocked_network import guarded
from mockserver.doors.intercept.interceptors import NotServed, google_host
from mockserver.doors.patching import replaced

_outliving: WeakSet[threading.Thread] = WeakSet()
_idle_workers: WeakSet[threading.Thread] = WeakSet()  # of those, the ones that waited for work when their test ended
_guard = contextlib.ExitStack()  # in place while there are such threads

_tests: list[object] = []  # those that are running
_there_before: WeakSet[threading.Thread] = WeakSet()  # when the oldest of them began

_WORKERS = frozenset(
    {
        ("_asyncio.py", "WorkerThread.run"),  # anyio's
        ("_thread_cache.py", "WorkerThread._work"),  # trio's
        ("pool.py", "worker"),  # of multiprocessing
        ("queue.py", "Queue.get"),  # where any other thread waits for work
        ("socketserver.py", "BaseServer.serve_forever"),
        ("socketserver.py", "ThreadingMixIn.process_request_thread"),
        ("thread.py", "_worker"),  # of concurrent.futures
    }
)
"""File and function of threads that work for whoever hands them something."""

_ENDING_LOOPS = frozenset({"BaseEventLoop.run_until_complete", "Runner.run"})
"""Functions of threads whose event loop ends with what the thread was started for."""


@contextlib.contextmanager
def outliving_threads_refused(is_alone: Callable[[], bool]) -> Iterator[None]:
    """Refuse Google, once this test has ended, to those threads that were started inside and go on.

    `is_alone` returns at the end whether no test of another thread still runs, to which they may belong.
    """
    test, before = object(), set(threading.enumerate())
    if not _tests:
        _there_before.clear()
        _there_before.update(before)
    _tests.append(test)
    if not _is_anybody_left():
        _guard.close()
    try:
        yield
    finally:
        _tests.remove(test)
        if not _tests or is_alone():
            _note_those_who_go_on(before if _tests else set(_there_before))
        if _is_anybody_left():
            _guard.close()
            _guard.enter_context(guarded(refuse_outliving_thread))
            _guard.enter_context(replaced(threading.Thread, "start", _start))


def _note_those_who_go_on(before: set[threading.Thread]) -> None:
    threads = [it for it in threading.enumerate() if it not in before and it not in _outliving and not stays(it)]
    if not threads:
        return
    frames = sys._current_frames()  # noqa: SLF001 - Python's only way to ask
    _outliving.update(threads)
    _idle_workers.update(it for it in threads if _is_worker(frames.get(it.ident or 0)))


def _is_worker(frame: FrameType | None) -> bool:
    """Return whether a thread that is there works for whoever hands it something."""
    while frame is not None:
        file = frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
        if (file, frame.f_code.co_qualname) in _WORKERS:
            return True
        frame = frame.f_back
    return False


def _runs_endless_loop(frame: FrameType | None) -> bool:
    """Return whether the thread that is there runs an event loop for others; uvloop's has no frame of its own."""
    if asyncio._get_running_loop() is None:  # noqa: SLF001 - the public function raises an error
        return False
    while frame is not None:
        if frame.f_code.co_qualname in _ENDING_LOOPS:
            return False
        frame = frame.f_back
    return True


def stays(thread: threading.Thread) -> bool:
    """Return whether a thread is not the code under test's, and may be there until the process ends.

    That is so of our servers', which ask Google for nothing, and of threads that Python has not started, such as
    those in which grpcio asks for call credentials: Python never hears of their end.
    """
    target = getattr(thread, "_target", None)  # grpcio gives its server's thread no name
    of_our_server = thread.name.startswith("mockserver") or getattr(target, "__module__", "") == "grpc._server"
    return of_our_server or isinstance(thread, threading._DummyThread)  # noqa: SLF001 - Python has no other word for them


def _is_anybody_left() -> bool:
    return any(thread.is_alive() for thread in list(_outliving))


_real_start = threading.Thread.start


def _start(thread: threading.Thread) -> None:
    here = threading.current_thread()
    if here in _outliving and not (_tests and _may_serve(here)):
        _outliving.add(thread)
    elif not _is_anybody_left():
        _guard.close()
    _real_start(thread)


def _may_serve(thread: threading.Thread) -> bool:
    """Return whether this thread, which runs this function, may serve many tests."""
    frame = sys._getframe()  # noqa: SLF001 - Python's only way to ask
    return thread in _idle_workers or _is_worker(frame) or _runs_endless_loop(frame)


def refuse_outliving_thread(host: str) -> None:
    """Raise NotServed for a host of Google's in a thread whose test has ended, unless it may serve this test too."""
    thread = threading.current_thread()
    if thread not in _outliving or not (name := google_host(host)) or (_tests and _may_serve(thread)):
        return
    raise NotServed(
        f"mockserver: the thread {thread.name!r} was started while requests to Google were intercepted, has outlived"
        f" its test, and was about to {f'call {name} in the next test' if _tests else f'reach {name} itself'};"
        " have the test wait for its threads"
    )

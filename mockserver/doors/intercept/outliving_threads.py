"""Threads that go on when their test has ended: what they ask of Google is refused, and does not leave.

They belong to a test that has ended, and whatever they start later belongs to it too. The next test's server does not
answer them either: that test has not called anything. Only those that work for whoever hands them something, such as
the threads of a pool and those that run an event loop, may serve many tests.
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
_guard = contextlib.ExitStack()  # in place while there are such threads

_WORKERS = frozenset(
    {
        ("_thread_cache.py", "WorkerThread._work"),  # trio's
        ("_asyncio.py", "WorkerThread.run"),  # anyio's
        ("pool.py", "worker"),  # of multiprocessing
        ("queue.py", "Queue.get"),  # it waits for the next thing to do
        ("socketserver.py", "BaseServer.serve_forever"),
        ("socketserver.py", "ThreadingMixIn.process_request_thread"),
        ("thread.py", "_worker"),  # of concurrent.futures
    }
)
"""File and function of a thread that works for whoever hands it something."""

_ONE_LOOP = frozenset({"BaseEventLoop.run_until_complete", "Runner.run"})
"""Functions of a thread whose event loop ends with its work."""


@contextlib.contextmanager
def outliving_threads_refused(is_last_here: Callable[[], bool]) -> Iterator[None]:
    """Refuse Google, once this has ended, to those threads that were started inside and go on.

    `is_last_here` says at the end whether they can belong to nobody else.
    """
    before = set(threading.enumerate())
    if not _is_anybody_left():
        _guard.close()
    try:
        yield
    finally:
        if is_last_here():
            frames = sys._current_frames()  # noqa: SLF001 - Python's only way to ask
            after = (thread for thread in threading.enumerate() if thread not in before and not stays(thread))
            _outliving.update(thread for thread in after if not _waits_for_work(frames.get(thread.ident or 0)))
        if _is_anybody_left() and not _is_guarded():
            _guard.enter_context(guarded(_refuse))
            _guard.enter_context(replaced(threading.Thread, "start", _start))

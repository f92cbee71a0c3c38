"""Threads that go on when nothing is intercepted any more: what they ask of Google is refused, and does not leave.

They belong to a test that has ended. Whatever they started later belongs to it too. While requests are intercepted
again, by the next test, they are answered like all others: a pool of threads may serve many tests.
"""

import contextlib
import threading
from collections.abc import Iterator
from weakref import WeakSet

from mockserver.doors.blocked_network import guarded
from mockserver.doors.intercept.interceptors import NotServed, google_host
from mockserver.doors.patching import replaced

_outliving: WeakSet[threading.Thread] = WeakSet()
_guard = contextlib.ExitStack()  # in place while there are such threads, and nothing is intercepted


@contextlib.contextmanager
def outliving_threads_refused() -> Iterator[None]:
    """Refuse Google, once this has ended, to those threads that were started inside and go on."""
    _guard.close()
    before = set(threading.enumerate())
    try:
        yield
    finally:
        after = (thread for thread in threading.enumerate() if not stays(thread))
        _outliving.update(thread for thread in after if thread not in before)
        if _is_anybody_left():
            _guard.enter_context(guarded(_refuse))
            _guard.enter_context(replaced(threading.Thread, "start", _start))


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
    if threading.current_thread() in _outliving:
        _outliving.add(thread)
    elif not _is_anybody_left():
        _guard.close()
    _real_start(thread)


def _refuse(host: str) -> None:
    thread = threading.current_thread()
    if (name := google_host(host)) and thread in _outliving:
        raise NotServed(
            f"mockserver: the thread {thread.name!r} was started while requests to Google were intercepted, has outlived"
            f" its test, and was about to reach {name} itself; have the test wait for its threads"
        )

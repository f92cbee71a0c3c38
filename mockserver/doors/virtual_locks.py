"""Locks and queues that are written in C: waiting for them with a timeout moves the clock if nobody else comes first.

Their types are in C and take no attributes. On CPython their methods are changed all the same: see `methods_replaced`.
"""

import _thread
import contextlib
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from mockserver.doors.redirection import methods_replaced
from mockserver.doors.sleepers import find_sleepers

_REAL = ("concurrent.futures.thread", "threading", "trio._core._thread_cache")
"""Modules whose waiting is not that of the code under test: idle threads of pools, and the parts of `Thread.join`."""


@contextlib.contextmanager
def locks_moved() -> Iterator[None]:
    """While inside, `Lock.acquire`, `RLock.acquire` and `SimpleQueue.get` wait by the clock of the sleepers."""
    lock, rlock = _thread.LockType, type(threading.RLock())
    with (
        methods_replaced(lock, {"acquire": _acquire_function(lock.acquire, lambda it: not it.locked())}),
        methods_replaced(rlock, {"acquire": _acquire_function(rlock.acquire, _is_unlocked)}),
        methods_replaced(queue.SimpleQueue, {"get": _get_function(queue.SimpleQueue.get)}),
    ):
        yield


def _is_unlocked(lock: Any) -> bool:
    """Return whether nobody has an RLock. Before Python 3.14 only its description says so."""
    return repr(lock).startswith("<unlocked")


def _acquire_function(original: Callable[..., bool], is_free: Callable[[Any], bool]) -> Callable[..., bool]:
    def acquire(self: Any, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - as the original
        if not blocking or not 0 < timeout <= threading.TIMEOUT_MAX:
            return original(self, blocking, timeout)
        if original(self, False):  # noqa: FBT003 - as above
            return True
        is_real = sys._getframe(1).f_globals.get("__name__") in _REAL  # noqa: SLF001 - the caller
        if is_real or (sleepers := find_sleepers()) is None:
            return original(self, timeout=timeout)
        return sleepers.wait(timeout, lambda seconds: original(self, timeout=seconds), is_woken=lambda: is_free(self))

    return acquire


def _get_function(original: Callable[..., Any]) -> Callable[..., Any]:
    def get(self: Any, block: bool = True, timeout: float | None = None) -> Any:  # noqa: FBT001, FBT002 - as the original
        timed = timeout is not None and 0 < timeout <= threading.TIMEOUT_MAX
        if not block or not timed or (sleepers := find_sleepers()) is None:
            return original(self, block, timeout)

        def attempt(seconds: float) -> list[Any]:
            try:
                return [original(self, timeout=seconds)]
            except queue.Empty:
                return []

        found = sleepers.wait(timeout or 0.0, attempt, is_woken=lambda: not self.empty())
        if not found:
            raise queue.Empty
        return found[0]

    return get

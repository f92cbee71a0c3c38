"""Calls that may wait for something outside of this process, in threads beside the event loop."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")

THREADS = 8
"""How many calls may wait at once; the next ones wait for a thread, in the order of their arrival."""


class BlockingCalls(Generic[T]):
    """Runs each call in a thread. Unlike those of a ThreadPoolExecutor these do not keep the process from ending."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Future[T], Callable[[], T]]] = deque()
        self._threads = 0

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Return the result of the call, to come."""
        result: Future[T] = Future()
        with self._lock:
            self._waiting.append((result, call))
            if self._threads == THREADS:
                return result
            self._threads += 1
        threading.Thread(target=self._work, name="mockserver-blocking", daemon=True).start()
        return result

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                result, call = self._waiting.popleft()
            if result.set_running_or_notify_cancel():
                try:
                    result.set_result(call())
                except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits for the result
                    result.set_exception(error)

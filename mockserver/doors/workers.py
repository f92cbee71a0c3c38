"""Several processes that serve on one port: the children of a parent that starts them and replaces those that end."""

import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import FrameType
from typing import Any, NoReturn

from mockserver.doors.live import serve_sockets

log = logging.getLogger("mockserver")

_QUICK_SECONDS = 5
_QUICK_ENDS = 5
"""If that many workers in a row end by themselves within so many seconds after their start, the parent gives up."""


OpenApp = Callable[[int], AbstractContextManager[Any]]
"""Opens the app of a worker, whose place is a number from 0; the one that replaces it has the same."""


_STOPPING = (signal.SIGINT, signal.SIGTERM)


def serve_by_workers(
    open_app: OpenApp,
    sockets: Sequence[socket.socket],
    count: int,
    stopwatch: Any,
    greet: Callable[[], None],
    *,
    shutdown_seconds: int = 1,
) -> int:
    """Serve by `count` processes until interrupted, and return the exit status.

    Each opens its own app, after it was forked: the parent must have no connection. `stopwatch` starts a stopwatch in
    milliseconds. `greet` is called when an interrupt stops the processes, as the greeting may promise. Then requests
    under way have `shutdown_seconds` to end.
    """
    workers = _Workers(open_app, sockets, stopwatch, shutdown_seconds)
    for number in _STOPPING:
        signal.signal(number, workers.stop)
    for place in range(count):
        workers.start(place)
    greet()
    return workers.wait()


class _Workers:
    def __init__(
        self, open_app: OpenApp, sockets: Sequence[socket.socket], stopwatch: Any, shutdown_seconds: int
    ) -> None:
        self._open_app, self._sockets, self._stopwatch = open_app, sockets, stopwatch
        self._shutdown_seconds = shutdown_seconds
        self._running: dict[int, tuple[int, Callable[[], float]]] = {}  # the places and ages of processes
        self._stopping = False
        self._quick_ends = 0

    def start(self, place: int) -> None:
        """Fork a worker, unless all are to stop."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)  # the new process must not have our handlers
        process = -1 if self._stopping else os.fork()
        if process == 0:
            self._serve(place)
        if process > 0:
            self._running[process] = place, self._stopwatch()
            if self._stopping:  # since the fork, by a signal that another thread has taken
                os.kill(process, signal.SIGTERM)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _serve(self, place: int) -> NoReturn:
        """Serve in a new process. SIGINT stays blocked: a terminal sends it to every process, the parent passes it on.

        A worker would take the second one for an order to end at once, and break off its requests.
        """
        status = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
            with self._open_app(place) as app:
                serve_sockets(app, self._sockets, shutdown_seconds=self._shutdown_seconds)
            status = 0
        except Exception:  # nothing may get past os._exit
            log.exception("a worker cannot serve")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def stop(self, _: int, __: FrameType | None) -> None:
        """Stop all workers: they end their requests."""
        self._stopping = True
        for process in self._running:
            os.kill(process, signal.SIGTERM)

    def wait(self) -> int:
        """Replace workers that end, until all were stopped."""
        while self._running:
            process, status = os.wait()
            place, age = self._running.pop(process)
            if self._stopping:
                continue
            failed = os.WIFEXITED(status) and age() < _QUICK_SECONDS * 1000
            self._quick_ends = self._quick_ends + 1 if failed else 0
            log.warning("worker %d has ended (%s), another one starts", process, _describe(status))
            if self._quick_ends >= _QUICK_ENDS:
                self._stopping = True
                log.error("the workers end as soon as they start: giving up")
                for other in self._running:
                    os.kill(other, signal.SIGTERM)
            else:
                self.start(place)
        return 1 if self._quick_ends >= _QUICK_ENDS else 0


def _describe(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"status {code}"

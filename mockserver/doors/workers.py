"""Several processes that serve on one port: the children of a parent that starts them and replaces those that end."""

import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import FrameType
from typing import Any

from mockserver.doors.live import serve_sockets

log = logging.getLogger("mockserver")

_QUICK_SECONDS = 5
_QUICK_ENDS = 5
"""If that many workers in a row end by themselves within so many seconds after their start, the parent gives up."""


OpenApp = Callable[[], AbstractContextManager[Any]]


def serve_by_workers(open_app: OpenApp, sockets: Sequence[socket.socket], count: int, stopwatch: Any) -> int:
    """Serve by `count` processes until interrupted, and return the exit status.

    Each opens its own app, after it was forked: the parent must have no thread and no connection. `stopwatch` starts a
    stopwatch in milliseconds.
    """
    workers = _Workers(open_app, sockets, stopwatch)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, workers.stop)
    for _ in range(count):
        workers.start()
    return workers.wait()


class _Workers:
    def __init__(self, open_app: OpenApp, sockets: Sequence[socket.socket], stopwatch: Any) -> None:
        self._open_app, self._sockets, self._stopwatch = open_app, sockets, stopwatch
        self._ages: dict[int, Callable[[], float]] = {}
        self._stopping = False
        self._quick_ends = 0

    def start(self) -> None:
        """Fork a worker."""
        process = os.fork()
        if process:
            self._ages[process] = self._stopwatch()
            return
        status = 1
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            with self._open_app() as app:
                serve_sockets(app, self._sockets)
            status = 0
        except Exception:  # nothing may get past os._exit
            log.exception("a worker cannot serve")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def stop(self, number: int, _: FrameType | None) -> None:
        """Stop all workers: they end their requests."""
        self._stopping = True
        for process in self._ages:
            os.kill(process, number)

    def wait(self) -> int:
        """Replace workers that end, until all were stopped."""
        while self._ages:
            process, status = os.wait()
            age = self._ages.pop(process)
            if self._stopping:
                continue
            failed = os.WIFEXITED(status) and age() < _QUICK_SECONDS * 1000
            self._quick_ends = self._quick_ends + 1 if failed else 0
            log.warning("worker %d has ended (%s), another one starts", process, _describe(status))
            if self._quick_ends >= _QUICK_ENDS:
                self._stopping = True
                log.error("the workers end as soon as they start: giving up")
                for other in self._ages:
                    os.kill(other, signal.SIGTERM)
            else:
                self.start()
        return 1 if self._quick_ends >= _QUICK_ENDS else 0


def _describe(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"status {code}"

"""The log of `mockserver serve`: lines that a thread writes, so that a reader who is slow or gone never stops the server."""

import atexit
import json
import logging
import os
import threading
from collections import deque
from functools import cache

from mockserver.state.clock import machine_time, to_datetime

CAPACITY = 10_000
"""How many lines wait for a slow reader. Further ones are dropped and counted."""

_BATCH_SECONDS = 0.01
_LAST_SECONDS = 1.0


class JsonFormatter(logging.Formatter):
    """A JSON object for each line: time, level, logger, message, and the traceback of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": to_datetime(machine_time()).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class LineHandler(logging.Handler):
    """Hands lines to a thread that writes them to a file descriptor, a batch at a time."""

    def __init__(self, descriptor: int, capacity: int = CAPACITY) -> None:
        super().__init__()
        self._descriptor, self._capacity = descriptor, capacity
        self._reset()
        atexit.register(self.finish)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._reset)  # a child has no threads yet

    def _reset(self) -> None:
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._waiting = threading.Event()
        self._written = threading.Event()
        self._written.set()
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Add the line of a record."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - as logging does: a mistake in a message does not stop the program
            self.handleError(record)
            return
        self.add(line)

    def add(self, line: str) -> None:
        """Add a line, or count it if too many wait already."""
        if len(self._lines) >= self._capacity:
            self._dropped += 1
            return
        self._lines.append(line)
        if not self._waiting.is_set():
            self._written.clear()
            self._waiting.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_all, name="mockserver-log", daemon=True)
                self._thread.start()

    def finish(self) -> None:
        """Wait until everything is written, but not long: nobody may be reading."""
        self._written.wait(_LAST_SECONDS)

    def _write_all(self) -> None:
        pause = threading.Event()
        while True:
            self._waiting.wait()
            self._waiting.clear()
            while batch := self._take():
                # Not by `sys.stderr`: the interpreter could not end while a thread holds its lock.
                try:
                    _write(self._descriptor, batch.encode("utf-8", "backslashreplace"))
                except OSError:  # nobody will ever read it
                    self._lines.clear()
            if not self._waiting.is_set():
                self._written.set()
            pause.wait(_BATCH_SECONDS)

    def _take(self) -> str:
        lines = [self._lines.popleft() for _ in range(min(len(self._lines), 1000))]
        if lines and self._dropped:
            dropped, self._dropped = self._dropped, 0
            lines.append(f"{dropped} lines of the log were dropped, because nobody read them in time")
        return "".join(f"{line}\n" for line in lines)


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


@cache
def _standard_error() -> LineHandler:
    try:
        return LineHandler(os.dup(2))
    except OSError:  # it is closed: `2>&-`
        return LineHandler(os.open(os.devnull, os.O_WRONLY))


def print_call(label: str, status: int, milliseconds: float) -> None:
    """Add the line of a request: of a quick answer, `logging` would take a tenth of the time."""
    _standard_error().add(f"{label} {status} {milliseconds:.1f} ms")


def log_to_stderr(*, quiet: bool, as_json: bool = False) -> None:
    """Log warnings to standard error and, unless quiet, a line for each request."""
    handler = _standard_error()
    handler.setFormatter(JsonFormatter() if as_json else logging.Formatter("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    if quiet:
        logging.getLogger("mockserver.access").setLevel(logging.WARNING)

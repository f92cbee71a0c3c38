"""The log of a server on standard error, as text or JSON.

A thread writes the lines, so that no request waits for whoever reads the log: a pipe that nobody reads is full after
64 KiB, and writing to it would stop the event loop, and with it even SIGTERM.
"""

import logging
import os
import select
import threading
from collections import deque
from functools import lru_cache
from typing import Any, Literal, Self, TextIO

import orjson

from mockserver.dispatch.access_log import LogCall, hints
from mockserver.rpc.redaction import redact
from mockserver.state.clock import SECOND, Machine, to_datetime

MOST_LINES = 10_000
"""How many lines wait for the reader; further ones are dropped and counted."""

BATCH_SECONDS = 0.02
"""How long lines are gathered after some were written: a busy server writes many at once."""

CLOSING_SECONDS = 1.0
"""How long the end of the server waits for a reader."""


class LineWriter:
    """Writes lines to a stream from a thread. It drops what nobody reads, counts it, and says so as soon as it can."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._start()
        if hasattr(os, "register_at_fork"):  # a child has no threads, and lines of its own
            os.register_at_fork(after_in_child=self._start)

    def _start(self) -> None:
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._lock = threading.Lock()
        self._has_lines = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="mockserver-log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Write a line soon. Never waits."""
        if len(self._lines) >= MOST_LINES:
            self._count_dropped(1)
            return
        self._lines.append(line)
        if not self._has_lines.is_set():
            self._has_lines.set()

    def close(self) -> None:
        """Write what is left, unless nobody reads it."""
        self._closing.set()
        self._has_lines.set()
        self._thread.join(CLOSING_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _count_dropped(self, lines: int) -> None:
        with self._lock:
            self._dropped += lines

    def _work(self) -> None:
        while not (self._closing.is_set() and not self._lines):
            self._has_lines.wait()
            self._has_lines.clear()
            self._write_waiting()
            self._closing.wait(BATCH_SECONDS)

    def _write_waiting(self) -> None:
        """Write the lines that wait, and then how many were dropped after them."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if dropped:
            lines.append(f"mockserver: {dropped} log lines were dropped because nobody read them in time")
        if not lines:
            return
        try:
            _write_text(self._stream, "\n".join(lines) + "\n")
        except (OSError, ValueError):  # the reader is gone, the disk is full, the stream is closed
            self._count_dropped(len(lines) - bool(dropped) + dropped)


def _write_text(stream: TextIO | None, text: str) -> None:
    """Write to the file of the stream, past its buffer: what stands there would be written once more at the end."""
    if stream is None:  # the program was started without it, as by `2>&-`
        return
    try:
        descriptor = stream.fileno()
    except OSError:  # it stands for no file
        stream.write(text)
        return
    data = memoryview(text.encode(stream.encoding or "utf-8", "backslashreplace"))
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:  # whoever shares the pipe has made it so
            select.select([], [descriptor], [])


class LogOutput:
    """Sends what the module `logging` gets to a stream, and a line for each call unless it is `quiet`.

    The line of a call has its hint; without these lines each hint is written once, after the `prefix`: a program's own
    lines may stand between them. `hinted` is how many calls had one.
    """

    def __init__(
        self, stream: TextIO | None, log_format: Literal["text", "json"], *, quiet: bool, prefix: str = ""
    ) -> None:
        self._writer = LineWriter(stream)
        self._once_each = _OnceEach()
        handler = _LineHandler(self._writer)
        handler.setFormatter(_JsonFormatter() if log_format == "json" else _TextFormatter(prefix if quiet else ""))
        handler.addFilter(self._once_each if quiet else _is_no_repeated_hint)
        root = logging.getLogger()
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        logging.captureWarnings(capture=True)
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        print_call = self._print_json if log_format == "json" else self._print_text
        self.log_call: LogCall = _ignore_call if quiet else print_call

    @property
    def hinted(self) -> int:
        """Return how many calls had a hint, without lines for each call."""
        return self._once_each.calls

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()

    def _print_text(self, label: str, status: int | str, milliseconds: float, reason: str) -> None:
        """Log a call. `logging` would take a tenth of the time of a quick answer."""
        time = _time_of_day(Machine.time_ns() // SECOND)
        self._writer.write(f"{time} {label} {status} {milliseconds:.1f} ms{reason}")

    def _print_json(self, label: str, status: int | str, milliseconds: float, reason: str) -> None:
        message = f"{label} {status} {milliseconds:.1f} ms{reason}"
        members = {"method": label, "status": status, "milliseconds": round(milliseconds, 3)}
        self._writer.write(_json_line("INFO", "mockserver.access", message, **members))


@lru_cache(maxsize=1)  # a busy server logs many calls in a second
def _time_of_day(seconds: int) -> str:
    return f"{to_datetime(seconds * SECOND):%H:%M:%S}"


def _ignore_call(label: str, status: int | str, milliseconds: float, reason: str) -> None:
    """Log nothing of a call."""


MOST_HINTS = 1000
"""So many hints are remembered, to write each once."""


class _OnceEach:
    """Lets each hint pass once, and everything else. `calls` is how many hints came."""

    def __init__(self) -> None:
        self.calls = 0
        self._written: set[str] = set()

    def __call__(self, record: logging.LogRecord) -> bool:
        if record.name != hints.name:
            return True
        self.calls += 1
        message = record.getMessage()
        if message in self._written:
            return False
        if len(self._written) < MOST_HINTS:
            self._written.add(message)
        return True


def _is_no_repeated_hint(record: logging.LogRecord) -> bool:
    """Return whether the line of its call does not say the same."""
    return record.name != hints.name or record.levelno > logging.INFO


class _LineHandler(logging.Handler):
    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        self._writer.write(self.format(record))


class _TextFormatter(logging.Formatter):
    """The message, and a traceback if there is one, without secrets; before a hint, the prefix."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def format(self, record: logging.LogRecord) -> str:
        prefix = self._prefix if record.name == hints.name else ""
        return prefix + str(redact(super().format(record)))


class _JsonFormatter(logging.Formatter):
    """An object in one line, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        more = {"exception": redact(self.formatException(record.exc_info))} if record.exc_info else {}
        return _json_line(record.levelname, record.name, redact(record.getMessage()), **more)


def _json_line(level: str, logger: str, message: str, **more: Any) -> str:
    time = to_datetime(Machine.time_ns()).isoformat(timespec="milliseconds")
    line = {"time": time, "level": level, "logger": logger, "message": message, **more}
    return orjson.dumps(line, default=str).decode()

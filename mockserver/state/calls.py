"""The log of calls: the requests that a world received, their callers and its answers."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.state.clock import Nanos, to_datetime


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One request and its answer.

    `method` is the method id, such as "tunedModels.create", or "" if no route matches: then `hint` names the nearest
    routes. `request` and `response` are bound messages; `response` is a list for a stream and a google.rpc.Status for
    an error. `fault` describes the fault that was injected. `size` is the number of bytes of request and response; of
    a stream that is still being sent, of the request alone.
    """

    method: str
    verb: str
    path: str
    time: Nanos
    caller: str
    request: Mapping[str, Any] | None
    status: int
    response: Any
    fault: str = ""
    hint: str = ""
    size: int = 0

    @property
    def resource(self) -> str:
        """Return the path without version and action: "tunedModels/x" of "/v1/tunedModels/x:generateContent"."""
        return self.path.split("/", 2)[-1].partition(":")[0]

    @property
    def version(self) -> str:
        """Return the first segment of the path: "v1beta"."""
        return self.path.split("/", 2)[1] if self.path.startswith("/") else ""

    def __str__(self) -> str:
        moment = to_datetime(self.time).isoformat(timespec="seconds")
        fault = f" ({self.fault})" if self.fault else ""
        return f"{moment}  {self.status}  {self.method or 'no method'}  {self.verb} {self.path}{fault}"


class LogEntry:
    """A call in a log, for `CallLog.amend`."""

    __slots__ = ("call", "is_in_log")

    def __init__(self, call: RecordedCall) -> None:
        self.call = call
        self.is_in_log = True


class CallLog:
    """The newest calls. Older ones are dropped, so that a long-lived server stays small.

    It holds at most `capacity` calls and at most `max_bytes` of requests and responses, but always the newest call.
    """

    def __init__(self, capacity: int = 10_000, max_bytes: int = 64 * 2**20) -> None:
        self._capacity = capacity
        self._max_bytes = max_bytes
        self._entries: deque[LogEntry] = deque()
        self._bytes = 0
        self._lock = threading.Lock()

    def append(self, call: RecordedCall) -> LogEntry:
        """Add a call. The returned entry is for `amend`."""
        entry = LogEntry(call)
        with self._lock:
            self._append(entry)
        return entry

    def amend(self, entry: LogEntry, call: RecordedCall) -> None:
        """Replace the call of an entry; does nothing if the log has dropped the entry.

        The old record does not change: whoever has read the log keeps what they read.
        """
        with self._lock:
            if entry.is_in_log:
                self._bytes += call.size - entry.call.size
                entry.call = call
                self._drop_oldest()

    def _append(self, entry: LogEntry) -> None:
        self._entries.append(entry)
        self._bytes += entry.call.size
        self._drop_oldest()

    def _drop_oldest(self) -> None:
        entries = self._entries
        while len(entries) > self._capacity or (self._bytes > self._max_bytes and len(entries) > 1):
            self._drop_first()

    def _drop_first(self) -> None:
        entry = self._entries.popleft()
        entry.is_in_log = False
        self._bytes -= entry.call.size

    def __iter__(self) -> Iterator[RecordedCall]:
        """Iterate over the calls that are in the log now, oldest first."""
        with self._lock:
            return iter([entry.call for entry in self._entries])

    def newest_first(self) -> Iterator[RecordedCall]:
        """Iterate over the calls that are in the log, newest first, without a copy: it ends if the log changes."""
        entries = self._entries
        for index in range(1, len(entries) + 1):
            try:
                yield entries[-index].call
            except IndexError:
                return

    def __len__(self) -> int:
        return len(self._entries)

    def replace(self, calls: Iterable[RecordedCall]) -> None:
        """Replace all calls by these."""
        calls = list(calls)  # before the lock: they may come from another log
        with self._lock:
            while self._entries:
                self._drop_first()
            for call in calls:
                self._append(LogEntry(call))

    def clear(self) -> None:
        """Drop all calls."""
        self.replace(())

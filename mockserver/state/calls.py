"""The log of calls: what was asked of a world, by whom, and what it answered."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.state.clock import Nanos, to_datetime


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One request and its answer.

    `method` is the method id, such as "tunedModels.create", or "" when no route fits: then `hint` says
    what was nearest. `request` and `response` are bound messages; `response` is a list for a stream and
    a google.rpc.Status for an error. `fault` says what a fault did to the answer. `size` is how many bytes
    body and answer took, of a stream the body alone.
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
        """The path without version and action: "tunedModels/x" of "/v1/tunedModels/x:generateContent"."""
        return self.path.split("/", 2)[-1].partition(":")[0]

    @property
    def version(self) -> str:
        """The first part of the path: "v1beta"."""
        return self.path.split("/", 2)[1] if self.path.startswith("/") else ""

    def __str__(self) -> str:
        moment = to_datetime(self.time).isoformat(timespec="seconds")
        fault = f" ({self.fault})" if self.fault else ""
        return f"{moment}  {self.status}  {self.method or 'no method'}  {self.verb} {self.path}{fault}"


class LogEntry:
    """The place of a call in a log."""

    __slots__ = ("call", "is_kept")

    def __init__(self, call: RecordedCall) -> None:
        self.call = call
        self.is_kept = True


class CallLog:
    """The newest calls; older ones are dropped so that a long-lived server stays small.

    It holds at most `capacity` of them, and no more than `most_bytes` took on the wire, but the newest always.
    """

    def __init__(self, capacity: int = 10_000, most_bytes: int = 64 * 2**20) -> None:
        self._capacity = capacity
        self._most_bytes = most_bytes
        self._entries: deque[LogEntry] = deque()
        self._bytes = 0
        self._lock = threading.Lock()

    def append(self, call: RecordedCall) -> LogEntry:
        """Write one down. The entry is for `amend`."""
        entry = LogEntry(call)
        with self._lock:
            self._append(entry)
        return entry

    def amend(self, entry: LogEntry, call: RecordedCall) -> None:
        """Put a record that knows more in the place of an entry's; nothing, if that was dropped by now.

        A record itself never changes: who has read the log keeps what it said then.
        """
        with self._lock:
            if entry.is_kept:
                self._bytes += call.size - entry.call.size
                entry.call = call
                self._drop_oldest()

    def _append(self, entry: LogEntry) -> None:
        self._entries.append(entry)
        self._bytes += entry.call.size
        self._drop_oldest()

    def _drop_oldest(self) -> None:
        entries = self._entries
        while len(entries) > self._capacity or (self._bytes > self._most_bytes and len(entries) > 1):
            self._forget_first()

    def _forget_first(self) -> None:
        entry = self._entries.popleft()
        entry.is_kept = False
        self._bytes -= entry.call.size

    def so_far(self) -> tuple[RecordedCall, ...]:
        """The calls that are in the log now, oldest first."""
        with self._lock:
            return tuple(entry.call for entry in self._entries)

    def __iter__(self) -> Iterator[RecordedCall]:
        return iter(self.so_far())

    def __len__(self) -> int:
        return len(self._entries)

    def replace(self, calls: Iterable[RecordedCall]) -> None:
        """Hold these instead."""
        with self._lock:
            while self._entries:
                self._forget_first()
            for call in calls:
                self._append(LogEntry(call))

    def clear(self) -> None:
        """Forget them all."""
        self.replace(())

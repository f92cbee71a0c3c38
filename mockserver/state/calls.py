"""The log of calls: the requests that a world received, their callers and its answers."""

import itertools
import marshal
import pickle
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any
from weakref import WeakSet

from mockserver.rpc.redaction import find_real_secret_in_bytes, redact_fields
from mockserver.state.clock import Nanos, to_datetime


@dataclass(slots=True)  # frozen would cost more than its bytes do
class RecordedCall:
    """One request and its answer.

    `method` is the method id, such as "tunedModels.create", or "" if no route matches: then `hint` names the nearest
    routes. `request` and `response` are bound messages; `response` is a list for a stream and a google.rpc.Status for
    an error. `fault` describes the fault that was injected. `retry_after` are the seconds that the HTTP header
    Retry-After of the answer requested.
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
    retry_after: float = 0.0

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


_fields = attrgetter(*RecordedCall.__slots__)

Packed = tuple[bytes, bytes, bytes]
"""A call as bytes: its fields, and what its request and response share with those of other calls."""

_REQUEST, _RESPONSE = map(RecordedCall.__slots__.index, ("request", "response"))


def _pack(call: RecordedCall) -> Packed:
    """Return the call as bytes: they are smaller than objects, and the garbage collector does not look at them.

    A message may have `packed_parts`: bytes that calls share, and a value of its own. The bytes are the pickled
    message, or a pickled function that builds it from the value.
    """
    fields, request, response = list(_fields(call)), b"", b""
    if (packed_parts := getattr(call.request, "packed_parts", None)) is not None:
        request, fields[_REQUEST] = packed_parts
    if (packed_parts := getattr(call.response, "packed_parts", None)) is not None:
        response, fields[_RESPONSE] = packed_parts
    try:
        return b"m" + marshal.dumps(fields), request, response
    except ValueError:  # another value is of a class of its own
        return b"p" + pickle.dumps(fields), request, response


def _unpack(packed: Packed) -> RecordedCall:
    """Return the call without what looks like a real secret.

    The dispatcher has redacted a call whose request has one. An answer can have what the records of the world have.
    """
    call = _load(packed)
    return redact_fields(call) if any(map(find_real_secret_in_bytes, packed)) else call


def _load(packed: Packed) -> RecordedCall:
    fields, request, response = packed
    load = pickle.loads if fields.startswith(b"p") else marshal.loads
    call = RecordedCall(*load(memoryview(fields)[1:]))
    return replace(call, request=_join(request, call.request), response=_join(response, call.response))


def _join(shared: bytes, own: Any) -> Any:
    """Return the message of these parts."""
    loaded = pickle.loads(shared) if shared else own  # noqa: S301 - it was written here
    return loaded(own) if callable(loaded) else loaded


ENTRY_BYTES = 200
"""The bytes that an entry takes beside those of its call."""


class LogEntry:
    """A call in a log, for `CallLog.amend`."""

    __slots__ = ("fields", "is_in_log", "request", "response", "size")

    def __init__(self, packed: Packed) -> None:
        # Not kept as a tuple, which the garbage collector would look at.
        self.fields, self.request, self.response = fields, request, response = packed
        self.is_in_log = True
        self.size = len(fields) + len(request) + len(response) + ENTRY_BYTES
        """The bytes that it takes in the log, with those that it shares: the other calls may be dropped."""

    @property
    def packed(self) -> Packed:
        """Return the call as it is kept."""
        return self.fields, self.request, self.response

    @property
    def call(self) -> RecordedCall:
        """Return the call."""
        return _unpack(self.packed)


MAX_BYTES = 64 * 2**20
MAX_TOTAL_BYTES = 256 * 2**20
"""How many bytes a log may take, and all logs of the process with those of forks and snapshots."""

# How many bytes are added to a log before all logs are counted again.
_COUNTED_EVERY = 2**16

_logs: WeakSet["CallLog"] = WeakSet()
_logs_lock = threading.Lock()


class CallLog:
    """The newest calls. Older ones are dropped, so that a long-lived server stays small.

    It keeps calls as bytes and decodes them when it is read. It holds at most `capacity` calls and at most `max_bytes`,
    but always the newest call.
    """

    def __init__(self, capacity: int = 10_000, max_bytes: int = MAX_BYTES) -> None:
        self._capacity = capacity
        self._max_bytes = max_bytes
        self._entries: deque[LogEntry] = deque()
        self._uncounted = 0
        self._lock = threading.Lock()
        self._size = 0
        self._last_number = 0
        with _logs_lock:
            _logs.add(self)

    @property
    def size(self) -> int:
        """Return the bytes that the log takes."""
        return self._size

    @property
    def last_number(self) -> int:
        """Return how many calls the log has ever had: they are numbered from 1, and keep their numbers."""
        return self._last_number

    def append(self, call: RecordedCall) -> LogEntry:
        """Add a call. The returned entry is for `amend`."""
        entry = LogEntry(_pack(call))
        with self._lock:
            self._append(entry)
        self._count(entry.size)
        return entry

    def amend(self, entry: LogEntry, call: RecordedCall) -> None:
        """Replace the call of an entry; does nothing if the log has dropped the entry.

        The old record does not change: whoever has read the log keeps what they read.
        """
        amended = LogEntry(_pack(call))
        with self._lock:
            if entry.is_in_log:
                self._size += amended.size - entry.size
                entry.fields, entry.request, entry.response = amended.packed
                entry.size = amended.size
                self._drop_oldest()
        self._count(amended.size)

    def _append(self, entry: LogEntry) -> None:
        self._entries.append(entry)
        self._last_number += 1
        self._size += entry.size
        if self._size > self._max_bytes or len(self._entries) > self._capacity:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        entries = self._entries
        while len(entries) > self._capacity or (self._size > self._max_bytes and len(entries) > 1):
            self._drop_first()

    def _drop_first(self) -> None:
        entry = self._entries.popleft()
        entry.is_in_log = False
        self._size -= entry.size

    def _count(self, size: int) -> None:
        """Count all logs, now and then; if they take too much together, the largest lose their oldest calls."""
        self._uncounted += size
        if self._uncounted < _COUNTED_EVERY:
            return
        self._uncounted = 0
        with _logs_lock:
            logs = list(_logs)
        excess = sum(log.size for log in logs) - MAX_TOTAL_BYTES
        if excess <= 0:
            return
        for log in sorted(logs, key=attrgetter("size"), reverse=True):
            excess -= log.drop(min(excess, log.size // 2))
            if excess <= 0:
                return

    def drop(self, size: int) -> int:
        """Drop at least so many bytes of the oldest calls, but not the newest one; return how many were dropped."""
        with self._lock:
            before = self._size
            while before - self._size < size and len(self._entries) > 1:
                self._drop_first()
            return before - self._size

    def __iter__(self) -> Iterator[RecordedCall]:
        """Iterate over the calls that are in the log now, oldest first."""
        return map(_unpack, self.packed())

    def packed(self) -> list[Packed]:
        """Return the calls that are in the log now, as it keeps them."""
        with self._lock:
            return [entry.packed for entry in self._entries]

    def since(self, number: int) -> list[tuple[int, RecordedCall]]:
        """Return the calls with higher numbers, with their numbers, oldest first."""
        with self._lock:
            last, length = self._last_number, len(self._entries)
            newer = min(max(0, last - number), length)
            packed = [entry.packed for entry in itertools.islice(self._entries, length - newer, length)]
        return [(last - newer + place, _unpack(each)) for place, each in enumerate(packed, 1)]

    def newest(self, count: int) -> list[tuple[int, RecordedCall]]:
        """Return the newest calls, at most `count`, with their numbers, oldest first."""
        return self.since(self.last_number - count)

    def find(self, number: int) -> RecordedCall | None:
        """Return the call of that number, if the log still has it."""
        with self._lock:
            place = number - 1 - (self._last_number - len(self._entries))
            packed = self._entries[place].packed if 0 <= place < len(self._entries) else None
        return None if packed is None else _unpack(packed)

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

    def __bool__(self) -> bool:
        return bool(self._entries)

    def replace(self, other: "CallLog") -> None:
        """Replace all calls by those of another log."""
        entries = other.packed()
        with self._lock:
            self._clear()
            for each in entries:
                self._append(LogEntry(each))
        self._count(self._size)

    def clear(self) -> None:
        """Drop all calls."""
        with self._lock:
            self._clear()

    def _clear(self) -> None:
        while self._entries:
            self._drop_first()

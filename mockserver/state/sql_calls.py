"""The log of calls in a database, which several processes write.

A commit for each call would cost more than most requests. So a process keeps the calls that it has answered for at most
`QUEUE_SECONDS`, and writes them together; at once if one has changed a record. Before it answers the first of them, it
commits a row in the table `writers`: who reads the log waits until all writers have written what they had. So a reader
sees every call that was answered before, by whichever process, in the order of the answers. If a process is killed,
the calls that it has kept are lost.
"""

import secrets
import threading
import weakref
from collections import deque
from collections.abc import Iterator

from mockserver.state.call_batches import (
    BATCH_BYTES,
    BATCH_CALLS,
    MAX_BYTES,
    MAX_CALLS,
    count_calls,
    drop_calls,
    find_call,
    insert_calls,
    read_calls,
    replace_call,
    size_of,
)
from mockserver.state.calls import CallLog, LogEntry, RecordedCall
from mockserver.state.clock import SECOND, Machine, Nanos, countdown, machine_time
from mockserver.state.database import Database
from mockserver.state.sql_counters import Counters
from mockserver.state.store import Unavailable
from mockserver.state.stored_calls import StoredCall, decode_call, encode_call

QUEUE_SECONDS = 0.01
WRITTEN_AFTER = 0.75
"""How long a process keeps calls before it writes them, if they are not enough for a batch sooner. The first call that
comes after three quarters of the time writes them all."""

WRITER_SECONDS = 1.0
WRITER_PAUSE = 0.002
"""How long a reader waits for a writer before it takes it for dead, and how often it looks."""


_NOT_STORED = -1


class _SqlEntry(LogEntry):
    """A call as it is stored, and its number: 0 until it is written, `_NOT_STORED` if it never will be.

    It does not hold the call, whose many objects the garbage collector would look at again and again.
    """

    __slots__ = ("number", "space", "stored")

    def __init__(self, space: int, stored: StoredCall) -> None:
        self.space, self.stored = space, stored
        self.number = 0

    @property
    def call(self) -> RecordedCall:
        return decode_call(self.stored)


class CallQueue:
    """The calls that this process has answered and not written yet, of all spaces of a database."""

    def __init__(self) -> None:
        self.process = secrets.token_hex(8)
        self.counters = Counters(self)
        self._entries: deque[_SqlEntry] = deque()
        self._size = 0
        self._since: Nanos = 0
        self._is_announced = self._is_doubted = False
        self._is_filling = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, database: Database, entry: _SqlEntry) -> None:
        """Add a call."""
        with database.lock:
            at_once = database.take_changed()
            time = entry.stored.time
            if not at_once and (not self._is_announced or self._is_doubted):
                self.announce(database, time)
            self._entries.append(entry)
            self._size += size_of([entry.stored])
            is_full = len(self._entries) >= BATCH_CALLS or self._size >= BATCH_BYTES
            if at_once or is_full or time - self._since >= QUEUE_SECONDS * WRITTEN_AFTER * SECOND:
                try:
                    self.write(database, go_on=not at_once)
                except Unavailable:
                    self._drop_excess()
                    self._wake_thread(database)
                    raise

    def _drop_excess(self) -> None:
        """Drop the oldest calls if more have waited for the database than a log may have."""
        while len(self._entries) > MAX_CALLS or (self._size > MAX_BYTES and len(self._entries) > 1):
            entry = self._entries.popleft()
            entry.number = _NOT_STORED
            self._size -= size_of([entry.stored])

    def announce(self, database: Database, now: Nanos) -> None:
        """Say that there will be something to write, and that a thread is to write it in a while.

        It may be said again: who has taken this process for dead has deleted the row.
        """
        if not self._is_announced:
            self._since = now
        self._insert_writer(database, self._since)
        self._is_announced, self._is_doubted = True, False
        self._wake_thread(database)

    def doubt_announcement(self) -> None:
        """Say it again with the next call: the transaction in which it may have been said has failed."""
        self._is_doubted = True

    def _insert_writer(self, database: Database, since: Nanos) -> None:
        database.run(
            "INSERT INTO writers (process, since) VALUES (:process, :since)"
            " ON CONFLICT (process) DO UPDATE SET since = excluded.since",
            process=self.process,
            since=since,
        )

    def amend(self, database: Database, entry: _SqlEntry, stored: StoredCall) -> None:
        """Replace a call."""
        with database.lock:
            if entry.number:
                replace_call(database, entry.space, entry.number, entry.stored, stored)
            else:
                self._size += size_of([stored]) - size_of([entry.stored])
            entry.stored = stored

    def write(self, database: Database, *, go_on: bool = False) -> None:
        """Write all calls in one transaction, and give back the numbers that are reserved.

        With `go_on` it reserves others instead, unless another process has asked for them, and says that there will be
        other calls to write, as `announce` does: a busy process needs no other transaction.
        """
        with database.lock:
            if not self._entries and not self._is_announced:
                return
            now = machine_time()
            with database.transaction():
                blocks = self.counters.give_back(database, refill=go_on)
                written = [
                    (entries, insert_calls(database, space, [entry.stored for entry in entries]))
                    for space, entries in self._by_space()
                ]
                if go_on:
                    self._insert_writer(database, now)
                elif self._is_announced:
                    database.run("DELETE FROM writers WHERE process = :process", process=self.process)
            self.counters.keep(blocks)
            for entries, last in written:
                for number, entry in enumerate(entries, last - len(entries) + 1):
                    entry.number = number if last else _NOT_STORED
            self._entries.clear()
            self._size = 0
            self._is_announced, self._is_doubted, self._since = go_on, False, now
            if go_on:
                self._wake_thread(database)

    def _by_space(self) -> list[tuple[int, list[_SqlEntry]]]:
        """Return the calls of each space, the spaces in the order in which everybody locks them."""
        entries: dict[int, list[_SqlEntry]] = {}
        for entry in self._entries:
            entries.setdefault(entry.space, []).append(entry)
        return sorted(entries.items())

    def _wake_thread(self, database: Database) -> None:
        """Have a thread write what there is in a while. It ends when nobody uses the database any more."""
        if not self._is_filling.is_set():
            self._is_filling.set()
        if self._thread is None or not self._thread.is_alive():
            weakref.finalize(database, self._is_filling.set)
            self._thread = threading.Thread(
                target=self._write_in_time, args=[weakref.ref(database)], name="mockserver-calls", daemon=True
            )
            self._thread.start()

    def _write_in_time(self, reference: weakref.ref[Database]) -> None:
        """Write the calls that have waited for long: those after which no other call has come that would write them.

        Two threads that use the database and the interpreter in turn take a fifth more of the processor than one.
        """
        while True:
            self._is_filling.wait()
            Machine.sleep(max(self._seconds_left(machine_time()), 0))
            if self._is_announced and self._seconds_left(machine_time()) > 0:
                continue  # requests have written meanwhile: waiting for the lock that they take would slow both down
            database = reference()
            if database is None:
                return
            try:
                with database.lock:
                    if not self._is_announced or self._seconds_left(machine_time()) <= 0:
                        self._is_filling.clear()
                        self.write(database)
            except Unavailable:  # requests say so; the calls are written when the database is back
                self._is_filling.set()
                Machine.sleep(QUEUE_SECONDS)
            del database

    def _seconds_left(self, now: Nanos) -> float:
        """Return for how long what is to be written may still wait."""
        return min(QUEUE_SECONDS, QUEUE_SECONDS - (now - self._since) / SECOND)

    def settle(self, database: Database) -> None:
        """Wait until every call that any process has answered before is written."""
        self.write(database)
        left = countdown(WRITER_SECONDS)
        waiting = self._find_writers(database)
        while waiting:
            if left() < 0:
                for process, since in waiting:
                    database.run(
                        "DELETE FROM writers WHERE process = :process AND since = :since", process=process, since=since
                    )
                return
            Machine.sleep(WRITER_PAUSE)
            waiting &= self._find_writers(database)

    def settle_counters(self, database: Database, space: int | None = None) -> None:
        """Wait until every process has given back the numbers of a space that it had reserved, or of all spaces."""
        self.write(database)
        self.counters.ask_for_all(database, space)
        self.settle(database)

    def _find_writers(self, database: Database) -> set[tuple[str, Nanos]]:
        return set(database.run("SELECT process, since FROM writers WHERE process <> :own", own=self.process))


_queues: weakref.WeakKeyDictionary[Database, CallQueue] = weakref.WeakKeyDictionary()


def queue_of(database: Database) -> CallQueue:
    """Return the queue of a database."""
    return _queues.setdefault(database, CallQueue())


class SqlCallLog(CallLog):
    """The newest calls of a space, in its database."""

    def __init__(self, database: Database, space: int) -> None:  # the base class keeps its calls in memory
        self._database, self._space = database, space
        self._queue = queue_of(database)

    @property
    def size(self) -> int:
        """Return the bytes that the calls take as texts."""
        self.settle()
        rows = self._database.run("SELECT call_bytes FROM spaces WHERE id = :space", space=self._space)
        return int(rows[0][0]) if rows else 0

    @property
    def last_number(self) -> int:
        """Return how many calls the log has ever had."""
        self.settle()
        rows = self._database.run("SELECT calls FROM spaces WHERE id = :space", space=self._space)
        return int(rows[0][0]) if rows else 0

    def settle(self) -> None:
        """Wait until every call that any process has answered before is written."""
        self._queue.settle(self._database)

    def append(self, call: RecordedCall) -> LogEntry:
        """Add a call. The returned entry is for `amend`."""
        entry = _SqlEntry(self._space, encode_call(call, machine_time()))
        self._queue.add(self._database, entry)
        return entry

    def amend(self, entry: LogEntry, call: RecordedCall) -> None:
        """Replace the call of an entry; does nothing if the log has dropped the entry."""
        if not isinstance(entry, _SqlEntry):
            raise TypeError(f"{entry!r} is not an entry of this log")
        self._queue.amend(self._database, entry, encode_call(call, entry.stored.time))

    def _read(self, after: int = 0) -> list[tuple[int, RecordedCall]]:
        self.settle()
        calls = read_calls(self._database, self._space, after=after)
        return [(number, decode_call(stored)) for number, stored in calls]

    def __iter__(self) -> Iterator[RecordedCall]:
        """Iterate over the calls that are in the log now, oldest first."""
        return iter([call for _, call in self._read()])

    def newest_first(self) -> Iterator[RecordedCall]:
        """Iterate over the calls that are in the log now, newest first."""
        return reversed([call for _, call in self._read()])

    def since(self, number: int) -> list[tuple[int, RecordedCall]]:
        """Return the calls with higher numbers, with their numbers, oldest first.

        The numbers do not ascend if several processes have answered at the same time.
        """
        return self._read(after=number)

    def find(self, number: int) -> RecordedCall | None:
        """Return the call of that number, if the log still has it."""
        self.settle()
        stored = find_call(self._database, self._space, number)
        return decode_call(stored) if stored else None

    def __len__(self) -> int:
        self.settle()
        return count_calls(self._database, self._space)

    def __bool__(self) -> bool:
        return len(self) > 0

    def clear(self) -> None:
        """Drop all calls. Their numbers are not used again."""
        self.settle()
        with self._database.transaction():
            drop_calls(self._database, self._space)

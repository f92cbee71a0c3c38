"""The log of calls in a database, which several processes write.

A commit for each call would cost more than most requests. So a process keeps the calls that it has answered for at most
`QUEUE_SECONDS`, and writes them together; at once if one has changed a record. Before it answers the first of them, it
commits a row in the table `writers`: who reads the log waits until all writers have written what they had. So a reader
sees every call that was answered before, by whichever process, in the order of the answers. If a process is killed,
the calls that it has kept are lost.
"""

import json
import secrets
import threading
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

from mockserver.rpc.redaction import find_real_secret, redact_fields
from mockserver.state.calls import CallLog, LogEntry, RecordedCall
from mockserver.state.clock import SECOND, Machine, Nanos, countdown, machine_time
from mockserver.state.codec import decode, write_json
from mockserver.state.database import Database
from mockserver.state.sql_counters import Counters
from mockserver.state.store import Unavailable

MAX_CALLS = 10_000
MAX_BYTES = 64 * 2**20
COUNTED_EVERY = 64
"""How many calls the log of a space keeps, and how many bytes. It may have `COUNTED_EVERY` calls more: the oldest ones
are dropped so many at a time."""

QUEUE_SECONDS = 0.01
QUEUE_CALLS = 64
QUEUE_BYTES = 2**20
WRITTEN_AFTER = 0.75
"""How long a process keeps calls before it writes them, and how many of them, of how many bytes. The first call that
comes after three quarters of the time writes them all."""

WRITER_SECONDS = 1.0
WRITER_PAUSE = 0.002
"""How long a reader waits for a writer before it takes it for dead, and how often it looks."""


class _SqlEntry(LogEntry):
    """A call as the text that is stored, and its number, which is 0 until it is written.

    It does not hold the call, whose many objects the garbage collector would look at again and again.
    """

    __slots__ = ("number", "space", "text", "time")

    def __init__(self, space: int, time: Nanos, text: str) -> None:
        self.space, self.time, self.text = space, time, text
        self.number = 0

    @property
    def call(self) -> RecordedCall:
        return _read_call(self.text)


def _read_call(text: str) -> RecordedCall:
    """Return the call without what looks like a real secret, as the log in memory does."""
    call = decode(RecordedCall, json.loads(text))
    return redact_fields(call) if find_real_secret(text) else call


class CallQueue:
    """The calls that this process has answered and not written yet, of all spaces of a database."""

    def __init__(self) -> None:
        self.process = secrets.token_hex(8)
        self.counters = Counters(self)
        self._entries: dict[int, list[_SqlEntry]] = {}
        self._count = self._size = 0
        self._since: Nanos = 0
        self._is_announced = False
        self._is_filling = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, database: Database, entry: _SqlEntry) -> None:
        """Add a call."""
        with database.lock:
            at_once = database.take_changed()
            if not at_once and not self._is_announced:
                self.announce(database, entry.time)
            self._entries.setdefault(entry.space, []).append(entry)
            self._count += 1
            self._size += len(entry.text)
            is_full = self._count >= QUEUE_CALLS or self._size >= QUEUE_BYTES
            if at_once or is_full or entry.time - self._since >= QUEUE_SECONDS * WRITTEN_AFTER * SECOND:
                self.write(database)

    def announce(self, database: Database, now: Nanos) -> None:
        """Say that there will be something to write, and that a thread is to write it in a while.

        It may be said again: who has taken this process for dead has deleted the row.
        """
        if not self._is_announced:
            self._since = now
        database.run(
            "INSERT INTO writers (process, since) VALUES (:process, :since)"
            " ON CONFLICT (process) DO UPDATE SET since = excluded.since",
            process=self.process,
            since=self._since,
        )
        self._is_announced = True
        self._wake_thread(database)

    def amend(self, database: Database, entry: _SqlEntry, text: str) -> None:
        """Replace the text of a call."""
        with database.lock:
            entry.text = text
            if not entry.number:
                return
        of_call: dict[str, Any] = {"space": entry.space, "number": entry.number, "size": len(text)}
        with database.transaction():
            database.run(
                "UPDATE spaces SET call_bytes = call_bytes + coalesce("
                "(SELECT :size - size FROM calls WHERE space = :space AND number = :number), 0) WHERE id = :space",
                **of_call,
            )
            database.run(
                "UPDATE calls SET call = :call, size = :size WHERE space = :space AND number = :number",
                call=text,
                **of_call,
            )

    def write(self, database: Database) -> None:
        """Write all calls, and give back the numbers that are reserved, in one transaction."""
        with database.lock:
            if not self._entries and not self._is_announced:
                return
            with database.transaction():
                self.counters.give_back(database)
                for space, entries in sorted(self._entries.items()):
                    for first in range(0, len(entries), QUEUE_CALLS):  # more have waited if the database was away
                        _insert(database, space, entries[first : first + QUEUE_CALLS])
                if self._is_announced:
                    database.run("DELETE FROM writers WHERE process = :process", process=self.process)
            self._entries, self._count, self._size, self._is_announced = {}, 0, 0, False

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
            if self._entries and self._seconds_left(machine_time()) > 0:
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

    def _find_writers(self, database: Database) -> set[tuple[str, Nanos]]:
        return set(database.run("SELECT process, since FROM writers WHERE process <> :own", own=self.process))


def _insert(database: Database, space: int, entries: Sequence[_SqlEntry]) -> None:
    """Insert calls, unless the space has been deleted: part of a transaction."""
    count = len(entries)
    rows = database.run(
        "UPDATE spaces SET calls = calls + :count, call_bytes = call_bytes + :size WHERE id = :space"
        " RETURNING calls, call_bytes",
        count=count,
        size=sum(len(entry.text) for entry in entries),
        space=space,
    )
    if not rows:
        return
    last, size = map(int, rows[0])
    for number, entry in enumerate(entries, last - count + 1):
        entry.number = number
    if last // COUNTED_EVERY != (last - count) // COUNTED_EVERY:  # first, so that the new ones get the pages of these
        size = _drop(database, space, last - MAX_CALLS)
    database.run_many(
        "INSERT INTO calls (space, number, time, size, call) VALUES (:space, :number, :time, :size, :call)",
        [
            {"space": space, "number": it.number, "time": it.time, "size": len(it.text), "call": it.text}
            for it in entries
        ],
    )
    if size > MAX_BYTES:
        _drop(database, space, _find_excess(database, space, last, size - MAX_BYTES))


def _drop(database: Database, space: int, number: int) -> int:
    """Remove the calls of a space up to a number, and return the bytes of the others: part of a transaction."""
    ((size,),) = database.run(
        "UPDATE spaces SET call_bytes = call_bytes"
        " - coalesce((SELECT sum(size) FROM calls WHERE space = :space AND number <= :number), 0) WHERE id = :space"
        " RETURNING call_bytes",
        space=space,
        number=number,
    )
    database.run("DELETE FROM calls WHERE space = :space AND number <= :number", space=space, number=number)
    return int(size)


def _find_excess(database: Database, space: int, last: int, size: int) -> int:
    """Return up to which number the calls take so many bytes; the last call is never in excess."""
    rows = database.run(
        "SELECT number FROM (SELECT number, sum(size) OVER (ORDER BY number) AS total FROM calls"
        " WHERE space = :space AND number < :last) AS sums WHERE total >= :size ORDER BY number LIMIT 1",
        space=space,
        last=last,
        size=size,
    )
    return int(rows[0][0]) if rows else last - 1


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
        entry = _SqlEntry(self._space, machine_time(), write_json(call))
        self._queue.add(self._database, entry)
        return entry

    def amend(self, entry: LogEntry, call: RecordedCall) -> None:
        """Replace the call of an entry; does nothing if the log has dropped the entry."""
        if not isinstance(entry, _SqlEntry):
            raise TypeError(f"{entry!r} is not an entry of this log")
        self._queue.amend(self._database, entry, write_json(call))

    def _read(self, where: str = "number > 0", **values: int) -> list[tuple[int, RecordedCall]]:
        self.settle()
        rows = self._database.run(
            f"SELECT number, call FROM calls WHERE space = :space AND {where} ORDER BY time, number",  # noqa: S608 - our own condition
            space=self._space,
            **values,
        )
        return [(int(number), _read_call(text)) for number, text in rows]

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
        return self._read("number > :number", number=number)

    def find(self, number: int) -> RecordedCall | None:
        """Return the call of that number, if the log still has it."""
        return next((call for _, call in self._read("number = :number", number=number)), None)

    def __len__(self) -> int:
        self.settle()
        return int(self._database.run("SELECT count(*) FROM calls WHERE space = :space", space=self._space)[0][0])

    def __bool__(self) -> bool:
        return len(self) > 0

    def clear(self) -> None:
        """Drop all calls. Their numbers are not used again."""
        self.settle()
        with self._database.transaction():
            drop_calls(self._database, self._space)


def drop_calls(database: Database, space: int) -> None:
    """Drop all calls of a space that are written: part of a transaction."""
    database.run("UPDATE spaces SET call_bytes = 0 WHERE id = :space", space=space)
    database.run("DELETE FROM calls WHERE space = :space", space=space)

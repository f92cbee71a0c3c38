"""The store that lives in the memory of one process.

Transactions are optimistic: reading takes no lock beyond that of a page, and what was read is checked by its
version when the transaction ends. A database does the same with a column for the version.
"""

import itertools
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from mockserver.state.calls import CallLog
from mockserver.state.store import ALL, Conflict, Entry, Exists, Index, Kind, Missing, Position, Store

T = TypeVar("T")
R = TypeVar("R")

# A record, its version, and which one it was to be inserted.
_Row = tuple[Any, int, int]

# Rank, tie and name of a record.
_Key = tuple[int, str, str]

# Of all stores of the process, so that a version never stands for two records, whichever store is restored to which.
_revisions = itertools.count(1)

_GONE = object()


class _List:
    """One list of an index: the keys of its records in order."""

    __slots__ = ("keys", "revision")

    def __init__(self, keys: Iterable[_Key] = (), revision: int = 0) -> None:
        self.keys = list(keys)
        self.revision = revision

    def add(self, key: _Key) -> None:
        if self.keys and key < self.keys[-1]:
            insort(self.keys, key)
        else:
            self.keys.append(key)

    def remove(self, key: _Key) -> None:
        del self.keys[bisect_left(self.keys, key)]

    def page(self, after: tuple[int, str] | None, limit: int) -> list[_Key]:
        start = 0 if after is None else bisect_right(self.keys, after, key=lambda key: key[:2])
        return self.keys[start : start + limit]


class _Table:
    """The records of a kind, and the lists they are in by index and partition."""

    __slots__ = ("inserted", "kind", "lists", "revision", "rows")

    def __init__(self, kind: Kind[Any]) -> None:
        self.kind = kind
        self.rows: dict[str, _Row] = {}
        self.lists: dict[tuple[str, str], _List] = {}
        self.revision = 0
        self.inserted = 0

    def write(self, name: str, record: Any) -> None:
        """Put a record in the place of whatever is there, or forget what is there."""
        self.revision = next(_revisions)
        old = self.rows.get(name)
        if old is not None:
            self._leave_lists(name, old)
        if record is _GONE:
            self.rows.pop(name, None)
            return
        if old is None:
            self.inserted += 1
        self.rows[name] = row = (record, self.revision, self.inserted if old is None else old[2])
        self._enter_lists(name, row)

    def _enter_lists(self, name: str, row: _Row) -> None:
        lists, revision = self.lists, self.revision
        for index in (ALL, *self.kind.indexes):
            key = _key(index, name, row)
            for partition in index.partitions(row[0]):
                place = lists.get((index.name, partition))
                if place is None:
                    place = lists[index.name, partition] = _List()
                place.revision = revision
                place.add(key)

    def _leave_lists(self, name: str, row: _Row) -> None:
        for index in (ALL, *self.kind.indexes):
            key = _key(index, name, row)
            for partition in index.partitions(row[0]):
                place = self.lists[index.name, partition]
                place.remove(key)
                place.revision = self.revision
                if not place.keys:
                    del self.lists[index.name, partition]

    def copy(self) -> "_Table":
        twin = _Table(self.kind)
        twin.rows = self.rows.copy()
        twin.lists = {where: _List(place.keys, place.revision) for where, place in self.lists.items()}
        twin.revision, twin.inserted = self.revision, self.inserted
        return twin


def _key(index: Index[Any], name: str, row: _Row) -> _Key:
    """The key of a record in the lists of an index."""
    record, _, ordinal = row
    rank = ordinal if index.rank is None else index.rank(record)
    return rank, name if index.tie is None else index.tie(record), name


class MemoryStore(Store):
    """A dictionary a kind, and a sorted list of keys for each list. Records are frozen, so a copy shares them."""

    def __init__(self) -> None:
        self.origin = self
        self.snapshots = {}
        self.log = CallLog()
        self._tables: dict[str, _Table] = {}
        self._counters: dict[str, int] = {}
        self._lock = threading.Lock()

    def get(self, kind: Kind[T], name: str) -> T:
        """The record, else Missing."""
        try:
            record: T = self._tables[kind.name].rows[name][0]
        except KeyError:
            raise Missing(name) from None
        return record

    def page(
        self, kind: Kind[T], index: Index[T], partition: str, *, after: Position | None = None, limit: int
    ) -> list[Entry[T]]:
        """The first records of a list behind a position."""
        return self.page_of(kind, index, partition, after, limit)[0]

    def page_of(
        self, kind: Kind[T], index: Index[T], partition: str, after: Position | None, limit: int
    ) -> tuple[list[Entry[T]], int]:
        """A page, and the revision of the list it is from; 0 for a list that is empty."""
        table = self._tables.get(kind.name)
        if table is None:
            return [], 0
        with self._lock:
            place = table.lists.get((index.name, partition))
            if place is None:
                return [], 0
            keys = place.page(after, limit)
            rows = table.rows
            entries = [Entry(Position(rank, tie), name, rows[name][0], rows[name][1]) for rank, tie, name in keys]
            return entries, place.revision

    def revision(self, kind: Kind[Any]) -> int:
        """A number that every change of a record of this kind moves on."""
        table = self._tables.get(kind.name)
        return table.revision if table else 0

    def kinds(self) -> list[Kind[Any]]:
        """Every kind that has a record, or had one."""
        with self._lock:
            return [table.kind for table in self._tables.values()]

    def transact(self, change: Callable[[Store], R]) -> R:
        """Call `change` with a transaction until nothing comes between, and keep what it writes."""
        while True:
            transaction = _Transaction(self)
            try:
                result = change(transaction)
            except Exception:
                if self._keep(transaction, write=False):
                    raise
            else:
                if self._keep(transaction, write=True):
                    return result

    def _keep(self, transaction: "_Transaction", *, write: bool) -> bool:
        """Keep what was written, unless something that was read has changed: then False."""
        with self._lock:
            for (kind, name), version in transaction.versions.items():
                table = self._tables.get(kind)
                row = table.rows.get(name) if table else None
                if (row[1] if row else 0) != version:
                    return False
            for (kind, index, partition), revision in transaction.lists.items():
                table = self._tables.get(kind)
                place = table.lists.get((index, partition)) if table else None
                if (place.revision if place else 0) != revision:
                    return False
            if write:
                for name, (of, record) in transaction.writes():
                    if of.name not in self._tables:
                        self._tables[of.name] = _Table(of)
                    self._tables[of.name].write(name, record)
        return True

    def version(self, kind: Kind[Any], name: str) -> tuple[Any, int]:
        """A record and its version; nothing and 0 where there is none."""
        table = self._tables.get(kind.name)
        row = table.rows.get(name) if table else None
        return (row[0], row[1]) if row else (None, 0)

    def insert(self, kind: Kind[T], name: str, record: T) -> None:
        """Keep a new record, else Exists."""
        self.transact(lambda transaction: transaction.insert(kind, name, record))

    def replace(self, kind: Kind[T], name: str, record: T, *, version: int | None = None) -> None:
        """Keep another record in the place of the one that is there, else Missing or Conflict."""
        self.transact(lambda transaction: transaction.replace(kind, name, record, version=version))

    def delete(self, kind: Kind[Any], name: str) -> None:
        """Forget the record, else Missing."""
        self.transact(lambda transaction: transaction.delete(kind, name))

    def count(self, counter: str) -> int:
        """How often this counter was asked before: 0, 1, 2, ..."""
        with self._lock:
            seen = self._counters.get(counter, 0)
            self._counters[counter] = seen + 1
        return seen

    def clear(self, keep: Iterable[Kind[Any]] = ()) -> None:
        """Forget every record but those of some kinds, the counters and the log."""
        kept = {kind.name for kind in keep}
        with self._lock:
            for name, table in self._tables.items():
                if name not in kept:
                    self._tables[name] = _Table(table.kind)
                    self._tables[name].revision = next(_revisions)
            self._counters.clear()
        self.log.clear()

    def copy(self) -> "MemoryStore":
        """A store of its own with the same records, counters and log."""
        twin = MemoryStore()
        with self._lock:
            twin._tables = {name: table.copy() for name, table in self._tables.items()}
            twin._counters = self._counters.copy()
        twin.log.replace(self.log.so_far())
        return twin

    def restore(self, copy: Store) -> None:
        """Hold what a copy holds. TypeError for the copy of another kind of store."""
        if not isinstance(copy, MemoryStore):
            msg = f"a store in memory cannot hold what a {type(copy).__name__} holds"
            raise TypeError(msg)
        twin = copy.copy()
        with self._lock:
            self._tables, self._counters = twin._tables, twin._counters  # noqa: SLF001 - another of this class
        self.log.replace(twin.log.so_far())


class _Transaction(Store):
    """What a change has read, by version, and what it is to write."""

    def __init__(self, store: MemoryStore) -> None:
        self.origin = self._store = store
        self.snapshots = store.snapshots
        self.log = store.log
        self.versions: dict[tuple[str, str], int] = {}
        self.lists: dict[tuple[str, str, str], int] = {}
        self._writes: dict[tuple[str, str], tuple[Kind[Any], Any]] = {}

    def writes(self) -> Iterable[tuple[str, tuple[Kind[Any], Any]]]:
        """Names, and their kinds and records, in the order of writing."""
        return ((name, written) for (_, name), written in self._writes.items())

    def get(self, kind: Kind[T], name: str) -> T:
        """The record as this transaction would have it, else Missing."""
        key = (kind.name, name)
        written = self._writes.get(key)
        if written is not None:
            record = written[1]
        else:
            record, version = self._store.version(kind, name)
            # A record that is another one by now is found out at the end: its first version counts.
            self.versions.setdefault(key, version)
            if not version:
                raise Missing(name)
        if record is _GONE:
            raise Missing(name)
        found: T = record
        return found

    def page(
        self, kind: Kind[T], index: Index[T], partition: str, *, after: Position | None = None, limit: int
    ) -> list[Entry[T]]:
        """A page of what is there already."""
        if any(of == kind.name for of, _ in self._writes):
            msg = f"this transaction has written {kind.name}: it must read their lists before"
            raise ValueError(msg)
        entries, revision = self._store.page_of(kind, index, partition, after, limit)
        self.lists.setdefault((kind.name, index.name, partition), revision)
        return entries

    def revision(self, kind: Kind[Any]) -> int:
        """The revision of what is there already."""
        return self._store.revision(kind)

    def kinds(self) -> list[Kind[Any]]:
        """The kinds of what is there already."""
        return self._store.kinds()

    def transact(self, change: Callable[[Store], R]) -> R:
        """Part of this transaction."""
        return change(self)

    def insert(self, kind: Kind[T], name: str, record: T) -> None:
        """Write a new record, else Exists."""
        if self.has(kind, name):
            raise Exists(name)
        self._write(kind, name, record)

    def replace(self, kind: Kind[T], name: str, record: T, *, version: int | None = None) -> None:
        """Write another record, else Missing or Conflict."""
        self.get(kind, name)
        if version is not None and self.versions.get((kind.name, name)) != version:
            raise Conflict(name)
        self._write(kind, name, record)

    def delete(self, kind: Kind[Any], name: str) -> None:
        """Forget the record, else Missing."""
        self.get(kind, name)
        self._write(kind, name, _GONE)

    def _write(self, kind: Kind[Any], name: str, record: Any) -> None:
        self._writes.pop((kind.name, name), None)
        self._writes[kind.name, name] = (kind, record)

    def count(self, counter: str) -> int:
        """A number that no other transaction is given."""
        return self._store.count(counter)

    def clear(self, keep: Iterable[Kind[Any]] = ()) -> None:
        """Not in a transaction."""
        raise NotImplementedError

    def copy(self) -> Store:
        """Not in a transaction."""
        raise NotImplementedError

    def restore(self, copy: Store) -> None:
        """Not in a transaction."""
        raise NotImplementedError

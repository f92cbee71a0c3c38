"""The store in the memory of one process.

Transactions are optimistic: reading takes a lock for a page at most, and the commit compares the versions of
everything that was read. A database does the same with a version column.
"""

import itertools
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from mockserver.state.calls import CallLog
from mockserver.state.clock import Nanos
from mockserver.state.lists import Key, RankedList, SpanList
from mockserver.state.store import ALL, Collection, Conflict, Entry, Exists, Index, Missing, Position, Span, Store

T = TypeVar("T")
R = TypeVar("R")

# A record, its version, and the ordinal of its insertion. A NamedTuple costs a tenth of a write.
_Row = tuple[Any, int, int]
_RECORD, _VERSION, _ORDINAL = range(3)

# One counter for all stores of the process, so that a version is unique whichever store is restored to which.
_revisions = itertools.count(1)

DELETED = object()


class Table:
    """The records of a collection, their names in the order of insertion, and the lists by index and partition."""

    __slots__ = ("collection", "last_ordinal", "lists", "names", "revision", "rows")

    def __init__(self, collection: Collection[Any]) -> None:
        self.collection = collection
        self.rows: dict[str, _Row] = {}
        self.names: list[str] = []
        self.lists: dict[tuple[str, str], RankedList | SpanList] = {}
        self.revision = 0
        self.last_ordinal = 0

    def write(self, name: str, record: Any, version: int) -> None:
        """Insert or replace a record; delete it if `record` is `DELETED`."""
        self.revision = version
        old = self.rows.get(name)
        if old is not None:
            self._leave_lists(name, old)
        if record is DELETED:
            if old is not None:
                del self.names[bisect_left(self.names, old[_ORDINAL], key=self._ordinal)]
                del self.rows[name]
            return
        if old is None:
            self.last_ordinal += 1
            self.names.append(name)
        self.rows[name] = row = (record, self.revision, self.last_ordinal if old is None else old[_ORDINAL])
        self._enter_lists(name, row)

    def _enter_lists(self, name: str, row: _Row) -> None:
        lists, revision = self.lists, self.revision
        for index, partitions, keys in self._keys(name, row):
            for partition in partitions:
                entries = lists.get((index.name, partition))
                if entries is None:
                    entries = lists[index.name, partition] = SpanList() if index.spans else RankedList()
                entries.revision = revision
                for key in keys:
                    entries.add(key)

    def _leave_lists(self, name: str, row: _Row) -> None:
        for index, partitions, keys in self._keys(name, row):
            for partition in partitions:
                entries = self.lists[index.name, partition]
                for key in keys:
                    entries.remove(key)
                entries.revision = self.revision
                if not entries:
                    del self.lists[index.name, partition]

    def _keys(self, name: str, row: _Row) -> list[tuple[Index[Any], Iterable[str], list[Key]]]:
        """Return the lists of a record: each index, its partitions with the record, and the record's keys in them."""
        record, _, ordinal = row
        found: list[tuple[Index[Any], Iterable[str], list[Key]]] = []
        computed: Callable[[Any], Iterable[Span]] | None = None
        spans: list[Span] = []
        for index in self.collection.indexes:
            rank = ordinal if index.rank is None else index.rank(record)
            tie = -ordinal if index.descending else name if index.tie is None else index.tie(record)
            sign = -1 if index.descending else 1
            if index.spans is None:
                found.append((index, index.partitions(record), [(sign * rank, tie, name)]))
                continue
            if index.spans is not computed:  # neighbouring indexes often have the same
                computed, spans = index.spans, list(index.spans(record))
            keys: list[Key] = []
            for since, until, own_rank in spans:
                keys.append((sign * (rank if own_rank is None else own_rank), tie, name, since, until))
            if keys:
                found.append((index, index.partitions(record), keys))
        return found

    def page(self, index: str, partition: str, after: Position | None, at: Nanos, limit: int) -> list[Entry[Any]]:
        """Return the first records of a list after a position."""
        rows = self.rows
        if index == ALL.name:
            start = 0 if after is None else bisect_right(self.names, after.rank, key=self._ordinal)
            names = self.names[start : start + limit]
            return [Entry(Position(rows[name][_ORDINAL], name), name, *rows[name]) for name in names]
        entries = self.lists.get((index, partition))
        keys = entries.page(after, at, limit) if entries else []
        return [Entry(Position(key[0], key[1]), key[2], *rows[key[2]]) for key in keys]

    def list_revision(self, index: str, partition: str) -> int:
        """Return the revision of a list; it is 0 for an empty one."""
        if index == ALL.name:
            return self.revision
        entries = self.lists.get((index, partition))
        return entries.revision if entries else 0

    def _ordinal(self, name: str) -> int:
        return self.rows[name][_ORDINAL]

    def copy(self) -> "Table":
        """Return an independent table with the same records."""
        copy = Table(self.collection)
        copy.rows, copy.names = self.rows.copy(), self.names.copy()
        copy.lists = {key: entries.copy() for key, entries in self.lists.items()}
        copy.revision, copy.last_ordinal = self.revision, self.last_ordinal
        return copy


class MemoryStore(Store):
    """A dictionary for each collection, and a sorted list of keys for each of its lists.

    Copies share the frozen records.
    """

    def __init__(self) -> None:
        self.origin = self
        self.snapshots = {}
        self.log = CallLog()
        self._tables: dict[str, Table] = {}
        self._counters: dict[str, int] = {}
        self.generation = 0  # changes when all tables were read again: their lists have other revisions then
        self._lock = threading.Lock()

    def get(self, collection: Collection[T], name: str) -> T:
        """Return the record. Raises Missing."""
        try:
            record: T = self._tables[collection.name].rows[name][0]
        except KeyError:
            raise Missing(name) from None
        return record

    def page(
        self,
        collection: Collection[T],
        index: Index[T],
        partition: str,
        *,
        after: Position | None = None,
        at: Nanos = 0,
        limit: int,
    ) -> list[Entry[T]]:
        """Return the first records of a list after a position."""
        return self.read_page(collection, index, partition, after, at, limit)[0]

    def read_page(
        self,
        collection: Collection[T],
        index: Index[T],
        partition: str,
        after: Position | None,
        at: Nanos,
        limit: int,
    ) -> tuple[list[Entry[T]], int]:
        """Return a page and the revision of its list, which is 0 for an empty list."""
        if index is not ALL and index not in collection.indexes:
            msg = f"{collection.name} has no index {index.name}"
            raise ValueError(msg)
        table = self._tables.get(collection.name)
        if table is None:
            return [], 0
        with self._lock:
            return table.page(index.name, partition, after, at, limit), table.list_revision(index.name, partition)

    def revision(self, collection: Collection[Any]) -> int:
        """Return a number that grows with every change of a record of this collection."""
        table = self._tables.get(collection.name)
        return table.revision if table else 0

    def collections(self) -> list[Collection[Any]]:
        """Return every collection that has a record, or had one."""
        with self._lock:
            return [table.collection for table in self._tables.values()]

    def transact(self, change: Callable[[Store], R]) -> R:
        """Call `change` with a transaction until it commits without a conflict."""
        while True:
            transaction = Transaction(self)
            try:
                result = change(transaction)
            except Exception:  # a refusal by what has changed meanwhile is decided again
                if self._commit(transaction, write=False):
                    raise
            else:
                if self._commit(transaction, write=True):
                    return result

    def _commit(self, transaction: "Transaction", *, write: bool) -> bool:
        """Commit what was written; return False if something that was read has changed."""
        with self._lock:
            if not self._is_current(transaction):
                return False
            if write:
                for (_, name), (collection, record) in transaction.writes.items():
                    self._table(collection).write(name, record, next(_revisions))
        return True

    def _is_current(self, transaction: "Transaction") -> bool:
        """Return whether everything that a transaction has read is still so."""
        if transaction.generation != self.generation:
            return False
        for (collection, name), version in transaction.versions.items():
            table = self._tables.get(collection)
            row = table.rows.get(name) if table else None
            if (row[_VERSION] if row else 0) != version:
                return False
        for (collection, index, partition), revision in transaction.lists.items():
            table = self._tables.get(collection)
            if (table.list_revision(index, partition) if table else 0) != revision:
                return False
        return True

    def _table(self, collection: Collection[Any]) -> Table:
        table = self._tables.get(collection.name)
        if table is None:
            table = self._tables[collection.name] = Table(collection)
        return table

    def read_version(self, collection: Collection[Any], name: str) -> tuple[Any, int]:
        """Return a record and its version; None and 0 if there is none."""
        table = self._tables.get(collection.name)
        row = table.rows.get(name) if table else None
        return (row[_RECORD], row[_VERSION]) if row else (None, 0)

    def insert(self, collection: Collection[T], name: str, record: T) -> None:
        """Insert a new record. Raises Exists."""
        self.transact(lambda transaction: transaction.insert(collection, name, record))

    def replace(self, collection: Collection[T], name: str, record: T, *, version: int | None = None) -> None:
        """Replace a record. Raises Missing, Conflict."""
        self.transact(lambda transaction: transaction.replace(collection, name, record, version=version))

    def delete(self, collection: Collection[Any], name: str) -> None:
        """Delete the record. Raises Missing."""
        self.transact(lambda transaction: transaction.delete(collection, name))

    def count(self, counter: str) -> int:
        """Return the next number of a counter: 0, 1, 2, ..."""
        with self._lock:
            number = self._counters.get(counter, 0)
            self._counters[counter] = number + 1
        return number

    def clear(self, keep: Iterable[Collection[Any]] = ()) -> None:
        """Delete the counters, the log and every record, except records of the collections in `keep`."""
        names_to_keep = {collection.name for collection in keep}
        with self._lock:
            for name, table in self._tables.items():
                if name not in names_to_keep:
                    self._tables[name] = Table(table.collection)
                    self._tables[name].revision = next(_revisions)
            self._counters.clear()
        self.log.clear()

    def copy(self) -> "MemoryStore":
        """Return an independent store with the same records, counters and log."""
        copy = MemoryStore()
        with self._lock:
            copy._tables = {name: table.copy() for name, table in self._tables.items()}
            copy._counters = self._counters.copy()
        copy.log.replace(self.log)
        return copy

    def restore(self, copy: Store) -> None:
        """Replace everything by the contents of a copy. TypeError for a copy of another class."""
        if not isinstance(copy, MemoryStore):
            msg = f"cannot restore a MemoryStore from a {type(copy).__name__}"
            raise TypeError(msg)
        source = copy.copy()  # so that the copy can be restored again
        with self._lock:
            self._tables, self._counters = source._tables, source._counters  # noqa: SLF001 - the same class
        self.log.replace(source.log)


class Transaction(Store):
    """The versions that a change has read, and the records that it will write."""

    def __init__(self, store: MemoryStore) -> None:
        self.origin = self._store = store
        self.snapshots = store.snapshots
        self.log = store.log
        self.generation = store.generation
        self.versions: dict[tuple[str, str], int] = {}
        self.lists: dict[tuple[str, str, str], int] = {}
        self.writes: dict[tuple[str, str], tuple[Collection[Any], Any]] = {}  # in the order of writing

    def get(self, collection: Collection[T], name: str) -> T:
        """Return the record as this transaction has written it, else as it is stored. Raises Missing."""
        key = (collection.name, name)
        if key in self.writes:
            record = self.writes[key][1]
        else:
            record, version = self._store.read_version(collection, name)
            # Of several reads the first version counts: if it has changed since, the commit finds out.
            self.versions.setdefault(key, version)
            if not version:
                record = DELETED
        if record is DELETED:
            raise Missing(name)
        result: T = record
        return result

    def has(self, collection: Collection[Any], name: str) -> bool:
        """Return whether there is a record of that name."""
        key = (collection.name, name)
        if key in self.writes:
            return self.writes[key][1] is not DELETED
        if key not in self.versions:
            self.versions[key] = self._store.read_version(collection, name)[1]
        return bool(self.versions[key])

    def page(
        self,
        collection: Collection[T],
        index: Index[T],
        partition: str,
        *,
        after: Position | None = None,
        at: Nanos = 0,
        limit: int,
    ) -> list[Entry[T]]:
        """Return a page of the stored records."""
        if any(name == collection.name for name, _ in self.writes):
            msg = f"this transaction has already written {collection.name}: read their lists before writing"
            raise ValueError(msg)
        entries, revision = self._store.read_page(collection, index, partition, after, at, limit)
        self.lists.setdefault((collection.name, index.name, partition), revision)
        return entries

    def revision(self, collection: Collection[Any]) -> int:
        """Return the revision of the stored records."""
        return self._store.revision(collection)

    def collections(self) -> list[Collection[Any]]:
        """Return the collections of the stored records."""
        return self._store.collections()

    def transact(self, change: Callable[[Store], R]) -> R:
        """Call `change` as a part of this transaction."""
        return change(self)

    def insert(self, collection: Collection[T], name: str, record: T) -> None:
        """Insert a new record. Raises Exists."""
        if self.has(collection, name):
            raise Exists(name)
        self._write(collection, name, record)

    def replace(self, collection: Collection[T], name: str, record: T, *, version: int | None = None) -> None:
        """Replace a record. Raises Missing, Conflict."""
        self.get(collection, name)
        if version is not None and self.versions.get((collection.name, name)) != version:
            raise Conflict(name)
        self._write(collection, name, record)

    def delete(self, collection: Collection[Any], name: str) -> None:
        """Delete the record. Raises Missing."""
        self.get(collection, name)
        self._write(collection, name, DELETED)

    def _write(self, collection: Collection[Any], name: str, record: Any) -> None:
        self.writes.pop((collection.name, name), None)
        self.writes[collection.name, name] = (collection, record)

    def count(self, counter: str) -> int:
        """Return a number that no other transaction gets."""
        return self._store.count(counter)

    def clear(self, keep: Iterable[Collection[Any]] = ()) -> None:
        """Raise NotImplementedError: a transaction cannot do this."""
        raise NotImplementedError

    def copy(self) -> Store:
        """Raise NotImplementedError: a transaction cannot do this."""
        raise NotImplementedError

    def restore(self, copy: Store) -> None:
        """Raise NotImplementedError: a transaction cannot do this."""
        raise NotImplementedError

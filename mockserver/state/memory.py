"""The store in the memory of one process.

Transactions are optimistic: reading takes a lock for a page at most, and the commit compares the versions of
everything that was read. A database does the same with a version column.
"""

import itertools
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

from mockserver.state.calls import CallLog
from mockserver.state.clock import Nanos
from mockserver.state.store import ALL, Collection, Conflict, Entry, Exists, Index, Missing, Position, Store

T = TypeVar("T")
R = TypeVar("R")

# A record, its version, and the ordinal of its insertion.
_Row = tuple[Any, int, int]

# Rank, tie and name of a record; in an index with spans also since and until.
_Key = tuple[Any, ...]

# One counter for all stores of the process, so that a version is unique whichever store is restored to which.
_revisions = itertools.count(1)

_DELETED = object()


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

    def page(self, after: _Key | None, at: Nanos, limit: int) -> list[_Key]:  # noqa: ARG002 - as for `_SpanList`
        start = 0 if after is None else bisect_right(self.keys, after, key=lambda key: key[:2])
        return self.keys[start : start + limit]

    def copy(self) -> "_List":
        return _List(self.keys, self.revision)

    def __bool__(self) -> bool:
        return bool(self.keys)


class _Block:
    """Some neighbouring keys of a list, and between which moments any of them is in it."""

    __slots__ = ("keys", "since", "until")

    def __init__(self, keys: list[_Key]) -> None:
        self.keys = keys
        self.measure()

    def measure(self) -> None:
        self.since = min(key[3] for key in self.keys)
        self.until = max(key[4] for key in self.keys)


class _SpanList:
    """One list of an index with spans, in blocks: a page passes over those of which no record is in the list then."""

    __slots__ = ("blocks", "revision")

    block_size = 512

    def __init__(self) -> None:
        self.blocks: list[_Block] = []
        self.revision = 0

    def add(self, key: _Key) -> None:
        if not self.blocks:
            self.blocks.append(_Block([key]))
            return
        at = min(self._find(key), len(self.blocks) - 1)
        block = self.blocks[at]
        insort(block.keys, key)
        block.since, block.until = min(block.since, key[3]), max(block.until, key[4])
        if len(block.keys) > self.block_size:
            half = self.block_size // 2
            self.blocks[at : at + 1] = [_Block(block.keys[:half]), _Block(block.keys[half:])]

    def remove(self, key: _Key) -> None:
        at = self._find(key)
        block = self.blocks[at]
        del block.keys[bisect_left(block.keys, key)]
        if block.keys:
            block.measure()
        else:
            del self.blocks[at]

    def page(self, after: _Key | None, at: Nanos, limit: int) -> list[_Key]:
        page: list[_Key] = []
        first = 0 if after is None else bisect_right(self.blocks, after, key=lambda block: block.keys[-1][:2])
        for block in islice(self.blocks, first, None):
            if block.since <= at < block.until:
                keys = (key for key in block.keys if key[3] <= at < key[4] and (after is None or key[:2] > after))
                page += islice(keys, limit - len(page))
                if len(page) == limit:
                    break
        return page

    def copy(self) -> "_SpanList":
        copy = _SpanList()
        copy.blocks = [_Block(block.keys.copy()) for block in self.blocks]
        copy.revision = self.revision
        return copy

    def __bool__(self) -> bool:
        return bool(self.blocks)

    def _find(self, key: _Key) -> int:
        """Return the position of the block that a key belongs to."""
        return bisect_left(self.blocks, key, key=lambda block: block.keys[-1])


class _Table:
    """The records of a collection, and its lists by index and partition."""

    __slots__ = ("collection", "inserted", "lists", "revision", "rows")

    def __init__(self, collection: Collection[Any]) -> None:
        self.collection = collection
        self.rows: dict[str, _Row] = {}
        self.lists: dict[tuple[str, str], _List | _SpanList] = {}
        self.revision = 0
        self.inserted = 0

    def write(self, name: str, record: Any) -> None:
        """Insert or replace a record; delete it if `record` is `_DELETED`."""
        self.revision = next(_revisions)
        old = self.rows.get(name)
        if old is not None:
            self._leave_lists(name, old)
        if record is _DELETED:
            self.rows.pop(name, None)
            return
        if old is None:
            self.inserted += 1
        self.rows[name] = row = (record, self.revision, self.inserted if old is None else old[2])
        self._enter_lists(name, row)

    def _enter_lists(self, name: str, row: _Row) -> None:
        lists, revision = self.lists, self.revision
        for index in (ALL, *self.collection.indexes):
            keys = _keys(index, name, row)
            for partition in index.partitions(row[0]) if keys else ():
                entries = lists.get((index.name, partition))
                if entries is None:
                    entries = lists[index.name, partition] = _SpanList() if index.spans else _List()
                entries.revision = revision
                for key in keys:
                    entries.add(key)

    def _leave_lists(self, name: str, row: _Row) -> None:
        for index in (ALL, *self.collection.indexes):
            keys = _keys(index, name, row)
            for partition in index.partitions(row[0]) if keys else ():
                entries = self.lists[index.name, partition]
                for key in keys:
                    entries.remove(key)
                entries.revision = self.revision
                if not entries:
                    del self.lists[index.name, partition]

    def copy(self) -> "_Table":
        copy = _Table(self.collection)
        copy.rows = self.rows.copy()
        copy.lists = {key: entries.copy() for key, entries in self.lists.items()}
        copy.revision, copy.inserted = self.revision, self.inserted
        return copy


def _keys(index: Index[Any], name: str, row: _Row) -> list[_Key]:
    """Return the keys of a record in each of its lists of an index."""
    record, _, ordinal = row
    rank = ordinal if index.rank is None else index.rank(record)
    tie = -ordinal if index.descending else name if index.tie is None else index.tie(record)
    sign = -1 if index.descending else 1
    if index.spans is None:
        return [(sign * rank, tie, name)]
    return [
        (sign * (rank if own_rank is None else own_rank), tie, name, since, until)
        for since, until, own_rank in index.spans(record)
    ]


class MemoryStore(Store):
    """A dictionary for each collection, and a sorted list of keys for each of its lists. Copies share the frozen records."""

    def __init__(self) -> None:
        self.origin = self
        self.snapshots = {}
        self.log = CallLog()
        self._tables: dict[str, _Table] = {}
        self._counters: dict[str, int] = {}
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
        table = self._tables.get(collection.name)
        if table is None:
            return [], 0
        with self._lock:
            listed = table.lists.get((index.name, partition))
            if listed is None:
                return [], 0
            keys = listed.page(after, at, limit)
            rows = table.rows
            return [Entry(Position(key[0], key[1]), key[2], *rows[key[2]]) for key in keys], listed.revision

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
            transaction = _Transaction(self)
            try:
                result = change(transaction)
            except Exception:  # a refusal by what has changed meanwhile is decided again
                if self._commit(transaction, write=False):
                    raise
            else:
                if self._commit(transaction, write=True):
                    return result

    def _commit(self, transaction: "_Transaction", *, write: bool) -> bool:
        """Commit what was written; return False if something that was read has changed."""
        with self._lock:
            for (collection, name), version in transaction.versions.items():
                table = self._tables.get(collection)
                row = table.rows.get(name) if table else None
                if (row[1] if row else 0) != version:
                    return False
            for (collection, index, partition), revision in transaction.lists.items():
                table = self._tables.get(collection)
                listed = table.lists.get((index, partition)) if table else None
                if (listed.revision if listed else 0) != revision:
                    return False
            if write:
                for (collection, name), (table_collection, record) in transaction.writes.items():
                    if collection not in self._tables:
                        self._tables[collection] = _Table(table_collection)
                    self._tables[collection].write(name, record)
        return True

    def read_version(self, collection: Collection[Any], name: str) -> tuple[Any, int]:
        """Return a record and its version; None and 0 if there is none."""
        table = self._tables.get(collection.name)
        row = table.rows.get(name) if table else None
        return (row[0], row[1]) if row else (None, 0)

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
                    self._tables[name] = _Table(table.collection)
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


class _Transaction(Store):
    """The versions that a change has read, and the records that it will write."""

    def __init__(self, store: MemoryStore) -> None:
        self.origin = self._store = store
        self.snapshots = store.snapshots
        self.log = store.log
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
                record = _DELETED
        if record is _DELETED:
            raise Missing(name)
        result: T = record
        return result

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
        if any(written == collection.name for written, _ in self.writes):
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
        self._write(collection, name, _DELETED)

    def _write(self, collection: Collection[Any], name: str, record: Any) -> None:
        self.writes.pop((collection.name, name), None)
        self.writes[collection.name, name] = (collection, record)

    def count(self, counter: str) -> int:
        """Return a number that no other transaction gets."""
        return self._store.count(counter)

    def clear(self, keep: Iterable[Collection[Any]] = ()) -> None:
        """A transaction cannot do this."""
        raise NotImplementedError

    def copy(self) -> Store:
        """A transaction cannot do this."""
        raise NotImplementedError

    def restore(self, copy: Store) -> None:
        """A transaction cannot do this."""
        raise NotImplementedError

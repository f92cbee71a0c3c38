"""The store in a SQL database, which several processes may share.

The database has the records; every process keeps a replica of them, with their lists, as the store in memory does. A
read first checks that nobody has committed anything since, else it reads what is new: the records with a higher
version. So reading costs little, and every read sees all that was committed before it. A transaction is optimistic: its
commit takes the write lock of the database, reads what is new, compares the versions of everything that the transaction
has read, and writes. A deleted record stays as a row without content until every process has seen it.
"""

import json
import weakref
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any, TypeVar

from mockserver.state.call_batches import drop_calls
from mockserver.state.clock import Nanos
from mockserver.state.codec import decode, write_json
from mockserver.state.database import Database, decode_key, encode_key
from mockserver.state.memory import DELETED, MemoryStore, Table, Transaction
from mockserver.state.sql_calls import SqlCallLog, queue_of
from mockserver.state.store import (
    Collection,
    Entry,
    Index,
    Position,
    Snapshot,
    Store,
    Unavailable,
    declared_collection,
)

T = TypeVar("T")
R = TypeVar("R")

PURGED_EVERY = 1024
"""After so many revisions the rows of records that were deleted before the last so many are removed."""


class SqlStore(MemoryStore):
    """The records of a space of a database, and a replica of them."""

    shared = True

    def __init__(self, database: Database, space: int) -> None:
        super().__init__()
        self.database, self.space = database, space
        self._request = database.request
        self.log: SqlCallLog = SqlCallLog(database, space)
        self._shared_counters = queue_of(database).counters
        self.snapshots = _Snapshots(self)
        self._checked = -1  # the version of the database that the replica is known to have
        self._epoch = self._revision = -1
        self._unknown: set[str] = set()  # collections that no module has declared yet

    # Reading

    def get(self, collection: Collection[T], name: str) -> T:
        """Return the record. Raises Missing."""
        if self._checked != self._request.version:  # nearly every request gets several records
            self._refresh()
        return super().get(collection, name)

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
        self._refresh()
        return super().page(collection, index, partition, after=after, at=at, limit=limit)

    def revision(self, collection: Collection[Any]) -> int:
        """Return a number that grows with every change of a record of this collection."""
        self._refresh()
        return super().revision(collection)

    def collections(self) -> list[Collection[Any]]:
        """Return every collection that has a record, or had one."""
        self._refresh()
        return super().collections()

    def _refresh(self) -> None:
        """Bring the replica up to date."""
        if self._checked == self._request.version:
            return
        with self.database.lock:
            version = self.database.version()
            if version == self._checked:
                return
            if (self._epoch, self._revision) != self._read_space()[:2] or self._unknown:
                with self.database.transaction(write=False):
                    self._catch_up()
            self._checked = -1 if self._unknown else version

    def _read_space(self) -> tuple[int, int, int]:
        rows = self.database.run("SELECT epoch, revision, purged FROM spaces WHERE id = :id", id=self.space)
        if not rows:
            raise Unavailable("somebody has deleted this world")
        epoch, revision, purged = rows[0]
        return int(epoch), int(revision), int(purged)

    def _catch_up(self) -> None:
        """Read what is new: part of a transaction. All is new if the space was cleared or restored."""
        epoch, revision, purged = self._read_space()
        known = any(declared_collection(name) for name in self._unknown)
        if (epoch, revision) == (self._epoch, self._revision) and not known:
            return
        whole = epoch != self._epoch or self._revision < purged or known
        since = -1 if whole else self._revision
        rows = self._read_collections(since)
        with self._lock:
            tables = {} if whole else self._tables
            for collection, changed, inserted in rows:
                table = tables.setdefault(collection.name, Table(collection))
                self._read_records(table, since)
                table.revision, table.last_ordinal = changed, inserted
            if whole:
                self._tables = tables
                self.generation += 1
        self._epoch, self._revision = epoch, revision

    def _read_collections(self, since: int) -> list[tuple[Collection[Any], int, int]]:
        statement = "SELECT name, revision, inserted FROM collections WHERE space = :space AND revision > :since"
        rows = self.database.run(statement, space=self.space, since=since)
        known = [(declared_collection(name), int(revision), int(inserted)) for name, revision, inserted in rows]
        self._unknown = {row[0] for row, (collection, *_) in zip(rows, known, strict=True) if collection is None} | {
            name for name in self._unknown if declared_collection(name) is None and since >= 0
        }
        return [(collection, revision, inserted) for collection, revision, inserted in known if collection is not None]

    def _read_records(self, table: Table, since: int) -> None:
        rows = self.database.run(
            "SELECT name, version, ordinal, record FROM records"
            " WHERE space = :space AND collection = :collection AND version > :since ORDER BY ordinal",
            space=self.space,
            collection=table.collection.name,
            since=since,
        )
        for key, version, ordinal, text in rows:
            name = decode_key(key)
            old = table.rows.get(name)
            if old is not None and (text is None or old[2] != ordinal):
                table.write(name, DELETED, version)
            if text is not None:
                table.last_ordinal = ordinal - 1
                table.write(name, decode(table.collection.record, json.loads(text)), version)

    # Changing

    def transact(self, change: Callable[[Store], R]) -> R:
        """Call `change` with a transaction until it commits without a conflict."""
        self._refresh()
        return super().transact(change)

    def _commit(self, transaction: Transaction, *, write: bool) -> bool:
        """Commit what was written; return False if something that was read has changed."""
        with self.database.lock:
            if not write or not transaction.writes:
                self._refresh()
                return self._is_current(transaction)
            with self.database.transaction():
                last = self.database.new_revisions(len(transaction.writes))
                self._catch_up()
                if not self._is_current(transaction):
                    return False
                self._save(transaction, last)
            with self._lock:
                first = last - len(transaction.writes) + 1
                for version, ((_, name), (collection, record)) in enumerate(transaction.writes.items(), first):
                    self._table(collection).write(name, record, version)
                self._revision = last
            if not self._unknown:  # else they are looked for again
                self._checked = last
                self.database.know_version(last)
        return True

    def _save(self, transaction: Transaction, last: int) -> None:
        """Write the records: part of a transaction."""
        rows = []
        changed: dict[str, list[int]] = {}
        first = last - len(transaction.writes) + 1
        for version, ((_, name), (collection, record)) in enumerate(transaction.writes.items(), first):
            table = self._tables.get(collection.name) or Table(collection)
            state = changed.setdefault(collection.name, [version, table.last_ordinal])
            state[0] = version
            row = table.rows.get(name)
            if row is None and record is not DELETED:
                state[1] += 1
            rows.append(
                {
                    "space": self.space,
                    "collection": collection.name,
                    "name": encode_key(name),
                    "version": version,
                    "ordinal": state[1] if row is None else row[2],
                    "record": None if record is DELETED else write_json(record),
                }
            )
        run = self.database.run
        self.database.run_many(
            "INSERT INTO records (space, collection, name, version, ordinal, record)"
            " VALUES (:space, :collection, :name, :version, :ordinal, :record)"
            " ON CONFLICT (space, collection, name)"
            " DO UPDATE SET version = excluded.version, ordinal = excluded.ordinal, record = excluded.record",
            rows,
        )
        for collection_name, (revision, inserted) in changed.items():
            run(
                "INSERT INTO collections (space, name, revision, inserted) VALUES (:space, :name, :revision, :inserted)"
                " ON CONFLICT (space, name) DO UPDATE SET revision = excluded.revision, inserted = excluded.inserted",
                space=self.space,
                name=collection_name,
                revision=revision,
                inserted=inserted,
            )
        run("UPDATE spaces SET revision = :last WHERE id = :space", last=last, space=self.space)
        if last // PURGED_EVERY != self._revision // PURGED_EVERY:
            self._purge(last - PURGED_EVERY)

    def _purge(self, until: int) -> None:
        """Remove the rows of records that were deleted long ago. A replica that is older reads everything again."""
        self.database.run(
            "DELETE FROM records WHERE space = :space AND record IS NULL AND version <= :until",
            space=self.space,
            until=until,
        )
        self.database.run("UPDATE spaces SET purged = :until WHERE id = :space", until=until, space=self.space)

    def count(self, counter: str) -> int:
        """Return the next number of a counter: 0, 1, 2, ..."""
        if self._checked != self._request.version:
            self._refresh()  # another process may have cleared the counters
        return self._shared_counters.count(self.database, self.space, counter, self._epoch)

    # The store as a whole

    def clear(self, keep: Iterable[Collection[Any]] = ()) -> None:
        """Delete the counters, the log and every record, except records of the collections in `keep`."""
        kept = {collection.name for collection in keep}
        self.log.settle()
        run, space = self.database.run, self.space
        with self.database.transaction():
            epoch = self.database.new_revisions(1)
            names = [row[0] for row in run("SELECT name FROM collections WHERE space = :space", space=space)]
            for name in names:
                if name not in kept:
                    run("DELETE FROM records WHERE space = :space AND collection = :name", space=space, name=name)
                    run(
                        "UPDATE collections SET revision = :epoch, inserted = 0 WHERE space = :space AND name = :name",
                        epoch=epoch,
                        space=space,
                        name=name,
                    )
            run("DELETE FROM counters WHERE space = :space", space=space)
            drop_calls(self.database, space)
            run("UPDATE spaces SET epoch = :epoch, revision = :epoch WHERE id = :space", epoch=epoch, space=space)
        self._refresh()

    def copy(self) -> "SqlStore":
        """Return an independent store with the same records, counters and log, in the same database.

        It is deleted when nobody in this process uses it any more, unless it has become a world or a named snapshot.
        """
        queue_of(self.database).settle_counters(self.database, self.space)
        return open_copy(self.database, self.space)

    def restore(self, copy: Store) -> None:
        """Replace everything by the contents of a copy. TypeError for a copy that is not in the same database."""
        if not isinstance(copy, SqlStore) or copy.database is not self.database:
            raise TypeError(f"cannot restore a store of a database from {copy!r}")
        self.log.settle()
        with self.database.transaction():
            self.database.copy_rows(copy.space, self.space, self.database.new_revisions(1))
        self._refresh()


def open_copy(database: Database, space: int | None = None) -> SqlStore:
    """Return a store that is a copy of a space, or empty, and deleted after use."""
    copy = SqlStore(database, database.create_copy(space))
    weakref.finalize(copy, database.forget, copy.space)
    return copy


class _Snapshots(MutableMapping[str, Snapshot]):
    """The named snapshots of a space: a space each."""

    def __init__(self, store: SqlStore) -> None:
        self._database, self._owner = store.database, store.space

    def __getitem__(self, name: str) -> Snapshot:
        rows = self._database.run(
            "SELECT id, time FROM spaces WHERE kind = 'snapshot' AND owner = :owner AND name = :name",
            owner=self._owner,
            name=encode_key(name),
        )
        if not rows:
            raise KeyError(name)
        return Snapshot(int(rows[0][1]), SqlStore(self._database, int(rows[0][0])))

    def __setitem__(self, name: str, snapshot: Snapshot) -> None:
        store = snapshot.store.copy()
        if not isinstance(store, SqlStore):
            raise TypeError(f"cannot keep a snapshot of {store!r} in a database")
        self._database.name_space(store.space, "snapshot", name, owner=self._owner, time=snapshot.time)

    def __delitem__(self, name: str) -> None:
        if not self._database.remove_space("snapshot", name, self._owner):
            raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        statement = "SELECT name FROM spaces WHERE kind = 'snapshot' AND owner = :owner ORDER BY id"
        return iter([decode_key(row[0]) for row in self._database.run(statement, owner=self._owner)])

    def __len__(self) -> int:
        return len(list(iter(self)))

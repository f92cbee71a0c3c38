"""The interface of a store, which holds the records of a world.

A record is a frozen fact with a collection, a name and a version. A change replaces it by a new record with a new
version. Changes are made in transactions: `store.transact(change)` calls `change(transaction)`, which reads and writes
through the transaction; then everything that was written is committed, or nothing. If another transaction has changed
what this one read, `change` is called again and reads the new state. So `change` must be safe to repeat, and an error
that it raises was decided on one state of the store.

Numbers that order and compare:

    ordinal     of a record: its place in the order of insertion; a replacement keeps it
    version     of a record: every write gives a new one, and none is given twice
    revision    of a collection, of a list in memory, of a database's space: grows with every change in it
    epoch       of a database's space: changes when the space is cleared or restored, so that it is read anew
    generation  of a store that has been read anew: its lists have other revisions, so transactions are repeated

Lists are read page by page from the indexes that a collection declares. A position in an index is a rank and a text, so
it stays valid after its record is deleted.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from mockserver.state.calls import CallLog
from mockserver.state.clock import END, Nanos

T = TypeVar("T")
R = TypeVar("R")


class Position(NamedTuple):
    """A position in an index: the rank, and what orders records of the same rank. Lists ascend by their positions."""

    rank: int
    tie: str | int


class Span(NamedTuple):
    """The time in which a record is in a list: from `since` until before `until`. `rank` is its rank then.

    Without a rank, it has that of the index.
    """

    since: Nanos
    until: Nanos = END
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Index(Generic[T]):
    """The lists of a collection's records, one for each partition.

    `partitions` returns the lists that a record belongs to, without duplicates: by owner, parent or whatever is listed
    together. `rank` orders a list (default: the order of insertion), `tie` the records of the same rank (default: their
    names). A `descending` index begins with the highest rank, and of the same rank with the record inserted last: the
    rank in its positions is negative, and their tie is the negative ordinal.

    `spans` returns when a record is in its lists, for what depends on the time: a page of such an index is that of a
    moment. The spans of a record do not overlap.

    All four are pure functions of the record, so an index may be kept as a table of partition, rank, tie, since, until
    and name. Ranks are integers of 64 bits; a span may end later than any clock, whose last moment is `clock.END`.
    """

    name: str
    partitions: Callable[[T], Iterable[str]]
    rank: Callable[[T], int] | None = None
    tie: Callable[[T], str] | None = None
    spans: Callable[[T], Iterable[Span]] | None = None
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Collection(Generic[T]):
    """A collection of a store: its name, the type of its records and their indexes."""

    name: str
    record: type[T]
    indexes: tuple[Index[T], ...] = ()

    def __post_init__(self) -> None:
        _declared[self.name] = self


_declared: dict[str, Collection[Any]] = {}


def declared_collection(name: str) -> Collection[Any] | None:
    """Return the collection of that name that a module of this process has declared."""
    return _declared.get(name)


ALL: Index[Any] = Index("all", lambda _: ("",))
"""The index that every collection has: one list of all records, in the order of insertion."""


class Entry(NamedTuple, Generic[T]):  # many are made for a list, so they must be cheap
    """A record in a list. `ordinal` orders all records of the collection by their insertion."""

    position: Position
    name: str
    record: T
    version: int
    ordinal: int


class Missing(LookupError):
    """There is no record of that name."""


class Exists(ValueError):
    """A record of that name already exists."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All records, the counters, the log and the time at a moment; later changes of the store do not affect it."""

    time: Nanos
    store: "Store"


class Unavailable(RuntimeError):
    """The store cannot be reached, or does not answer in time."""


class Conflict(RuntimeError):
    """The record no longer has the version that the change was based on."""


class Store(ABC):
    """The records of one world; also a transaction on them.

    `origin` is the store itself; for a transaction, the store that it changes. `snapshots` are the named snapshots,
    `log` is the log of calls. `shared` says whether other processes use the same records.
    """

    origin: "Store"
    snapshots: MutableMapping[str, Snapshot]
    log: CallLog
    shared: bool = False

    # Reading

    @abstractmethod
    def get(self, collection: Collection[T], name: str) -> T:
        """Return the record. Raises Missing."""

    @abstractmethod
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
        """Return the first records of a list after a position, at most `limit`. `at` is the moment, if it has spans.

        ValueError for an index that the collection does not declare, and for a transaction that has written records of
        the collection: it must read its lists first.
        """

    @abstractmethod
    def revision(self, collection: Collection[Any]) -> int:
        """Return a number that grows with every change of a record of this collection."""

    @abstractmethod
    def collections(self) -> list[Collection[Any]]:
        """Return every collection that has a record, or had one."""

    def has(self, collection: Collection[Any], name: str) -> bool:
        """Return whether there is a record of that name."""
        try:
            self.get(collection, name)
        except Missing:
            return False
        return True

    def walk(
        self,
        collection: Collection[T],
        index: Index[T] = ALL,
        partition: str = "",
        *,
        after: Position | None = None,
        at: Nanos = 0,
    ) -> Iterator[Entry[T]]:
        """Iterate over the records of a list after a position; reads a page at a time.

        A record that exists throughout and keeps its position comes exactly once.
        """
        limit = 32
        while True:
            entries = self.page(collection, index, partition, after=after, at=at, limit=limit)
            yield from entries
            if len(entries) < limit:
                return
            after, limit = entries[-1].position, min(2 * limit, 1024)

    # Changing

    @abstractmethod
    def transact(self, change: Callable[["Store"], R]) -> R:
        """Call `change` with a transaction, and commit everything that it writes, or nothing.

        `change` is called again if something that it read has changed meanwhile. If it raises, nothing is committed.
        Inside a transaction it is called with that transaction.
        """

    @abstractmethod
    def insert(self, collection: Collection[T], name: str, record: T) -> None:
        """Insert a new record. Raises Exists."""

    @abstractmethod
    def replace(self, collection: Collection[T], name: str, record: T, *, version: int | None = None) -> None:
        """Replace a record. Raises Missing; with a `version`, Conflict if the stored record has another version."""

    @abstractmethod
    def delete(self, collection: Collection[Any], name: str) -> None:
        """Delete the record. Raises Missing."""

    def put(self, collection: Collection[T], name: str, record: T) -> None:
        """Insert a record, or replace the one of that name."""

        def change(transaction: Store) -> None:
            write = transaction.replace if transaction.has(collection, name) else transaction.insert
            write(collection, name, record)

        self.transact(change)

    def change(self, collection: Collection[T], name: str, edit: Callable[[T], T]) -> T:
        """Replace a record by the result of `edit`, in one transaction. Raises Missing."""

        def change(transaction: Store) -> T:
            record = edit(transaction.get(collection, name))
            transaction.replace(collection, name, record)
            return record

        return self.transact(change)

    @abstractmethod
    def count(self, counter: str) -> int:
        """Return the next number of a counter: 0, 1, 2, ... A transaction that is repeated takes further numbers."""

    # The store as a whole

    @abstractmethod
    def clear(self, keep: Iterable[Collection[Any]] = ()) -> None:
        """Delete the counters, the log and every record, except records of the collections in `keep`."""

    @abstractmethod
    def copy(self) -> "Store":
        """Return an independent store with the same records, counters and log, without the snapshots."""

    @abstractmethod
    def restore(self, copy: "Store") -> None:
        """Replace everything by the contents of a copy; the copy does not change."""

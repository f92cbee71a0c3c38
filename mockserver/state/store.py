"""Keeping records: what a store is, whatever keeps it.

A record is a frozen fact with a kind and a name. A change is a new record, which has a new version. Changes are
made in transactions: `store.transact(change)` calls `change(transaction)`, which reads and writes through the
transaction, and keeps all of what was written or nothing. Everything that was read is checked when the change is
kept: if another change came between, the function is called again and reads anew. So it must not do anything that
cannot be done twice, and what it raises was decided on one state of the store.

Lists are read page by page from the indexes that a kind declares. A position in an index is a rank and a text:
where a record stood can be said although it is gone.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from mockserver.state.calls import CallLog
from mockserver.state.clock import Nanos

T = TypeVar("T")
R = TypeVar("R")


class Position(NamedTuple):
    """A place in an index: the rank, and among those of one rank the text."""

    rank: int
    tie: str


@dataclass(frozen=True, slots=True)
class Index(Generic[T]):
    """A list that records of a kind are in.

    `partitions` says which lists of this index a record is in, each once, by owner, parent or what is listed together.
    `rank` is what a list is ordered by, without one the order in which the records were inserted. `tie` orders those
    of one rank, without one their names.
    """

    name: str
    partitions: Callable[[T], Iterable[str]]
    rank: Callable[[T], int] | None = None
    tie: Callable[[T], str] | None = None


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A collection of the store, the type of its records and the lists they are in."""

    name: str
    record: type[T]
    indexes: tuple[Index[T], ...] = ()


ALL: Index[Any] = Index("all", lambda _: ("",))
"""The index that every kind has: one list of all records, in the order they were inserted."""


class Entry(NamedTuple, Generic[T]):  # many are made for a list, so they must be cheap
    """A record as a list holds it."""

    position: Position
    name: str
    record: T
    version: int


class Missing(LookupError):
    """No record of that name."""


class Exists(ValueError):
    """A record of that name is there already."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All records, the counters, the log and the time at a moment; no change of the store touches it."""

    time: Nanos
    store: "Store"


class Conflict(RuntimeError):
    """The record is no longer of the version that the change was made from."""


class Store(ABC):
    """What keeps the records of one world, and a transaction on them.

    `origin` is the store itself, of a transaction the one that it changes. `snapshots` are those that were given a
    name. `log` holds the calls. `shared` says whether other processes see the records too.
    """

    origin: "Store"
    snapshots: MutableMapping[str, Snapshot]
    log: CallLog
    shared: bool = False

    # Reading

    @abstractmethod
    def get(self, kind: Kind[T], name: str) -> T:
        """The record, else Missing."""

    @abstractmethod
    def page(
        self, kind: Kind[T], index: Index[T], partition: str, *, after: Position | None = None, limit: int
    ) -> list[Entry[T]]:
        """The first records of a list behind a position, at most `limit` of them.

        ValueError for a transaction that has written records of the kind: it reads its lists first.
        """

    @abstractmethod
    def revision(self, kind: Kind[Any]) -> int:
        """A number that every change of a record of this kind moves on."""

    @abstractmethod
    def kinds(self) -> list[Kind[Any]]:
        """Every kind that has a record, or had one."""

    def has(self, kind: Kind[Any], name: str) -> bool:
        """Whether there is a record of that name."""
        try:
            self.get(kind, name)
        except Missing:
            return False
        return True

    def walk(
        self, kind: Kind[T], index: Index[T] = ALL, partition: str = "", *, after: Position | None = None
    ) -> Iterator[Entry[T]]:
        """The records of a list behind a position, read in pages as they are needed.

        A record that is there all the time and keeps its position comes exactly once.
        """
        limit = 32
        while True:
            entries = self.page(kind, index, partition, after=after, limit=limit)
            yield from entries
            if len(entries) < limit:
                return
            after, limit = entries[-1].position, min(2 * limit, 1024)

    # Changing

    @abstractmethod
    def transact(self, change: Callable[["Store"], R]) -> R:
        """Call `change` with a transaction and keep what it writes, all or nothing.

        It is called again if something that it read has changed meanwhile. What it raises is raised, and nothing kept.
        In a transaction it is called with the same one.
        """

    @abstractmethod
    def insert(self, kind: Kind[T], name: str, record: T) -> None:
        """Keep a new record, else Exists."""

    @abstractmethod
    def replace(self, kind: Kind[T], name: str, record: T, *, version: int | None = None) -> None:
        """Keep another record in the place of the one that is there: Missing if there is none.

        With a `version` Conflict if the one that is there has another version.
        """

    @abstractmethod
    def delete(self, kind: Kind[Any], name: str) -> None:
        """Forget the record, else Missing."""

    def change(self, kind: Kind[T], name: str, edit: Callable[[T], T]) -> T:
        """Replace a record by what `edit` makes of it, in one transaction. Raises Missing."""

        def change(transaction: Store) -> T:
            record = edit(transaction.get(kind, name))
            transaction.replace(kind, name, record)
            return record

        return self.transact(change)

    @abstractmethod
    def count(self, counter: str) -> int:
        """How often this counter was asked before: 0, 1, 2, ... A transaction that is called again asks again."""

    # The store as a whole

    @abstractmethod
    def clear(self, keep: Iterable[Kind[Any]] = ()) -> None:
        """Forget every record but those of some kinds, the counters and the log."""

    @abstractmethod
    def copy(self) -> "Store":
        """A store of its own with the same records, counters and log; snapshots are not copied."""

    @abstractmethod
    def restore(self, copy: "Store") -> None:
        """Hold what a copy holds, which stays as it is."""

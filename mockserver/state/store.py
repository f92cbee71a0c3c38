"""Keeping records: frozen facts by kind and name. The store never looks inside a record."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A drawer of the store and the type of what lies in it: `MODELS: Kind[TunedModel] = Kind("tunedModels")`."""

    name: str


class Missing(LookupError):
    """No record of that name."""


class Exists(ValueError):
    """A record of that name is there already."""


class Conflict(RuntimeError):
    """The record is no longer the one the change was made from."""


class Store(Protocol):
    """What keeps the facts of one world. Records are frozen; a change is a new record."""

    revision: int
    """A number that every change of a record moves on."""

    def get(self, kind: Kind[T], name: str) -> T:
        """The record, else Missing."""

    def insert(self, kind: Kind[T], name: str, record: T) -> None:
        """Keep a new record, else Exists."""

    def replace(self, kind: Kind[T], name: str, old: T, new: T) -> None:
        """Put `new` where `old` is: Missing if there is none, Conflict if it is another one."""

    def delete(self, kind: Kind[T], name: str) -> None:
        """Forget the record, else Missing."""

    def items(self, kind: Kind[T], prefix: str = "") -> Iterator[tuple[str, T]]:
        """Names and records in the order they were inserted, those whose name starts with `prefix`."""

    def kinds(self) -> list[Kind[Any]]:
        """Every kind that has had a record."""

    def count(self, counter: str) -> int:
        """How often this counter was asked before: 0, 1, 2, ..."""

    def clear(self) -> None:
        """Forget everything, counters too."""


class MemoryStore:
    """A dictionary a kind. Cheap to fork: records are frozen, so a copy shares them."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[str, Any]] = {}
        self._counters: dict[str, int] = {}
        self._lock = threading.Lock()
        self.revision = 0

    def get(self, kind: Kind[T], name: str) -> T:
        """The record, else Missing."""
        try:
            record: T = self._kinds[kind.name][name]
        except KeyError:
            raise Missing(name) from None
        return record

    def insert(self, kind: Kind[T], name: str, record: T) -> None:
        """Keep a new record, else Exists."""
        with self._lock:
            rows = self._kinds.setdefault(kind.name, {})
            if name in rows:
                raise Exists(name)
            rows[name] = record
            self.revision += 1

    def replace(self, kind: Kind[T], name: str, old: T, new: T) -> None:
        """Put `new` where `old` is: Missing if there is none, Conflict if it is another one."""
        with self._lock:
            if self.get(kind, name) is not old:
                raise Conflict(name)
            self._kinds[kind.name][name] = new
            self.revision += 1

    def delete(self, kind: Kind[T], name: str) -> None:
        """Forget the record, else Missing."""
        with self._lock:
            self.get(kind, name)
            del self._kinds[kind.name][name]
            self.revision += 1

    def items(self, kind: Kind[T], prefix: str = "") -> Iterator[tuple[str, T]]:
        """A snapshot of the rows whose name starts with `prefix`, oldest first."""
        with self._lock:
            rows = self._kinds.get(kind.name, {}).copy()  # many times as fast as a list of pairs
        return ((name, record) for name, record in rows.items() if name.startswith(prefix))

    def kinds(self) -> list[Kind[Any]]:
        """Every kind that has had a record."""
        with self._lock:
            return [Kind(name) for name in self._kinds]

    def count(self, counter: str) -> int:
        """How often this counter was asked before: 0, 1, 2, ..."""
        with self._lock:
            seen = self._counters.get(counter, 0)
            self._counters[counter] = seen + 1
        return seen

    def clear(self) -> None:
        """Forget everything, counters too."""
        with self._lock:
            self._kinds.clear()
            self._counters.clear()
            self.revision += 1

    def fork(self) -> "MemoryStore":
        """A store of its own with the same records."""
        twin = MemoryStore()
        with self._lock:
            twin._kinds = {kind: dict(rows) for kind, rows in self._kinds.items()}
            twin._counters = dict(self._counters)
        return twin

"""The runs of a world, of both services: their progress, and their start times under a quota.

A start time is a pure function of the run and of every run before it in the queue. The result is cached until a run
changes, and extended if runs were only added.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from mockserver.simulation import tuning
from mockserver.simulation.tuning import Progress, Run
from mockserver.state.clock import Nanos
from mockserver.state.store import ALL, Collection, Index, Store
from mockserver.state.world import World

T = TypeVar("T")

BY_QUOTA = "quota"
"""The name of the index by quota, in the order of creation. Every kind whose records have a run has it."""


def by_quota(run: Callable[[T], Run]) -> Index[T]:
    """Create the index by quota for a kind whose records have a run."""
    return Index(BY_QUOTA, lambda record: (quota,) if (quota := run(record).quota) else ())


class StoredRun(NamedTuple):
    """A run and the name of its record."""

    kind: Collection[Any]
    name: str
    run: Run


def runs(world: World) -> Iterator[StoredRun]:
    """Iterate over all runs of the world, of every kind of record."""
    for kind in _kinds(world.store):
        for entry in world.store.walk(kind, ALL):
            yield StoredRun(kind, entry.name, entry.record.run)


def progress(world: World, run: Run) -> Progress:
    """Observe a run at the current time of the world."""
    return tuning.observe(run, world.clock.now(), start=start(world, run))


def start(world: World, run: Run) -> Nanos | None:
    """Return when a stored run may start under its quota; None if nothing delays it."""
    limit = world.settings.max_concurrent_jobs
    if limit is None or not run.quota:
        return None
    return _queue(world.store.origin, run.quota, limit).starts.get(run)


@dataclass(frozen=True, slots=True)
class _Queue:
    """The runs of one quota, their start times, and `busy`: the end times that the next run may have to wait for."""

    runs: list[Run]
    starts: Mapping[Run, Nanos]
    busy: list[Nanos]


_EMPTY = _Queue([], {}, [])

# By store, then by quota and limit: the queue, and the revisions of the kinds with runs for which it was computed.
_queues: WeakKeyDictionary[Store, dict[tuple[str, int], tuple[list[int], _Queue]]] = WeakKeyDictionary()


def _queue(store: Store, quota: str, limit: int) -> _Queue:
    kinds = _kinds(store)
    revisions = [store.revision(kind) for kind in kinds]
    queues = _queues.setdefault(store, {})
    cached_revisions, queue = queues.get((quota, limit), ([], _EMPTY))
    if cached_revisions != revisions:
        current = [
            entry.record.run
            for kind in kinds
            for index in kind.indexes
            if index.name == BY_QUOTA
            for entry in store.walk(kind, index, quota)
        ]
        queue = _extend(queue, current, limit)
        queues[quota, limit] = revisions, queue
    return queue


def _extend(cached: _Queue, current: list[Run], limit: int) -> _Queue:
    """Extend the cached queue by the new runs; compute it from the beginning if anything else has changed."""
    length = len(cached.runs)
    if current[:length] != cached.runs:
        cached, length = _EMPTY, 0
    busy, new = cached.busy.copy(), current[length:]
    starts = tuning.find_start_times(new, limit, busy)
    return _Queue(current, {**cached.starts, **dict(zip(new, starts, strict=True))}, busy)


def _kinds(store: Store) -> list[Collection[Any]]:
    """Return the kinds whose records have a run."""
    return [kind for kind in store.collections() if any(index.name == BY_QUOTA for index in kind.indexes)]

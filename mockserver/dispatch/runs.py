"""Every run of a world, on either surface, and how far it is; under a quota, whose turn it is.

When a run may start is a pure function of the facts: of its own, and of those of every run before it in the
queue. What was worked out is kept while the facts stay as they are, and continued where runs were only added.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from mockserver.simulation import tuning
from mockserver.simulation.tuning import Progress, Run
from mockserver.state.clock import Nanos
from mockserver.state.store import ALL, Index, Kind, Store
from mockserver.state.world import World

T = TypeVar("T")

BY_QUOTA = "quota"
"""The index of every kind whose records have a run: by the quota it counts against, in the order of their creation."""


def by_quota(run: Callable[[T], Run]) -> Index[T]:
    """The index that a kind with runs declares."""
    return Index(BY_QUOTA, lambda record: (quota,) if (quota := run(record).quota) else ())


class Held(NamedTuple):
    """A run and where it is kept."""

    kind: Kind[Any]
    name: str
    run: Run


def runs(world: World) -> Iterator[Held]:
    """Every run of the world: whatever is kept that has one."""
    for kind in _kinds(world.store):
        for entry in world.store.walk(kind, ALL):
            yield Held(kind, entry.name, entry.record.run)


def progress(world: World, run: Run) -> Progress:
    """How far a run is by now."""
    return tuning.observe(run, world.clock.now(), start=start(world, run))


def start(world: World, run: Run) -> Nanos | None:
    """When a run that is kept may start under the quota it counts against; None where nothing holds it back."""
    limit = world.settings.max_concurrent_jobs
    if limit is None or not run.quota:
        return None
    return _queue(world.store.origin, run.quota, limit).starts.get(run)


@dataclass(frozen=True, slots=True)
class _Queue:
    """The runs that count against one quota, when each may start, and the ends that the next one may have to await."""

    runs: list[Run]
    starts: Mapping[Run, Nanos]
    busy: list[Nanos]


_NOBODY = _Queue([], {}, [])

# By store, then by quota and limit: the queue, and the revisions of the kinds that hold runs when it was made.
_known: WeakKeyDictionary[Store, dict[tuple[str, int], tuple[list[int], _Queue]]] = WeakKeyDictionary()


def _queue(store: Store, quota: str, limit: int) -> _Queue:
    kinds = _kinds(store)
    revisions = [store.revision(kind) for kind in kinds]
    queues = _known.setdefault(store, {})
    known, queue = queues.get((quota, limit), ([], _NOBODY))
    if known != revisions:
        waiting = [
            entry.record.run
            for kind in kinds
            for index in kind.indexes
            if index.name == BY_QUOTA
            for entry in store.walk(kind, index, quota)
        ]
        queue = _joined(queue, waiting, limit)
        queues[quota, limit] = revisions, queue
    return queue


def _joined(known: _Queue, queue: list[Run], limit: int) -> _Queue:
    """The queue as it was with those who joined it since; from the start if anything else has changed."""
    before = len(known.runs)
    if queue[:before] != known.runs:
        known, before = _NOBODY, 0
    busy, joined = known.busy.copy(), queue[before:]
    begins = tuning.find_start_times(joined, limit, busy)
    return _Queue(queue, {**known.starts, **dict(zip(joined, begins, strict=True))}, busy)


def _kinds(store: Store) -> list[Kind[Any]]:
    """The kinds whose records have runs."""
    return [kind for kind in store.kinds() if any(index.name == BY_QUOTA for index in kind.indexes)]

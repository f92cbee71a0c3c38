"""Every run of a world, on either surface, and how far it is; under a quota, whose turn it is.

When a run may start is a pure function of the facts: of its own, and of those of every run before it in the
queue. What was worked out is kept while the facts stay as they are, and continued where runs were only added.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from mockserver.simulation import tuning
from mockserver.simulation.tuning import Progress, Run
from mockserver.state.clock import Nanos
from mockserver.state.store import Kind, Store
from mockserver.state.world import World


class Held(NamedTuple):
    """A run and where it is kept."""

    kind: Kind[Any]
    name: str
    run: Run


def runs(world: World) -> Iterator[Held]:
    """Every run of the world: whatever is kept that has one."""
    return _held(world.store)


def progress(world: World, run: Run) -> Progress:
    """How far a run is by now."""
    return tuning.observe(run, world.clock.now(), start=start(world, run))


def start(world: World, run: Run) -> Nanos | None:
    """When a run that is kept may start under the quota it counts against; None where nothing holds it back."""
    limit = world.settings.max_concurrent_jobs
    if limit is None or not run.quota:
        return None
    queue = _queues(world.store, limit).get(run.quota, _NOBODY)
    return queue.starts.get(run)


@dataclass(frozen=True, slots=True)
class _Queue:
    """The runs that count against one quota, when each may start, and the ends that the next one may have to await."""

    runs: list[Run]
    starts: Mapping[Run, Nanos]
    busy: list[Nanos]


@dataclass(frozen=True, slots=True)
class _Known:
    """The queues as they were when the store was at this revision."""

    revision: int
    limit: int
    queues: Mapping[str, _Queue]


_NOBODY = _Queue([], {}, [])

_known: WeakKeyDictionary[Store, _Known] = WeakKeyDictionary()


def _queues(store: Store, limit: int) -> Mapping[str, _Queue]:
    known, revision = _known.get(store), store.revision
    if known is None or known.limit != limit:
        known = _Known(-1, limit, {})
    if known.revision != revision:
        waiting: dict[str, list[Run]] = defaultdict(list)
        for held in _held(store):
            if held.run.quota:
                waiting[held.run.quota].append(held.run)
        queues = {quota: _joined(known.queues.get(quota, _NOBODY), queue, limit) for quota, queue in waiting.items()}
        _known[store] = known = _Known(revision, limit, queues)
    return known.queues


def _joined(known: _Queue, queue: list[Run], limit: int) -> _Queue:
    """The queue as it was with those who joined it since; from the start if anything else has changed."""
    before = len(known.runs)
    if queue[:before] != known.runs:
        known, before = _NOBODY, 0
    busy, joined = known.busy.copy(), queue[before:]
    begins = tuning.find_start_times(joined, limit, busy)
    return _Queue(queue, {**known.starts, **dict(zip(joined, begins, strict=True))}, busy)


def _held(store: Store) -> Iterator[Held]:
    for kind in store.kinds():
        for name, record in store.items(kind):
            run = getattr(record, "run", None)
            if not isinstance(run, Run):
                break  # what lies in a drawer is of one type
            yield Held(kind, name, run)

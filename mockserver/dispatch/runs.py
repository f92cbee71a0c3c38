"""The runs of a world, of both services: their progress, and their places in a quota.

A run gets its place when it is created, as a fact of its record. A change of one run may free a place earlier, so it
moves those that still wait.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from heapq import nlargest
from itertools import islice, takewhile
from typing import Any, NamedTuple, TypeVar

from mockserver.simulation import tuning
from mockserver.simulation.tuning import Progress, Run, find_places
from mockserver.state.clock import Nanos
from mockserver.state.store import ALL, Collection, Entry, Index, Store
from mockserver.state.world import World

T = TypeVar("T")


def _last_moment(run: Run) -> Nanos:
    """Return when neither the run nor its quota changes any more."""
    return max(tuning.release(run), tuning.end(run))


BY_QUOTA: Index[Any] = Index(
    "quota",
    lambda record: (record.run.quota,) if record.run.quota else (),
    lambda record: _last_moment(record.run),
    descending=True,
)
"""The runs of a quota, those that end last first. All runs of a quota are in one collection."""


@dataclass(frozen=True, slots=True)
class RunCollection(Collection[T]):
    """A collection whose records have a run. `save` replaces a record whose run has changed, and what depends on it."""

    save: Callable[[Store, T], None] = field(kw_only=True)


class StoredRun(NamedTuple):
    """A run and the name of its record."""

    kind: RunCollection[Any]
    name: str
    run: Run


def runs(world: World) -> Iterator[StoredRun]:
    """Iterate over all runs of the world, of every kind of record."""
    for kind in _kinds(world.store):
        for entry in world.store.walk(kind, ALL):
            yield StoredRun(kind, entry.name, entry.record.run)


def describe_unreached_step(run: Run) -> str:
    """Return a hint for the tester if the run is to fail or stall at a step that it does not have, else ""."""
    step = max(run.fail_at_step or 0, run.stall_at_step or 0)
    return f"the job has {run.total_steps} steps: step {step} is never reached" if step > run.total_steps else ""


def progress(world: World, run: Run) -> Progress:
    """Observe a run at the current time of the world."""
    return tuning.observe(run, world.clock.now())


def find_place(world: World, kind: RunCollection[Any], run: Run) -> Run:
    """Return a new run with the time at which its quota has a place for it."""
    limit = world.settings.max_concurrent_jobs
    if limit is None or not run.quota:
        return run
    busy: list[Nanos] = []
    for entry in world.store.walk(kind, BY_QUOTA, run.quota):
        # No run further on holds its place for longer than this one could.
        if len(busy) >= limit and _last_moment(entry.record.run) <= nlargest(limit, busy)[-1]:
            break
        busy.append(tuning.release(entry.record.run))
    return next(find_places([run], limit, run.created, busy))


def is_full(world: World, kind: RunCollection[Any], quota: str, now: Nanos) -> bool:
    """Return whether as many runs of the quota have not ended as may run at a time."""
    limit = world.settings.max_concurrent_jobs
    if limit is None:
        return False
    unfinished = (run for run in _walk_unfinished(world.store, kind, quota, now) if tuning.end(run.record.run) > now)
    return len(list(islice(unfinished, limit))) == limit


def change_run(transaction: World, stored_run: StoredRun, run: Run, now: Nanos) -> None:
    """Replace a run by a changed one, and move the runs that wait for its place: part of a transaction."""
    kind, store, limit = stored_run.kind, transaction.store, transaction.settings.max_concurrent_jobs
    if limit is None or not run.quota:
        kind.save(store, replace(store.get(kind, stored_run.name), run=run))
        return
    entries = sorted(_walk_unfinished(store, kind, run.quota, now), key=lambda entry: entry.ordinal)
    runs = (run if entry.name == stored_run.name else entry.record.run for entry in entries)
    for entry, after in zip(entries, find_places(runs, limit, now), strict=True):
        if after != entry.record.run:
            kind.save(store, replace(entry.record, run=after))


def _walk_unfinished(store: Store, kind: RunCollection[T], quota: str, now: Nanos) -> Iterator[Entry[T]]:
    """Iterate over the runs of a quota that have not ended, or have a place in its queue."""
    return takewhile(lambda entry: _last_moment(entry.record.run) > now, store.walk(kind, BY_QUOTA, quota))


def _kinds(store: Store) -> list[RunCollection[Any]]:
    """Return the kinds whose records have a run."""
    return [kind for kind in store.collections() if isinstance(kind, RunCollection)]

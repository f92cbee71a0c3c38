"""A world: everything that lives between two requests."""

import contextlib
import itertools
import logging
import random
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, TypeVar

from mockserver.scripting.scenario import Scenario
from mockserver.simulation.names import project_number
from mockserver.state.calls import CallLog, Calls
from mockserver.state.clock import LONGEST_SECONDS, Clock, Nanos
from mockserver.state.store import Conflict, Kind, MemoryStore

log = logging.getLogger("mockserver")

T = TypeVar("T")

DEFAULT = "default"
PREFIX = "mockserver"

# A world is chosen by what a client already sends: a project, key or token that carries its name, or its project's
# number, which stands instead of the project in the names of what is made there.
_NAME = "[a-z0-9]+"
_CARRIED = re.compile(rf"\b{PREFIX}-({_NAME})|\bprojects/(\d+)")

# What the default world's own credentials say after the prefix, and its name.
_TAKEN = frozenset({"key", "token", DEFAULT})


@dataclass(frozen=True, slots=True)
class Settings:
    """How a world behaves. ValueError for a number that cannot be."""

    seed: int = 0
    auth: Literal["any", "off", "strict"] = "any"
    accepted_credentials: frozenset[str] = frozenset()
    default_user: str = "user@example.com"
    as_of: date | None = None  # None: every era at once
    metadata_refresh_seconds: float = 61.0
    lenient_routes: bool = False
    magic: bool = True
    safety_ratings: Literal["always", "real"] = "always"
    gcs_root: Path | None = None
    max_concurrent_jobs: int | None = None
    over_quota: Literal["wait", "refuse"] = "wait"
    refuse_real_credentials: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.metadata_refresh_seconds <= LONGEST_SECONDS:
            raise ValueError(f"metadata_refresh_seconds is a number from 0 to {LONGEST_SECONDS}")
        if self.max_concurrent_jobs is not None and self.max_concurrent_jobs < 1:
            raise ValueError(f"max_concurrent_jobs counts from 1, so it cannot be {self.max_concurrent_jobs}")


@dataclass(frozen=True, slots=True)
class WorldCredentials:
    """What a client sends to be in a world: any one of them is enough."""

    project: str
    api_key: str
    token: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A world as it was at a moment, to be put back to; nothing that happens to the world touches it."""

    time: Nanos
    settings: Settings
    store: MemoryStore
    scenario: Scenario
    calls: Calls


class World:
    """Facts, clock, log of calls and seed, apart from every other world's."""

    def __init__(self, clock: Clock, settings: Settings | None = None, *, name: str = DEFAULT) -> None:
        self.name = name
        self.clock = clock
        self.settings = settings or Settings()
        self.store = MemoryStore()
        self.calls = CallLog()
        self.scenario = Scenario()
        self.snapshots: dict[str, Snapshot] = {}  # kept by name, for those who can hold none

    def rng(self, purpose: str) -> random.Random:
        """A fresh generator: the n-th one for a purpose is the same in every run of one seed."""
        throw = self.store.count(purpose)
        return random.Random(f"{self.settings.seed}/{purpose}/{throw}")  # noqa: S311 - no secrets are made of it

    def change(self, kind: Kind[T], name: str, edit: Callable[[T], T]) -> T:
        """Replace a record by `edit(record)`, again if somebody else was quicker. Raises Missing."""
        while True:
            old = self.store.get(kind, name)
            new = edit(old)
            try:
                self.store.replace(kind, name, old, new)
            except Conflict:
                continue
            return new

    def reset(self) -> None:
        """Forget every fact and call; the clock goes on from where it stands."""
        self.store.clear()
        self.calls.clear()
        self.scenario.clear()

    @property
    def credentials(self) -> WorldCredentials:
        """A project, a key and a token that lead to this world on a server that holds many."""
        name = PREFIX if self.name == DEFAULT else f"{PREFIX}-{self.name}"
        return WorldCredentials(project=name, api_key=f"{name}-key", token=f"{name}-token")

    def fork(self, name: str) -> "World":
        """A world of its own that starts from this one's facts and moment, with an empty log of calls."""
        twin = World(self.clock.twin(), self.settings, name=name)
        twin.store = self.store.fork()
        twin.scenario = self.scenario.fork()
        return twin

    def snapshot(self) -> Snapshot:
        """All there is to this world now."""
        return Snapshot(self.clock.now(), self.settings, self.store.fork(), self.scenario.fork(), self.calls.so_far())

    def restore(self, snapshot: Snapshot) -> None:
        """Be what a snapshot says, its time included. A snapshot can be put back to again and again."""
        self.settings = snapshot.settings
        self.store = snapshot.store.fork()
        self.scenario = snapshot.scenario.fork()
        self.calls.replace(snapshot.calls)
        self.clock.restore(snapshot.time)


class Worlds:
    """The worlds of one server. The default one serves everybody who names none.

    At most `capacity` others are kept; the one longest unused is dropped first.
    """

    def __init__(self, default: World, capacity: int = 1000) -> None:
        self.default = default
        self._capacity = capacity
        self._named: OrderedDict[str, World] = OrderedDict()
        self._names: dict[str, str] = {}  # by the number of the world's project
        self._gone: dict[str, None] = {}  # names of worlds that were dropped, whose credentials nobody has used since
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._warned = threading.Lock()

    def warn_once(self) -> bool:
        """Whether this is the first time that anybody asks, of all faces and handles of the server."""
        return self._warned.acquire(blocking=False)

    def around(self, world: World) -> "Worlds":
        """The same worlds, as seen from within one of them: that one is the default."""
        view = Worlds(world, self._capacity)
        view._named, view._names, view._gone = self._named, self._names, self._gone
        view._numbers, view._lock, view._warned = self._numbers, self._lock, self._warned
        return view

    @contextlib.contextmanager
    def renewed(self, default: World) -> Iterator[None]:
        """Nothing but this world while inside: those that are added meanwhile are gone afterwards, the others back."""
        before = self.default, self._named, self._names, self._numbers
        self.default, self._named, self._names, self._numbers = default, OrderedDict(), {}, itertools.count(1)
        try:
            yield
        finally:
            self.default, self._named, self._names, self._numbers = before

    def mint(self) -> str:
        """A name no world has."""
        return next(name for number in self._numbers if (name := f"w{number}") not in self._named)

    def add(self, world: World) -> None:
        """Keep a world under its name, instead of any other of that name. ValueError for a name that none can have."""
        if not re.fullmatch(_NAME, world.name) or world.name in _TAKEN:
            msg = f"a world's name is made of a-z and 0-9, and none of {', '.join(sorted(_TAKEN))}: not {world.name!r}"
            raise ValueError(msg)
        with self._lock:
            self._named[world.name] = world
            self._gone.pop(world.name, None)
            self._names[project_number(world.credentials.project)] = world.name
            while len(self._named) > self._capacity:
                self._forget(next(iter(self._named)))

    def drop(self, name: str) -> None:
        """Forget a world and all that is in it. One that is not there is forgotten already."""
        with self._lock:
            self._forget(name)

    def _forget(self, name: str) -> None:
        if world := self._named.pop(name, None):
            self._names.pop(project_number(world.credentials.project), None)
            self._gone[name] = None
            while len(self._gone) > self._capacity:
                del self._gone[next(iter(self._gone))]

    def named(self, name: str) -> World | None:
        """The world of that name, if there is one."""
        return self.default if name == self.default.name else self._named.get(name)

    def choose(self, carriers: Iterable[str]) -> World:
        """The world whose name one of these texts carries, as `mockserver-NAME`; else the default."""
        if not self._named and not self._gone:
            return self.default
        for text in carriers:
            for name, number in _CARRIED.findall(text):
                with self._lock:
                    world = self._named.get(name or self._names.get(number, ""))
                    if world is not None:
                        self._named.move_to_end(world.name)
                        return world
                    if name in self._gone:
                        del self._gone[name]
                        log.warning("the world %s was dropped, but a client uses it: the default world answers", name)
        return self.default

    def __iter__(self) -> Iterator[World]:
        with self._lock:
            others = [world for world in self._named.values() if world is not self.default]
        return iter([self.default, *others])

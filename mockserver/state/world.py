"""A world: a handle on everything that lives between two requests."""

import contextlib
import logging
import random
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mockserver.settings import Settings as Settings  # noqa: PLC0414 - where those who make a world look for it
from mockserver.simulation.names import project_number
from mockserver.state.calls import CallLog
from mockserver.state.clock import Clock, ClockSetting, KeptClock
from mockserver.state.memory import MemoryStore
from mockserver.state.store import Index, Kind, Missing, Snapshot, Store

log = logging.getLogger("mockserver")

DEFAULT = "default"
PREFIX = "mockserver"

# A world is chosen by what a client already sends: a project, key or token that carries its name, or its project's
# number, which stands instead of the project in the names of what is made there.
_NAME = "[a-z0-9]+"
_CARRIED = re.compile(rf"\b{PREFIX}-({_NAME})|\bprojects/(\d+)")

# What the default world's own credentials say after the prefix, and its name.
_TAKEN = frozenset({"key", "token", DEFAULT})


@dataclass(frozen=True, slots=True)
class WorldCredentials:
    """What a client sends to be in a world: any one of them is enough."""

    project: str
    api_key: str
    token: str


SETTINGS: Kind[Settings] = Kind("settings", Settings)
"""How the world behaves, a record of its name."""


CLOCK: Kind[ClockSetting] = Kind("clock", ClockSetting)
"""What the world's clock goes by, a record of its name."""


class World:
    """A handle on what lives between two requests, apart from every other world's: its records and its clock."""

    def __init__(
        self, clock: Clock, settings: Settings | None = None, *, name: str = DEFAULT, store: Store | None = None
    ) -> None:
        self.name = name
        self.clock = clock
        self.store = MemoryStore() if store is None else store
        if settings is not None or not self.store.has(SETTINGS, SETTINGS.name):
            self.settings = settings or Settings()
        if isinstance(clock, KeptClock):
            self._keep_clock(clock)

    def _keep_clock(self, clock: KeptClock) -> None:
        """Let the clock go by the setting in the store: its own, unless there is one."""
        store = self.store
        if not store.has(CLOCK, CLOCK.name):
            store.insert(CLOCK, CLOCK.name, clock.setting)
        clock.keep(lambda: store.get(CLOCK, CLOCK.name), lambda edit: store.change(CLOCK, CLOCK.name, edit))

    @property
    def settings(self) -> Settings:
        """How the world behaves."""
        return self.store.get(SETTINGS, SETTINGS.name)

    @settings.setter
    def settings(self, settings: Settings) -> None:
        def change(transaction: Store) -> None:
            put = transaction.replace if transaction.has(SETTINGS, SETTINGS.name) else transaction.insert
            put(SETTINGS, SETTINGS.name, settings)

        self.store.transact(change)

    @property
    def calls(self) -> CallLog:
        """What was asked and answered."""
        return self.store.log

    def rng(self, purpose: str) -> random.Random:
        """A fresh generator: the n-th one for a purpose is the same in every run of one seed."""
        throw = self.store.count(purpose)
        return random.Random(f"{self.settings.seed}/{purpose}/{throw}")  # noqa: S311 - no secrets are made of it

    def within(self, transaction: Store) -> "World":
        """This world as a transaction sees and changes it."""
        seen = object.__new__(World)
        seen.name, seen.clock, seen.store = self.name, self.clock, transaction
        return seen

    def reset(self) -> None:
        """Forget every fact and call; the clock goes on from where it stands."""
        self.store.clear(keep=(SETTINGS, CLOCK))

    @property
    def credentials(self) -> WorldCredentials:
        """A project, a key and a token that lead to this world on a server that holds many."""
        name = PREFIX if self.name == DEFAULT else f"{PREFIX}-{self.name}"
        return WorldCredentials(project=name, api_key=f"{name}-key", token=f"{name}-token")

    def fork(self, name: str) -> "World":
        """A world of its own that starts from this one's facts and moment, with an empty log of calls."""
        store = self.store.copy()
        store.log.clear()
        world = World(self.clock.twin(), name=name, store=store)
        world.clock.restore(self.clock.now())
        return world

    def snapshot(self) -> Snapshot:
        """All there is to this world now."""
        return Snapshot(self.clock.now(), self.store.copy())

    def restore(self, snapshot: Snapshot) -> None:
        """Be what a snapshot says, its time included. A snapshot can be put back to again and again."""
        self.store.restore(snapshot.store)
        self.clock.restore(snapshot.time)


@dataclass(frozen=True, slots=True)
class WorldRecord:
    """A world beside the default one: the number of its project, and when it was used last, as a count."""

    number: str
    used: int


MAX_DROPPED = 1000
"""How many dropped worlds are remembered, to warn of clients that still use them."""

BY_NUMBER: Index[WorldRecord] = Index("number", lambda record: (record.number,))
BY_USE: Index[WorldRecord] = Index("use", lambda _: ("",), lambda record: record.used)
WORLDS: Kind[WorldRecord] = Kind("worlds", WorldRecord, (BY_NUMBER, BY_USE))


class _Registry:
    """The worlds beside a default one: records of a store, and this process's handles by name.

    Every request uses a world, so that is written to its record only when it matters: `used` holds what was not yet.
    """

    def __init__(self, default: World) -> None:
        self.default = default
        self.store: Store = MemoryStore()
        self.handles: dict[str, World] = {}
        self.used: dict[str, int] = {}
        self.dropped: dict[str, bool] = {}  # worlds whose credentials nobody has used since they were dropped

    def around(self, default: World) -> "_Registry":
        """The same worlds with another default."""
        view = _Registry(default)
        view.store, view.handles, view.used = self.store, self.handles, self.used
        view.dropped = self.dropped
        return view

    def add(self, world: World, capacity: int) -> None:
        """Keep a world instead of any other of its name, and forget the longest unused if they are too many."""
        self.forget(world.name)
        self.dropped.pop(world.name, None)
        record = WorldRecord(project_number(world.credentials.project), self.store.count("used"))
        self.store.insert(WORLDS, world.name, record)
        self.handles[world.name] = world
        names = self.names() if len(self.handles) > capacity else []
        for name in names[: len(names) - capacity]:
            self.forget(name)

    def forget(self, name: str) -> None:
        """Leave a world out, if there is one of that name."""
        if self.handles.pop(name, None) is not None:
            self.dropped[name] = True
            while len(self.dropped) > MAX_DROPPED:
                del self.dropped[next(iter(self.dropped))]
        with contextlib.suppress(Missing):
            self.store.delete(WORLDS, name)

    def use(self, name: str, number: str) -> World | None:
        """The world of a name, or else of a project's number; it has been used now."""
        if not name:
            name = next((entry.name for entry in self.store.page(WORLDS, BY_NUMBER, number, limit=1)), "")
        world = self.handles.get(name)
        if world is not None:
            self.used[name] = self.store.count("used")
        return world

    def names(self) -> list[str]:
        """The names, the longest unused first."""
        while self.used:
            name, used = self.used.popitem()
            with contextlib.suppress(Missing):  # forgotten by now
                self.store.change(WORLDS, name, lambda record: replace(record, used=max(record.used, used)))  # noqa: B023 - at once
        return [entry.name for entry in self.store.walk(WORLDS, BY_USE)]


class Worlds:
    """The worlds of one server. The default one serves everybody who names none.

    At most `capacity` others are kept; the one longest unused is dropped first.
    """

    def __init__(self, default: World, capacity: int = 1000) -> None:
        self._capacity = capacity
        # The last one is in effect. Whoever looks something up takes it once, so that all it sees belongs together.
        self._registries = [_Registry(default)]
        self._lock = threading.Lock()
        self._warned = threading.Lock()

    @property
    def default(self) -> World:
        """The world of everybody who names none."""
        return self._registries[-1].default

    def warn_once(self) -> bool:
        """Whether this is the first time that anybody asks, of all faces and handles of the server."""
        return self._warned.acquire(blocking=False)

    def around(self, world: World) -> "Worlds":
        """The same worlds, as seen from within one of them: that one is the default."""
        view = Worlds(world, self._capacity)
        view._registries = [self._registries[-1].around(world)]
        view._lock, view._warned = self._lock, self._warned
        return view

    @contextlib.contextmanager
    def renewed(self, default: World) -> Iterator[None]:
        """Nothing but this world while inside: those that are added meanwhile are gone afterwards, the others back.

        Of several that overlap, the one that was entered last is in effect until it ends.
        """
        registry = _Registry(default)
        with self._lock:
            self._registries.append(registry)
        try:
            yield
        finally:
            with self._lock:
                self._registries.remove(registry)

    def mint(self) -> str:
        """A name no world has."""
        registry = self._registries[-1]
        while (name := f"w{registry.store.count('minted') + 1}") in registry.handles:
            pass
        return name

    def add(self, world: World) -> None:
        """Keep a world under its name, instead of any other of that name. ValueError for a name that none can have."""
        if not re.fullmatch(_NAME, world.name) or world.name in _TAKEN:
            msg = f"a world's name is made of a-z and 0-9, and none of {', '.join(sorted(_TAKEN))}: not {world.name!r}"
            raise ValueError(msg)
        with self._lock:
            self._registries[-1].add(world, self._capacity)

    def drop(self, name: str) -> None:
        """Forget a world and all that is in it. One that is not there is forgotten already."""
        with self._lock:
            self._registries[-1].forget(name)

    def named(self, name: str) -> World | None:
        """The world of that name, if there is one."""
        registry = self._registries[-1]
        return registry.default if name == registry.default.name else registry.handles.get(name)

    def choose(self, carriers: Iterable[str]) -> World:
        """The world whose name one of these texts carries, as `mockserver-NAME`; else the default."""
        registry = self._registries[-1]
        if not registry.handles and not registry.dropped:
            return registry.default
        for text in carriers:
            for name, number in _CARRIED.findall(text):
                world = registry.use(name, number)
                if world is not None:
                    return world
                if registry.dropped.pop(name, None):
                    log.warning("the world %s was dropped, but a client uses it: the default world answers", name)
        return registry.default

    def __iter__(self) -> Iterator[World]:
        with self._lock:
            registry = self._registries[-1]
            others = [registry.handles[name] for name in registry.names() if name in registry.handles]
        return iter([registry.default, *(world for world in others if world is not registry.default)])

"""Worlds: each has its own records, clock, settings and log of calls."""

import contextlib
import hashlib
import logging
import random
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from mockserver.settings import Settings as Settings  # noqa: PLC0414 - a part of World's interface
from mockserver.simulation.names import project_number
from mockserver.state.calls import CallLog
from mockserver.state.clock import Clock, ClockSetting, StoredClock, machine_time
from mockserver.state.memory import MemoryStore
from mockserver.state.store import Collection, Index, Missing, Snapshot, Store

log = logging.getLogger("mockserver")

DEFAULT = "default"
PREFIX = "mockserver"

# A client chooses a world by a project, key or token that contains the world's name, or by the number of the world's
# project, which stands for the project in the names of resources.
_NAME = "[a-z0-9]+"
_WORLD_IN_TEXT = re.compile(rf"\b{PREFIX}-({_NAME})|\bprojects/(\d+)")

# The default world's name, and what follows the prefix in its credentials.
_RESERVED_NAMES = frozenset({"key", "token", DEFAULT})


@dataclass(frozen=True, slots=True)
class WorldCredentials:
    """The project, key and token that choose a world: a client needs to send only one of them."""

    project: str
    api_key: str
    token: str


def world_credentials(name: str = DEFAULT) -> WorldCredentials:
    """Return the credentials of the world with this name."""
    prefixed = PREFIX if name == DEFAULT else f"{PREFIX}-{name}"
    return WorldCredentials(project=prefixed, api_key=f"{prefixed}-key", token=f"{prefixed}-token")


SETTINGS: Collection[Settings] = Collection("settings", Settings)
"""The settings of the world: one record, named as the kind."""

CLOCK: Collection[ClockSetting] = Collection("clock", ClockSetting)
"""The setting of the world's clock: one record, named as the kind."""


class World:
    """A handle on the records, the clock, the settings and the log of one world; no other world sees them."""

    def __init__(
        self, clock: Clock, settings: Settings | None = None, *, name: str = DEFAULT, store: Store | None = None
    ) -> None:
        self.name = name
        self.clock = clock
        self.store = MemoryStore() if store is None else store
        if settings is not None or not self.store.has(SETTINGS, SETTINGS.name):
            self.settings = settings or Settings()
        if isinstance(clock, StoredClock):
            stored = self.store
            if not stored.has(CLOCK, CLOCK.name):
                stored.insert(CLOCK, CLOCK.name, clock.setting)
            clock.store_setting(
                partial(stored.get, CLOCK, CLOCK.name), lambda edit: stored.change(CLOCK, CLOCK.name, edit)
            )

    @property
    def settings(self) -> Settings:
        """Return the settings of the world."""
        return self.store.get(SETTINGS, SETTINGS.name)

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self.store.put(SETTINGS, SETTINGS.name, settings)

    @property
    def calls(self) -> CallLog:
        """Return the log of calls."""
        return self.store.log

    def rng(self, purpose: str) -> random.Random:
        """Return a new random generator. With the same seed, the n-th one for a purpose is the same in every run."""
        return random.Random(self._rng_seed(purpose))  # noqa: S311 - no secrets are made of it

    def random_bytes(self, purpose: str, count: int) -> bytes:
        """Return this many bytes as a new random generator would; faster than creating one."""
        return hashlib.shake_128(self._rng_seed(purpose).encode()).digest(count)

    def _rng_seed(self, purpose: str) -> str:
        return f"{self.settings.seed}/{purpose}/{self.store.count(purpose)}"

    def in_transaction(self, transaction: Store) -> "World":
        """Return a handle on this world that reads and writes through a transaction."""
        world = object.__new__(World)
        world.name, world.clock, world.store = self.name, self.clock, transaction
        return world

    def reset(self) -> None:
        """Delete all records and calls; settings and clock stay as they are."""
        self.store.clear(keep=(SETTINGS, CLOCK))

    @property
    def credentials(self) -> WorldCredentials:
        """Return the project, key and token that choose this world on a server with several worlds."""
        return world_credentials(self.name)

    def fork(self, name: str) -> "World":
        """Return an independent world with the same records and time, and an empty log of calls."""
        store = self.store.copy()
        store.log.clear()
        world = World(self.clock.copy(), name=name, store=store)
        world.clock.restore(self.clock.now())
        return world

    def snapshot(self) -> Snapshot:
        """Return a copy of the whole world as it is now."""
        return Snapshot(self.clock.now(), self.store.copy())

    def restore(self, snapshot: Snapshot) -> None:
        """Return to a snapshot, its time included. A snapshot can be restored many times.

        The speed of the clock is that of the snapshot too, unless it is of a world with another kind of clock: a manual
        clock stays manual, and one that runs goes on.
        """
        clock = self.clock
        own = clock.setting if isinstance(clock, StoredClock) else None
        self.store.restore(snapshot.store)
        if own is not None and not self._is_of_this_kind(own):
            self.store.put(CLOCK, CLOCK.name, own)
        clock.restore(snapshot.time)

    def _is_of_this_kind(self, setting: ClockSetting) -> bool:
        """Return whether the store has the setting of a clock of the same kind: manual, or one that runs."""
        try:
            return self.store.get(CLOCK, CLOCK.name).is_manual is setting.is_manual
        except Missing:  # the clock of the snapshot's world is the tester's own
            return False


@dataclass(frozen=True, slots=True)
class WorldRecord:
    """A world other than the default one: the number of its project, and the machine's time of its last use."""

    number: str
    used: int


MAX_DROPPED = 1000
"""How many dropped worlds are remembered, to warn of clients that still use them."""

BY_NUMBER: Index[WorldRecord] = Index("number", lambda record: (record.number,))
BY_USE: Index[WorldRecord] = Index("use", lambda _: ("",), lambda record: record.used)
WORLDS: Collection[WorldRecord] = Collection("worlds", WorldRecord, (BY_NUMBER, BY_USE))


class WorldStores:
    """The stores of a server's worlds, and the one of their registry: here, in the memory of this process."""

    def __init__(self) -> None:
        self.registry: Store = MemoryStore()

    def create(self) -> Store:
        """Return an empty store for a new world."""
        return MemoryStore()

    def keep(self, world: World) -> None:
        """Keep the store of a world that was added, in place of one of the same name."""

    def open(self, name: str) -> World | None:
        """Return a handle on a world that another process has added."""

    def remove(self, name: str) -> None:
        """Delete the store of a world that was dropped."""

    def check_version_once(self) -> contextlib.AbstractContextManager[None]:
        """Make all that a thread reads in the `with` block as new as the first of it, at least."""
        return contextlib.nullcontext()

    def close(self) -> None:
        """Close connections."""


class _Registry:
    """A default world and the others: their records in a store, and this process's handles by name.

    Every request uses a world, so the record of its last use is written only when it matters: `used` holds the times
    that are not written yet.
    """

    def __init__(self, default: World, stores: WorldStores | None = None) -> None:
        self.default = default
        self.stores = WorldStores() if stores is None else stores
        self.store = self.stores.registry
        self.handles: dict[str, World] = {}
        self.used: dict[str, int] = {}
        self.dropped: dict[str, bool] = {}  # worlds whose credentials nobody has used since they were dropped

    def with_default(self, default: World) -> "_Registry":
        """Return a registry of the same worlds with another default."""
        registry = _Registry(default, self.stores)
        registry.handles, registry.used = self.handles, self.used
        registry.dropped = self.dropped
        return registry

    def add(self, world: World, capacity: int) -> None:
        """Add a world, replacing one of the same name; beyond the capacity, drop the least recently used ones."""
        self.drop(world.name)
        self.dropped.pop(world.name, None)
        record = WorldRecord(project_number(world.credentials.project), machine_time())
        self.stores.keep(world)
        self.store.insert(WORLDS, world.name, record)
        self.handles[world.name] = world
        names = self.names() if self.store.shared or len(self.handles) > capacity else []
        for name in names[: len(names) - capacity]:
            self.drop(name)

    def drop(self, name: str) -> None:
        """Drop the world of that name, if there is one."""
        if self.handles.pop(name, None) is not None or (self.store.shared and self.store.has(WORLDS, name)):
            self.dropped[name] = True
            while len(self.dropped) > MAX_DROPPED:
                del self.dropped[next(iter(self.dropped))]
        with contextlib.suppress(Missing):
            self.store.delete(WORLDS, name)
        self.stores.remove(name)

    def find(self, name: str) -> World | None:
        """Return the world of that name. Another process may have added or dropped it."""
        if not self.store.shared:
            return self.handles.get(name)
        world = self.stores.open(name) if self.store.has(WORLDS, name) else None
        if world is None:
            self.handles.pop(name, None)
            return None
        if name not in self.handles or self.handles[name].store is not world.store:
            self.handles[name] = world
        return self.handles[name]

    def use(self, name: str, number: str) -> World | None:
        """Find a world by its name, or without a name by its project's number, and count the use."""
        if not name:
            name = next((entry.name for entry in self.store.page(WORLDS, BY_NUMBER, number, limit=1)), "")
        world = self.find(name)
        if world is not None:
            self.used[name] = machine_time()
        return world

    def names(self) -> list[str]:
        """Return the names, the least recently used first."""
        while self.used:
            name, used = self.used.popitem()
            with contextlib.suppress(Missing):  # it was dropped meanwhile
                self.store.change(WORLDS, name, lambda record: replace(record, used=max(record.used, used)))  # noqa: B023 - called at once
        return [entry.name for entry in self.store.walk(WORLDS, BY_USE)]


class Worlds:
    """The worlds of one server. The default world serves every request that names no other.

    There are at most `capacity` others; beyond that, the least recently used one is dropped.
    """

    def __init__(self, default: World, capacity: int = 1000, stores: WorldStores | None = None) -> None:
        self._capacity = capacity
        # The last one is in effect. A method reads it once, so that everything it uses belongs together.
        self._registries = [_Registry(default, stores)]
        self._lock = threading.Lock()
        self._warned = threading.Lock()
        self.find_grpc_target: Callable[[], str] = lambda: ""
        """Returns where gRPC is served in plaintext, opening the port if need be; "" if it is not."""

    @property
    def default(self) -> World:
        """Return the world of requests that name no other."""
        return self._registries[-1].default

    def warn_once(self) -> bool:
        """Return True once for all faces and handles of the server, then False."""
        return self._warned.acquire(blocking=False)

    def with_default(self, world: World) -> "Worlds":
        """Return the same worlds with another one as the default."""
        worlds = Worlds(world, self._capacity)
        worlds._registries = [self._registries[-1].with_default(world)]
        worlds._lock, worlds._warned = self._lock, self._warned
        return worlds

    @contextlib.contextmanager
    def replaced(self, default: World) -> Iterator[None]:
        """Replace all worlds by this one in the `with` block; afterwards they are back, without worlds added inside.

        If several blocks overlap, the one that was entered last is in effect until it ends.
        """
        registry = _Registry(default)
        with self._lock:
            self._registries.append(registry)
        try:
            yield
        finally:
            with self._lock:
                self._registries.remove(registry)

    def new_name(self) -> str:
        """Return a name that no world has."""
        registry = self._registries[-1]
        while registry.store.has(WORLDS, name := f"w{registry.store.count('names') + 1}"):
            pass
        return name

    def check_version_once(self) -> contextlib.AbstractContextManager[None]:
        """Look once for what other processes have changed, in the `with` block of a request."""
        return self._registries[-1].stores.check_version_once()

    def close(self) -> None:
        """Close the connections of the stores."""
        self._registries[-1].stores.close()

    def create_store(self) -> Store:
        """Return an empty store for a world that will be added."""
        return self._registries[-1].stores.create()

    def add(self, world: World) -> None:
        """Add a world, replacing one of the same name. ValueError for an invalid name."""
        if not re.fullmatch(_NAME, world.name) or world.name in _RESERVED_NAMES:
            reserved = ", ".join(sorted(_RESERVED_NAMES))
            msg = f"{world.name!r} is not a name for a world: use a-z and 0-9, and none of {reserved}"
            raise ValueError(msg)
        with self._lock:
            self._registries[-1].add(world, self._capacity)

    def drop(self, name: str) -> None:
        """Drop a world and everything in it, if there is one of that name."""
        with self._lock:
            self._registries[-1].drop(name)

    def find(self, name: str) -> World | None:
        """Return the world of that name, if there is one."""
        registry = self._registries[-1]
        return registry.default if name == registry.default.name else registry.find(name)

    def choose(self, texts: Iterable[str]) -> World:
        """Return the world that one of these texts of a request names, as in `mockserver-NAME`; else the default."""
        registry = self._registries[-1]
        if not (registry.handles or registry.dropped or registry.store.shared):
            return registry.default
        for text in texts:
            if PREFIX not in text and "projects/" not in text:  # most texts
                continue
            for name, number in _WORLD_IN_TEXT.findall(text):
                if name in _RESERVED_NAMES:
                    continue
                world = registry.use(name, number)
                if world is not None:
                    return world
                if registry.dropped.pop(name, None):
                    log.warning("the world %s was dropped, but a client uses it: the default world answers", name)
        return registry.default

    def __iter__(self) -> Iterator[World]:
        with self._lock:
            registry = self._registries[-1]
            others = [world for name in registry.names() if (world := registry.find(name)) is not None]
        return iter([registry.default, *(world for world in others if world is not registry.default)])

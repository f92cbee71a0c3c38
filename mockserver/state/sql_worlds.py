"""The worlds of a server whose stores are in a database."""

import logging
import secrets
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from mockserver.settings import BadOption, Settings, declarations
from mockserver.state.clock import SystemClock, open_clock
from mockserver.state.database import Database
from mockserver.state.new_world import new_world
from mockserver.state.sql import SqlStore, open_copy
from mockserver.state.sql_calls import queue_of
from mockserver.state.store import Store, Unavailable
from mockserver.state.world import CLOCK, DEFAULT, SETTINGS, World, Worlds, WorldStores

log = logging.getLogger("mockserver")

TOKEN = "control_token"

MOST_NAMES = 1000
"""How many names of worlds are remembered: clients choose them, whether or not there is such a world."""


class SqlWorldStores(WorldStores):
    """The stores of worlds as spaces of a database. A process has one replica of each that it uses."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.registry = SqlStore(database, database.open_space("registry", "worlds"))
        self._stores: dict[int, SqlStore] = {}
        self._found: dict[str, int | None] = {}  # the space of each name that was looked for, at one version
        self._found_at = -1

    def create(self) -> Store:
        """Return an empty store, which becomes that of a world when one is added."""
        return open_copy(self.database)

    def keep(self, world: World) -> None:
        """Name the space of the world's store after the world."""
        if not isinstance(world.store, SqlStore):
            raise TypeError(f"the store of the world {world.name} is not in the database of the others")
        self.database.name_space(world.store.space, "world", world.name)
        self._stores[world.store.space] = world.store

    def open(self, name: str) -> World | None:
        """Return a handle on the world of that name, if there is one."""
        space = self._find_space(name)
        if space is None:
            return None
        if space not in self._stores:
            self._stores[space] = SqlStore(self.database, space)
        store = self._stores[space]
        if not store.has(CLOCK, CLOCK.name):
            return None  # another process is about to add it
        return World(open_clock(store.get(CLOCK, CLOCK.name)), name=name, store=store)

    def _find_space(self, name: str) -> int | None:
        with self.database.lock:
            version = self.database.version()
            if version != self._found_at or len(self._found) >= MOST_NAMES:
                self._found, self._found_at = {}, version
            if name not in self._found:
                self._found[name] = self.database.find_space("world", name)
            return self._found[name]

    def remove(self, name: str) -> None:
        """Delete the space of the world."""
        space = self.database.find_space("world", name)
        if space is not None:
            self._stores.pop(space, None)
            self._found.pop(name, None)
            self.database.remove_space("world", name)

    def check_version_once(self) -> AbstractContextManager[None]:
        """Look once for what other processes have changed, in the `with` block of a request."""
        return self.database.check_version_once()

    def close(self) -> None:
        """Write the calls that are not written yet, and close the connection; the next use opens another one."""
        try:
            queue_of(self.database).write(self.database)
        except Unavailable as error:
            log.error("the log of calls lacks the last ones: %s", error)  # noqa: TRY400 - the sentence says it all
        self.database.close()


def open_worlds(url: str, values: Mapping[str, Any], given: frozenset[str]) -> tuple[Worlds, bool]:
    """Open the worlds of a database, and say whether its default world is new.

    A new one has the settings `values`. One that was stored keeps what it has, except the settings that were `given`.
    BadOption for a database that cannot be used.
    """
    try:
        stores = SqlWorldStores(Database(url))
    except Exception as error:  # an invalid URL, a database that cannot be reached, a file that is none
        raise BadOption(f"cannot open the store: {error}", "--store") from error
    created = new_world(values)
    store = SqlStore(stores.database, stores.database.open_space("world", DEFAULT))

    def begin(transaction: Store) -> bool:
        if transaction.has(CLOCK, CLOCK.name):
            return False
        transaction.insert(SETTINGS, SETTINGS.name, created.settings)
        transaction.insert(CLOCK, CLOCK.name, created.store.get(CLOCK, CLOCK.name))
        return True

    is_new = store.transact(begin)
    world = World(open_clock(store.get(CLOCK, CLOCK.name)), store=store)
    if not is_new:
        _change_settings(world, values, given)
    return Worlds(world, stores=stores), is_new


def _change_settings(world: World, values: Mapping[str, Any], given: frozenset[str]) -> None:
    changed = {name: values[name] for name in declarations(Settings) if name in given}
    if changed:
        world.store.change(SETTINGS, SETTINGS.name, lambda settings: replace(settings, **changed))
    if "start_time" in given:
        raise BadOption("the store has a time already: move its clock, or use another store", "--start-time")
    if "clock" in given:
        if isinstance(world.clock, SystemClock) != bool(values["clock"]):
            raise BadOption("the store has a clock that runs, or a manual one: that stays as it is", "--clock")
        if isinstance(world.clock, SystemClock):
            world.clock.set_factor(values["clock"])


def shared_token(worlds: Worlds, token: str | None, *, needed: bool) -> str | None:
    """Return the control token of all servers of a database: the given one, else the stored one, else a new one."""
    registry = worlds.default.store
    if not isinstance(registry, SqlStore):
        return token or (secrets.token_urlsafe(16) if needed else None)
    database = registry.database
    if token is not None:
        database.write_meta(TOKEN, token)
    elif needed:
        database.write_meta(TOKEN, secrets.token_urlsafe(16), replace=False)
    return database.read_meta(TOKEN) if token is not None or needed else None

"""Empty stores of each kind that there is: for the laws of stores, and for the tests of Google's API (`--store`)."""

import atexit
import weakref
from collections.abc import Callable
from functools import cache
from tempfile import TemporaryDirectory

from contract_tests.postgres import postgres
from mockserver.state.database import Database
from mockserver.state.memory import MemoryStore
from mockserver.state.sql import open_copy
from mockserver.state.store import Store


def _sqlite() -> Store:
    """A store in a new file, which is deleted when the store is."""
    folder = TemporaryDirectory()
    store = open_copy(Database(f"sqlite:///{folder.name}/store.db"))
    weakref.finalize(store, folder.cleanup)
    return store


@cache
def _database() -> Database:
    """A database of PostgreSQL that the stores of this run share."""
    database = Database(postgres().create_database("stores"))
    atexit.register(database.close)
    return database


STORES: dict[str, Callable[[], Store]] = {
    "memory": MemoryStore,
    "sqlite": _sqlite,
    "postgresql": lambda: open_copy(_database()),
}
"""What makes an empty store of each kind that there is."""

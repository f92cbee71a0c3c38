"""A SQL database that holds the stores of a server: its connection, its version and its spaces.

A store is a space: some records with their collections, counters and calls. The worlds, their named snapshots and the
registry of worlds have a space each. Names are stored as UTF-8 bytes: every database orders them as Python does, and
they may hold any character.

A change is committed before it is answered. On SQLite (WAL, `synchronous` NORMAL) a commit survives the end of the
process at any moment. After a power loss the file is intact, but the last commits may be gone; `?synchronous=FULL` in
the URL waits for the disk, so that they are not. PostgreSQL waits for the disk unless it is configured otherwise.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from typing import Any

import sqlalchemy
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection

from mockserver.state.clock import Machine, Nanos, countdown, machine_time
from mockserver.state.sql_schema import MIGRATIONS, OF_A_SPACE, ON_CONFLICT, TABLES, words_of
from mockserver.state.store import Unavailable
from mockserver.state.wal_index import find_index, read_header

REVISION = b"revision"
"""The name of the counter, of no space, whose value is that of the last revision."""

DAY = 86_400_000_000_000

LOCK_SECONDS = 10.0
LOCK_PAUSE = 0.0001
"""How long a process waits for another one to release the lock of a SQLite file, and the pause between two tries."""

CHECKPOINT_PAGES = 4000
"""After so many pages, of 4 KiB, the write-ahead log of a SQLite file is written to the file. Most of its pages are
there many times, and are written once: after SQLite's own 1000 it would be a tenth of what a request costs."""

STATEMENT_SECONDS = 5.0
"""How long PostgreSQL works on a statement of a request."""

RETRY_SECONDS = 0.5
"""For so long nobody tries to connect again after the database was lost, so that requests do not queue up for it."""


def encode_key(name: str) -> bytes:
    """Return a name as it is stored."""
    return name.encode("utf-8", "surrogatepass")


def decode_key(key: bytes) -> str:
    """Return the name that is stored as these bytes."""
    return bytes(key).decode("utf-8", "surrogatepass")


@lru_cache(maxsize=512)
def _translate(dialect: sqlalchemy.Dialect, statement: str) -> str:
    """Return a statement with its parameters as the driver writes them."""
    return str(sqlalchemy.text(statement).compile(dialect=dialect))


class Request(threading.local):
    """What a thread has done in the block of `Database.check_version_once`: read the version, changed records."""

    is_open = False
    version: int | None = None
    has_changed = False

    def __enter__(self) -> None:
        self.is_open, self.version = True, None

    def __exit__(self, *_: object) -> None:
        self.is_open, self.version = False, None


class Database:
    """One connection to a database, which the threads of this process use in turn.

    Raises Unavailable if the database cannot be reached within a few seconds, and tries again later.

    SQLAlchemy opens the connection and translates statements to the database's dialect, each once. The driver executes
    them: executing the shortest statement by SQLAlchemy takes longer than all that a request asks of the database.
    """

    def __init__(self, url: str) -> None:
        self.lock = threading.RLock()
        self._engine, self._is_sqlite = _create_engine(url)
        self._connection: PoolProxiedConnection | None = None
        self._driver: Any = None
        driver: Any = self._engine.dialect.loaded_dbapi
        self._error: type[Exception] = driver.Error
        self.integrity_error: type[Exception] = driver.IntegrityError
        self.request = Request()
        """Of the thread that asks. Its version is known without a look, while it is not None."""
        self._version: int | None = None
        self._data_version = 0
        self._index: int | None = None
        """SQLite's descriptor of the WAL index; below 0 if it cannot be found, None if nobody has looked."""
        self._last_header = b""
        self._retry = countdown(0)
        self._garbage: deque[int] = deque()
        self._migrate()

    def run(self, statement: str, **values: Any) -> list[Any]:
        """Execute a statement and return its rows: in the transaction of this thread, else as one of its own.

        Raises `integrity_error` if the statement breaks a constraint.
        """
        with self.lock:
            cursor = self._execute(_translate(self._engine.dialect, statement), values)
            return cursor.fetchall() if cursor.description else []

    def run_many(self, statement: str, rows: list[dict[str, Any]]) -> None:
        """Execute a statement for each row."""
        with self.lock:
            driver = self._connect()
            try:
                driver.cursor().executemany(_translate(self._engine.dialect, statement), rows)
            except self._error as error:
                raise self._lose(error) from None

    def _execute(self, statement: str, values: Mapping[str, Any]) -> Any:
        """Execute a statement in the driver's words."""
        driver = self._connect() if self._connection is None else self._driver
        left: Callable[[], float] | None = None
        while True:
            try:
                return driver.execute(statement, values)
            except self._error as error:
                # The lowest byte of the code says what it is, the others why.
                if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                    if isinstance(error, self.integrity_error):
                        raise
                    raise self._lose(error) from None
                left = left or countdown(LOCK_SECONDS)
                if left() < 0:
                    raise self._lose(error) from None
            # SQLite itself would wait for milliseconds, but another process has the lock for microseconds.
            Machine.sleep(LOCK_PAUSE)

    @contextmanager
    def transaction(self, *, write: bool = True) -> Iterator[None]:
        """Execute what is run in the `with` block as one transaction. Writers wait for each other."""
        with self.lock:
            if self._is_sqlite:
                begin = "BEGIN IMMEDIATE" if write else "BEGIN"
            else:
                begin = "BEGIN" if write else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
            self._execute(begin, {})
            connection = self._connection
            try:
                yield
            except BaseException:  # whatever ends it, the transaction is rolled back
                self._version = self.request.version = None
                if self._connection is connection:  # else the transaction ended with it
                    self._execute("ROLLBACK", {})
                raise
            self._execute("COMMIT", {})

    def new_revisions(self, count: int) -> int:
        """Return the last of so many new revisions. In PostgreSQL this is where writers wait for each other."""
        self._version = self.request.version = None
        self.request.has_changed = True
        ((revision,),) = self.run(
            "UPDATE counters SET value = value + :count WHERE space = 0 AND name = :name RETURNING value",
            count=count,
            name=REVISION,
        )
        return int(revision)

    def lock_revision(self) -> None:
        """Wait for whoever takes new revisions, and let the next one wait: the beginning of a transaction."""
        if not self._is_sqlite:  # there every transaction that writes does so
            self.run("SELECT value FROM counters WHERE space = 0 AND name = :name FOR UPDATE", name=REVISION)

    def lock_spaces(self, *spaces: int) -> None:
        """Let whoever writes or drops calls of these spaces wait: the beginning of a transaction, or of its changes."""
        if not self._is_sqlite:
            for space in sorted(spaces):
                self.run("SELECT id FROM spaces WHERE id = :id FOR UPDATE", id=space)

    def allow_long_statements(self) -> None:
        """Set no limit to the time of statements in this transaction: those that touch all calls of all worlds."""
        if not self._is_sqlite:
            self.run("SET LOCAL statement_timeout = 0")
            self.run("SET LOCAL lock_timeout = 0")

    def know_version(self, revision: int) -> None:
        """Take the last new revision for the version, once it is committed: that of another process is looked for."""
        self._version = revision
        if self.request.is_open:
            self.request.version = revision

    def take_changed(self) -> bool:
        """Return whether this thread has changed records since it last asked."""
        request = self.request
        changed, request.has_changed = request.has_changed, False
        return changed

    def version(self) -> int:
        """Return a number that grows whenever anything is committed, but for counters, calls and values of the server.

        In the `with` block of `check_version_once` it is read from the database once.
        """
        request = self.request
        if request.version is not None:
            return request.version
        if self._is_sqlite and self._has_changed():
            self._version = None
        if self._version is None or not self._is_sqlite:
            ((revision,),) = self.run("SELECT value FROM counters WHERE space = 0 AND name = :name", name=REVISION)
            self._version = int(revision)
        if request.is_open:
            request.version = self._version
        return self._version

    def _has_changed(self) -> bool:
        """Return whether another connection to a SQLite file has committed anything since this was last asked."""
        header = b"" if self._index is None or self._index < 0 else read_header(self._index)
        if header and header == self._last_header:
            return False
        self._last_header = header  # read before, so that what is committed from now on changes it
        last = self._data_version
        (self._data_version,) = self._execute("PRAGMA data_version", {}).fetchone()
        if self._index is None:
            index = find_index(self._driver)
            self._index = -1 if index is None else index
        return bool(self._data_version != last)

    def check_version_once(self) -> AbstractContextManager[None]:
        """Make all that this thread reads in the `with` block as new as the first of it, at least."""
        return self.request

    def _connect(self) -> Any:
        """Return the driver's connection."""
        if self._connection is None:
            if self._retry() > 0:
                raise Unavailable("the database of the store cannot be reached")
            self._version = self.request.version = None
            try:
                self._connection = self._engine.raw_connection()
            except DBAPIError as error:
                raise self._lose(error.orig) from None
            except self._error as error:
                raise self._lose(error) from None
            self._driver = self._connection.driver_connection
        return self._driver

    def _lose(self, error: BaseException | None) -> Unavailable:
        """Close the connection, and connect again for a later statement."""
        connection, self._connection, self._index = self._connection, None, None
        if connection is not None:
            connection.invalidate()
            connection.close()
        self._retry = countdown(RETRY_SECONDS)
        return Unavailable(f"the database of the store failed: {error}")

    def close(self) -> None:
        """Close the connection."""
        with self.lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = self._index = None
            self._engine.dispose()

    # Schema

    def _migrate(self) -> None:
        """Create the tables, or bring those of an older version up to date. ValueError for a newer version."""
        with self.transaction():
            self.allow_long_statements()
            if not self._is_sqlite:
                self.run("SELECT pg_advisory_xact_lock(8765)")  # one process at a time creates the tables
            self.run("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
            version = int(self.read_meta("schema") or 0)
            if version > len(MIGRATIONS):
                raise ValueError(
                    f"the store has version {version} of the schema, but this program knows {len(MIGRATIONS)}:"
                    " use the newer mockserver that wrote it"
                )
            if version < len(MIGRATIONS):
                for statements in MIGRATIONS[version:]:
                    for statement in statements:
                        self.run(statement.format(**words_of(is_sqlite=self._is_sqlite)))
                self.write_meta("schema", str(len(MIGRATIONS)))
            if not version:
                self._insert_counters()
            self.lock_revision()
            self._remove_spaces("kind = 'copy' AND time < :time", time=machine_time() - DAY)

    def _insert_counters(self) -> None:
        for name in (REVISION, b"spaces"):
            self.run("INSERT INTO counters (space, name, value) VALUES (0, :name, 0)", name=name)

    def read_meta(self, name: str) -> str | None:
        """Return a value that belongs to the whole server."""
        rows = self.run("SELECT value FROM meta WHERE name = :name", name=name)
        return str(rows[0][0]) if rows else None

    def write_meta(self, name: str, value: str, *, replace: bool = True) -> None:
        """Set such a value; with `replace` false only if there is none."""
        conflict = "UPDATE SET value = excluded.value" if replace else "NOTHING"
        self.run(
            f"INSERT INTO meta (name, value) VALUES (:name, :value) ON CONFLICT (name) DO {conflict}",  # noqa: S608 - one of two constants
            name=name,
            value=value,
        )

    # Spaces

    def find_space(self, kind: str, name: str, owner: int = 0) -> int | None:
        """Return the id of the space of that name."""
        rows = self.run(
            "SELECT id FROM spaces WHERE kind = :kind AND owner = :owner AND name = :name",
            kind=kind,
            owner=owner,
            name=encode_key(name),
        )
        return int(rows[0][0]) if rows else None

    def open_space(self, kind: str, name: str) -> int:
        """Return the id of the space of that name; create it if there is none."""
        with self.transaction():
            revision = self.new_revisions(1)
            return self.find_space(kind, name) or self._insert_space(kind, name, revision)

    def create_copy(self, space: int | None) -> int:
        """Return a new space without a name, for a copy or an empty store; it must be named to be kept."""
        with self.transaction():
            revision = self.new_revisions(1)
            self._collect_garbage()
            copy = self._insert_space("copy", "", revision)
            if space is not None:
                self.copy_rows(space, copy, revision)
        return copy

    def _insert_space(self, kind: str, name: str, revision: int) -> int:
        statement = "UPDATE counters SET value = value + 1 WHERE space = 0 AND name = :name RETURNING value"
        space = int(self.run(statement, name=b"spaces")[0][0])
        self.run(
            "INSERT INTO spaces (id, kind, owner, name, time, epoch, revision, purged, calls)"
            " VALUES (:id, :kind, 0, :name, :time, :revision, :revision, 0, 0)",
            id=space,
            kind=kind,
            name=encode_key(name or str(space)),
            time=machine_time(),
            revision=revision,
        )
        return space

    def copy_rows(self, source: int, target: int, epoch: int) -> None:
        """Replace everything in a space by what is in another one: part of a transaction."""
        self.lock_spaces(source, target)
        for table in OF_A_SPACE:
            columns = ", ".join(TABLES[table][1:])
            self.run(f"DELETE FROM {table} WHERE space = :target", target=target)  # noqa: S608 - our own table
            self.run(
                f"INSERT INTO {table} (space, {columns}) SELECT :target, {columns} FROM {table} WHERE space = :source"  # noqa: S608 - our own table
                f"{ON_CONFLICT.get(table, '')}",
                target=target,
                source=source,
            )
        (row,) = self.run("SELECT revision, purged, calls, call_bytes FROM spaces WHERE id = :source", source=source)
        self.run(
            "UPDATE spaces SET epoch = :epoch, revision = :revision, purged = :purged, calls = :calls,"
            " call_bytes = :call_bytes WHERE id = :id",
            epoch=epoch,
            revision=row[0],
            purged=row[1],
            calls=row[2],
            call_bytes=row[3],
            id=target,
        )

    def name_space(self, space: int, kind: str, name: str, *, owner: int = 0, time: Nanos = 0) -> None:
        """Give a space a name, so that it is kept; one that had the name is deleted."""
        key = encode_key(name)
        with self.transaction():
            self.new_revisions(1)
            where = "kind = :kind AND owner = :owner AND name = :name AND id <> :id"
            self._remove_spaces(where, kind=kind, owner=owner, name=key, id=space)
            self.run(
                "UPDATE spaces SET kind = :kind, owner = :owner, name = :name, time = :time WHERE id = :id",
                kind=kind,
                owner=owner,
                name=key,
                time=time,
                id=space,
            )

    def remove_space(self, kind: str, name: str, owner: int = 0) -> bool:
        """Delete the space of that name and its snapshots; return whether there was one."""
        with self.transaction():
            self.new_revisions(1)
            where = "kind = :kind AND owner = :owner AND name = :name"
            return self._remove_spaces(where, kind=kind, owner=owner, name=encode_key(name)) > 0

    def forget(self, space: int) -> None:
        """Delete a space sometime, unless it has got a name. The garbage collector may call this at any moment."""
        self._garbage.append(space)

    def _collect_garbage(self) -> None:
        while self._garbage:
            self._remove_spaces("kind = 'copy' AND id = :id", id=self._garbage.popleft())

    def _remove_spaces(self, where: str, **values: Any) -> int:
        spaces = [int(row[0]) for row in self.run(f"SELECT id FROM spaces WHERE {where}", **values)]  # noqa: S608 - our own condition
        self.lock_spaces(*spaces)
        for space in spaces:
            self._remove_spaces("owner = :owner AND id <> :owner", owner=space)
            for table in OF_A_SPACE:
                self.run(f"DELETE FROM {table} WHERE space = :space", space=space)  # noqa: S608 - our own table
            self.run("DELETE FROM spaces WHERE id = :space", space=space)
        return len(spaces)


def _create_engine(url: str) -> tuple[sqlalchemy.Engine, bool]:
    """Create the engine of a URL, and say whether it is SQLite. ValueError for any other URL."""
    parts = sqlalchemy.make_url(url)
    if parts.drivername == "sqlite":
        query = dict(parts.query)
        synchronous = str(query.pop("synchronous", "NORMAL")).upper()
        if synchronous not in {"NORMAL", "FULL"} or query:
            raise ValueError("a sqlite URL takes only ?synchronous=NORMAL or FULL")
        engine = sqlalchemy.create_engine(
            parts.set(query={}),
            poolclass=sqlalchemy.pool.NullPool,
            connect_args={"check_same_thread": False, "timeout": LOCK_SECONDS, "isolation_level": None},
            isolation_level="AUTOCOMMIT",
            paramstyle="named",
        )

        @sqlalchemy.event.listens_for(engine, "connect")
        def prepare(connection: Any, _: Any) -> None:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            connection.execute("PRAGMA busy_timeout = 0")  # from now on `Database` waits for locks

        return engine, True
    if parts.drivername in {"postgresql", "postgres"}:
        options = f"-c statement_timeout={STATEMENT_SECONDS * 1000:.0f} -c lock_timeout=5000 -c idle_in_transaction_session_timeout=10000"
        engine = sqlalchemy.create_engine(
            parts.set(drivername="postgresql+psycopg"),
            poolclass=sqlalchemy.pool.NullPool,
            connect_args={"connect_timeout": 3, "tcp_user_timeout": 5000, "options": options},
            isolation_level="AUTOCOMMIT",
        )
        return engine, False
    raise ValueError("a store is memory:, sqlite:///FILE or postgresql://...")

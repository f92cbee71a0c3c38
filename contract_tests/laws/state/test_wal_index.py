"""The header of SQLite's WAL index changes with every commit, so that nothing that was committed is overlooked."""

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mockserver.state import database as tables
from mockserver.state import wal_index
from mockserver.state.database import Database
from mockserver.state.wal_index import FORMAT, HEADER_BYTES, find_index, read_header

CHANGES = (
    "INSERT INTO numbers VALUES (1)",
    "INSERT INTO numbers VALUES (2)",
    "UPDATE numbers SET number = 3",
    "DELETE FROM numbers",
    "CREATE TABLE others (text)",
    "DROP TABLE others",
)
CHECKPOINTS = ("PASSIVE", "FULL", "RESTART", "TRUNCATE")


def connect(path: Path) -> sqlite3.Connection:
    """A connection as a process has it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    return connection


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_every_commit_changes_the_header_and_a_read_does_not(tmp_path: Path, checkpoint: str) -> None:
    """Whichever connection commits, also after the log was written to the file and begins anew."""
    one, other = connect(tmp_path / "store.db"), connect(tmp_path / "store.db")
    one.execute("CREATE TABLE numbers (number)")
    index = find_index(one)
    assert index is not None
    assert index == find_index(other)
    seen = {read_header(index)}
    for _ in range(3):
        for change in CHANGES:
            for connection in (one, other):
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(change)
                before = read_header(index)
                assert before in seen
                connection.execute("ROLLBACK")
                assert before == read_header(index)
            other.execute(change)
            one.execute("SELECT count(*) FROM numbers").fetchall()
            assert read_header(index) not in seen
            seen.add(read_header(index))
        one.execute(f"PRAGMA wal_checkpoint({checkpoint})").fetchall()
        seen.add(read_header(index))


class Elsewhere:
    """A connection to a file that is somewhere else."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def execute(self, _: str) -> list[tuple[int, str, str]]:
        """Return the list of its databases."""
        return [(0, "main", str(self._path)), (1, "temp", "")]


@pytest.mark.parametrize(
    ("header", "is_known"),
    [
        (FORMAT.to_bytes(4, sys.byteorder) * (HEADER_BYTES // 4), True),
        ((FORMAT + 1).to_bytes(4, sys.byteorder) * (HEADER_BYTES // 4), False),
        (b"", False),
    ],
)
def test_only_a_header_of_the_known_format_is_read(tmp_path: Path, header: bytes, is_known: bool) -> None:
    """Where there is none, SQLite is asked."""
    path = tmp_path / "store.db-shm"
    path.write_bytes(header)
    connection: Any = Elsewhere(tmp_path / "store.db")
    with path.open("rb") as file:
        assert (file.fileno() if is_known else None) == find_index(connection)
        descriptor = file.fileno()

    assert find_index(connection) is None
    assert b"" == read_header(descriptor)


def test_there_is_no_index_without_a_list_of_descriptors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on systems other than Linux; nor without a file."""
    connection = connect(tmp_path / "store.db")
    connection.execute("CREATE TABLE numbers (number)")
    assert find_index(connection) is not None
    assert find_index(connect(Path(":memory:"))) is None
    monkeypatch.setattr(wal_index, "DESCRIPTORS", tmp_path / "none")

    assert find_index(connection) is None


OTHER_PROCESS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0)
try:
    connection.execute("BEGIN IMMEDIATE")
except sqlite3.OperationalError as error:
    print(error)
print(connection.execute("SELECT count(*) FROM numbers").fetchone()[0])
"""


def test_looking_at_the_index_keeps_the_locks_of_sqlite(tmp_path: Path) -> None:
    """A process that closes any descriptor of a file loses all locks that it has on it: another one could write too."""
    path = tmp_path / "store.db"
    one, other = (Database(f"sqlite:///{path}") for _ in range(2))
    one.run("CREATE TABLE numbers (number)")
    with one.transaction():
        one.run("INSERT INTO numbers VALUES (1)")
        for database in (one, other):
            for _ in range(3):
                database.version()
        other.close()
        ran = subprocess.run(
            [sys.executable, "-c", OTHER_PROCESS, str(path)], capture_output=True, text=True, check=True
        )

    assert ["database is locked", "0"] == ran.stdout.splitlines()
    assert [(1,)] == one.run("SELECT count(*) FROM numbers")


@pytest.mark.parametrize("has_index", [True, False])
def test_a_process_sees_every_change_of_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_index: bool
) -> None:
    """As soon as it is committed, whatever it has committed itself in between, and after it has lost its connection.

    Nobody may have had the file open in between, so that the index is a new file.
    """
    if not has_index:
        monkeypatch.setattr(tables, "find_index", lambda _: None)
    monkeypatch.setattr(tables, "RETRY_SECONDS", 0.0)
    one, other = (Database(f"sqlite:///{tmp_path}/store.db") for _ in range(2))
    for number in range(200):
        with one.transaction():
            revision = one.new_revisions(1)
        assert revision == other.version()
        if number % 3 == 0:
            other.write_meta("own", str(number))
        if number % 7 == 0:
            other._lose(None)  # noqa: SLF001 - as an error of the driver does
        if number % 11 == 0:
            for database in (one, other):
                database.close()
        assert revision == other.version()


def test_a_commit_during_a_look_is_seen_by_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The header is read before SQLite is asked, not after."""
    one, other = (Database(f"sqlite:///{tmp_path}/store.db") for _ in range(2))
    for _ in range(2):
        other.version()  # finds the header, and reads it
    other.write_meta("own", "changes the header")
    original, revisions = other._execute, list[int]()  # noqa: SLF001 - something happens between two of its statements

    def execute(statement: str, values: Any) -> Any:
        answer = original(statement, values)
        if statement.startswith("PRAGMA"):
            with one.transaction():
                revisions.append(one.new_revisions(1))
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(other, "_execute", execute)
        other.version()

    assert revisions == [other.version()]

"""The header of SQLite's WAL index changes with every commit, so that nothing that was committed is overlooked."""

import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from mockserver.state import database as tables
from mockserver.state.database import Database
from mockserver.state.wal_index import FORMAT, HEADER_BYTES, map_header

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
    mapped = map_header(one)
    assert mapped is not None
    seen = {mapped[:]}
    for _ in range(3):
        for change in CHANGES:
            for connection in (one, other):
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(change)
                before = mapped[:]
                assert before in seen
                connection.execute("ROLLBACK")
                assert before == mapped[:]
            other.execute(change)
            one.execute("SELECT count(*) FROM numbers").fetchall()
            assert mapped[:] not in seen
            seen.add(mapped[:])
        one.execute(f"PRAGMA wal_checkpoint({checkpoint})").fetchall()
        seen.add(mapped[:])


class Elsewhere:
    """A connection to a file that is somewhere else."""

    def __init__(self, path: str) -> None:
        self._path = path

    def execute(self, _: str) -> list[tuple[int, str, str]]:
        """Return the list of its databases."""
        return [(0, "main", self._path), (1, "temp", "")]


@pytest.mark.parametrize(
    ("index", "is_mapped"),
    [
        (FORMAT.to_bytes(4, sys.byteorder) * (HEADER_BYTES // 4), True),
        ((FORMAT + 1).to_bytes(4, sys.byteorder) * (HEADER_BYTES // 4), False),
        (b"", False),
        (None, False),
    ],
)
def test_only_a_header_of_the_known_format_is_mapped(tmp_path: Path, index: bytes | None, is_mapped: bool) -> None:
    """Where it cannot be, SQLite is asked."""
    if index is not None:
        (tmp_path / "store.db-shm").write_bytes(index)
    connection: Any = Elsewhere(f"{tmp_path}/store.db")

    assert is_mapped == (map_header(connection) is not None)


@pytest.mark.parametrize("is_mapped", [True, False])
def test_a_process_sees_every_change_of_another_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_mapped: bool,
) -> None:
    """As soon as it is committed, whatever it has committed itself in between, and after it has lost its connection."""
    if not is_mapped:
        monkeypatch.setattr(tables, "map_header", lambda _: None)
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
        assert revision == other.version()


def test_a_commit_during_a_look_is_seen_by_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The header is read before SQLite is asked, not after."""
    one, other = (Database(f"sqlite:///{tmp_path}/store.db") for _ in range(2))
    for _ in range(2):
        other.version()  # maps the header, and reads it
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

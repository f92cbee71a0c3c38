"""The header of SQLite's WAL index, which tells without a statement whether anything was committed.

All processes that use a file in WAL mode share the memory of FILE-shm. It begins with a header that every commit
changes: a counter, the number of frames in the log, checksums and salts [https://www.sqlite.org/walformat.html, 2.1].
`PRAGMA data_version` looks at it too, but takes two locks of the file for that, which costs five times as much.

It is read by the descriptor that SQLite itself has open. One of our own could never be closed: that would release all
locks that SQLite holds on the file in this process [https://www.sqlite.org/howtocorrupt.html, 2.2].
"""

import os
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path

HEADER_BYTES = 48
FORMAT = 3007000
"""The version of the format, which has been the same since SQLite 3.7.0: processes of different versions share it."""

DESCRIPTORS = Path("/proc/self/fd")
"""The descriptors of this process, on Linux."""


def find_index(connection: sqlite3.Connection) -> int | None:
    """Return SQLite's descriptor of the index of the file that an open connection has read.

    It is valid until the connection is closed. None where it cannot be found, or the header has another format.
    """
    path = next(path for _, name, path in connection.execute("PRAGMA database_list") if name == "main")
    with suppress(OSError):  # there is no index, or no list of descriptors
        index = Path(f"{path}-shm").stat()
        for descriptor in DESCRIPTORS.iterdir():
            with suppress(OSError):  # the one that reads the list is closed already
                if os.path.samestat(index, descriptor.stat()):
                    header = read_header(int(descriptor.name))
                    return int(descriptor.name) if int.from_bytes(header[:4], sys.byteorder) == FORMAT else None
    return None


def read_header(index: int) -> bytes:
    """Return the header, to be compared as a whole: it may be half written."""
    try:
        return os.pread(index, HEADER_BYTES, 0)
    except OSError:  # it was not SQLite's, and is closed: SQLite must be asked
        return b""

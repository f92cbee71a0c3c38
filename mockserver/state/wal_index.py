"""The header of SQLite's WAL index, which tells without a call of SQLite's whether anything was committed.

All processes that use a file in WAL mode map FILE-shm into their memory. It begins with a header that every commit
changes: a counter, the number of frames in the log, checksums and salts [https://www.sqlite.org/walformat.html, 2.1].
`PRAGMA data_version` looks at it too, but takes two locks of the file for that, which costs ten times as much.
"""

import mmap
import sqlite3
import sys
from pathlib import Path

HEADER_BYTES = 48
FORMAT = 3007000
"""The version of the format, which has been the same since SQLite 3.7.0: processes of different versions share it."""


def map_header(connection: sqlite3.Connection) -> mmap.mmap | None:
    """Map the header of the file that a connection reads. It is to be compared as a whole: it may be half written.

    None where it cannot be mapped or has another format.
    """
    path = next(path for _, name, path in connection.execute("PRAGMA database_list") if name == "main")
    try:
        with Path(f"{path}-shm").open("rb") as file:
            header = mmap.mmap(file.fileno(), HEADER_BYTES, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # there is none, or it is empty
        return None
    return header if int.from_bytes(header[:4], sys.byteorder) == FORMAT else None

"""The calls of the log in a database: those that a process writes together stand in one row, a batch.

If each had a row of its own, two trees of the database would change with every call that comes, and again with every
one that is dropped. The number of a batch is that of its last call. Each line of its text is a call: its time on the
machine's clock, in nanoseconds, and its JSON, which is ASCII without line breaks.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from mockserver.state.clock import Nanos
from mockserver.state.database import Database

MAX_CALLS = 10_000
MAX_BYTES = 64 * 2**20
COUNTED_EVERY = 64
"""How many calls the log of a space keeps, and how many bytes of them. It may have `COUNTED_EVERY` calls and a batch
more: the oldest batches are dropped after so many calls, and never the newest one."""

BATCH_CALLS = 64
BATCH_BYTES = 2**20
"""How many calls a batch has at most, and after how many bytes another one begins."""


class StoredCall(NamedTuple):
    """A call as it is stored: the time of its answer, on the machine's clock, and its JSON."""

    time: Nanos
    text: str


def insert_calls(database: Database, space: int, calls: Sequence[StoredCall]) -> int:
    """Insert calls, and drop the oldest ones if there are too many: part of a transaction.

    Returns the number of the last one; 0 if the space has been deleted.
    """
    count, calls = len(calls), calls[-MAX_CALLS:]
    rows = database.run(
        "UPDATE spaces SET calls = calls + :count, call_bytes = call_bytes + :size WHERE id = :space"
        " RETURNING calls, call_bytes",
        count=count,
        size=sum(len(call.text) for call in calls),
        space=space,
    )
    if not rows:
        return 0
    last, size = map(int, rows[0])
    if last // COUNTED_EVERY != (last - count) // COUNTED_EVERY:  # first, so that the new ones get the pages of these
        size = _drop(database, space, last - MAX_CALLS)
    number = last - len(calls)
    for batch in _split(calls):
        number += len(batch)
        database.run(
            "INSERT INTO call_batches (space, number, count, size, calls)"
            " VALUES (:space, :number, :count, :size, :calls)",
            space=space,
            number=number,
            count=len(batch),
            size=sum(len(call.text) for call in batch),
            calls=join_batch(batch),
        )
    if size > MAX_BYTES:
        _drop(database, space, _find_excess(database, space, last, size - MAX_BYTES))
    return last


def _split(calls: Sequence[StoredCall]) -> Iterator[Sequence[StoredCall]]:
    """Split calls into batches. There are several if the database was away, or if calls are long."""
    sizes = list(accumulate(len(call.text) for call in calls))
    first = 0
    while first < len(calls):
        before = sizes[first - 1] if first else 0
        end = min(first + BATCH_CALLS, bisect_right(sizes, before + BATCH_BYTES) + 1, len(calls))
        yield calls[first:end]
        first = end


def join_batch(calls: Sequence[StoredCall]) -> str:
    """Return the text of a batch."""
    return "\n".join([f"{time} {text}" for time, text in calls])


def parse_batch(number: int, calls: str) -> dict[int, StoredCall]:
    """Return the calls of the text of a batch, by their numbers. That of the last one is the number of the batch."""
    lines = [line.partition(" ") for line in calls.split("\n")]
    first = number - len(lines) + 1
    return {place: StoredCall(int(time), text) for place, (time, _, text) in enumerate(lines, first)}


def read_calls(database: Database, space: int, *, after: int = 0) -> list[tuple[int, StoredCall]]:
    """Return the calls with higher numbers, and these, in the order of their times, which may be another one."""
    rows = database.run(
        "SELECT number, calls FROM call_batches WHERE space = :space AND number > :after", space=space, after=after
    )
    calls = [each for number, text in rows for each in parse_batch(int(number), text).items() if each[0] > after]
    return sorted(calls, key=lambda each: (each[1].time, each[0]))


def find_call(database: Database, space: int, number: int) -> StoredCall | None:
    """Return the call of that number, if it is there."""
    return _find_batch(database, space, number).get(number)


def _find_batch(database: Database, space: int, number: int) -> dict[int, StoredCall]:
    """Return the calls of the first batch that ends with this number or a higher one, by their numbers."""
    rows = database.run(
        "SELECT number, calls FROM call_batches WHERE space = :space AND number >= :number ORDER BY number LIMIT 1",
        space=space,
        number=number,
    )
    return parse_batch(int(rows[0][0]), rows[0][1]) if rows else {}


def count_calls(database: Database, space: int) -> int:
    """Return how many calls there are."""
    statement = "SELECT coalesce(sum(count), 0) FROM call_batches WHERE space = :space"
    return int(database.run(statement, space=space)[0][0])


def replace_call(database: Database, space: int, number: int, old: StoredCall, text: str) -> None:
    """Replace the text of a call; does nothing if it is not there any more."""
    with database.transaction():
        # Whoever drops calls begins with this row too, and waits.
        database.run("UPDATE spaces SET call_bytes = call_bytes WHERE id = :space", space=space)
        batch = _find_batch(database, space, number)
        if batch.get(number) != old:  # dropped; or the space was restored, and the number is another call's
            return
        batch[number] = StoredCall(old.time, text)
        added = len(text) - len(old.text)
        database.run(
            "UPDATE call_batches SET calls = :calls, size = size + :added WHERE space = :space AND number = :number",
            calls=join_batch([*batch.values()]),
            added=added,
            space=space,
            number=max(batch),
        )
        database.run("UPDATE spaces SET call_bytes = call_bytes + :added WHERE id = :space", added=added, space=space)


def drop_calls(database: Database, space: int) -> None:
    """Drop all calls: part of a transaction."""
    database.run("UPDATE spaces SET call_bytes = 0 WHERE id = :space", space=space)
    database.run("DELETE FROM call_batches WHERE space = :space", space=space)


def _drop(database: Database, space: int, number: int) -> int:
    """Drop the batches up to a number, and return the bytes of the other calls: part of a transaction."""
    ((size,),) = database.run(
        "UPDATE spaces SET call_bytes = call_bytes"
        " - coalesce((SELECT sum(size) FROM call_batches WHERE space = :space AND number <= :number), 0)"
        " WHERE id = :space RETURNING call_bytes",
        space=space,
        number=number,
    )
    database.run("DELETE FROM call_batches WHERE space = :space AND number <= :number", space=space, number=number)
    return int(size)


def _find_excess(database: Database, space: int, last: int, size: int) -> int:
    """Return up to which number the batches take so many bytes; the last batch is never in excess."""
    rows = database.run(
        "SELECT number FROM (SELECT number, sum(size) OVER (ORDER BY number) AS total FROM call_batches"
        " WHERE space = :space AND number < :last) AS sums WHERE total >= :size ORDER BY number LIMIT 1",
        space=space,
        last=last,
        size=size,
    )
    return int(rows[0][0]) if rows else last - 1

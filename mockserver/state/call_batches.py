"""The calls of the log in a database: those that a process writes together stand in one row, a batch.

If each had a row of its own, two trees of the database would change with every call that comes, and again with every
one that is dropped. And calls have much in common: a request that comes again, an answer but for a few values. A batch
has it once; most of what a commit costs is the pages that it writes.

The number of a batch is that of its last call. The first line of its text has the number of the lines down to the first
call; the others of them are parts of calls. The line of a call has its time, the numbers of the lines with the parts of
its request and its response (0 for none), and its own JSON. All is ASCII, and JSON has no line breaks.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from mockserver.state.database import Database
from mockserver.state.stored_calls import StoredCall

MAX_CALLS = 10_000
MAX_BYTES = 64 * 2**20
COUNTED_EVERY = 64
"""How many calls the log of a space keeps, and how many bytes of them, as if they shared nothing: so much has who reads
them. It may have `COUNTED_EVERY` calls and a batch more: the oldest batches are dropped after so many calls, and never
the newest one."""

BATCH_CALLS = 64
BATCH_BYTES = 2**20
"""How many calls a batch has at most, and after how many bytes another one begins, counted in the same way."""

_Batch = tuple[int, Sequence[StoredCall]]
"""The size of some calls, and these."""


def insert_calls(database: Database, space: int, calls: Sequence[StoredCall]) -> int:
    """Insert calls, and drop the oldest ones if there are too many: part of a transaction.

    Returns the number of the last one; 0 if the space has been deleted.
    """
    count, batches = len(calls), list(_split(calls))
    rows = database.run(
        "UPDATE spaces SET calls = calls + :count, call_bytes = call_bytes + :size WHERE id = :space"
        " RETURNING calls, call_bytes",
        count=count,
        size=sum(size for size, _ in batches),
        space=space,
    )
    if not rows:
        return 0
    last, size = map(int, rows[0])
    if last // COUNTED_EVERY != (last - count) // COUNTED_EVERY:  # first, so that the new ones get the pages of these
        size = _drop(database, space, last - MAX_CALLS)
    _insert(database, space, last - count, batches)
    _drop_excess(database, space, last, size)
    return last


def size_of(calls: Iterable[StoredCall]) -> int:
    """Return how long calls are if they share nothing."""
    return sum([len(text) + len(request) + len(response) for _, text, request, response in calls])


def _insert(database: Database, space: int, number: int, batches: Iterable[_Batch]) -> None:
    """Insert batches that follow upon a number."""
    for size, batch in batches:
        number += len(batch)
        database.run(
            "INSERT INTO call_batches (space, number, count, size, calls)"
            " VALUES (:space, :number, :count, :size, :calls)",
            space=space,
            number=number,
            count=len(batch),
            size=size,
            calls=join_batch(batch),
        )


def _split(calls: Sequence[StoredCall]) -> Iterator[_Batch]:
    """Split calls into batches. There are several if the database was away, or if calls are long."""
    first = size = 0
    for end, call in enumerate(calls):
        if end - first == BATCH_CALLS or size >= BATCH_BYTES:
            yield size, calls[first:end]
            first, size = end, 0
        size += size_of([call])
    yield size, calls[first:]


def join_batch(calls: Iterable[StoredCall]) -> str:
    """Return the text of a batch."""
    lines: dict[str, int] = {"": 0}
    of_calls = [
        f"{time} {lines.setdefault(request, len(lines))} {lines.setdefault(response, len(lines))} {text}"
        for time, text, request, response in calls
    ]
    return "\n".join([str(len(lines)), *islice(lines, 1, None), *of_calls])


def parse_batch(number: int, text: str) -> dict[int, StoredCall]:
    """Return the calls of the text of a batch, by their numbers. That of the last one is the number of the batch."""
    lines = text.split("\n")
    start, lines[0] = int(lines[0]), ""
    calls = {}
    for place, line in enumerate(lines[start:], number - len(lines) + start + 1):
        time, request, response, own = line.split(" ", 3)
        calls[place] = StoredCall(int(time), own, lines[int(request)], lines[int(response)])
    return calls


def read_calls(database: Database, space: int, *, after: int = 0) -> list[tuple[int, StoredCall]]:
    """Return the calls with higher numbers, and these, in the order of their times, which may be another one."""
    rows = database.run(
        "SELECT number, calls FROM call_batches WHERE space = :space AND number > :after", space=space, after=after
    )
    calls = [each for number, text in rows for each in parse_batch(int(number), text).items() if each[0] > after]
    return sorted(calls, key=lambda each: (each[1].time, each[0]))


def find_call(database: Database, space: int, number: int) -> StoredCall | None:
    """Return the call of that number, if it is there."""
    return _find_batch(database, space, number)[1].get(number)


def _find_batch(database: Database, space: int, number: int) -> tuple[int, dict[int, StoredCall]]:
    """Return the size of the first batch that ends with this number or a higher one, and its calls by their numbers."""
    rows = database.run(
        "SELECT number, size, calls FROM call_batches WHERE space = :space AND number >= :number"
        " ORDER BY number LIMIT 1",
        space=space,
        number=number,
    )
    return (int(rows[0][1]), parse_batch(int(rows[0][0]), rows[0][2])) if rows else (0, {})


def count_calls(database: Database, space: int) -> int:
    """Return how many calls there are."""
    statement = "SELECT coalesce(sum(count), 0) FROM call_batches WHERE space = :space"
    return int(database.run(statement, space=space)[0][0])


def replace_call(database: Database, space: int, number: int, old: StoredCall, new: StoredCall) -> None:
    """Replace a call; does nothing if it is not there any more.

    It becomes a batch of its own: a stream that has ended is long, and need not be written again with its neighbours.
    """
    with database.transaction():
        database.lock_spaces(space)
        old_size, calls = _find_batch(database, space, number)
        if calls.get(number) != old:  # dropped; or the space was restored, and the number is another call's
            return
        before = [call for place, call in calls.items() if place < number]
        after = [call for place, call in calls.items() if place > number]
        database.run(
            "DELETE FROM call_batches WHERE space = :space AND number = :number", space=space, number=max(calls)
        )
        batches = [(size_of(batch), batch) for batch in (before, [new], after) if batch]
        _insert(database, space, min(calls) - 1, batches)
        ((last, all_bytes),) = database.run(
            "UPDATE spaces SET call_bytes = call_bytes + :added WHERE id = :space RETURNING calls, call_bytes",
            added=sum(size for size, _ in batches) - old_size,
            space=space,
        )
        _drop_excess(database, space, int(last), int(all_bytes))


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


def _drop_excess(database: Database, space: int, last: int, size: int) -> None:
    """Drop the oldest batches if the calls are too long, but not the last one: part of a transaction."""
    if size <= MAX_BYTES:
        return
    rows = database.run(
        "SELECT number FROM (SELECT number, sum(size) OVER (ORDER BY number) AS total FROM call_batches"
        " WHERE space = :space AND number < :last) AS sums WHERE total >= :size ORDER BY number LIMIT 1",
        space=space,
        last=last,
        size=size - MAX_BYTES,
    )
    _drop(database, space, int(rows[0][0]) if rows else last - 1)

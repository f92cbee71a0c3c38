"""The counters of a database, whose numbers several processes take: in order, and no number twice.

To take a number is a commit of its own. So a process that nobody has disturbed for a while reserves a block of numbers
with the one that it takes, and gives them from memory. The row of the counter then has the end of the block as its
value, and says who holds it. The transaction that writes the next calls, at most `QUEUE_SECONDS` later, fills the block
up if others are expected, else it gives back what is left.

Another process that needs a number meanwhile asks for it, and waits for that transaction. So the numbers are in order
over all processes. The holder finds that it was asked, and takes single numbers for a while: processes that work side
by side do not wait for each other. If a process is killed, those that wait take it for dead after `WRITER_SECONDS` and
go on behind its block, whose other numbers nobody gets.
"""

from dataclasses import dataclass, replace
from typing import Any, Protocol

from mockserver.state.clock import SECOND, Nanos, machine_time
from mockserver.state.database import Database, encode_key
from mockserver.state.store import Unavailable

BLOCK = 64
"""How many numbers are reserved at a time: as many as the calls that are written together."""

ALONE_SECONDS = 1.0
"""For how long no other process may have taken or asked for a number of a counter before this one reserves a block. So
another process waits at most once in that time. It begins anew after a block of which only one number was used, as by a
change, which writes its call at once: that block cost more statements than it saved."""

MOST_COUNTERS = 1000
"""Of how many counters a process remembers whether it is alone."""

_Key = tuple[int, str]


class Queue(Protocol):
    """What is written in a while, and in whose transaction numbers are given back."""

    process: str

    def announce(self, database: Database, now: Nanos) -> None:
        """Say that this process has something to write."""

    def doubt_announcement(self) -> None:
        """Say it again with the next call: the transaction in which it may have been said has failed."""

    def write(self, database: Database) -> None:
        """Write it now."""

    def settle(self, database: Database) -> None:
        """Wait until every process has written what it had."""


@dataclass(slots=True)
class _Block:
    """The numbers from `next` to `end`, the epoch of the space in which they were reserved, and the block's name.

    `start` is the number that was taken with it; `mark` was next when calls were last written, or is `start`.
    """

    next: int
    end: int
    epoch: int
    holder: str
    start: int
    mark: int


class Counters:
    """The numbers that this process has reserved, in all spaces of a database."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._blocks: dict[_Key, _Block] = {}
        self._alone: dict[_Key, tuple[int, Nanos]] = {}  # the number after the last one, and since when it is alone

    def count(self, database: Database, space: int, counter: str, epoch: int) -> int:
        """Return the next number of a counter: 0, 1, 2, ... A block of another epoch of the space is of no use."""
        key, dead_block = (space, counter), ""
        while True:
            with database.lock:
                block = self._blocks.get(key)
                if block is not None:
                    if block.next < block.end and block.epoch == epoch:
                        block.next += 1
                        return block.next - 1
                    self._queue.write(database)
                number = self._take(database, key, epoch, dead_block)
            if number is not None:
                return number
            dead_block = self._ask(database, key)
            self._queue.settle(database)  # if the block is still held then, its process is dead

    def _take(self, database: Database, key: _Key, epoch: int, dead_block: str) -> int | None:
        """Take a number, and reserve others if this process is alone. None if another process holds the counter."""
        now = machine_time()
        expected, since = self._alone.get(key, (-1, now))
        block = None
        if now - since < ALONE_SECONDS * SECOND:
            number = _take_one(database, key, dead_block)
        else:
            try:
                with database.transaction():
                    number = _take_one(database, key, dead_block)
                    if number == expected:
                        block = self._reserve(database, key, number, epoch, now)
            except Unavailable:
                self._queue.doubt_announcement()
                raise
            if block is None:  # somebody has taken a number, or has asked
                since = now
        if block is not None:  # and it is committed
            self._blocks[key] = block
        if number is not None:
            self._remember(key, number + 1, since if number == expected else now)
        return number

    def _reserve(self, database: Database, key: _Key, number: int, epoch: int, now: Nanos) -> _Block | None:
        """Reserve a block of numbers with the one that was taken in this transaction, unless somebody has asked."""
        block = _Block(
            next=number + 1,
            end=number + BLOCK,
            epoch=epoch,
            holder=f"{self._queue.process} {now}",
            start=number,
            mark=number,
        )
        rows = database.run(
            "UPDATE counters SET value = :end, holder = :holder"
            " WHERE space = :space AND name = :name AND asked = 0 RETURNING value",
            end=block.end,
            holder=block.holder,
            **_of_counter(key),
        )
        if rows:
            self._queue.announce(database, now)
            return block
        database.run(_HEARD, **_of_counter(key))
        return None

    def _remember(self, key: _Key, number: int, since: Nanos) -> None:
        if len(self._alone) >= MOST_COUNTERS:
            self._alone.clear()
        self._alone[key] = (number, since)

    def _ask(self, database: Database, key: _Key) -> str:
        """Ask for the numbers of a counter; return the block that is in the way, or "" if there is none any more."""
        rows = database.run(
            "UPDATE counters SET asked = 1 WHERE space = :space AND name = :name AND holder IS NOT NULL"
            " RETURNING holder",
            **_of_counter(key),
        )
        return str(rows[0][0]) if rows else ""

    def ask_for_all(self, database: Database, space: int | None) -> None:
        """Ask for the numbers of all counters of a space, or of all spaces. Nobody reserves others right afterwards."""
        where, values = ("", {}) if space is None else (" WHERE space = :space", {"space": space})
        with database.transaction():
            database.lock_revision()  # as for `give_back`
            database.run(f"UPDATE counters SET asked = 1{where}", **values)  # noqa: S608 - one of two constants

    def give_back(self, database: Database, *, refill: bool) -> dict[_Key, _Block]:
        """Give back the numbers that are left: part of a transaction.

        With `refill` it reserves others instead, if any was taken since the last time and nobody has asked for them.

        Returns the new blocks, for `keep`. Those of before are not used again: if the transaction fails, nobody knows
        whether it was committed.
        """
        blocks, self._blocks = self._blocks, {}
        if blocks:
            database.lock_revision()  # others who lock several counters do so in another order
        refilled = {}
        for key, block in blocks.items():
            if refill and block.next > block.mark and _move_end(database, key, block, _REFILL, block.next + BLOCK):
                refilled[key] = replace(block, end=block.next + BLOCK, mark=block.next)
                continue
            rows = _move_end(database, key, block, _GIVE_BACK, block.next)
            if rows == [(1,)]:
                database.run(_HEARD, **_of_counter(key))
            is_alone = rows == [(0,)] and (refill or block.next - block.start > 1)
            _, since = self._alone.get(key, (-1, machine_time()))
            self._remember(key, block.next, since if is_alone else machine_time())
        return refilled

    def keep(self, blocks: dict[_Key, _Block]) -> None:
        """Use the numbers of these blocks, which are committed."""
        self._blocks = blocks


def _of_counter(key: _Key) -> dict[str, Any]:
    return {"space": key[0], "name": encode_key(key[1])}


_HEARD = "UPDATE counters SET asked = 0 WHERE space = :space AND name = :name"
_OF_BLOCK = "WHERE space = :space AND name = :name AND holder = :holder"
_GIVE_BACK = f"UPDATE counters SET value = :new_end, holder = NULL {_OF_BLOCK} RETURNING asked"  # noqa: S608 - our own condition
_REFILL = f"UPDATE counters SET value = :new_end {_OF_BLOCK} AND asked = 0 RETURNING asked"  # noqa: S608 - as above


def _move_end(database: Database, key: _Key, block: _Block, statement: str, new_end: int) -> list[tuple[int]]:
    """Return whether somebody has asked for the numbers of a block; nothing if it is not this process's any more."""
    return database.run(
        statement,
        new_end=new_end,
        holder=block.holder,
        **_of_counter(key),
    )


def _take_one(database: Database, key: _Key, dead_block: str) -> int | None:
    """Take a number, behind the block `dead_block` if that is in the way. None if another one is."""
    rows = database.run(
        "INSERT INTO counters (space, name, value) VALUES (:space, :name, 1)"
        " ON CONFLICT (space, name) DO UPDATE SET value = counters.value + 1, holder = NULL"
        " WHERE counters.holder IS NULL OR counters.holder = :dead_block RETURNING value",
        dead_block=dead_block,
        **_of_counter(key),
    )
    return int(rows[0][0]) - 1 if rows else None

"""Runs handlers that change records as one transaction.

Two transactions that conflict are noticed by the store's `transact` (`state/memory.py`, `state/sql.py`), which runs the
handler again. `Conflict` in `state/store.py` is another thing: a `replace` of a version that is no longer stored.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import TypeVar

from mockserver.dispatch.routing import Call, Handled
from mockserver.state.store import Store

R = TypeVar("R", bound=Handled)


def transactional(handler: Callable[[Call], R]) -> Callable[[Call], R]:
    """Run all reads and changes of a handler as one transaction of its world's store.

    So the handler decides on one state of the world, refusals included. It is called again if another call has changed
    what it read.
    """

    @wraps(handler)
    def handle(call: Call) -> R:
        return call.world.store.transact(lambda transaction: handler(in_transaction(call, transaction)))

    return handle


def in_transaction(call: Call, transaction: Store) -> Call:
    """Return the call with a world that reads and writes through a transaction."""
    return replace(call, world=call.world.in_transaction(transaction))

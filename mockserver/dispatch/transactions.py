"""Handlers that change what is kept: each is one transaction."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps

from mockserver.dispatch.routing import Call, Json
from mockserver.state.store import Store


def transactional(handler: Callable[[Call], Json]) -> Callable[[Call], Json]:
    """A handler all of whose reads and changes are one transaction of its world's store.

    What it decides, refusals included, it decides on one state of the world; it is called again if that state was
    another one by the time its changes were to be kept.
    """

    @wraps(handler)
    def answer(call: Call) -> Json:
        return call.world.store.transact(lambda transaction: handler(in_transaction(call, transaction)))

    return answer


def in_transaction(call: Call, transaction: Store) -> Call:
    """The call, in its world as a transaction sees and changes it."""
    return replace(call, world=call.world.in_transaction(transaction))

"""A list that never changes again, with the results computed from it."""

import pickle
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


class MemoizedList(list[Any]):
    """A list that nobody changes any more, such as the snapshots of a run.

    Each function is applied to it once; the result lives as long as the list. Functions are compared by identity,
    so pass one that outlives the call, not a new lambda.
    """

    def __init__(self, items: Iterable[Any] = ()) -> None:
        super().__init__(items)
        self._results: dict[Callable[[list[Any]], Any], Any] = {}

    def compute(self, function: Callable[[list[Any]], T]) -> T:
        """Return `function(self)`, computed at the first call only."""
        if function not in self._results:
            self._results[function] = function(self)
        result: T = self._results[function]
        return result

    def __reduce__(self) -> tuple[Callable[[bytes], Any], tuple[bytes]]:
        """Pickle it once, as a plain list: the log of calls keeps it in every answer."""
        return pickle.loads, (self.compute(_pickle_items),)


def _pickle_items(items: list[Any]) -> bytes:
    return pickle.dumps(list(items))

"""Lists and messages that never change again, with the results computed from them."""

import pickle
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class _Memoized:
    """A value that nobody changes any more.

    Each function is applied to it once; the result lives as long as the value. Functions are compared by identity,
    so pass one that outlives the call, not a new lambda.
    """

    _results: dict[Callable[[Any], Any], Any]

    def compute(self, function: Callable[[Any], T]) -> T:
        """Return `function(self)`, computed at the first call only."""
        if function not in self._results:
            self._results[function] = function(self)
        result: T = self._results[function]
        return result

    def __reduce__(self) -> tuple[Callable[[bytes], Any], tuple[bytes]]:
        """Pickle it once, as a plain list or dict: the log of calls keeps it in every answer."""
        return pickle.loads, (self.compute(_pickle_plain),)


class MemoizedList(_Memoized, list[Any]):
    """A list that nobody changes any more, such as the snapshots of a run."""

    def __init__(self, items: Iterable[Any] = ()) -> None:
        super().__init__(items)
        self._results = {}


class MemoizedMessage(_Memoized, dict[str, Any]):
    """A message that nobody changes any more, such as the statistics of a dataset."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        super().__init__(members)
        self._results = {}


def _pickle_plain(value: list[Any] | dict[str, Any]) -> bytes:
    return pickle.dumps(dict(value) if isinstance(value, dict) else list(value))

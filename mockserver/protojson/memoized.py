"""Lists and messages that never change again, with the results computed from them."""

import pickle
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import cached_property
from typing import Any, TypeVar
from weakref import ref

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
        """Pickle it once, as a plain list or dict."""
        return pickle.loads, (self.packed_parts[0],)

    @cached_property
    def packed_parts(self) -> tuple[bytes, None]:
        """What the log of calls keeps: a plain list or dict, pickled, which all answers share, and nothing else."""
        plain: Any = dict if isinstance(self, dict) else list
        return pickle.dumps(plain(self)), None


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
        self.keyed_results: dict[Hashable, Any] = {}
        """For `once`."""


def once(message: Mapping[str, Any], key: Hashable, create: Callable[[], T]) -> T:
    """Return what is computed of a message and of `key`, which holds all that it depends on besides the message.

    Of a message that comes again it is computed once for each key, at most `_KEPT` of them.
    """
    if type(message) is not MemoizedMessage:
        return create()
    results = message.keyed_results
    result: T = results.get(key, _NO_RESULT)
    if result is _NO_RESULT:
        if len(results) >= _KEPT:
            results.clear()
        result = results[key] = create()
    return result


_KEPT = 16
_NO_RESULT: Any = object()


class Repetitions:
    """Tells what comes again, as far as is known: keeping what comes only once would take time and memory for nothing.

    It remembers hashes, at most `capacity` of them, so now and then it takes something for what has come before.
    """

    def __init__(self, capacity: int = 1024) -> None:
        self._capacity = capacity
        self._seen: set[int] = set()

    def comes_again(self, key: Hashable) -> bool:
        """Return whether the key has come before, and remember it."""
        number = hash(key)
        if number in self._seen:
            return True
        if len(self._seen) >= self._capacity:
            self._seen.clear()
        self._seen.add(number)
        return False


class Views:
    """The messages that show records, for the records that clients read again and again before they change.

    A record is compared by identity and not kept alive; `state` is everything else that its message depends on.
    """

    def __init__(self, capacity: int = 64) -> None:
        self._capacity = capacity
        self._views: dict[tuple[int, Hashable], tuple[ref[Any], MemoizedMessage]] = {}

    def __len__(self) -> int:
        """Return how many messages are kept."""
        return len(self._views)

    def show(self, record: Any, state: Hashable, build: Callable[[], Mapping[str, Any]]) -> MemoizedMessage:
        """Return the message of a record in a state; call `build` to create it."""
        key = (id(record), state)
        entry = self._views.get(key)
        if entry is not None and entry[0]() is record:
            return entry[1]
        message = MemoizedMessage(build())
        if len(self._views) >= self._capacity:
            self._views.clear()
        self._views[key] = ref(record), message
        return message

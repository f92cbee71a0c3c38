"""Filters the log of calls, and asserts what it contains."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any, TypedDict, Unpack, overload

from mockserver.inspection.services import method_ids
from mockserver.rpc.method_ids import check_method_pattern, matches_method
from mockserver.state.calls import RecordedCall
from mockserver.state.clock import SECOND


class Filter(TypedDict, total=False):
    """The conditions of `Calls.filter` other than the method."""

    resource: str
    caller: str
    status: int | None
    request: Mapping[str, Any] | None


class Calls(Sequence[RecordedCall]):
    """A sequence of calls, in the order of arrival."""

    def __init__(self, calls: Iterable[RecordedCall]) -> None:
        self._calls = tuple(calls)

    @overload
    def __getitem__(self, index: int) -> RecordedCall: ...

    @overload
    def __getitem__(self, index: slice) -> "Calls": ...

    def __getitem__(self, index: int | slice) -> "RecordedCall | Calls":
        return Calls(self._calls[index]) if isinstance(index, slice) else self._calls[index]

    def __len__(self) -> int:
        return len(self._calls)

    def __repr__(self) -> str:
        return f"<{len(self)} calls>" + "".join(f"\n  {call}" for call in self._calls[-20:])

    def __str__(self) -> str:
        return "\n".join(map(str, self._calls)) or "no calls"

    def filter(
        self,
        method: str = "*",
        *,
        resource: str = "*",
        caller: str = "*",
        status: int | None = None,
        request: Mapping[str, Any] | None = None,
    ) -> "Calls":
        """Return the matching calls. Names are globs; the message must contain everything in `request`.

        The end of a method's id is enough: "tuningJobs.create". ValueError for a pattern that matches no method.
        """
        check_method_pattern(method, method_ids())
        return Calls(
            call
            for call in self._calls
            if matches_method(call.method, method)
            and fnmatchcase(call.resource, resource)
            and fnmatchcase(call.caller, caller)
            and status in {None, call.status}
            and (request is None or _contains(call.request, request))
        )

    def assert_called(self, method: str = "*", *, times: int | None = None, **more: Unpack[Filter]) -> "Calls":
        """Return the calls that match as in `filter`.

        AssertionError, with all calls, if there are none, or not `times`.
        """
        matches = self.filter(method, **more)
        if (times is None and matches) or len(matches) == times:
            return matches
        conditions = " ".join([method, *(f"{name}={value!r}" for name, value in more.items())])
        expected = "at least once" if times is None else f"{times} times"
        msg = (
            f"expected {conditions} to be called {expected}, but it was called {len(matches)} times. All calls:\n{self}"
        )
        raise AssertionError(msg)

    def assert_not_called(self, method: str = "*", **more: Unpack[Filter]) -> None:
        """Assert that no call matches. AssertionError, with all calls, if one does."""
        self.assert_called(method, times=0, **more)

    def intervals(self) -> list[float]:
        """Return the seconds between each call and the next."""
        return [(later.time - sooner.time) / SECOND for sooner, later in pairwise(self)]


def _contains(actual: Any, expected: Any) -> bool:
    """Return whether a value has everything expected: all members of an object, all elements of a list in order."""
    if isinstance(expected, Mapping):
        return isinstance(actual, Mapping) and all(
            name in actual and _contains(actual[name], value) for name, value in expected.items()
        )
    if isinstance(expected, list | tuple):
        return (
            isinstance(actual, list | tuple)
            and len(actual) == len(expected)
            and all(_contains(left, right) for left, right in zip(actual, expected, strict=True))
        )
    return bool(actual == expected)

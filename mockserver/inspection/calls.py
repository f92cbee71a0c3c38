"""Questions to the log of calls, and assertions about it."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any, TypedDict, Unpack, overload

from mockserver.state.calls import RecordedCall
from mockserver.state.clock import SECOND


class Filter(TypedDict, total=False):
    """What calls must be like, besides their method: see `Calls.filter`."""

    resource: str
    caller: str
    status: int | None
    request: Mapping[str, Any] | None


class Calls(Sequence[RecordedCall]):
    """Some calls, in the order they came."""

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
        """Those that fit: names are globs, `request` is what the bound message must hold at least."""
        return Calls(
            call
            for call in self._calls
            if fnmatchcase(call.method, method)
            and fnmatchcase(call.resource, resource)
            and fnmatchcase(call.caller, caller)
            and status in {None, call.status}
            and (request is None or _holds(call.request, request))
        )

    def assert_called(self, method: str = "*", *, times: int | None = None, **more: Unpack[Filter]) -> "Calls":
        """The calls that fit, as `filter` has it; AssertionError, with what was called instead, if there are
        none, or not exactly `times`.
        """  # noqa: D205 - one sentence
        found = self.filter(method, **more)
        if (times is None and found) or len(found) == times:
            return found
        wanted = " ".join([method, *(f"{name}={value!r}" for name, value in more.items())])
        expected = "at least once" if times is None else f"{times} times"
        msg = f"expected {wanted} to be called {expected}, it was called {len(found)} times. What was called:\n{self}"
        raise AssertionError(msg)

    def assert_not_called(self, method: str = "*", **more: Unpack[Filter]) -> None:
        """AssertionError, with the calls, if any fits."""
        self.assert_called(method, times=0, **more)

    def intervals(self) -> list[float]:
        """The seconds between each call and the next."""
        return [(later.time - sooner.time) / SECOND for sooner, later in pairwise(self)]


def _holds(held: Any, wanted: Any) -> bool:
    """Whether a value has everything that is wanted: members of an object, elements of a list in place."""
    if isinstance(wanted, Mapping):
        return isinstance(held, Mapping) and all(
            name in held and _holds(held[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list | tuple):
        return (
            isinstance(held, list | tuple)
            and len(held) == len(wanted)
            and all(_holds(have, want) for have, want in zip(held, wanted, strict=True))
        )
    return bool(held == wanted)

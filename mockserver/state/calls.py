"""The log of calls: what was asked of a world, by whom, and what it answered."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any, TypedDict, Unpack, overload

from mockserver.state.clock import SECOND, Nanos, to_datetime


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One request and its answer.

    `method` is the method id, such as "tunedModels.create", or "" when no route fits: then `hint` says
    what was nearest. `request` and `response` are bound messages; `response` is a list for a stream and
    a google.rpc.Status for an error. `fault` says what a fault did to the answer. `size` is how many bytes
    body and answer took, of a stream the body alone.
    """

    method: str
    verb: str
    path: str
    time: Nanos
    caller: str
    request: Mapping[str, Any] | None
    status: int
    response: Any
    fault: str = ""
    hint: str = ""
    size: int = 0

    @property
    def resource(self) -> str:
        """The path without version and action: "tunedModels/x" of "/v1/tunedModels/x:generateContent"."""
        return self.path.split("/", 2)[-1].partition(":")[0]

    @property
    def version(self) -> str:
        """The first part of the path: "v1beta"."""
        return self.path.split("/", 2)[1] if self.path.startswith("/") else ""

    def __str__(self) -> str:
        moment = to_datetime(self.time).isoformat(timespec="seconds")
        fault = f" ({self.fault})" if self.fault else ""
        return f"{moment}  {self.status}  {self.method or 'no method'}  {self.verb} {self.path}{fault}"


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


class CallLog:
    """The newest calls; older ones are dropped so that a long-lived server stays small.

    It holds at most `capacity` of them, and no more than `most_bytes` took on the wire, but the newest always.
    """

    def __init__(self, capacity: int = 10_000, most_bytes: int = 64 * 2**20) -> None:
        self._capacity = capacity
        self._most_bytes = most_bytes
        self._calls: deque[RecordedCall] = deque()
        self._bytes = 0
        self._lock = threading.Lock()

    def append(self, call: RecordedCall) -> None:
        """Write one down."""
        with self._lock:
            self._append(call)

    def _append(self, call: RecordedCall) -> None:
        self._calls.append(call)
        self._bytes += call.size
        while len(self._calls) > self._capacity or (self._bytes > self._most_bytes and len(self._calls) > 1):
            self._bytes -= self._calls.popleft().size

    def so_far(self) -> Calls:
        """What is in the log now."""
        with self._lock:
            return Calls(self._calls)

    def __iter__(self) -> Iterator[RecordedCall]:
        return iter(self.so_far())

    def __len__(self) -> int:
        return len(self._calls)

    def replace(self, calls: Iterable[RecordedCall]) -> None:
        """Hold these instead."""
        with self._lock:
            self._calls.clear()
            self._bytes = 0
            for call in calls:
                self._append(call)

    def clear(self) -> None:
        """Forget them all."""
        self.replace(())


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

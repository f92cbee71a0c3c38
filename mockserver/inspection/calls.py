"""Filters the log of calls, and asserts what it contains."""

import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import groupby, pairwise
from typing import Any, TypedDict, Unpack, overload

from mockserver.inspection.services import body_fields, check_pattern
from mockserver.protojson.schema import json_name
from mockserver.rpc.method_ids import matches_method
from mockserver.settings.keywords import check_keywords
from mockserver.state.calls import RecordedCall
from mockserver.state.clock import SECOND, to_datetime


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
        return f"<{len(self)} calls>" + "".join(f"\n  {line}" for _, line in self.describe()[-20:])

    def __str__(self) -> str:
        return "\n".join(line for _, line in self.describe()) or "no calls"

    def describe(self) -> "list[tuple[RecordedCall, str]]":
        """Return a line for each call, with the call. Equal calls one after another, such as polls, share a line."""
        lines = []
        for _, group in groupby(self._calls, lambda it: (it.status, it.method, it.verb, it.path, it.fault, it.hint)):
            first, *others = group
            last = to_datetime(others[-1].time).isoformat(timespec="seconds") if others else ""
            more = f"  ... and {len(others)} more, the last at {last}" if others else ""
            lines.append((first, f"{first}{more}"))
        return lines

    @check_keywords(body="request", json="request", code="status", path="resource")
    def filter(
        self,
        method: str = "*",
        *,
        resource: str = "*",
        caller: str = "*",
        status: int | None = None,
        request: Mapping[str, Any] | None = None,
    ) -> "Calls":
        """Return the matching calls. Names are globs; the request must contain everything in `request`.

        The end of a method's id is enough: "tuningJobs.create". `request` holds members of the JSON body and values of
        the path and the query, or members of the whole request message; others do not matter.
        ValueError for a pattern that matches no method.
        """
        __tracebackhide__ = True
        check_pattern(method)
        conditions = Filter(resource=resource, caller=caller, status=status, request=request)
        return Calls(
            call for call in self._calls if matches_method(call.method, method) and not _differences(call, conditions)
        )

    @check_keywords(count="times", n="times", body="request", json="request", code="status", path="resource")
    def assert_called(self, method: str = "*", *, times: int | None = None, **more: Unpack[Filter]) -> "Calls":
        """Return the calls that match as in `filter`.

        AssertionError, with all calls, if there are none, or not `times`. If only the method matches, the error says
        what the nearest call had instead.
        """
        __tracebackhide__ = True
        matches = self.filter(method, **more)
        if (times is None and matches) or len(matches) == times:
            return matches
        conditions = " ".join([method, *(f"{name}={value!r}" for name, value in more.items())])
        expected = "at least once" if times is None else f"{times} times"
        msg = (
            f"expected {conditions} to be called {expected}, but it was called {len(matches)} times."
            f"{self._describe_nearest(method, more)}All calls:\n{self}"
        )
        raise AssertionError(msg)

    def _describe_nearest(self, method: str, conditions: Filter) -> str:
        """Return how the nearest call of a method differs from the conditions; " " if one matches, or none was made."""
        nearest = min(
            ((call, _differences(call, conditions)) for call in self.filter(method)),
            key=lambda pair: len(pair[1]),
            default=None,
        )
        if nearest is None or not nearest[1]:
            return " "
        call, differences = nearest
        lines = "".join(f"\n  {line}" for line in differences[:MOST_DIFFERENCES])
        return f" The nearest call was {call.verb} {call.path}, but:{lines}\n"

    @check_keywords(body="request", json="request", code="status", path="resource")
    def assert_not_called(self, method: str = "*", **more: Unpack[Filter]) -> None:
        """Assert that no call matches. AssertionError, with all calls, if one does."""
        __tracebackhide__ = True
        self.assert_called(method, times=0, **more)

    def intervals(self) -> list[float]:
        """Return the seconds between each call and the next."""
        return [(later.time - sooner.time) / SECOND for sooner, later in pairwise(self)]


MOST_DIFFERENCES = 10
"""How many differences an error shows."""


def _differences(call: RecordedCall, conditions: Filter) -> list[str]:
    """Return in what a call differs from the conditions, a line for each condition or member."""
    lines = [
        f"{name} was {getattr(call, name)!r}, not {pattern!r}"
        for name in ("resource", "caller")
        if not fnmatchcase(getattr(call, name), pattern := str(conditions.get(name, "*")))
    ]
    if (status := conditions.get("status")) not in {None, call.status}:
        lines.append(f"status was {call.status}, not {status}")
    if (expected := conditions.get("request")) is not None:
        lines += min(
            ((part, list(_missing(part, expected, "request"))) for part in _requests(call)),
            key=lambda pair: (len(pair[1]), -len(expected.keys() & (pair[0] or {}))),
        )[1]
    return lines


def _requests(call: RecordedCall) -> Iterator[Any]:
    """Yield the whole message, and the same with the members of the body beside the values of the path and query."""
    request = call.request or {}
    for name in body_fields(call.method) & request.keys():
        body = request[name]
        yield {**body, **{key: value for key, value in request.items() if key not in {name, *body}}}
    yield call.request


def _missing(actual: Any, expected: Any, place: str) -> Iterator[str]:
    """Yield what a value lacks of all that is expected: members of an object, elements of a list in order."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for name, value in expected.items():
            key = name if name in actual else json_name(str(name))
            if key in actual:
                yield from _missing(actual[key], value, f"{place}.{key}")
            else:
                yield f"{place} has no {key!r}; it has {', '.join(map(repr, actual)) or 'nothing'}"
    elif isinstance(expected, list | tuple) and isinstance(actual, list | tuple):
        if len(actual) != len(expected):
            yield f"{place} has {len(actual)} elements, not {len(expected)}"
            return
        for index, (left, right) in enumerate(zip(actual, expected, strict=True)):
            yield from _missing(left, right, f"{place}[{index}]")
    elif actual != expected:
        yield f"{place} was {reprlib.repr(actual)}, not {reprlib.repr(expected)}"

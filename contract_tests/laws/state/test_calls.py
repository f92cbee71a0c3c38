"""The log of calls: laws of `state.calls`."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.state.calls import CallLog, RecordedCall
from mockserver.state.clock import SECOND

START = 1_710_428_400 * SECOND  # 2024-03-14T15:00:00Z

METHODS = ("tunedModels.create", "tunedModels.get", "models.generateContent", "")


def call(method: str = "tunedModels.get", at: float = 0, **members: Any) -> RecordedCall:
    """A call so many seconds after the start."""
    ordinary: dict[str, Any] = {
        "verb": "GET",
        "path": "/v1beta/tunedModels/next",
        "caller": "user:alice@example.com",
        "request": {"name": "tunedModels/next"},
        "status": 200,
        "response": {},
    }
    return RecordedCall(method=method, time=START + round(at * SECOND), **ordinary | members)


@pytest.mark.parametrize(
    ("path", "version", "resource"),
    [
        ("/v1beta/tunedModels/next", "v1beta", "tunedModels/next"),
        ("/v1/tunedModels/next/operations/1", "v1", "tunedModels/next/operations/1"),
        ("/v1beta/tunedModels/next:generateContent", "v1beta", "tunedModels/next"),
        ("/v1/projects/1/locations/here/endpoints/2:streamRawPredict", "v1", "projects/1/locations/here/endpoints/2"),
        ("/", "", ""),
        ("*", "", "*"),
    ],
)
def test_a_path_names_version_and_resource(path: str, version: str, resource: str) -> None:
    """Whatever it is."""
    asked = call(path=path)

    assert (version, resource) == (asked.version, asked.resource)


@given(st.lists(st.sampled_from(METHODS), max_size=30), st.integers(1, 10))
def test_a_log_keeps_the_newest(methods: list[str], capacity: int) -> None:
    """No more than it holds, in the order they came."""
    log = CallLog(capacity)
    for method in methods:
        log.append(call(method))

    assert methods[-capacity:] == [kept.method for kept in log]
    assert min(len(methods), capacity) == len(log)


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 100))
def test_a_log_stays_small(sizes: list[int], most: int) -> None:
    """Of calls with large bodies it keeps fewer: as many of the newest as fit, and one at least."""
    log = CallLog(10, most)
    for at, size in enumerate(sizes):
        log.append(call(at=at, size=size))
    fitting = [newest for newest in range(1, 11) if newest == 1 or sum(sizes[-newest:]) <= most]

    assert sizes[-max(fitting) :] == [kept.size for kept in log]


FIRST, LATER, LAST = call(at=0), call(at=1), call(at=2)


def test_a_list_of_calls_does_not_change_later() -> None:
    """Later calls, replacements and clearing do not change it. A replaced log has the same capacity."""
    log = CallLog(2)
    log.append(FIRST)
    before = tuple(log)
    log.append(LATER)
    log.clear()
    cleared = len(log)
    log.replace([FIRST, LATER, LAST])

    assert [FIRST] == list(before)
    assert 0 == cleared
    assert [LATER, LAST] == list(log)


def test_amending_replaces_a_call_at_its_position() -> None:
    """The old record does not change for those who have read it."""
    log = CallLog()
    entry = log.append(FIRST)
    log.append(LATER)
    before = tuple(log)
    whole = replace(FIRST, response=[{"a": 1}])
    log.amend(entry, whole)

    assert (FIRST, LATER) == before
    assert (whole, LATER) == tuple(log)


def test_a_dropped_call_is_not_amended() -> None:
    """It does not count, neither as a call nor by its size."""
    log = CallLog(2, 10)
    dropped = log.append(call(size=9))
    log.append(call(size=9))
    log.amend(dropped, call(size=9))
    forgotten = log.append(call(size=1))
    log.clear()
    log.amend(forgotten, call(size=9))
    log.append(call(size=5))
    log.append(call(size=5))

    assert [5, 5] == [kept.size for kept in log]


def test_an_amended_record_counts_with_its_new_size() -> None:
    """Older ones make room for it."""
    log = CallLog(10, 10)
    log.append(call(at=0, size=5))
    entry = log.append(call(at=1, size=5))
    log.amend(entry, call(at=1, size=6))

    assert [6] == [kept.size for kept in log]

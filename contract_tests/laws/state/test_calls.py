"""The log of calls: laws of `state.calls`."""

import gc
from dataclasses import replace
from typing import Any
from weakref import WeakSet

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.protojson.memoized import MemoizedList, MemoizedMessage
from mockserver.protojson.variations import COUNT, TEXT, Message, Pattern, SentMessages, Variation
from mockserver.state import calls
from mockserver.state.calls import CallLog, RecordedCall
from mockserver.state.clock import SECOND

START = 1_710_428_400 * SECOND  # 2024-03-14T15:00:00Z

METHODS = ("tunedModels.create", "tunedModels.get", "models.generateContent", "")


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(st.text(max_size=3), values, max_size=3)


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


def sized(size: int, at: float = 0) -> RecordedCall:
    """A call that takes so many bytes in the log beside those of a call with an empty answer."""
    return call(at=at, response="x" * size)


EMPTY = 300
"""About what a call with an empty answer takes."""


def kept(log: CallLog) -> list[int]:
    """The sizes of the answers in a log."""
    return [len(each.response) for each in log]


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=30), st.integers(1, 20_000))
def test_a_log_stays_small(sizes: list[int], most: int) -> None:
    """Of calls with large bodies it keeps fewer: as many of the newest as fit, and one at least."""
    log, taken = CallLog(10, most), []
    for at, size in enumerate(sizes):
        log.append(sized(size, at))
        alone = CallLog()
        alone.append(sized(size, at))
        taken.append(alone.size)
        assert size < alone.size < size + EMPTY + 100
    fitting = [newest for newest in range(1, 11) if newest == 1 or sum(taken[-newest:]) <= most]

    assert sizes[-max(fitting) :] == kept(log)
    assert log.size == sum(taken[-len(log) :])


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3000)), min_size=1, max_size=30), st.integers(1, 9000))
def test_all_logs_together_stay_small(appended: list[tuple[int, int]], most: int) -> None:
    """Those of snapshots and forks count too. The largest loses its oldest calls; each keeps its newest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "MAX_TOTAL_BYTES", most)
        patch.setattr(calls, "_COUNTED_EVERY", 0)
        patch.setattr(calls, "_logs", WeakSet())
        logs = [CallLog() for _ in range(3)]
        newest: dict[int, int] = {}
        for which, size in appended:
            logs[which].append(sized(size))
            newest[which] = size
        copy = CallLog()
        copy.replace(logs[0])

        assert newest == {which: kept(log)[-1] for which, log in enumerate(logs) if log}
        everything = [*logs, copy]
        assert sum(log.size for log in everything) <= most or any(len(log) <= 1 for log in everything)


@given(st.builds(RecordedCall, request=st.none() | objects, response=values))
def test_what_is_read_is_what_was_logged(logged: RecordedCall) -> None:
    """Of the same types, whatever the answer holds."""
    log = CallLog()
    log.append(logged)

    assert repr([logged]) == repr(list(log))


def test_a_list_that_many_answers_share_is_read_as_a_list() -> None:
    """The snapshots of a model are packed once for all its answers."""
    steps = MemoizedList([{"step": 1}])
    log = CallLog()
    log.append(call(response={"snapshots": steps}))
    log.append(call(response={"snapshots": steps}))

    assert [{"snapshots": [{"step": 1}]}] * 2 == [each.response for each in log]
    assert {list} == {type(each.response["snapshots"]) for each in log}


def test_a_message_that_many_answers_share_is_read_as_a_dict() -> None:
    """A tuned model that is polled is packed once for all its answers."""
    model = MemoizedMessage({"name": "a", "tuningTask": MemoizedMessage({"snapshots": MemoizedList([{"step": 1}])})})
    log = CallLog()
    log.append(call(response=model))
    log.append(call(response=model))

    assert [{"name": "a", "tuningTask": {"snapshots": [{"step": 1}]}}] * 2 == [each.response for each in log]
    assert {dict} == {type(each.response) for each in log} == {type(each.response["tuningTask"]) for each in log}


def test_a_message_of_a_pattern_is_read_as_a_dict() -> None:
    """Alone and in a stream, and a request that came before."""

    def build(text: str, count: int) -> dict[str, Any]:
        return {"parts": [{"text": text}], "count": count, "ratings": MemoizedList([{"category": "a"}])}

    pattern = Pattern(build, TEXT, COUNT)
    log = CallLog()
    log.append(call(request=MemoizedMessage({"a": 1}), response=Variation(pattern, ("b", 2))))
    messages: list[Message] = [{"first": 1}, Variation(pattern, ("c", 3)), Variation(pattern, ("d", 4))]
    log.append(call(response=SentMessages(messages)))
    whole, stream = log

    assert {"a": 1} == whole.request
    assert {"parts": [{"text": "b"}], "count": 2, "ratings": [{"category": "a"}]} == whole.response
    assert [{"first": 1}, build("c", 3), build("d", 4)] == stream.response
    assert {dict} == {type(each) for each in (whole.request, whole.response, *stream.response)}
    assert list is type(stream.response)


def test_a_log_gives_the_garbage_collector_one_object_a_call() -> None:
    """So that a full log does not stop the server: the collector looks at every container that is alive."""
    log = CallLog()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(100):
        log.append(call(response={"a": [{"b": [number]} for number in range(20)]}))

    assert len(gc.get_objects()) - before <= 110


FIRST, LATER, LAST = call(at=0), call(at=1), call(at=2)


@pytest.mark.parametrize("member", ["request", "response"])
def test_calls_with_one_message_share_its_bytes_and_each_counts_them(member: str) -> None:
    """A log of polls stays small; what it may take is the same, because the other calls may be dropped."""
    shared, own = CallLog(), CallLog()
    message: Any = MemoizedMessage({"name": "x" * 5000})
    for _ in range(2):
        shared.append(call(**{member: message}))
        copy: Any = MemoizedMessage(message)
        own.append(call(**{member: copy}))
    messages = {id(piece) for packed in shared.packed() for piece in packed if len(piece) > 5000}

    assert 1 == len(messages)
    assert list(own) == list(shared)
    assert own.size == shared.size
    assert {dict} == {type(getattr(each, member)) for each in shared}


def test_answers_of_one_pattern_share_its_bytes() -> None:
    """An answer to a prompt takes the bytes of what is its own."""

    def build(text: str) -> dict[str, Any]:
        return {"text": text, "ratings": "x" * 5000}

    pattern, log = Pattern(build, TEXT), CallLog()
    for text in "ab":
        log.append(call(response=Variation(pattern, (text,))))

    assert 1 == len({id(piece) for packed in log.packed() for piece in packed if len(piece) > 5000})
    assert [build("a"), build("b")] == [each.response for each in log]


def test_a_message_whose_pattern_is_not_clear_is_read_as_a_dict() -> None:
    """A value that decides which members there are has no place in a template."""

    def build(text: str) -> dict[str, Any]:
        return {text: text}

    pattern, log = Pattern(build, TEXT), CallLog()
    log.append(call(response=Variation(pattern, ("a",))))
    log.append(call(response=SentMessages([Variation(pattern, ("b",))])))

    assert not pattern.template
    assert [{"a": "a"}, [{"b": "b"}]] == [each.response for each in log]


def test_a_list_of_calls_does_not_change_later() -> None:
    """Later calls, replacements and clearing do not change it. A replaced log has the same capacity."""
    log = CallLog(2)
    log.append(FIRST)
    before = tuple(log)
    log.append(LATER)
    log.clear()
    cleared = len(log)
    other = CallLog()
    for each in (FIRST, LATER, LAST):
        other.append(each)
    log.replace(other)

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
    log = CallLog(2, 10_000)
    dropped = log.append(sized(9000))
    log.append(sized(9000))
    log.amend(dropped, sized(9000))
    forgotten = log.append(sized(100))
    log.clear()
    log.amend(forgotten, sized(9000))
    log.append(sized(4500))
    log.append(sized(4500))

    assert [4500, 4500] == kept(log)


def test_an_amended_record_counts_with_its_new_size() -> None:
    """Older ones make room for it."""
    log = CallLog(10, 10_000)
    log.append(sized(4500))
    entry = log.append(sized(4500, at=1))
    log.amend(entry, sized(6000, at=1))

    assert [6000] == kept(log)

"""Calls as a database has them: laws of `state.stored_calls`."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.api.everything import furnished
from contract_tests.laws.state.test_codec import ODD_VALUES, messages, objects, texts
from mockserver.protojson.memoized import MemoizedMessage
from mockserver.protojson.variations import COUNT, NUMBER, TEXT, Pattern, SentMessages, Variation
from mockserver.state.calls import RecordedCall
from mockserver.state.stored_calls import StoredCall, decode_call, encode_call, tree_of

PATTERN = Pattern(
    lambda text, count, number: {
        "texts": [text, {"text": text, "%s": "100%"}],
        "count": count,
        "number": number,
        "hole": [0, {"object": []}, b"\xff"],
    },
    *(TEXT, COUNT, NUMBER),
)
UNCLEAR = Pattern(lambda text: {"doubled": 2 * text}, TEXT)
variations = st.builds(
    lambda *values: Variation(PATTERN, values),
    st.text(max_size=5) | st.sampled_from(["\ud800", "%s", '"', "\u2028", "\n"]),
    st.integers(-(2**63), 2**65),
    st.floats(allow_nan=False),
)
calls = st.builds(RecordedCall, request=st.none() | objects | objects.map(MemoizedMessage), response=messages)


def call(response: Any, request: Any = None) -> RecordedCall:
    """A call with this response."""
    return RecordedCall("tunedModels.get", "GET", "/", 0, "", request, 200, response)


def again(call: RecordedCall) -> RecordedCall:
    """The call, stored and read, by its parts and as a whole."""
    stored = encode_call(call, 7)
    whole = json.dumps(tree_of(stored))
    read = decode_call(stored)
    assert 7 == stored.time
    assert all(text.isascii() and "\n" not in text for text in stored[1:])
    assert read == decode_call(StoredCall(7, whole))
    return read


@given(calls)
def test_a_call_is_read_as_it_was_stored(call: RecordedCall) -> None:
    """Whatever is in it: text in any language, integers of 64 bits, bytes."""
    assert call == again(call)


def test_every_kind_of_call_is_read_as_it_was_stored() -> None:
    """Those of a world in which everything has been made once."""
    calls = list(furnished()[0].store.log)

    assert len({call.method for call in calls}) > 10
    assert calls == [again(call) for call in calls]


@pytest.mark.parametrize("value", ODD_VALUES)
def test_a_value_keeps_its_type(value: Any) -> None:
    """Also one that JSON has no word for."""
    (read,) = again(call([value])).response

    assert (type(value), repr(value)) == (type(read), repr(read))


@given(variations | st.lists(variations | objects, max_size=3).map(SentMessages))
def test_a_message_of_a_pattern_is_read_as_any_other(response: Any) -> None:
    """Also one in a stream."""
    plain = [dict(it) for it in response] if isinstance(response, list) else dict(response)

    assert plain == again(call(response)).response


def test_a_message_whose_pattern_is_not_clear_is_read_as_any_other() -> None:
    """A member is not one of its values."""
    assert {"doubled": "abab"} == again(call(Variation(UNCLEAR, ("ab",)))).response


def test_calls_share_what_they_have_in_common() -> None:
    """A message that comes again, and that of a pattern without its values; these are not built to be written."""
    request = MemoizedMessage({"contents": ["long"]})
    responses = [Variation(PATTERN, (text, 1, 0.5)) for text in ("a", "b")]
    one, other = (encode_call(call(response, request), 0) for response in responses)
    stream = encode_call(call(SentMessages([Variation(PATTERN, ("c", 1, 0.5))])), 0)

    assert one.request is other.request
    assert one.response is other.response
    assert "long" in one.request
    assert "100%" in one.response
    assert '"response":["a",1,0.5]' in one.text
    assert '["c",1,0.5]' in stream.text
    assert all(response._members is None for response in responses)  # noqa: SLF001 - it has no other sign


@given(texts)
def test_a_call_of_an_older_version_is_read(text: str) -> None:
    """Its request is a list of its members, and it shares nothing."""
    tree = {"method": "m", "verb": "GET", "path": "/", "time": 1, "caller": "", "status": 200}
    old = json.dumps(tree | {"request": [["name", text], ["list", [1]]], "response": {"object": [["a", text]]}})

    read = decode_call(StoredCall(0, old))
    assert ({"name": text, "list": [1]}, {"a": text}) == (read.request, read.response)

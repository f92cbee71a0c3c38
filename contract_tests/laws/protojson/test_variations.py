"""Messages of a pattern are written and trimmed as if each were written and trimmed alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.protojson.variations import Pattern
from mockserver.protojson.version_trimming import trim_to_version
from mockserver.protojson.writing import Style, event_writer, message_writer, write_with

VERSIONS = ("google.ai.generativelanguage.v1beta", "google.ai.generativelanguage.v1")
STYLES = [Style(pretty, enum_as_int) for pretty in (True, False) for enum_as_int in (True, False)]

texts = st.text() | st.sampled_from(["", '"', "\x02\x03", "\\", "<b>", "\ud800", "2000000011"])
counts = st.integers(1, 2**31 - 1)


def build(text: str, tokens: int, total: int, *, role: str = "model") -> dict[str, Any]:
    """A message of a stream."""
    content = {"parts": [{"text": text}], "role": role}
    usage = {"promptTokenCount": 3, "cachedContentTokenCount": 7}
    return {
        "candidates": [{"content": content, "finishReason": "STOP"}],
        "usageMetadata": {**usage, "candidatesTokenCount": tokens, "totalTokenCount": total},
    }


@given(texts, counts, counts, st.sampled_from(VERSIONS), st.sampled_from(STYLES))
def test_a_variation_is_written_as_the_message_it_is(
    text: str, tokens: int, total: int, version: str, style: Style
) -> None:
    """In every style, as a message and as an event; members that the version does not define are left out."""
    name = f"{version}.GenerateContentResponse"
    plain = trim_to_version(name, build(text, tokens, total))
    varied = trim_to_version(name, Pattern(build, numbers=2).vary(text, tokens, total))

    assert plain == varied
    for writer in (message_writer(name, style), event_writer(name, style)):
        assert write_with(writer, plain) == write_with(writer, varied)


@pytest.mark.parametrize("role", ["\x02\x03", "2000000011"])
def test_a_value_that_stands_elsewhere_too_is_not_replaced_there(role: str) -> None:
    """The values that mark the places may occur in what all messages share."""
    writer = event_writer(f"{VERSIONS[0]}.GenerateContentResponse", Style())
    pattern = Pattern(lambda *values: build(*values, role=role), numbers=2)

    assert write_with(writer, build("a", 1, 2, role=role)) == write_with(writer, pattern.vary("a", 1, 2))

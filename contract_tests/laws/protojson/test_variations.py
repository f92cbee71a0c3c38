"""Messages of a pattern are written, trimmed and logged as if each were alone."""

import copy
import pickle
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.grpc.codec import encode
from mockserver.protojson.variations import COUNT, ID, NUMBER, TEXT, TIME, Pattern, Variation, restore
from mockserver.protojson.version_trimming import trim_message, trim_to_version
from mockserver.protojson.writing import Style, event_writer, message_writer, write_with

SERVICES = ("google.ai.generativelanguage.v1beta", "google.ai.generativelanguage.v1", "google.cloud.aiplatform.v1")
STYLES = [Style(pretty, enum_as_int) for pretty in (True, False) for enum_as_int in (True, False)]
HOLES = (TEXT, COUNT, COUNT, NUMBER, TIME, ID)

# What stands for the values when a pattern looks for its holes.
SAMPLES = [hole.sample(index, 0) for index, hole in enumerate(HOLES)]

texts = st.text() | st.sampled_from(["", '"', "\x02\x03", "\\", "<b>", "\ud800", "100000007", "%", "%d %b", SAMPLES[0]])
counts = st.integers(1, 2**31 - 1)
numbers = st.floats(max_value=-1e-300) | st.floats(min_value=1e-300) | st.just(float("nan"))
ids = st.text(string.ascii_letters + string.digits + "-_", min_size=1)
times = st.integers(0, 2**32 * 10**9)


def build(text: str, tokens: int, total: int, average: float, created: int, identity: str, **more: str) -> Any:
    """A message of a stream: a count stands in two places or more, and Vertex AI alone has a time."""
    content = {"parts": [{"text": text}], "role": more.get("role", "model")}
    details = [{"modality": "TEXT", "tokenCount": tokens}, {"modality": "IMAGE", "tokenCount": total}]
    usage = {"promptTokenCount": 3, "cachedContentTokenCount": 7, "candidatesTokensDetails": details}
    return {
        "candidates": [{"content": content, "finishReason": "STOP", "avgLogprobs": average}],
        "usageMetadata": {**usage, "candidatesTokenCount": tokens, "totalTokenCount": total},
        "modelVersion": "50%",
        "createTime": created,
        "responseId": identity,
    }


@given(
    st.tuples(texts, counts, counts, numbers, times, ids),
    st.sampled_from(SERVICES),
    st.sampled_from(STYLES),
)
def test_a_variation_is_written_as_the_message_it_is(values: Any, service: str, style: Style) -> None:
    """In every style, as a message and as an event; members that the version does not define are left out."""
    name = f"{service}.GenerateContentResponse"
    plain = trim_to_version(name, build(*values))
    varied = trim_message(name, Variation(Pattern(build, *HOLES), values))

    assert repr(plain) == repr(dict(varied))
    for writer in (message_writer(name, style), event_writer(name, style)):
        assert write_with(writer, plain) == write_with(writer, varied)
    assert encode(name, plain) == encode(name, varied)


@given(st.tuples(texts, counts, counts, numbers, times, ids))
def test_a_variation_is_restored_from_template_and_values(values: Any) -> None:
    """As the log of calls does it."""
    varied = Variation(Pattern(build, *HOLES), values)

    assert repr(build(*values)) == repr(restore(varied.pattern.template, varied.hole_values))
    for twin in (pickle.loads(pickle.dumps(varied)), copy.deepcopy(varied)):  # noqa: S301 - written on the same line
        assert repr(build(*values)) == repr(twin)


@pytest.mark.parametrize("role", [SAMPLES[0], SAMPLES[5], str(SAMPLES[1]), "2001-03-31T02:53:28.123456789Z"])
def test_a_value_that_stands_elsewhere_too_is_not_replaced_there(role: str) -> None:
    """The values that mark the places may occur in what all messages share."""

    def build_with_role(*values: Any) -> Any:
        return build(*values, role=role)

    name = f"{SERVICES[2]}.GenerateContentResponse"
    varied = Variation(Pattern(build_with_role, *HOLES), ("a", 1, 2, -0.5, 3, "b"))

    assert role == varied["candidates"][0]["content"]["role"]
    for writer in (message_writer(name, Style()), event_writer(name, Style())):
        assert write_with(writer, dict(varied)) == write_with(writer, varied)
    assert encode(name, dict(varied)) == encode(name, varied)
    if template := varied.pattern.template:
        assert dict(varied) == restore(template, varied.hole_values)


def test_a_variation_is_built_when_it_is_looked_at() -> None:
    """And only once; writing and encoding it build nothing but the two samples of its pattern."""
    built: list[Any] = []

    def build_counted(*values: Any) -> Any:
        built.append(values)
        return build(*values)

    pattern = Pattern(build_counted, *HOLES)
    writer = message_writer(f"{SERVICES[0]}.GenerateContentResponse", Style())
    messages = [
        trim_message(f"{SERVICES[0]}.GenerateContentResponse", Variation(pattern, ("a", number, 2, -0.5, 3, "b")))
        for number in (1, 2, 3)
    ]
    assert 3 == len({write_with(writer, message) for message in messages})
    assert 3 == len({encode(f"{SERVICES[0]}.GenerateContentResponse", message) for message in messages})
    before = len(built)

    assert len(messages[0]) == len(dict(messages[0]))
    assert before + 1 == len(built)

"""How a JSON tree is laid out in bytes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.protojson.layout import dumps, dumps_line, dumps_text

# The 209 code points measured to be escaped, as ranges.
ESCAPED = [
    (0x00, 0x1F),
    (0x3C, 0x3C),
    (0x3E, 0x3E),
    (0x7F, 0x9F),
    (0xAD, 0xAD),
    (0x600, 0x603),
    (0x6DD, 0x6DD),
    (0x70F, 0x70F),
    (0x17B4, 0x17B5),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x2064),
    (0x206A, 0x206F),
    (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB),
    (0x1D173, 0x1D17A),
    (0xE0001, 0xE0001),
    (0xE0020, 0xE007F),
]
POINTS = {point for low, high in ESCAPED for point in range(low, high + 1)}
SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def trees_of(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """JSON trees whose strings and names come from `texts`."""
    return st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=20,
    )


def test_exactly_the_measured_code_points_are_escaped() -> None:
    """Of all of Unicode those 209, the quote and the backslash; everything else is raw UTF-8."""
    every = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    written = dumps(every, pretty=False).decode()[2:-2].split('","')
    escaped = {character for character, text in zip(every, written, strict=True) if text != character}

    assert {chr(point) for point in POINTS} | {'"', "\\"} == escaped


@given(st.characters(exclude_categories=["Cs"]))
def test_an_escape_is_lower_case_and_names_utf16_units(character: str) -> None:
    """Five controls have a short form; above the BMP an escape is a surrogate pair."""
    units = character.encode("utf-16-be")
    numbered = "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
    expected = SHORT.get(character) or (numbered if ord(character) in POINTS else character)

    assert f'"{expected}"' == dumps(character, pretty=False).decode()


@given(trees_of(st.text()))
def test_text_reads_back_as_the_same_tree(tree: Any) -> None:
    """Layout and escapes lose nothing, in all three layouts."""
    texts = dumps(tree), dumps(tree, pretty=False), dumps_line(tree)

    assert [tree] * 3 == [json.loads(text) for text in texts]


@given(trees_of(st.text("abcXYZ 019&'=/\u00e9\u65e5\U0001f600\"\\\n")))
def test_pretty_is_two_spaces_and_a_final_newline(tree: Any) -> None:
    """Where nothing needs an escape of Google's own, the layout is Python's indent=2."""
    assert json.dumps(tree, indent=2, ensure_ascii=False) + "\n" == dumps(tree).decode()


@given(trees_of(st.text("abcXYZ 019&'=/\u00e9\u65e5\U0001f600\"\\\n")))
def test_compact_has_no_white_space_of_its_own(tree: Any) -> None:
    """No space after colon or comma, no newline at the end."""
    assert json.dumps(tree, separators=(",", ":"), ensure_ascii=False) == dumps(tree, pretty=False).decode()


def test_one_line_has_a_space_after_colons_only() -> None:
    """As every event of a stream was seen to be laid out."""
    tree = {"a": [{"b": 1, "c": []}, {}], "d": "x,  y:\n"}
    line = b'{"a": [{"b": 1,"c": []},{}],"d": "x,  y:\\n"}'

    assert line == dumps_line(tree)


@given(st.text() | st.text(st.characters(max_codepoint=0xFF)) | st.sampled_from(["\ud800", "<", ">", "\x7f", "\u2028"]))
def test_a_text_alone_is_written_as_in_a_tree(text: str) -> None:
    """With the same escapes."""
    assert dumps(text, pretty=False).decode() == dumps_text(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [("a\ud800b", "a\ufffdb"), ("\udc00", "\ufffd"), ("x\ud83d", "x\ufffd"), ("\ud83d\ude00", "\U0001f600")],
)
def test_half_a_character_is_written_as_the_replacement_character(text: str, written: str) -> None:
    """An answer may hold a lone surrogate; the wire cannot. Two that belong together are one character."""
    expected = {written: [written]}

    assert expected == json.loads(dumps({text: [text]}))


def test_what_is_no_json_is_refused() -> None:
    """A value that is not JSON is a bug of ours and raises."""
    with pytest.raises(TypeError):
        dumps({"a": object()})


def test_strings_are_those_of_the_sample_table(transcripts: Path) -> None:
    """Every string of the table is written as there, and its ranges are ours."""
    table = json.loads((transcripts / "wire-format-vectors.json").read_text())
    ranges = [(int(low, 16), int(high, 16)) for low, high in table["escape_ranges_hex"]]

    for row in table["strings"]:
        assert row["json"] == dumps(row["value"], pretty=False).decode()
    assert ranges == ESCAPED


def recorded_bodies(transcripts: Path) -> Iterator[str]:
    """Every JSON body of which the recording kept the bytes."""
    for path in sorted(transcripts.glob("gemini-*unary*.json")):
        yield path.read_text()
    for row in json.loads((transcripts / "wire-errors.json").read_text()):
        if row["exact_bytes"] and row["body"].startswith("{"):
            yield row["body"]
    for row in json.loads((transcripts / "wire-bytecounts.json").read_text()):
        if "body" in row:
            yield row["body"]
    for row in json.loads((transcripts / "wire-lro.json").read_text()).values():
        yield row["body"]


def recorded_events(transcripts: Path) -> Iterator[str]:
    """Every event of which the recording kept the bytes."""
    texts = [path.read_text() for path in sorted(transcripts.glob("gemini-*.raw.txt"))]
    texts += [row.get("body", "") for row in json.loads((transcripts / "wire-streaming.json").read_text())]
    for text in texts:
        yield from (line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: "))


def tree_of(text: str) -> Any:
    """A text as a tree that keeps the spelling of its floats."""
    return json.loads(text, parse_float=orjson.Fragment)


def test_recorded_bodies_have_this_layout(transcripts: Path) -> None:
    """Parsed and written again they are the same bytes; some recorders lost the final newline."""
    bodies = list(recorded_bodies(transcripts))

    assert bodies
    for body in bodies:
        # A recorder put placeholders in angle brackets, which the wire would have escaped.
        plain = body.replace("<GOOGLE_CLOUD_LOCATION>", "global")
        assert plain.rstrip("\n") + "\n" == dumps(tree_of(plain)).decode()


def test_recorded_events_have_this_layout(transcripts: Path) -> None:
    """Parsed and written again they are the same line."""
    events = list(recorded_events(transcripts))

    assert events
    for event in events:
        assert event == dumps_line(tree_of(event)).decode()

"""Laws of the front end's JSON reader: what it accepts, what it refuses, and its error sentences."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mockserver.protojson.exact_reader import MAX_DEPTH, MalformedJson, read
from mockserver.protojson.scalars import Scalar


class Tree:
    """An event handler that builds plain Python, the members of an object as pairs."""

    def __init__(self) -> None:
        self.root: list[Any] = []
        self.open: list[list[Any]] = [self.root]

    def _begin(self, name: str, kind: type) -> None:
        inside: list[Any] = []
        self.open[-1].append((name, kind, inside))
        self.open.append(inside)

    def start_object(self, name: str) -> None:
        """Open a dict."""
        self._begin(name, dict)

    def start_list(self, name: str) -> None:
        """Open a list."""
        self._begin(name, list)

    def end_object(self) -> None:
        """Close a dict."""
        self.open.pop()

    def end_list(self) -> None:
        """Close a list."""
        self.open.pop()

    def render(self, name: str, value: Scalar) -> None:
        """Keep a scalar."""
        self.open[-1].append((name, None, value))


def plain(entry: tuple[str, type | None, Any]) -> Any:
    """Convert an entry of the tree to plain Python."""
    _, kind, value = entry
    if kind is dict:
        return {member[0]: plain(member) for member in value}
    return [plain(element) for element in value] if kind is list else value


def parsed(body: bytes) -> Any:
    """Return what the reader parses from `body`."""
    tree = Tree()
    read(body, tree)
    return plain(tree.root[0])


def refusal(body: bytes) -> str | None:
    """Return the sentence of the reader's error for `body`."""
    with pytest.raises(MalformedJson) as caught:
        read(body, Tree())
    return caught.value.sentence


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_json_is_read_as_json(value: Any, escaped: bool, indent: int | str | None) -> None:
    """The output of a serializer, in any layout, is read as its input."""
    text = json.dumps(value, ensure_ascii=escaped, indent=indent)

    assert value == parsed(text.encode())


@given(json_values)
def test_a_comma_too_many_at_the_end_is_nothing(value: Any) -> None:
    """A comma behind the last member or element changes nothing."""
    text = json.dumps({"a": [value], "b": value}, separators=(",", ":"))

    assert parsed(text.encode()) == parsed(f"{text[:-1]},}}".encode())


@given(st.binary() | st.text("{}[]:,'\"\\u0dD8eE+-.xntf\0\v é").map(str.encode))
@example(b'"\\ud83d\\ude0')
@example(b"\xef\xbb\xbf{}")
@example(b'{"a":' * 200)
@example(b"[" * 100_000)
@example(b"\xff" * 50)
def test_no_bytes_break_the_reader(body: bytes) -> None:
    """Any bytes are read, or refused as no JSON; nothing else happens."""
    with suppress(MalformedJson):
        read(body, Tree())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{a: 1, $b_2: 'c'}", {"a": 1, "$b_2": "c"}),
        ("{nullable: 1, trueish: 2}", {"nullable": 1, "trueish": 2}),
        ("'it\\'s'", "it's"),
        ('"\\q\\v\\/"', "q\v/"),
        ('"line\none\0"', "line\none\0"),
        ("\v[\f1\v,\f2]", [1, 2]),
        ("[1.,-.5,00.5,0x1e5,-0]", [1.0, -0.5, 0.5, 485.0, 0]),
        ("18446744073709551616", 1.8446744073709552e19),
        ('"\\ud83d\\ude00 \\ud83d \\ude00 \\ud83dx"', "\U0001f600 \ufffd \ufffd \ufffdx"),
        ('"\\ud83d\\ud83d\\ude00"', "\ufffd\U0001f600"),
    ],
)
def test_more_than_json_is_taken(text: str, value: Any) -> None:
    """Everything that the C++ of 3.21 accepts is accepted; lone surrogates become U+FFFD (measured)."""
    assert value == parsed(text.encode())


def test_a_byte_that_is_no_utf8_is_a_space() -> None:
    """Each such byte becomes one space, measured on a sister host."""
    assert "a   b" == parsed(b'"a\xff\xe2\x82b"')


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Unexpected end of string. Expected a value.\n\n^"),
        ("  ", "Unexpected end of string. Expected a value.\n\n^"),
        ("+1", "Expected a value.\n+1\n^"),
        ("/* no */ {}", "Expected a value.\n/* no */ {}\n^"),
        ("{,}", "Expected an object key or }.\n{,}\n ^"),
        ("{1: 2}", "Expected an object key or }.\n{1: 2}\n ^"),
        ("{true: 2}", "Expected an object key or }.\n{true: 2}\n     ^"),
        ("{a.b: 2}", "Expected : between key:value pair.\n.b: 2}\n^"),
        ("{a b: 2}", "Expected : between key:value pair.\n{a b: 2}\n   ^"),
        ("{a: 1; b: 2}", "Expected , or } after key:value pair.\n; b: 2}\n^"),
        ("[1 2]", "Expected , or ] after array value.\n[1 2]\n   ^"),
        ("[1;2]", "Expected , or ] after array value.\n;2]\n^"),
        ("[,]", "Unexpected token.\n,]\n^"),
        ("[,     ]", "Unexpected token.\n[,     ]\n ^"),
        ("[:", "Unexpected token.\n:\n^"),
        ("[1", "Unexpected end of string. Expected , or ] after array value.\n1\n ^"),
        ("[1,", "Unexpected end of string. Expected a value or ] within an array.\n\n^"),
        ("{a", "Unexpected end of string. Expected : between key:value pair.\na\n ^"),
        ('{"a"', "Unexpected end of string. Expected : between key:value pair.\n\n^"),
        ("{a:1", "Unexpected end of string. Expected , or } after key:value pair.\n1\n ^"),
        ("'abc\"", "Closing quote expected in string.\n\n^"),
        ('"\\u12', "Illegal hex string.\n\\u12\n^"),
        ('"abc\\u12xy"', 'Invalid escape sequence.\n"abc\\u12xy"\n    ^'),
        ('"\\ud83d\\u12xy"', 'Invalid escape sequence.\n"\\ud83d\\u12xy"\n ^'),
        ("-", "Unable to parse number.\n-\n^"),
        ("[1-2]", "Unable to parse number.\n[1-2]\n ^"),
        ("[1e]", "Unable to parse number.\n[1e]\n ^"),
        ("[-01]", "Octal/hex numbers are not valid JSON values.\n[-01]\n ^"),
        ("[1e400]", "Number exceeds the range of double.\n[1e400]\n ^"),
        ("{}}", "Parsing terminated before end of input.\n{}}\n  ^"),
        ("nullnull", "Parsing terminated before end of input.\nnullnull\n    ^"),
    ],
)
def test_what_is_refused_is_named_with_its_place(text: str, sentence: str) -> None:
    """An error has a sentence, up to 20 bytes on either side, and a caret, as in json_stream_parser.cc of 3.21."""
    assert sentence == refusal(text.encode())


def test_twenty_bytes_are_quoted_on_either_side() -> None:
    """No more than 20 bytes before and 20 after the place are quoted."""
    sentence = refusal(b'{"0123456789": "abcdefghijklmnop" "qrstuvwxyz0123456789"}')

    assert (
        f"""Expected , or }} after key:value pair.
 "abcdefghijklmnop" "qrstuvwxyz012345678
{" " * 20}^"""
        == sentence
    )


def test_a_letter_is_not_quoted_in_half() -> None:
    """If the 20 bytes would cut a UTF-8 character, nothing is quoted (measured on a sister host)."""
    assert refusal('["xéééééééééé"  1]'.encode()) is None


def test_the_second_pass_quotes_nothing_before_its_start() -> None:
    """A text with a byte that is no UTF-8 is left at that byte by the first pass; the second quotes from there."""
    assert 'Expected , or ] after array value.\n " 1]\n   ^' == refusal(b'["abc\xff" 1]')


@pytest.mark.parametrize(("opening", "closing"), [(b'{"a":', b"}"), (b"[", b"]")])
def test_a_hundred_levels_are_read_and_not_one_more(opening: bytes, closing: bytes) -> None:
    """Objects nest 100 deep [3.21]; lists too, which is our choice."""
    assert parsed(opening * MAX_DEPTH + b"1" + closing * MAX_DEPTH)

    sentence = refusal(opening * (MAX_DEPTH + 1) + b"1" + closing * (MAX_DEPTH + 1))

    assert f"Message too deep. Max recursion depth reached for key '{'a' if opening != b'[' else ''}'" == sentence


def test_a_handler_receives_the_events_before_the_error() -> None:
    """Events are emitted as they are parsed, so that an invalid value is reported before malformed text after it."""
    tree = Tree()
    with pytest.raises(MalformedJson):
        read(b'{"a": 1, "b": [2, oops', tree)

    assert [("", dict, [("a", None, 1), ("b", list, [("", None, 2)])])] == tree.root

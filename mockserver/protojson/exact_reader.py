"""Parses JSON as Google's front end does, which accepts more than JSON.

A port of protobuf 3.21's json_stream_parser.cc: trailing commas, single quotes, bare keys, `1.`, raw control
characters and unknown escapes are accepted; an error has its words, and quotes the bytes around the position. The
parser builds nothing: it emits events to a handler, in the order of the text, so that an invalid value is reported
before malformed text after it.

There are two passes. The first stops where more text could still change the meaning (at a number or a word that
ends with the text, at a character that starts no token); the second resumes there and knows that the text is
complete. The difference is visible: an error of the second pass quotes nothing from before that position.
"""

import re
from collections.abc import Callable
from typing import NoReturn, Protocol

from mockserver.limits import MESSAGE_DEPTH
from mockserver.protojson.scalars import Scalar, parse_number

MAX_DEPTH = MESSAGE_DEPTH

Step = Callable[[], None]


class EventHandler(Protocol):
    """Receives parser events; `name` is the key of the value, "" inside a list and at the root."""

    def start_object(self, name: str) -> None:
        """Handle the start of an object."""

    def end_object(self) -> None:
        """Handle the end of the object started last."""

    def start_list(self, name: str) -> None:
        """Handle the start of a list."""

    def end_list(self) -> None:
        """Handle the end of the list started last."""

    def render(self, name: str, value: Scalar) -> None:
        """Handle a string, a number, true, false or null."""


class MalformedJson(ValueError):
    """Text that is not JSON even by these rules. `sentence` follows "Invalid JSON payload received. ".

    It is None if the quoted bytes would cut a UTF-8 character in two: the front end then answers only
    "Request contains an invalid argument." (measured on a live sister host).
    """

    def __init__(self, sentence: str | None) -> None:
        super().__init__(sentence or "the text around the error cannot be quoted")
        self.sentence = sentence


def too_deep_error(key: str) -> MalformedJson:
    """Return the error for an object or list under `key` that is nested too deeply; it quotes nothing."""
    return MalformedJson(f"Message too deep. Max recursion depth reached for key '{key}'")


class _OutOfText(Exception):
    """More text could still change the meaning."""


CONTEXT = 20
"""How many bytes are quoted on each side of an error."""

# The space of C's ascii_isspace: a vertical tab counts, a no-break space does not.
_SPACE = re.compile(r"[ \t\n\v\f\r]*")
_NUMBER = re.compile(r"[0-9.eE+\-x]+")
_BARE_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_FOUR_HEX = re.compile(r"[0-9A-Fa-f]{4}")
_PLAIN_TEXT = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*")}
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_WORDS: dict[str, tuple[str, Scalar]] = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}
_NOT_UTF8 = re.compile("[\udc80-\udcff]")

# A token is named by a letter: its character, or one of these.
_STRING, _DIGITS, _WORD, _KEY, _UNKNOWN = "s", "d", "w", "k", ""
_TOKENS = (
    {character: character for character in "{}[]:,"}
    | dict.fromkeys("\"'", _STRING)
    | dict.fromkeys("-0123456789", _DIGITS)
    | dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_$", _KEY)
)


def read(body: bytes, handler: EventHandler, *, name: str = "") -> None:
    """Emit the events of `body` to `handler`, or those before the error; `name` is the key of its root.

    Raises MalformedJson.
    """
    _Reader(*_decode(body), handler, name).read()


def _decode(body: bytes) -> tuple[str, int]:
    """Return the text, and the length of its part before the first byte that is not UTF-8.

    Each such byte becomes a space (measured on a live sister host, and 3.21 with coerce_to_utf8).
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        valid = len(body[: error.start].decode())
        return _NOT_UTF8.sub(" ", body.decode(errors="surrogateescape")), valid
    return text, len(text)


class _Reader:
    """Parses one text. The steps still to take are on a stack, so nesting does not recurse."""

    def __init__(self, text: str, valid: int, handler: EventHandler, name: str) -> None:
        self.text = text
        self.handler = handler
        self.at = 0
        self.start = 0  # where this pass started: errors quote nothing from before
        self.end = valid
        self.last = False
        self.steps: list[Step] = [self._value]
        self.key = name
        self.quote = ""  # the quote that closes the open string
        self.parts: list[str] = []
        self.objects = 0
        self.lists = 0

    def read(self) -> None:
        if self._pass() and self.end == len(self.text):
            return
        self.start, self.end, self.last = self.at, len(self.text), True
        self._pass()

    def _pass(self) -> bool:
        """Parse as far as this pass can; return whether the text is complete."""
        steps = self.steps
        while steps:
            step = steps.pop()
            try:
                step()
            except _OutOfText:
                steps.append(step)
                self._skip_space()
                return False
        self._skip_space()
        if self.at < self.end:
            self._fail("Parsing terminated before end of input.")
        return True

    # Steps: each reads one token and pushes the steps that must follow.

    def _value(self) -> None:
        self._value_of(self._token())

    def _value_of(self, token: str) -> None:
        match token:
            case "s":
                self._render(self._string())
            case "d":
                self._render(self._number())
            case "w":
                self._word()
            case "{":
                self._begin_object()
            case "[":
                self._begin_list()
            case "":
                self._expected("Expected a value.")
            case _:
                # "fals" may still become "false", so the first pass waits.
                if not self.last and self._bytes_left(5) < 5:
                    raise _OutOfText
                self._fail("Unexpected token.")

    def _render(self, value: Scalar) -> None:
        key, self.key = self.key, ""
        self.handler.render(key, value)

    def _word(self) -> None:
        word, value = _WORDS[self.text[self.at]]
        self.at += len(word)
        self._render(value)

    def _begin_object(self) -> None:
        self.at += 1
        self.handler.start_object(self.key)
        self.objects += 1
        if self.objects > MAX_DEPTH:
            raise too_deep_error(self.key)
        self.key = ""
        self.steps.append(self._entry)

    def _begin_list(self) -> None:
        self.at += 1
        self.handler.start_list(self.key)
        self.lists += 1
        if self.lists > MAX_DEPTH:  # our choice: not seen; 3.21 counts objects only
            raise too_deep_error(self.key)
        self.key = ""
        self.steps.append(self._element)

    def _entry(self) -> None:
        token = self._token()
        if token == "}":  # also behind a comma
            self._end_object()
            return
        expected = "Expected an object key or }."
        if token == _STRING:
            self.key = self._string()
        elif token == _KEY:
            self.key = self._bare_key()
        elif token == _WORD:  # "trueish" is a key, "true" is not
            self.key = self._bare_key()
            if self.key in {"true", "false", "null"}:
                self._fail(expected)
        elif token == _UNKNOWN:
            self._expected(expected)
        else:
            self._fail(expected)
        self.steps += (self._after_entry, self._colon)

    def _colon(self) -> None:
        self._separator(self._token(), ":", self._value, "Expected : between key:value pair.")

    def _after_entry(self) -> None:
        token = self._token()
        if token == "}":
            self._end_object()
        else:
            self._separator(token, ",", self._entry, "Expected , or } after key:value pair.")

    def _end_object(self) -> None:
        self.at += 1
        self.objects -= 1
        self.handler.end_object()

    def _element(self) -> None:
        token = self._token()
        if token == "]":  # also behind a comma
            self._end_list()
        elif token == _UNKNOWN:
            self._expected("Expected a value or ] within an array.")
        else:
            self.steps.append(self._after_element)
            try:
                self._value_of(token)
            except _OutOfText:
                self.steps.pop()
                raise

    def _after_element(self) -> None:
        token = self._token()
        if token == "]":
            self._end_list()
        else:
            self._separator(token, ",", self._element, "Expected , or ] after array value.")

    def _end_list(self) -> None:
        self.at += 1
        self.lists -= 1
        self.handler.end_list()

    def _separator(self, token: str, separator: str, following: Step, expected: str) -> None:
        if token == separator:
            self.at += 1
            self.steps.append(following)
        elif token == _UNKNOWN:
            self._expected(expected)
        else:
            self._fail(expected)

    # Tokens

    def _skip_space(self) -> None:
        space = _SPACE.match(self.text, self.at, self.end)
        self.at = space.end() if space else self.at

    def _token(self) -> str:
        if self.quote:
            return _STRING
        self._skip_space()
        if self.at >= self.end:
            return _UNKNOWN
        character = self.text[self.at]
        token = _TOKENS.get(character, _UNKNOWN)
        if character in _WORDS and self.text.startswith(_WORDS[character][0], self.at, self.end):
            return _WORD
        return token

    def _bare_key(self) -> str:
        key = _BARE_KEY.match(self.text, self.at, self.end)
        if key is None:  # pragma: no cover - the token says that a letter is here
            self._fail("Invalid key or variable name.")
        if key.end() == self.end and not self.last:
            raise _OutOfText
        self.at = key.end()
        return key[0]

    def _number(self) -> Scalar:
        number = _NUMBER.match(self.text, self.at, self.end)
        if number is None:  # pragma: no cover - the token says that a digit or a minus is here
            self._fail("Unable to parse number.")
        if number.end() == self.end and not self.last:
            raise _OutOfText
        try:
            value = parse_number(number[0])
        except ValueError as error:
            self._fail(str(error))
        self.at = number.end()
        return value

    def _string(self) -> str:
        if not self.quote:
            self.quote = self.text[self.at]
            self.at += 1
        plain = _PLAIN_TEXT[self.quote]
        while True:
            run = plain.match(self.text, self.at, self.end)
            if run and run[0]:
                self.parts.append(run[0])
                self.at = run.end()
            if self.at >= self.end or (self.text[self.at] == "\\" and self.at + 1 == self.end):
                self._expected_quote()
            if self.text[self.at] == self.quote:
                break
            self.parts.append(self._escape())
        self.at += 1
        self.quote = ""
        string = "".join(self.parts)
        self.parts.clear()
        return string

    def _expected_quote(self) -> NoReturn:
        if not self.last:
            raise _OutOfText
        self._fail("Closing quote expected in string.")

    def _escape(self) -> str:
        escaped = self.text[self.at + 1]
        if escaped == "u":
            return self._unicode_escape()
        self.at += 2
        return _ESCAPES.get(escaped, escaped)

    def _unicode_escape(self) -> str:
        if self._bytes_left(6) < 6:
            if not self.last:
                raise _OutOfText
            self._fail("Illegal hex string.")
        code = self._hex(self.at + 2)
        following = self.at + 6
        if 0xD800 <= code <= 0xDBFF:
            if self._bytes_left(12) < 12:
                if not self.last:
                    raise _OutOfText
            elif self.text.startswith("\\u", following):
                low = self._hex(following + 2)
                if 0xDC00 <= low <= 0xDFFF:
                    code = 0x10000 + ((code & 0x3FF) << 10 | low & 0x3FF)
                    following += 6
        self.at = following
        # A surrogate left alone: measured on a live sister host; 3.21 drops it.
        return "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)

    def _hex(self, at: int) -> int:
        digits = _FOUR_HEX.match(self.text, at, self.end)
        if digits is None:
            self._fail("Invalid escape sequence.")
        return int(digits[0], 16)

    def _bytes_left(self, enough: int) -> int:
        """Return how many bytes of text are left, or a number of at least `enough`."""
        size = self.end - self.at
        return size if size >= enough else len(self.text[self.at : self.end].encode())

    # Errors

    def _expected(self, sentence: str) -> NoReturn:
        """Fail because no token starts here; the first pass waits for more text instead."""
        if not self.last:
            raise _OutOfText
        self._fail(sentence if self.at < self.end else f"Unexpected end of string. {sentence}")

    def _fail(self, sentence: str) -> NoReturn:
        before = self.text[max(self.start, self.at - CONTEXT) : self.at].encode()[-CONTEXT:]
        after = self.text[self.at : min(self.end, self.at + CONTEXT)].encode()[:CONTEXT]
        try:
            segment = (before + after).decode()
        except UnicodeDecodeError:
            raise MalformedJson(None) from None
        caret = " " * len(before) + "^"
        raise MalformedJson(f"{sentence}\n{segment}\n{caret}")

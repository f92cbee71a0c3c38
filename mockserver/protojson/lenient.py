"""JSON as Google's front end reads it, which is more than JSON.

A port of what protobuf 3.21's json_stream_parser.cc does: trailing commas, single quotes, bare keys, `1.`,
raw control characters and unknown escapes are taken; what is refused is refused in its words and with the
bytes around the place. Nothing is built here: the reader tells a listener what it meets, in the order it
meets it, so that what is wrong with a value is known before what is wrong with the text behind it.

Two passes. The first may stop where more text could still change the meaning (a number or a word that
ends with the text, a character no token starts with); the second resumes there knowing that there is no
more. It shows: an error found by the second quotes nothing from before the place where the first stopped.
"""

import re
from collections.abc import Callable
from typing import NoReturn, Protocol

from mockserver.limits import MESSAGE_DEPTH
from mockserver.protojson.scalars import Scalar, number_of

MAX_DEPTH = MESSAGE_DEPTH

Step = Callable[[], None]


class Listener(Protocol):
    """What is told of every value; `name` is the key it stands under, "" inside a list and at the root."""

    def start_object(self, name: str) -> None:
        """Hear that an object begins."""

    def end_object(self) -> None:
        """Hear that the object last begun is complete."""

    def start_list(self, name: str) -> None:
        """Hear that a list begins."""

    def end_list(self) -> None:
        """Hear that the list last begun is complete."""

    def render(self, name: str, value: Scalar) -> None:
        """Hear of a string, a number, true, false or null."""


class MalformedJson(ValueError):
    """Text that is not JSON even by these rules. `what` is the sentence behind "Invalid JSON payload received. ".

    `what` is None when the bytes to quote would cut a UTF-8 character in two: the front end then says nothing
    but "Request contains an invalid argument." (measured on a live sister host).
    """

    def __init__(self, what: str | None) -> None:
        super().__init__(what or "the text around the error cannot be quoted")
        self.what = what


def too_deep(key: str) -> MalformedJson:
    """What is said of the object or list under `key` that is one too deep; nothing is quoted."""
    return MalformedJson(f"Message too deep. Max recursion depth reached for key '{key}'")


class _OutOfText(Exception):
    """The text ends where more of it could change the meaning."""


CONTEXT = 20
"""How many bytes are quoted on either side of an error."""

# The space of C's ascii_isspace: a vertical tab counts, a no-break space does not.
_SPACE = re.compile(r"[ \t\n\v\f\r]*")
_NUMBER = re.compile(r"[0-9.eE+\-x]+")
_BARE_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_FOUR_HEX = re.compile(r"[0-9A-Fa-f]{4}")
_PLAIN_TEXT = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*")}
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_WORDS: dict[str, tuple[str, Scalar]] = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}
_NOT_UTF8 = re.compile("[\udc80-\udcff]")

# Tokens are told by a letter: the character itself, or one of these.
_STRING, _DIGITS, _WORD, _KEY, _UNKNOWN = "s", "d", "w", "k", ""
_TOKENS = (
    {character: character for character in "{}[]:,"}
    | dict.fromkeys("\"'", _STRING)
    | dict.fromkeys("-0123456789", _DIGITS)
    | dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_$", _KEY)
)


def read(body: bytes, listener: Listener) -> None:
    """Tell `listener` of everything in `body`, or of what comes before the error.

    Raises MalformedJson.
    """
    _Reader(*_decode(body), listener).read()


def _decode(body: bytes) -> tuple[str, int]:
    """The text, and how much of it comes before the first byte that is not UTF-8.

    Each such byte becomes a space (measured on a live sister host, and 3.21 with coerce_to_utf8).
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        valid = len(body[: error.start].decode())
        return _NOT_UTF8.sub(" ", body.decode(errors="surrogateescape")), valid
    return text, len(text)


class _Reader:
    """One text on its way to one listener. Steps still to take are on a stack, so no depth of nesting hurts."""

    def __init__(self, text: str, valid: int, listener: Listener) -> None:
        self.text = text
        self.listener = listener
        self.at = 0
        self.start = 0  # where this pass began: errors quote nothing from before
        self.end = valid
        self.last = False
        self.steps: list[Step] = [self._value]
        self.key = ""
        self.quote = ""  # the quote that closes the string we are in
        self.parts: list[str] = []
        self.objects = 0
        self.lists = 0

    def read(self) -> None:
        if self._pass() and self.end == len(self.text):
            return
        self.start, self.end, self.last = self.at, len(self.text), True
        self._pass()

    def _pass(self) -> bool:
        """Go on as far as this pass can; True when nothing more is expected."""
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

    # Steps: each looks at one token, and puts the steps that must follow on the stack.

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
        self.listener.render(key, value)

    def _word(self) -> None:
        word, value = _WORDS[self.text[self.at]]
        self.at += len(word)
        self._render(value)

    def _begin_object(self) -> None:
        self.at += 1
        self.listener.start_object(self.key)
        self.objects += 1
        if self.objects > MAX_DEPTH:
            raise too_deep(self.key)
        self.key = ""
        self.steps.append(self._entry)

    def _begin_list(self) -> None:
        self.at += 1
        self.listener.start_list(self.key)
        self.lists += 1
        if self.lists > MAX_DEPTH:  # our choice: not seen; 3.21 counts objects only and would go on for ever
            raise too_deep(self.key)
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
        self.listener.end_object()

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
        self.listener.end_list()

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
            value = number_of(number[0])
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
        """How many bytes of text are left, or at least `enough` of them."""
        left = self.end - self.at
        return left if left >= enough else len(self.text[self.at : self.end].encode())

    # Errors

    def _expected(self, what: str) -> NoReturn:
        """No token starts here: in the first pass one may still come."""
        if not self.last:
            raise _OutOfText
        self._fail(what if self.at < self.end else f"Unexpected end of string. {what}")

    def _fail(self, what: str) -> NoReturn:
        before = self.text[max(self.start, self.at - CONTEXT) : self.at].encode()[-CONTEXT:]
        after = self.text[self.at : min(self.end, self.at + CONTEXT)].encode()[:CONTEXT]
        try:
            segment = (before + after).decode()
        except UnicodeDecodeError:
            raise MalformedJson(None) from None
        caret = " " * len(before) + "^"
        raise MalformedJson(f"{what}\n{segment}\n{caret}")

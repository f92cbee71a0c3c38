"""Detects secrets that look real, and redacts them in logs, so that nobody leaves one in a mock server by mistake.

Two places see to it: the dispatcher and the log of calls redact calls, and `WithoutSecrets` redacts what is printed.
`recordings/redaction.py` is for recordings: it drops what is not known to be harmless.
"""

import logging
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from itertools import accumulate, pairwise
from typing import Any, TypeVar

# The formats that Google issues: API keys (AIza, and AQ. since 2025), OAuth access tokens, service account keys.
_REAL = re.compile(
    r"(?P<key>AIza[\w-]{35}|AQ\.[\w.-]{20,})|(?P<token>ya29\.[\w.-]{20,})"
    r"|(?P<private>-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----)",
    re.ASCII,
)
_END = re.compile(r"-----END [A-Z ]+-----")
_KINDS = {"key": "an API key", "token": "an access token", "private": "a private key"}
_MARKERS = {"AIza": "z", "AQ.": "Q", "ya29.": "9", "PRIVATE KEY-----": "K"}
"""A real secret contains one of these; most texts contain none, so they are searched for first.

Each comes with its rarest character: that a text lacks this one character is found fifty times as fast.
"""


def find_real_secret(text: str) -> str:
    """Return which kind of secret that Google issues the text contains: "an API key", ...; "" if none."""
    for marker, rare in _MARKERS.items():
        if rare in text and marker in text:
            match = _REAL.search(text)
            return _KINDS[str(match.lastgroup)] if match else ""
    return ""


_MARKS = tuple((rare.encode(), marker.encode()) for marker, rare in _MARKERS.items())


def find_real_secret_in_bytes(data: bytes) -> str:
    """Return which kind of secret bytes contain that hold texts in UTF-8, among others; "" if none."""
    for rare, marker in _MARKS:
        if rare in data and marker in data:
            return find_real_secret(data.decode("latin-1"))
    return ""


def redact(value: Any) -> Any:
    """Replace every real secret in a text, or in a tree of texts, by its first four characters and its length."""
    if isinstance(value, str):
        return _redact_text(value)
    if isinstance(value, Mapping):
        return {redact(name): redact(item) for name, item in value.items()}
    if isinstance(value, bytes):
        return _redact_text(value.decode("latin-1")).encode("latin-1")
    return [redact(item) for item in value] if isinstance(value, list | tuple) else value


def _redact_text(text: str) -> str:
    """Redact the secrets in a text."""
    return _cut_secrets(text, [(0, len(text))])[0] if find_real_secret(text) else text


def _cut_secrets(text: str, pieces: Iterable[tuple[int, int]]) -> list[str]:
    """Return the pieces of a text, which follow each other; what stands for a secret is in the one where it begins."""
    secrets = deque(_find_spans(text))
    clean: list[str] = []
    for begin, end in pieces:
        position, kept = begin, list[str]()
        while secrets and secrets[0][0] < end:
            start, stop = secrets[0]
            if start >= position:
                kept.append(f"{text[position:start]}{text[start : start + 4]}...({stop - start} characters)")
            position = min(stop, end)
            if stop > end:
                break
            secrets.popleft()
        clean.append("".join([*kept, text[position:end]]))
    return clean


def _find_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the secrets in a text are, in linear time. A private key goes to its last line, if it has one."""
    position, last_line = 0, _END.search(text)
    while secret := _REAL.search(text, position):
        start, position = secret.span()
        if secret["private"]:
            while last_line and last_line.start() < position:
                last_line = _END.search(text, last_line.end())
            position = last_line.end() if last_line else position
        yield start, position


def redact_pieces(value: Any) -> Any:
    """Do as `redact`, and find a secret too that is spread over the texts of members of the same name.

    So it is in the messages of a stream, and in lists of tokens.
    """
    texts: dict[str, list[str]] = {}
    _collect_texts(value, "", texts)
    clean = {name: iter(_cut_secrets("".join(pieces), _bounds(pieces))) for name, pieces in texts.items()}
    return redact(_replace_texts(value, "", clean))


def _bounds(pieces: Iterable[str]) -> Iterator[tuple[int, int]]:
    return pairwise(accumulate(map(len, pieces), initial=0))


def _collect_texts(value: Any, name: str, texts: dict[str, list[str]]) -> None:
    """Add the texts in a tree to those of the same name, in their order."""
    if isinstance(value, str | bytes):
        texts.setdefault(name, []).append(value if isinstance(value, str) else value.decode("latin-1"))
    elif isinstance(value, Mapping):
        for its_name, item in value.items():
            _collect_texts(item, its_name, texts)
    elif isinstance(value, list | tuple):
        for item in value:
            _collect_texts(item, name, texts)


def _replace_texts(value: Any, name: str, texts: Mapping[str, Iterator[str]]) -> Any:
    """Return the tree with other texts, in the same order."""
    if isinstance(value, str):
        return next(texts[name])
    if isinstance(value, bytes):
        return next(texts[name]).encode("latin-1")
    if isinstance(value, Mapping):
        return {its_name: _replace_texts(item, its_name, texts) for its_name, item in value.items()}
    return [_replace_texts(item, name, texts) for item in value] if isinstance(value, list | tuple) else value


T = TypeVar("T")


def redact_fields(record: T) -> T:
    """Return a record, an instance of a dataclass, whose fields have no real secret."""
    old: Any = record
    new: T = replace(old, **{field.name: redact(getattr(old, field.name)) for field in fields(old)})
    return new


class WithoutSecrets(logging.Filter):
    """Lets every record of a logger pass, but no real secret, of its message or its traceback, whoever prints it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the message, if it has a secret, and the traceback."""
        if find_real_secret(message := record.getMessage()):
            record.msg, record.args = _redact_text(message), ()
        if record.exc_info:
            record.exc_text = _redact_text(record.exc_text or _TRACEBACKS.formatException(record.exc_info))
        return True


_TRACEBACKS = logging.Formatter()

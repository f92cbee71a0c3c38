"""Detects secrets that look real, and redacts them in logs, so that nobody leaves one in a mock server by mistake.

`recordings/redaction.py` is for recordings: it drops what is not known to be harmless.
"""

import re
from collections.abc import Mapping
from typing import Any

# The formats that Google issues: API keys (AIza, and AQ. since 2025), OAuth access tokens, service account keys.
_REAL = re.compile(
    r"(?P<key>AIza[\w-]{35}|AQ\.[\w.-]{20,})|(?P<token>ya29\.[\w.-]{20,})"
    r"|(?P<private>-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----)",
    re.ASCII,
)
_END = re.compile(r"-----END [A-Z ]+-----")
_KINDS = {"key": "an API key", "token": "an access token", "private": "a private key"}
SECRET_MARKERS = {"AIza": "z", "AQ.": "Q", "ya29.": "9", "PRIVATE KEY-----": "K"}
"""A real secret contains one of these; most texts contain none, so they are searched for first.

Each comes with its rarest character: that a text lacks this one character is found fifty times as fast.
"""


def find_real_secret(text: str) -> str:
    """Return which kind of secret that Google issues the text contains: "an API key", ...; "" if none."""
    for marker in SECRET_MARKERS:
        if marker in text:
            match = _REAL.search(text)
            return _KINDS[str(match.lastgroup)] if match else ""
    return ""


def redact(value: Any) -> Any:
    """Replace every real secret in a text, or in a tree of texts, by its first four characters and its length."""
    if isinstance(value, str):
        return _redact_text(value)
    if isinstance(value, Mapping):
        return {name: redact(item) for name, item in value.items()}
    return [redact(item) for item in value] if isinstance(value, list | tuple) else value


def _redact_text(text: str) -> str:
    """Redact the secrets in a text, in linear time. A private key goes to its last line, if it has one."""
    pieces: list[str] = []
    position, last_line = 0, _END.search(text)
    while secret := _REAL.search(text, position):
        start, end = secret.span()
        if secret["private"]:
            while last_line and last_line.start() < end:
                last_line = _END.search(text, last_line.end())
            end = last_line.end() if last_line else end
        pieces.append(f"{text[position:start]}{text[start : start + 4]}...({end - start} characters)")
        position = end
    return "".join([*pieces, text[position:]])

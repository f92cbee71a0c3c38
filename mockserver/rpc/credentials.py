"""Reads the credentials of a request, derives the caller, and detects and redacts real secrets.

Nothing is verified. Every made-up key or token identifies a caller. Secrets that look real are detected, so that
nobody sends one to a mock server by mistake.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any, Literal, NamedTuple


class Credentials(NamedTuple):  # every request makes one and looks its caller up, so that must be cheap
    """The credentials of a request; `project` is x-goog-user-project. It may have both a key and a bearer token."""

    key: str | None = None
    bearer: str | None = None
    project: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """The identity that a request acts for.

    `principal` is "user:<email>", "key:<hash>" or "" for nobody; `project` is the billed one.
    """

    principal: str
    email: str | None
    project: str
    via: Literal["key", "bearer", "none"]


def read_credentials(headers: Mapping[str, str], query: Sequence[tuple[str, str]]) -> Credentials:
    """Read the credentials of a request: header names in lower case, the query decoded.

    A header takes precedence over a query parameter. # our choice: which wins was not seen
    """
    values = dict(reversed(query))  # the first one of a name counts
    return Credentials(
        key=headers.get("x-goog-api-key") or values.get("key") or None,
        bearer=_bearer(headers) or values.get("access_token") or values.get("oauth_token") or None,
        project=headers.get("x-goog-user-project") or None,
    )


def _bearer(headers: Mapping[str, str]) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _is_email(text: str) -> bool:
    """Return whether it has the form of an address: no space, one @, text around it and around a dot behind it."""
    user, at, host = text.partition("@")
    is_plain = bool(user and at) and "@" not in host and not any(map(str.isspace, text))
    return is_plain and "." in host[1:-1]


def identify(credentials: Credentials, *, default_user: str = "user@example.com") -> Caller:
    """Return the caller: a bearer token that is an e-mail address is that user, any other is `default_user`.

    A key is a caller of its own; its project is derived from the key, because resources that a key creates belong
    to its project. With both, the caller is the user.
    """
    if credentials.bearer is not None:
        email = credentials.bearer if _is_email(credentials.bearer) else default_user
        return Caller(f"user:{email}", email, credentials.project or _project(email), "bearer")
    if credentials.key is not None:
        project = credentials.project or _project(credentials.key)
        return Caller(f"key:{_digest(credentials.key)[:8]}", None, project, "key")
    return Caller("", None, credentials.project or "", "none")


@lru_cache(maxsize=1024)
def identify_cached(credentials: Credentials, *, default_user: str) -> Caller:
    """Return the caller from a cache: a client sends its credentials with every call. Not for real secrets."""
    return identify(credentials, default_user=default_user)


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _project(seed: str) -> str:
    """Derive a project number; it has twelve digits, as Google's."""
    return str(10**11 + int(_digest(seed), 16) % (9 * 10**11))


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

"""Reads the credentials of a request and derives the caller.

Nothing is verified: every made-up key or token identifies a caller. `redaction` detects those that look real.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Literal, NamedTuple


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

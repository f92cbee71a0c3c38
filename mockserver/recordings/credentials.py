"""The credentials of a recorded request: those in the recording, or a substitute for those that were removed."""

import re
from urllib.parse import unquote_plus

from mockserver.transcripts.exchange import Exchange

Header = tuple[str, str]

# Substitutes for what a recorder removed.
TOKEN: Header = ("authorization", "Bearer replayed-token")
KEY: Header = ("x-goog-api-key", "replayed-key")

_CREDENTIAL_HEADERS = frozenset({"authorization", "x-goog-api-key", "x-goog-user-project"})
_QUERY_CREDENTIALS = re.compile(r"(?:^|&)(key|access_token)=([^&]*)")
_NOTHING_SENT = re.compile(rb"unregistered callers|CREDENTIALS_MISSING|missing required authentication credential")
_KEY_SENT = re.compile(rb"API keys are not supported")


def recorded_credentials(exchange: Exchange) -> list[Header]:
    """Return the credentials in the recording, as headers."""
    headers = [(name, value) for name, value in exchange.request.headers if name in _CREDENTIAL_HEADERS]
    for name, value in _QUERY_CREDENTIALS.findall(exchange.request.parts.query):
        headers.append(("x-goog-api-key" if name == "key" else "authorization", unquote_plus(value)))
    return headers


def substitute_credentials(exchange: Exchange) -> list[Header]:
    """Return a substitute for removed credentials; none if some are recorded, or the response says none were sent."""
    body = exchange.response.body
    if any(name != "x-goog-user-project" for name, _ in recorded_credentials(exchange)) or _NOTHING_SENT.search(body):
        return []
    return [KEY] if _KEY_SENT.search(body) else [TOKEN]

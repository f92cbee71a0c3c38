"""Who asked: the credentials a request was recorded with, or must have had."""

import re
from urllib.parse import unquote_plus

from mockserver.recordings.exchange import Exchange

Header = tuple[str, str]

# Takes the place of what a recorder took out.
TOKEN: Header = ("authorization", "Bearer replayed-token")
KEY: Header = ("x-goog-api-key", "replayed-key")

_CARRIERS = frozenset({"authorization", "x-goog-api-key", "x-goog-user-project"})
_IN_QUERY = re.compile(r"(?:^|&)(key|access_token)=([^&]*)")
_NOTHING_SENT = re.compile(rb"unregistered callers|CREDENTIALS_MISSING|missing required authentication credential")
_KEY_SENT = re.compile(rb"API keys are not supported")


def recorded(exchange: Exchange) -> list[Header]:
    """The credentials the recorder kept, as headers."""
    kept = [(name, value) for name, value in exchange.request.headers if name in _CARRIERS]
    for name, value in _IN_QUERY.findall(exchange.request.parts.query):
        kept.append(("x-goog-api-key" if name == "key" else "authorization", unquote_plus(value)))
    return kept


def supplied(exchange: Exchange) -> list[Header]:
    """What the client must have sent and the recorder took out: something, unless the reply says that it was missing."""
    body = exchange.response.body
    if any(name != "x-goog-user-project" for name, _ in recorded(exchange)) or _NOTHING_SENT.search(body):
        return []
    return [KEY] if _KEY_SENT.search(body) else [TOKEN]

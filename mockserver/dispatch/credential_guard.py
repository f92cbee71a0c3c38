"""The real-credential guard: never stores or logs a secret that looks real, and refuses it if so configured."""

import logging
import re
from collections.abc import Callable, Iterable

from mockserver.rpc.errors import ApiError, Code
from mockserver.rpc.redaction import find_real_secret, find_real_secret_in_bytes

log = logging.getLogger("mockserver")

WARNING = (
    "a client sent what looks like a real credential: %s. Nothing was sent to Google, and the mock server does not store "
    "or log it. Use any made-up text instead. --refuse-real-credentials makes this an error."
)
REFUSAL = (
    "This mock server refuses what looks like {} that is real (--refuse-real-credentials). Send a made-up one: any text "
    "will do. The server did not store or log this one."
)

# The escapes of letters, digits, - . and _ in JSON, which no serializer writes.
_ESCAPE = re.compile(rb"\\u00(2[de]|3\d|[46][1-9a-f]|[57][\da]|5f)", re.IGNORECASE)


def find_secret(texts: Iterable[str], body: bytes, warn_once: Callable[[], bool]) -> str:
    """Find what looks like a real secret in the texts and the body of a request: "an API key", ...; "" if nothing does.

    It logs a warning if `warn_once` returns True.
    """
    return complete_secret(find_real_secret("\n".join(texts)), body, warn_once)


def complete_secret(secret: str, body: bytes, warn_once: Callable[[], bool]) -> str:
    """Do the same for texts that have been searched: `secret` is what they contain."""
    secret = secret or (_find_secret_in_body(body) if body else "")
    if secret and warn_once():
        log.warning(WARNING, secret)
    return secret


def _find_secret_in_body(body: bytes) -> str:
    if b"\\u00" in body:
        body = _ESCAPE.sub(lambda escape: bytes.fromhex(escape[1].decode()), body)
    return find_real_secret_in_bytes(body)


def refusal(secret: str) -> ApiError:
    """Return the error for a request with such a secret."""
    return ApiError(Code.FAILED_PRECONDITION, REFUSAL.format(secret))

"""The real-credential guard: a secret that looks real is never kept or printed, and refused if the server was told to."""

import logging
from collections.abc import Callable, Iterable

from mockserver.rpc.credentials import SECRET_MARKERS, find_real_secret
from mockserver.rpc.errors import ApiError, Code

log = logging.getLogger("mockserver")

WARNING = (
    "a client sent what looks like %s that is real. Nothing went to Google, and the mock server neither keeps nor "
    "prints it; any made-up text would do. --refuse-real-credentials makes this an error."
)
REFUSAL = (
    "This is a mock server, and it was told to refuse what looks like {} that is real (--refuse-real-credentials). "
    "Send a made-up one: any text will do. This one was neither kept nor printed."
)

_MARKS = tuple(mark.encode() for mark in SECRET_MARKERS)


def find_secret(texts: Iterable[str], body: bytes, warn_once: Callable[[], bool]) -> str:
    """What looks like a real secret in the texts and the body of a request: "an API key", ...; "" if nothing does.

    Logs a warning for the first one, as `warn_once` tells.
    """
    found = find_real_secret("\n".join(texts))
    if not found and any(mark in body for mark in _MARKS):
        found = find_real_secret(body.decode("latin-1"))
    if found and warn_once():
        log.warning(WARNING, found)
    return found


def refusal(secret: str) -> ApiError:
    """The error for a request that carries such a secret, where they are not wanted."""
    return ApiError(Code.FAILED_PRECONDITION, REFUSAL.format(secret))

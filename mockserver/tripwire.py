"""Secrets that look real: answered like any other, or refused; never kept, never printed; told of once."""

import logging
import threading
from collections.abc import Iterable

from mockserver.wire.credentials import MARKS, real_secret
from mockserver.wire.errors import ApiError, Code

log = logging.getLogger("mockserver")

WARNING = (
    "a client sent what looks like %s that is real. Nothing went to Google, and the mock server neither keeps nor "
    "prints it; any made-up text would do. --refuse-real-credentials makes this an error."
)
REFUSAL = (
    "This is a mock server, and it was told to refuse what looks like {} that is real (--refuse-real-credentials). "
    "Send a made-up one: any text will do. This one was neither kept nor printed."
)

_MARKS = tuple(mark.encode() for mark in MARKS)


class Tripwire:
    """What a server does about them: one warning in its life."""

    def __init__(self) -> None:
        self._untold = threading.Lock()

    def secret(self, texts: Iterable[str], body: bytes) -> str:
        """What looks real among the texts and in the body of a request: "an API key", ...; "" if nothing does."""
        found = real_secret("\n".join(texts))
        if not found and any(mark in body for mark in _MARKS):
            found = real_secret(body.decode("latin-1"))
        if found and self._untold.acquire(blocking=False):
            log.warning(WARNING, found)
        return found


def refusal(secret: str) -> ApiError:
    """The error for a request that carries such a secret, where they are not wanted."""
    return ApiError(Code.FAILED_PRECONDITION, REFUSAL.format(secret))

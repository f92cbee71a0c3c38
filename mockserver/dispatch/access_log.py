"""The access log: a line for each call, whichever face answers it."""

import logging
from collections.abc import Callable

access = logging.getLogger("mockserver.access")

LogCall = Callable[[str, int | str, float], None]
"""Logs a call: the name of its method, the status (of HTTP, or the name of gRPC's code), the milliseconds that it took."""


def log_call(label: str, status: int | str, milliseconds: float) -> None:
    """Log a call by the module `logging`."""
    access.info("%s %s %.1f ms", label, status, milliseconds)

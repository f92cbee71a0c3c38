"""The access log: a line for each call, whichever face answers it, and how many calls there were."""

import logging
import threading
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mockserver.rpc.redaction import WithoutSecrets

access = logging.getLogger("mockserver.access")
hints = logging.getLogger("mockserver.hints")
"""Gets what the server can explain of failed calls: as INFO if the line of the call says it too, else as WARNING."""

_without_secrets = WithoutSecrets()
for _logger in (logging.getLogger("mockserver"), access, hints):  # the filter of one does not see what others log
    _logger.addFilter(_without_secrets)

LogCall = Callable[[str, int | str, float, str], None]
"""Logs a call: the name of its method, the status (of HTTP, or the name of gRPC's code), the milliseconds that it took,
and why it was refused, "" if it was not."""

BUCKET_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""The upper bounds of the buckets of latencies; the last bucket has none."""

NO_METHOD = "none"
"""Stands for the method of a request that found none: paths are not counted, because there may be any number."""


def log_call(label: str, status: int | str, milliseconds: float, reason: str) -> None:
    """Log a call by the module `logging`."""
    if access.isEnabledFor(logging.INFO):
        access.info("%s %s %.1f ms%s", label, status, milliseconds, reason)


@dataclass(slots=True)
class CallCount:
    """How many calls of a method were answered with a status, by buckets of their latencies, and the seconds of all."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKET_SECONDS) + 1))
    seconds: float = 0.0


class CallCounter:
    """Counts each call, and logs it."""

    def __init__(self, log_call: LogCall = log_call) -> None:
        self._log_call = log_call
        self._counts: dict[tuple[str, int | str], CallCount] = {}
        self._lock = threading.Lock()

    def log_call(self, label: str, status: int | str, milliseconds: float, reason: str) -> None:
        """Count a call and log it."""
        seconds = milliseconds / 1000
        with self._lock:
            count = self._counts.get((label, status))
            if count is None:
                method = NO_METHOD if " " in label or label.startswith("/") else label
                count = self._counts.setdefault((method, status), CallCount())
            count.buckets[bisect_left(BUCKET_SECONDS, seconds)] += 1
            count.seconds += seconds
        self._log_call(label, status, milliseconds, reason)

    @property
    def counts(self) -> Mapping[tuple[str, str], CallCount]:
        """Return the counts by method and status."""
        with self._lock:
            counts = self._counts.items()
            return {(method, str(status)): CallCount(list(it.buckets), it.seconds) for (method, status), it in counts}

"""Faults as data: which calls go wrong, and how. And a record of what struck, as evidence.

    Fault(status=503, times=2)                                    the next two calls of anything
    Fault("tunedModels.create", status=429, retry_after=30)
    Fault(status="SERVICE_DISABLED")                              the API is off in the caller's project
    Fault("*.streamGenerateContent", cut_after_chunks=1)
    Fault(resource="tunedModels/mine-*", latency_seconds=20, probability=0.1)
    Fault("tunedModels.create", fail_at_step=10)                  the job that is made will fail

The words of a status error differ by service, so they are the surfaces' to say.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import NamedTuple

from mockserver.scripting.magic_words import FAULT_WORDS, JobDirectives, magic_directives
from mockserver.scripting.summary import summary_repr
from mockserver.settings import LONGEST_SECONDS

Nanos = int

# google.rpc.Code by the HTTP status it is sent with. Where two share a status, the first is what the number stands for.
STATUSES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}

# Refusals that one status has many of, by the reason in google.rpc.ErrorInfo; the last two were seen without one.
REASONS = (
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    "ACCESS_TOKEN_TYPE_UNSUPPORTED",
    "API_KEY_HTTP_REFERRER_BLOCKED",
    "API_KEY_INVALID",
    "API_KEY_SERVICE_BLOCKED",
    "CONSUMER_INVALID",
    "CONSUMER_SUSPENDED",
    "CREDENTIALS_MISSING",
    "IAM_PERMISSION_DENIED",
    "RATE_LIMIT_EXCEEDED",
    "SERVICE_DISABLED",
    "USER_PROJECT_DENIED",
    "API_KEY_EXPIRED",
    "USER_LOCATION_UNSUPPORTED",
)

_SECONDS = ("retry_after", "latency_seconds", "chunk_delay_seconds", "for_seconds")
_COUNTS = {"after_chunks": 0, "cut_after_chunks": 0, "fail_at_step": 0, "stall_at_step": 0, "nth": 1, "times": 1}


class Signature(NamedTuple):
    """A call, as faults see it: its method's id and the resource it is about."""

    method: str
    resource: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Fault:
    """What goes wrong, and when.

    When: `method` and `resource` are globs over the method's id ("tunedModels.create") and the name in
    the call; `nth` is the first matching call to strike, from 1, and alone the only one; `times` is how
    often to strike at most; `probability` is thrown with the world's seeded rng; `for_seconds` is how
    long the fault is about, from when it was added, on the world's clock.

    What: `status` is an HTTP status, a google.rpc code's name or one of REASONS, answered in the real words
    or in `message`, and with `retry_after` (seconds) in RetryInfo; in a stream it comes after `after_chunks` chunks.
    `latency_seconds` pass on the world's clock before the answer, `chunk_delay_seconds` before each
    chunk. `cut_after_chunks` ends a stream in the middle, `reset` breaks the connection instead of an
    answer, `truncate` breaks it in the middle of the body, `garble` makes the body no JSON.
    `fail_at_step`, `stall_at_step` and `never_finish` befall the job that the call makes.

    Raises ValueError for a fault that does nothing, that does two things at once, or that has an
    impossible number or an unknown status.
    """

    method: str = "*"
    resource: str = "*"
    status: int | str | None = None
    message: str | None = None
    retry_after: float | None = None
    after_chunks: int = 0
    latency_seconds: float = 0.0
    chunk_delay_seconds: float = 0.0
    cut_after_chunks: int | None = None
    reset: bool = False
    truncate: bool = False
    garble: bool = False
    fail_at_step: int | None = None
    stall_at_step: int | None = None
    never_finish: bool = False
    nth: int | None = None
    times: int | None = None
    probability: float = 1.0
    for_seconds: float | None = None

    def __post_init__(self) -> None:
        _check_effects(self)
        _check_numbers(self)
        _status_name(self.status)

    __repr__ = summary_repr

    @property
    def status_name(self) -> str | None:
        """The google.rpc code's name, or the reason; None for a fault that is no status error."""
        return _status_name(self.status)

    @property
    def job(self) -> JobDirectives:
        """What befalls a job made by the call."""
        return JobDirectives(self.fail_at_step, self.stall_at_step, self.never_finish)

    @property
    def is_final(self) -> bool:
        """Whether it spoils the answer, rather than only slowing it."""
        return bool(_endings(self))


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """A fault in a world: since when, how many matching calls it has seen, and how many it struck."""

    fault: Fault
    since: Nanos = 0
    seen: int = 0
    struck: int = 0


def attempt(
    record: FaultRecord, signature: Signature, now: Nanos, rng: random.Random
) -> tuple[FaultRecord, Fault | None]:
    """Show a call to a fault: its record afterwards, and the fault if it struck.

    The rng are thrown only by a fault whose probability is below 1.
    """
    fault = record.fault
    if not _concerns(fault, signature) or _is_over(record, now):
        return record, None
    record = replace(record, seen=record.seen + 1)
    if not _is_due(record) or (fault.probability < 1 and rng.random() >= fault.probability):
        return record, None
    return replace(record, struck=record.struck + 1), fault


def strike(
    records: Sequence[FaultRecord], signature: Signature, now: Nanos, rng: random.Random
) -> tuple[tuple[FaultRecord, ...], Fault | None]:
    """Show a call to all faults of a world, in order, and combine those that strike.

    Delays add up, until the first fault that spoils the answer; those after it do not see the call.
    """
    after: list[FaultRecord] = []
    combined: Fault | None = None
    for record in records:
        if combined is not None and combined.is_final:
            after.append(record)
            continue
        counted, struck = attempt(record, signature, now, rng)
        after.append(counted)
        if struck is not None:
            combined = struck if combined is None else _together(struck, combined)
    return tuple(after), combined


def magic_fault(text: str) -> Fault | None:
    """The fault that magic words in a prompt ask for: `[mock: error=429 retry-after=30]`.

    None where they ask for none, and where they are misspelt: then the answer to the prompt says so.
    """
    try:
        return directed_fault(magic_directives(text))
    except ValueError:
        return None


def directed_fault(directives: Mapping[str, str]) -> Fault | None:
    """The fault that these magic words ask for, if any. Raises ValueError for what is no fault or no number."""
    words = {word: value for word, value in directives.items() if word in FAULT_WORDS}
    if not words:
        return None
    return Fault(
        status=words.get("error"),
        message=words.get("message"),
        retry_after=float(words["retry_after"]) if "retry_after" in words else None,
        after_chunks=int(words.get("after", 0)),
        latency_seconds=float(words.get("latency", 0)),
        chunk_delay_seconds=float(words.get("chunk_delay", 0)),
        cut_after_chunks=int(words["cut"] or 1) if "cut" in words else None,
        reset="reset" in words,
        truncate="truncate" in words,
        garble="garble" in words,
    )


def _concerns(fault: Fault, signature: Signature) -> bool:
    return fnmatchcase(signature.method, fault.method) and fnmatchcase(signature.resource, fault.resource)


def _is_over(record: FaultRecord, now: Nanos) -> bool:
    lasts = record.fault.for_seconds
    return lasts is not None and now >= record.since + round(lasts * 1_000_000_000)


def _is_due(record: FaultRecord) -> bool:
    """Whether a call just seen is one of those to strike, by count."""
    fault = record.fault
    limit = fault.times if fault.times is not None or fault.nth is None else 1
    return record.seen >= (fault.nth or 1) and (limit is None or record.struck < limit)


def _together(fault: Fault, earlier: Fault) -> Fault:
    """One fault that does what both do; of two fates of a job the earlier fault's counts."""
    return replace(
        fault,
        latency_seconds=fault.latency_seconds + earlier.latency_seconds,
        chunk_delay_seconds=fault.chunk_delay_seconds + earlier.chunk_delay_seconds,
        fail_at_step=fault.fail_at_step if earlier.fail_at_step is None else earlier.fail_at_step,
        stall_at_step=fault.stall_at_step if earlier.stall_at_step is None else earlier.stall_at_step,
        never_finish=fault.never_finish or earlier.never_finish,
    )


def _endings(fault: Fault) -> list[str]:
    """The ways in which this fault spoils the answer."""
    ways = {
        "status": fault.status is not None,
        "cut_after_chunks": fault.cut_after_chunks is not None,
        "reset": fault.reset,
        "truncate": fault.truncate,
        "garble": fault.garble,
    }
    return [way for way, chosen in ways.items() if chosen]


def _check_effects(fault: Fault) -> None:
    endings = _endings(fault)
    if len(endings) > 1:
        raise ValueError(f"a fault spoils an answer in one way, not in {len(endings)}: {', '.join(endings)}")
    if not endings and not fault.latency_seconds and not fault.chunk_delay_seconds and fault.job == JobDirectives():
        raise ValueError(
            "a fault needs something to do: status, latency_seconds, chunk_delay_seconds, cut_after_chunks, reset,"
            " truncate, garble, fail_at_step, stall_at_step or never_finish"
        )
    if fault.status is None and (fault.message is not None or fault.retry_after is not None or fault.after_chunks):
        raise ValueError("message, retry_after and after_chunks belong to a fault with a status")


def _check_numbers(fault: Fault) -> None:
    for name, least in _COUNTS.items():
        number = getattr(fault, name)
        if number is not None and number < least:
            raise ValueError(f"{name} counts from {least}, so it cannot be {number}")
    for name in _SECONDS:
        number = getattr(fault, name)
        if number is not None and not 0 <= number <= LONGEST_SECONDS:
            raise ValueError(f"{name} is a number of seconds from 0 to {LONGEST_SECONDS}, not {number}")
    if not 0 <= fault.probability <= 1:
        raise ValueError(f"a probability lies between 0 and 1, which {fault.probability} does not")


def _status_name(status: int | str | None) -> str | None:
    if status is None:
        return None
    word = str(status).upper()
    for name, number in STATUSES.items():
        if word in {name, str(number)}:
            return name
    if word in REASONS:
        return word
    known = ", ".join([*(f"{number} {name}" for name, number in STATUSES.items()), *REASONS])
    raise ValueError(f"unknown status {status!r}; the known ones are {known}")

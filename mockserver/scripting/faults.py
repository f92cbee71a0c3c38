"""Faults as data: the calls that they match, their effects, and their counts in a world.

    Fault(status=503, times=2)                                    the next two calls of anything
    Fault("tunedModels.create", status=429, retry_after=30)
    Fault(status="SERVICE_DISABLED")                              the API is off in the caller's project
    Fault("*.streamGenerateContent", cut_after_chunks=1)
    Fault(resource="tunedModels/mine-*", latency_seconds=20, probability=0.1)
    Fault("tunedModels.create", fail_at_step=10)                  the new job will fail

The sentence of a status error depends on the service: see `dispatch.fault_injection`.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import NamedTuple

from mockserver.rpc.errors import Code
from mockserver.rpc.method_ids import matches_method
from mockserver.scripting.magic_words import FAULT_WORDS, JobDirectives, parse_magic_words
from mockserver.scripting.summary import summary_repr
from mockserver.settings import LONGEST_SECONDS
from mockserver.settings.keywords import check_keywords

Nanos = int

# The HTTP status of each google.rpc.Code. Where several share a status, the number stands for the first.
STATUSES = {
    code.name: code.http for code in sorted(Code, key=lambda code: (code.http, code is not Code.INTERNAL, code)) if code
}

# Errors that share a status, by the reason in google.rpc.ErrorInfo; the last two were seen without ErrorInfo.
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

_SECONDS = ("retry_after", "retry_after_header", "latency_seconds", "chunk_delay_seconds", "for_seconds")
_COUNTS = {"after_chunks": 0, "cut_after_chunks": 0, "fail_at_step": 0, "stall_at_step": 0, "nth": 1, "times": 1}


class CallTarget(NamedTuple):
    """The parts of a call that faults match: the id of its method and the name of its resource.

    `is_stream` is whether the method answers with a stream, `creates_job` whether it begins to tune something.
    """

    method: str
    resource: str = ""
    is_stream: bool = False
    creates_job: bool = False


@check_keywords(code="status", error="status", count="times", delay="latency_seconds", latency="latency_seconds")
@dataclass(frozen=True, slots=True, repr=False)
class Fault:
    """A fault to inject: the calls that it affects, and its effect.

    Calls: `method` and `resource` are globs for the method's id ("tunedModels.create"), or the end of it, and for the
    name of the resource; `nth` is the number of the first matching call that it affects, from 1, and without `times`
    the only one; `times` limits how many calls it affects; `probability` is drawn from the world's seeded random
    generator; `for_seconds` is how long the fault lasts after it was added, on the world's clock.

    Effect: `status` is an HTTP status, the name of a google.rpc code or one of REASONS, sent with the real sentence or
    with `message`, with `retry_after` (seconds) in RetryInfo and `retry_after_header` in the HTTP header Retry-After,
    which a proxy or gateway may send; in a stream it comes after `after_chunks` chunks.
    `latency_seconds` pass on the world's clock before the answer, `chunk_delay_seconds` before each chunk of a stream.
    `cut_after_chunks` breaks the connection after so many chunks of a stream, `reset` breaks it instead of an answer,
    `truncate` breaks it in the middle of the body, `garble` makes the body invalid JSON. `fail_at_step`,
    `stall_at_step` and `never_finish` apply to the job that the call creates.

    Raises ValueError for a fault without an effect or with two that exclude each other, for a number out of range and
    for an unknown status.
    """

    method: str = "*"
    resource: str = "*"
    status: int | str | None = None
    message: str | None = None
    retry_after: float | None = None
    retry_after_header: int | None = None
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
        __tracebackhide__ = True
        _check_effects(self)
        _check_numbers(self)
        _ = self.status_name  # raises ValueError for an unknown one
        if isinstance(self.status, str) and self.status.isdecimal():  # from magic words and answers files
            object.__setattr__(self, "status", int(self.status))

    __repr__ = summary_repr

    @property
    def status_name(self) -> str | None:
        """Return the name of the google.rpc code, or the reason; None for a fault without a status."""
        __tracebackhide__ = True
        if self.status is None:
            return None
        word = str(self.status).upper()
        for name, number in STATUSES.items():
            if word in {name, str(number)}:
                return name
        if word in REASONS:
            return word
        statuses = [f"{number} {name}" for name, number in STATUSES.items()]
        raise ValueError(f"{self.status!r} is not a status; use one of {', '.join((*statuses, *REASONS))}")

    @property
    def job(self) -> JobDirectives:
        """Return the effect on the job that the call creates."""
        return JobDirectives(self.fail_at_step, self.stall_at_step, self.never_finish)

    @property
    def stream_effects(self) -> list[str]:
        """Return the names of the effects that only a stream can have."""
        effects = {
            "after_chunks": bool(self.after_chunks),
            "chunk_delay_seconds": bool(self.chunk_delay_seconds),
            "cut_after_chunks": self.cut_after_chunks is not None,
        }
        return [name for name, is_set in effects.items() if is_set]

    @property
    def job_effects(self) -> list[str]:
        """Return the names of the effects on the job that the call creates."""
        effects = {
            "fail_at_step": self.fail_at_step is not None,
            "stall_at_step": self.stall_at_step is not None,
            "never_finish": self.never_finish,
        }
        return [name for name, is_set in effects.items() if is_set]

    def can_happen(self, target: CallTarget) -> bool:
        """Return whether any effect can happen in a call of this kind."""
        return bool(
            self._happens_in_every_call
            or (target.is_stream and self.stream_effects)
            or (self.job_effects and target.creates_job)
        )

    def has_happened(self, *, has_raised: bool, chunks: int | None, has_created: bool) -> bool:
        """Return whether any effect has happened in a call.

        It `has_raised` the status, has sent so many `chunks` (None if it was no stream), or `has_created` something.
        """
        return bool(
            self._happens_in_every_call
            or has_raised
            or (self.cut_after_chunks is not None and chunks is not None and chunks >= self.cut_after_chunks)
            or (self.chunk_delay_seconds and chunks)
            or (self.job_effects and has_created)
        )

    @property
    def _happens_in_every_call(self) -> bool:
        has_status = self.status is not None and not self.after_chunks
        return has_status or self.latency_seconds > 0 or self.reset or self.truncate or self.garble

    @property
    def is_final(self) -> bool:
        """Return whether the fault changes the answer, rather than only delaying it."""
        return bool(_effects(self))


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """A fault in a world: when it was added, how many calls it matched, and into how many it was injected.

    A call in which it could not happen, or did not, is matched only: a stream that ended before `after_chunks`.
    """

    fault: Fault
    since: Nanos = 0
    matched: int = 0
    injected: int = 0


def match_fault(
    record: FaultRecord, target: CallTarget, now: Nanos, rng: random.Random
) -> tuple[FaultRecord, Fault | None]:
    """Match a call with a fault. Return the fault's new record, and the fault if it is to be injected.

    Only a fault whose probability is below 1 draws from the random generator.
    """
    fault = record.fault
    if not _matches(fault, target) or _is_over(record, now):
        return record, None
    record = replace(record, matched=record.matched + 1)
    if (
        not _is_due(record)
        or not fault.can_happen(target)
        or (fault.probability < 1 and rng.random() >= fault.probability)
    ):
        return record, None
    return replace(record, injected=record.injected + 1), fault


def select_fault(
    records: Sequence[FaultRecord], target: CallTarget, now: Nanos, rng: random.Random
) -> tuple[tuple[FaultRecord, ...], Fault | None]:
    """Match a call with all faults of a world, in order. Return their new records, and the fault to inject.

    Delays add up until the first fault that changes the answer; the faults after it are not matched.
    """
    new_records: list[FaultRecord] = []
    result: Fault | None = None
    for record in records:
        if result is not None and result.is_final:
            new_records.append(record)
            continue
        new_record, fault = match_fault(record, target, now, rng)
        new_records.append(new_record)
        if fault is not None:
            result = fault if result is None else _combine(fault, result)
    return tuple(new_records), result


def find_magic_fault(text: str) -> Fault | None:
    """Return the fault that magic words in a prompt request: `[mock: error=429 retry-after=30]`.

    None if they request none, or if one is invalid: then the answer to the prompt says so.
    """
    if "[" not in text:
        return None
    try:
        return fault_from_words(parse_magic_words(text))
    except ValueError:
        return None


def fault_from_words(magic_words: Mapping[str, str]) -> Fault | None:
    """Return the fault that these magic words request, if any. ValueError for an invalid fault or number."""
    words = {word: value for word, value in magic_words.items() if word in FAULT_WORDS}
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


def _matches(fault: Fault, target: CallTarget) -> bool:
    return matches_method(target.method, fault.method) and fnmatchcase(target.resource, fault.resource)


def _is_over(record: FaultRecord, now: Nanos) -> bool:
    seconds = record.fault.for_seconds
    return seconds is not None and now >= record.since + round(seconds * 1_000_000_000)


def _is_due(record: FaultRecord) -> bool:
    """Return whether the fault affects the call that was counted last, by the call's number."""
    fault = record.fault
    limit = fault.times if fault.times is not None or fault.nth is None else 1
    return record.matched >= (fault.nth or 1) and (limit is None or record.injected < limit)


def _combine(fault: Fault, earlier: Fault) -> Fault:
    """Return one fault with the effects of both; of two effects on a job, that of the earlier fault.

    The delays are added, up to the longest that a fault may have.
    """
    return replace(
        fault,
        latency_seconds=min(fault.latency_seconds + earlier.latency_seconds, LONGEST_SECONDS),
        chunk_delay_seconds=min(fault.chunk_delay_seconds + earlier.chunk_delay_seconds, LONGEST_SECONDS),
        fail_at_step=fault.fail_at_step if earlier.fail_at_step is None else earlier.fail_at_step,
        stall_at_step=fault.stall_at_step if earlier.stall_at_step is None else earlier.stall_at_step,
        never_finish=fault.never_finish or earlier.never_finish,
    )


def _effects(fault: Fault) -> list[str]:
    """Return the names of this fault's effects that change the answer."""
    effects = {
        "status": fault.status is not None,
        "cut_after_chunks": fault.cut_after_chunks is not None,
        "reset": fault.reset,
        "truncate": fault.truncate,
        "garble": fault.garble,
    }
    return [name for name, is_set in effects.items() if is_set]


def _check_effects(fault: Fault) -> None:
    __tracebackhide__ = True
    effects = _effects(fault)
    if len(effects) > 1:
        raise ValueError(f"{' and '.join(effects)} exclude each other: set one of them")
    if not effects and not fault.latency_seconds and not fault.chunk_delay_seconds and fault.job == JobDirectives():
        raise ValueError(
            "a fault needs an effect: status, latency_seconds, chunk_delay_seconds, cut_after_chunks, reset,"
            " truncate, garble, fail_at_step, stall_at_step or never_finish"
        )
    needs_status = (fault.message, fault.retry_after, fault.retry_after_header, fault.after_chunks or None)
    if fault.status is None and any(value is not None for value in needs_status):
        of_job = f"; for a job's own error use mockserver.fail(name, at_step={fault.fail_at_step}, error=...)"
        raise ValueError(
            "message, retry_after, retry_after_header and after_chunks need a status"
            f"{'' if fault.fail_at_step is None else of_job}"
        )


def _check_numbers(fault: Fault) -> None:
    __tracebackhide__ = True
    for name, least in _COUNTS.items():
        number = getattr(fault, name)
        if number is not None and number < least:
            raise ValueError(f"{name} must be at least {least}, not {number}")
    for name in _SECONDS:
        number = getattr(fault, name)
        if number is not None and not 0 <= number <= LONGEST_SECONDS:
            raise ValueError(f"{name} must be a number of seconds from 0 to {LONGEST_SECONDS}, not {number}")
    if not 0 <= fault.probability <= 1:
        raise ValueError(f"probability must be between 0 and 1, not {fault.probability}")

"""The verdict on a client's resilience: what it did when calls failed, judged from the log of calls.

Attempts are calls with the same method, path, message and caller, up to the one that succeeds. A failure is transient
(429, 500, 502, 503, 504, a broken connection or answer) or permanent (every other error).
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

from mockserver.inspection.calls import Calls
from mockserver.inspection.services import route_table
from mockserver.state.calls import RecordedCall
from mockserver.state.clock import SECOND

TRANSIENT = frozenset({429, 500, 502, 503, 504})

NOT_CARRIED_OUT = frozenset({429, 503})
"""Errors of a front end that has not passed the call on, so that a create may be repeated (AIP-194: UNAVAILABLE)."""

AT_ONCE_SECONDS = 0.1

_DURATION = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?s")

_BROKEN = re.compile(r"\b(?:reset|truncate|garble|cut_after_chunks|after_chunks)=")


@dataclass(frozen=True, slots=True, repr=False)
class Finding:
    """A rule that the client broke, in a sentence, and the call that shows it."""

    rule: str
    sentence: str
    call: RecordedCall

    def __repr__(self) -> str:
        return f"<Finding {self.rule}: {self.sentence}>"

    def __str__(self) -> str:
        return f"{self.rule}: {self.sentence}\n      {self.call}"


def is_transient(call: RecordedCall) -> bool:
    """Return whether a call failed in a way that may be over soon."""
    return call.status in TRANSIENT or _is_broken(call)


def find_violations(calls: Calls, *, max_attempts: int, give_up_after: float) -> list[Finding]:
    """Return every finding, in the order of the calls that show them."""
    findings: list[Finding] = []
    for same in _group(calls):
        chains = list(_split_episodes(same))
        findings += _repeated_creates(chains)
        for chain in chains:
            findings += _judge(chain, give_up_after)
            findings += _judge_end(chain, max_attempts, give_up_after)
    order = {id(call): number for number, call in enumerate(calls)}
    return sorted(findings, key=lambda finding: order[id(finding.call)])


def requested_delay(call: RecordedCall) -> float:
    """Return the seconds that an error requests, by RetryInfo or by the header Retry-After; 0 without them."""
    details = call.response.get("details") if isinstance(call.response, dict) else None
    return max(call.retry_after, *map(_read_retry_info, details if isinstance(details, list) else ()), 0.0)


def _read_retry_info(detail: Any) -> float:
    """Return the seconds of a detail that is a RetryInfo, else 0. A recorded error may have details of any form."""
    if not isinstance(detail, dict) or not str(detail.get("@type")).endswith("RetryInfo"):
        return 0.0
    delay = str(detail.get("retryDelay"))
    return float(delay.removesuffix("s")) if _DURATION.fullmatch(delay) else 0.0


def _is_broken(call: RecordedCall) -> bool:
    return call.status == 200 and _BROKEN.search(call.fault) is not None


def _is_create(call: RecordedCall) -> bool:
    services = route_table().services.values()
    return any(fnmatchcase(call.method, pattern) for service in services for pattern in service.creates)


def _group(calls: Calls) -> Iterator[list[RecordedCall]]:
    groups: dict[tuple[str, ...], list[RecordedCall]] = {}
    for call in calls:
        message = json.dumps(call.request, sort_keys=True, default=repr)
        groups.setdefault((call.method, call.verb, call.path, call.caller, message), []).append(call)
    yield from groups.values()


def _split_episodes(same: Sequence[RecordedCall]) -> Iterator[list[RecordedCall]]:
    """Yield the attempts that belong together: a success ends them."""
    chain: list[RecordedCall] = []
    for call in same:
        chain.append(call)
        if call.status < 400 and not _is_broken(call):
            yield chain
            chain = []
    if chain:
        yield chain


def _wait(call: RecordedCall, retry: RecordedCall) -> float:
    return (retry.time - call.time) / SECOND


def _failure(call: RecordedCall) -> str:
    return f"{call.method or call.path} failed with {call.status if call.status >= 400 else call.fault}"


def _judge(chain: Sequence[RecordedCall], give_up_after: float) -> Iterator[Finding]:
    """Yield what is wrong with each retry, or with the lack of one."""
    for number, (call, retry) in enumerate(pairwise(chain)):
        pause, minimum = _wait(call, retry), requested_delay(call)
        if not is_transient(call):
            if call.status != 401 or number > 0:  # an expired token is renewed, and the call sent once more
                yield Finding("repeated in vain", f"{_failure(call)}, which does not pass, and was sent again", retry)
        elif _is_create(call) and call.status not in NOT_CARRIED_OUT:
            yield Finding("repeated a create", f"{_failure(call)} and may have been carried out; sent again", retry)
        elif pause < minimum:
            place = "the header Retry-After" if call.retry_after == minimum else "RetryInfo in the body"
            sentence = f"{_failure(call)}; sent again after {pause:g} s, told to wait {minimum:g} s (by {place})"
            yield Finding("came too soon", sentence, retry)
        elif pause < AT_ONCE_SECONDS:
            yield Finding("did not wait", f"{_failure(call)} and was sent again at once", retry)
    yield from _judge_back_off(chain)
    only = chain[0]
    must_retry = is_transient(only) and not (_is_create(only) and only.status not in NOT_CARRIED_OUT)
    if len(chain) == 1 and must_retry and requested_delay(only) <= give_up_after:
        yield Finding("did not retry", f"{_failure(only)} and was not sent again", only)


def _judge_back_off(chain: Sequence[RecordedCall]) -> Iterator[Finding]:
    """Two waits or more that nobody requested must grow."""
    waits = [_wait(call, retry) for call, retry in pairwise(chain) if is_transient(call) and not requested_delay(call)]
    if len(waits) > 1 and max(waits[1:]) <= waits[0]:
        numbers = ", ".join(f"{wait:g}" for wait in waits)
        yield Finding("did not back off", f"{_failure(chain[0])} and was sent again after {numbers} s", chain[-1])


def _judge_end(chain: Sequence[RecordedCall], max_attempts: int, give_up_after: float) -> Iterator[Finding]:
    if len(chain) > max_attempts:
        sentence = f"{_failure(chain[0])} and was sent {len(chain)} times, more than {max_attempts}"
        yield Finding("did not give up", sentence, chain[max_attempts])
        return
    late = next((call for call in chain[1:] if _wait(chain[0], call) > give_up_after), None)
    if late is not None:
        sentence = (
            f"{_failure(chain[0])} and was sent again {_wait(chain[0], late):g} s later, more than {give_up_after:g} s"
        )
        yield Finding("did not give up", sentence, late)


def _repeated_creates(chains: Sequence[Sequence[RecordedCall]]) -> Iterator[Finding]:
    for chain, later in pairwise(chains):
        if _is_create(chain[-1]):
            sentence = f"{chain[-1].method} had succeeded, and was sent again with the same message"
            yield Finding("repeated a create", sentence, later[0])

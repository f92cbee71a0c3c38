"""How a client behaved: how often it polled, whether it backed off, whether it heeded what it was told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mockserver.inspection.calls import Calls
from mockserver.state.calls import RecordedCall
from mockserver.state.clock import SECOND

# The methods a client asks again and again while a job runs.
POLLS = (
    "tunedModels.get",
    "tunedModels.operations.get",
    "*.tuningJobs.get",
    "*.operations.get",
    "*.operations.wait",
)
_ENDED = frozenset({"ACTIVE", "FAILED", "JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED"})


@dataclass(frozen=True, slots=True)
class Poll:
    """What one resource was asked: the seconds between the questions, and how many came after its end."""

    resource: str
    intervals: tuple[float, ...]
    after_end: int

    @property
    def backs_off(self) -> bool:
        """Whether no interval is shorter than the one before, and the last is longer than the first."""
        pairs = zip(self.intervals, self.intervals[1:], strict=False)
        return len(self.intervals) > 1 and self.intervals[-1] > self.intervals[0] and all(a <= b for a, b in pairs)


@dataclass(frozen=True, slots=True)
class Retry:
    """A refused call that was made again: the seconds asked for in RetryInfo (0 if none), and those waited."""

    call: RecordedCall
    asked: float
    waited: float

    @property
    def obeyed(self) -> bool:
        """Whether the client waited as long as it was told."""
        return self.waited >= self.asked


class Report:
    """The manners of those who made the calls, in the world's time."""

    def __init__(self, calls: Calls) -> None:
        self.polls: Sequence[Poll] = list(_polls(calls))
        self.retries: Sequence[Retry] = list(_retries(calls))

    def assert_polite(self, *, min_interval: float = 0.0, backs_off: bool = False) -> None:
        """AssertionError, naming each offence, if a client polled sooner than every `min_interval` seconds,
        without backing off where that is wanted, after the end, or retried before RetryInfo's delay.
        """  # noqa: D205 - one sentence
        if offences := self.offences(min_interval=min_interval, backs_off=backs_off):
            raise AssertionError("\n  ".join(["the client was not polite:", *offences]))

    def offences(self, *, min_interval: float = 0.0, backs_off: bool = False) -> list[str]:
        """A line for each thing that `assert_polite` would object to."""
        return list(self._offences(min_interval, backs_off=backs_off))

    def _offences(self, min_interval: float, *, backs_off: bool) -> Iterator[str]:
        for poll in self.polls:
            if poll.intervals and min(poll.intervals) < min_interval:
                yield f"{poll.resource} was polled again after {min(poll.intervals):g} s, sooner than {min_interval:g} s"
            if backs_off and len(poll.intervals) > 1 and not poll.backs_off:
                yield f"{poll.resource} was polled without backing off: {_seconds(poll)}"
            if poll.after_end:
                yield f"{poll.resource} was polled {poll.after_end} times after it had ended"
        for retry in self.retries:
            if not retry.obeyed:
                yield f"{retry.call.method} was retried after {retry.waited:g} s, told to wait {retry.asked:g} s"

    def __str__(self) -> str:
        lines = [
            f"{poll.resource}: {len(poll.intervals) + 1} polls, {poll.after_end} after the end, intervals {_seconds(poll)}"
            for poll in self.polls
        ]
        lines += [f"{it.call.method}: refused, again after {it.waited:g} s of {it.asked:g} s" for it in self.retries]
        return "\n".join(lines) or "nothing was polled, nothing was retried"


def _seconds(poll: Poll) -> str:
    return ", ".join(f"{seconds:g}" for seconds in poll.intervals) + " s"


def _polls(calls: Calls) -> Iterator[Poll]:
    by_resource: dict[str, list[RecordedCall]] = {}
    for call in calls.filter(status=200):
        if any(fnmatchcase(call.method, pattern) for pattern in POLLS):
            by_resource.setdefault(call.resource, []).append(call)
    for resource, polls in by_resource.items():
        if len(polls) == 1:
            continue  # a look is no poll
        end = next((place for place, call in enumerate(polls) if _is_end(call)), len(polls) - 1)
        yield Poll(resource, tuple(Calls(polls).intervals()), after_end=len(polls) - 1 - end)


def _is_end(call: RecordedCall) -> bool:
    answer = call.response
    return bool(answer.get("done")) or answer.get("state") in _ENDED


def _retries(calls: Calls) -> Iterator[Retry]:
    for place, call in enumerate(calls):
        if call.status not in {429, 500, 503, 504}:
            continue
        again = next((c for c in calls[place + 1 :] if (c.method, c.path) == (call.method, call.path)), None)
        if again is not None:
            yield Retry(call, _delay(call), (again.time - call.time) / SECOND)


def _delay(call: RecordedCall) -> float:
    for detail in call.response.get("details", ()):
        if detail["@type"].endswith("RetryInfo"):
            return float(detail["retryDelay"].removesuffix("s"))
    return 0.0

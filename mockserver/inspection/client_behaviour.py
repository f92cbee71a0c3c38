"""The client-behaviour report: how often a client polled, whether it backed off, how it took failures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mockserver.inspection.calls import Calls
from mockserver.inspection.resilience import Finding, find_violations, is_transient, requested_delay
from mockserver.inspection.services import route_table
from mockserver.state.calls import RecordedCall
from mockserver.state.clock import SECOND


@dataclass(frozen=True, slots=True)
class Poll:
    """The polls of one resource: the seconds between them, and how many came after its end."""

    resource: str
    intervals: tuple[float, ...]
    after_end: int

    @property
    def backs_off(self) -> bool:
        """Whether no interval is shorter than the one before, and the last is longer than the first."""
        pairs = zip(self.intervals, self.intervals[1:], strict=False)
        return len(self.intervals) > 1 and self.intervals[-1] > self.intervals[0] and all(a <= b for a, b in pairs)


@dataclass(frozen=True, slots=True, repr=False)
class Retry:
    """A retried call: the seconds that RetryInfo or Retry-After requested (0 without), and those that passed."""

    call: RecordedCall
    requested_seconds: float
    waited_seconds: float

    @property
    def waited_long_enough(self) -> bool:
        """Whether the client waited as long as requested."""
        return self.waited_seconds >= self.requested_seconds

    def __repr__(self) -> str:
        return f"<Retry {self}>"

    def __str__(self) -> str:
        told = f"told to wait {self.requested_seconds:g} s" if self.requested_seconds else "no delay was asked for"
        return f"{self.call.method}: refused, retried after {self.waited_seconds:g} s ({told})"


class ClientBehaviour:
    """Polls and retries in a log of calls, in the world's time."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.polls: Sequence[Poll] = list(_polls(calls))
        self.retries: Sequence[Retry] = list(_retries(calls))

    def assert_polite(self, *, min_interval: float = 0.0, backs_off: bool = False) -> None:
        """Raise AssertionError, with each violation, unless the client behaved well.

        Violations are polls sooner than every `min_interval` seconds, without back-off if `backs_off` is true, or
        after the end, and retries before the delay of RetryInfo or Retry-After.
        """
        if violations := self.violations(min_interval=min_interval, backs_off=backs_off):
            raise AssertionError("\n  ".join(["the client was not polite:", *violations]))

    def assert_resilient(self, *, max_attempts: int = 10, give_up_after: float = 600.0) -> None:
        """Raise AssertionError, with each finding and the call that shows it, unless the client took failures well.

        It must retry what may be over soon, wait longer each time and as long as RetryInfo or the header Retry-After
        says, give up after `max_attempts` calls or `give_up_after` seconds, repeat no permanent error, and no create
        that may have been carried out. A log without a failure shows nothing: that is an AssertionError too.
        """
        if not any(call.status >= 400 or is_transient(call) for call in self._calls):
            msg = "no call failed, so nothing shows that the client is resilient: inject a fault, or set a quota"
            raise AssertionError(msg)
        if findings := self.findings(max_attempts=max_attempts, give_up_after=give_up_after):
            raise AssertionError("\n  ".join(["the client is not resilient:", *map(str, findings)]))

    def findings(self, *, max_attempts: int = 10, give_up_after: float = 600.0) -> list[Finding]:
        """Return the findings that `assert_resilient` would raise."""
        return find_violations(self._calls, max_attempts=max_attempts, give_up_after=give_up_after)

    def violations(self, *, min_interval: float = 0.0, backs_off: bool = False) -> list[str]:
        """Return the violations that `assert_polite` would raise, a line for each."""
        lines = []
        for poll in self.polls:
            if poll.intervals and min(poll.intervals) < min_interval:
                shortest = min(poll.intervals)
                lines.append(f"{poll.resource} was polled again after {shortest:g} s, sooner than {min_interval:g} s")
            if backs_off and len(poll.intervals) > 1 and not poll.backs_off:
                lines.append(f"{poll.resource} was polled without backing off: {_format_intervals(poll)}")
            if poll.after_end:
                lines.append(f"{poll.resource} was polled {poll.after_end} times after it had ended")
        return lines + [
            f"{retry.call.method} was retried after {retry.waited_seconds:g} s, "
            f"told to wait {retry.requested_seconds:g} s"
            for retry in self.retries
            if not retry.waited_long_enough
        ]

    def __str__(self) -> str:
        lines = [
            f"{poll.resource}: {len(poll.intervals) + 1} polls, {poll.after_end} after the end, intervals {_format_intervals(poll)}"
            for poll in self.polls
        ]
        return "\n".join([*lines, *map(str, self.retries)]) or "nothing was polled, nothing was retried"


def _format_intervals(poll: Poll) -> str:
    return ", ".join(f"{seconds:g}" for seconds in poll.intervals) + " s"


def is_unfinished_poll(call: RecordedCall) -> bool:
    """Return whether a call asked for a job, and the answer was that it had not ended."""
    return call.status == 200 and _is_poll(call) and not _has_ended(call)


def _is_poll(call: RecordedCall) -> bool:
    services = route_table().services.values()
    return any(fnmatchcase(call.method, pattern) for service in services for pattern in service.polls)


def _has_ended(call: RecordedCall) -> bool:
    return any(service.has_ended(call.response) for service in route_table().services.values())


def _polls(calls: Calls) -> Iterator[Poll]:
    by_resource: dict[str, list[RecordedCall]] = {}
    for call in calls.filter(status=200):
        if _is_poll(call):
            by_resource.setdefault(call.resource, []).append(call)
    for resource, polls in by_resource.items():
        if len(polls) == 1:
            continue  # a single GET is not polling
        end = next((index for index, call in enumerate(polls) if _has_ended(call)), len(polls) - 1)
        yield Poll(resource, tuple(Calls(polls).intervals()), after_end=len(polls) - 1 - end)


def _retries(calls: Calls) -> Iterator[Retry]:
    for index, call in enumerate(calls):
        if call.status not in {429, 500, 503, 504}:
            continue
        retry = next((c for c in calls[index + 1 :] if (c.method, c.path) == (call.method, call.path)), None)
        if retry is not None:
            yield Retry(call, requested_delay(call), (retry.time - call.time) / SECOND)

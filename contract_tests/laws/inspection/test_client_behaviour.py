"""Laws of the client-behaviour report."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.laws.state.test_calls import call
from mockserver.inspection.calls import Calls
from mockserver.inspection.client_behaviour import ClientBehaviour
from mockserver.state.calls import RecordedCall

NEXT = "tunedModels/next"
JOB = "projects/1/locations/us-central1/tuningJobs/2"


def polled(*moments: float, end: float = 1e9, method: str = "tunedModels.get", **members: Any) -> list[RecordedCall]:
    """The polls of a resource at these times; it is unfinished until `end`."""
    return [call(method, at, response={"state": "ACTIVE" if at >= end else "CREATING"}, **members) for at in moments]


def refused(at: float, *, wait: float | None = None, status: int = 429, **members: Any) -> RecordedCall:
    """A refused call; its error requests a wait."""
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{wait:g}s" if wait else ""}
    quota = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []}
    error = {"code": status, "message": "no", **({"details": [quota, info]} if wait else {})}
    return call(at=at, status=status, response=error, **members)


def violations(*calls: RecordedCall, **wanted: Any) -> list[str]:
    """The violations in some calls."""
    return ClientBehaviour(Calls(calls)).violations(**wanted)


def test_polls_are_counted_by_resource() -> None:
    """Intervals and polls after the end are counted; creating and generating are not polls."""
    other = polled(3, 4, path="/v1beta/tunedModels/other")
    report = ClientBehaviour(Calls([call("tunedModels.create"), *polled(1, 3.5, 8, 9, end=8), *other]))
    mine, others = report.polls

    assert (NEXT, (2.5, 4.5, 1.0), 1) == (mine.resource, mine.intervals, mine.after_end)
    assert ("tunedModels/other", (1.0,), 0) == (others.resource, others.intervals, others.after_end)


@pytest.mark.parametrize(
    ("method", "response"),
    [
        ("tunedModels.get", {"state": "ACTIVE"}),
        ("tunedModels.get", {"state": "FAILED"}),
        ("tunedModels.operations.get", {"done": True}),
        ("projects.locations.operations.get", {"done": True, "error": {}}),
        ("projects.locations.operations.wait", {"done": True}),
        ("projects.locations.tuningJobs.get", {"state": "JOB_STATE_SUCCEEDED"}),
        ("projects.locations.tuningJobs.get", {"state": "JOB_STATE_FAILED"}),
        ("projects.locations.tuningJobs.get", {"state": "JOB_STATE_CANCELLED"}),
    ],
)
def test_every_kind_of_run_has_an_end(method: str, response: dict[str, Any]) -> None:
    """The poll that returns the final state is not a violation."""
    end = call(method, 5, response=response)
    going = call(method, 0, response={})

    assert [] == violations(going, end)
    assert [f"{NEXT} was polled 1 times after it had ended"] == violations(going, end, end)


@pytest.mark.parametrize("state", ["CREATING", "JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_CANCELLING"])
def test_what_is_under_way_may_be_polled_on(state: str) -> None:
    """No number of polls is too many."""
    assert [] == violations(*[call(at=at, response={"state": state}) for at in range(0, 100, 5)], min_interval=5)


def test_a_poll_that_came_too_soon_is_named() -> None:
    """By the shortest interval there was."""
    calls = polled(0, 5, 9.5, 11.25, 60)

    assert [f"{NEXT} was polled again after 1.75 s, sooner than 5 s"] == violations(*calls, min_interval=5)
    assert [] == violations(*calls, min_interval=1.75)


@pytest.mark.parametrize(
    ("moments", "backs_off"),
    [
        ([0, 1, 3, 7, 15], True),
        ([0, 1, 3, 5, 9], True),  # two intervals alike may be the longest there is
        ([0, 5, 10, 15], False),
        ([0, 4, 6], False),
        ([0, 1, 5, 7], False),
    ],
)
def test_backing_off_is_asking_ever_less_often(moments: list[float], *, backs_off: bool) -> None:
    """No interval shorter than the one before, and the last one longer than the first."""
    report = ClientBehaviour(Calls(polled(*moments)))

    assert backs_off == report.polls[0].backs_off
    assert backs_off == (not report.violations(backs_off=True))
    assert [] == report.violations()


def test_a_look_is_no_poll() -> None:
    """A single GET is not polling."""
    assert [] == ClientBehaviour(Calls(polled(0))).polls


def test_two_polls_cannot_back_off() -> None:
    """One interval is no reproach."""
    assert [] == violations(*polled(0, 5), backs_off=True)


@given(st.lists(st.floats(0.001, 1e4), min_size=1, max_size=10), st.floats(0, 1e4))
def test_polite_is_who_keeps_every_interval(intervals: list[float], least: float) -> None:
    """The minimum interval is the only criterion."""
    moments = [sum(intervals[:place]) for place in range(len(intervals) + 1)]
    report = ClientBehaviour(Calls(polled(*moments)))

    assert bool(report.violations(min_interval=least)) == any(kept < least for kept in report.polls[0].intervals)


@pytest.mark.parametrize(
    ("wait", "waited_seconds", "waited_long_enough"), [(30, 30, True), (30, 29.5, False), (0.5, 1, True)]
)
def test_a_client_waits_as_long_as_it_was_told(wait: float, waited_seconds: float, *, waited_long_enough: bool) -> None:
    """By the RetryInfo in the error."""
    report = ClientBehaviour(Calls([refused(10, wait=wait), call(at=10 + waited_seconds)]))
    retry = report.retries[0]

    assert (wait, waited_seconds, waited_long_enough) == (
        retry.requested_seconds,
        retry.waited_seconds,
        retry.waited_long_enough,
    )
    sentence = f"tunedModels.get was retried after {waited_seconds:g} s, told to wait {wait:g} s"
    assert ([] if waited_long_enough else [sentence]) == report.violations()


@pytest.mark.parametrize("status", [429, 500, 503, 504])
def test_without_a_delay_any_retry_will_do(status: int) -> None:
    """It is counted all the same."""
    report = ClientBehaviour(Calls([refused(0, status=status), call(at=0.1)]))

    assert [(0.0, 0.1)] == [(retry.requested_seconds, retry.waited_seconds) for retry in report.retries]
    assert [] == report.violations()


def test_a_refusal_that_no_wait_would_change_is_not_retried() -> None:
    """A refused call without a later call of the same method and path is not a retry."""
    elsewhere = call(at=3, path="/v1beta/tunedModels/other")

    assert [] == ClientBehaviour(Calls([refused(0, status=403), refused(1, status=404), call(at=2)])).retries
    assert [] == ClientBehaviour(Calls([refused(0, wait=30), elsewhere])).retries


def test_each_retry_is_measured_from_the_refusal_before_it() -> None:
    """A client that is sent away twice waits twice."""
    report = ClientBehaviour(Calls([refused(0, wait=1), refused(1, wait=2), call(at=2)]))

    assert [True, False] == [retry.waited_long_enough for retry in report.retries]


def test_a_failure_names_each_offence() -> None:
    """One a line; a polite client is left in peace."""
    calls = Calls([*polled(0, 1, 9, 10, end=9), refused(20, wait=30), call("tunedModels.get", 25)])
    with pytest.raises(AssertionError) as failed:
        ClientBehaviour(calls).assert_polite(min_interval=5, backs_off=True)
    ClientBehaviour(Calls(polled(0, 5, 12))).assert_polite(min_interval=5, backs_off=True)

    assert str(failed.value) == (
        "the client was not polite:\n"
        "  tunedModels/next was polled again after 1 s, sooner than 5 s\n"
        "  tunedModels/next was polled without backing off: 1, 8, 1, 15 s\n"
        "  tunedModels/next was polled 2 times after it had ended\n"
        "  tunedModels.get was retried after 5 s, told to wait 30 s"
    )


def test_a_report_can_be_read() -> None:
    """A line for each resource and each retry."""
    job = polled(0, 60, 60.5, end=60, method="projects.locations.tuningJobs.get", path=f"/v1/{JOB}")
    report = ClientBehaviour(Calls([*job, refused(61, wait=2), call(at=64)]))

    assert str(report) == (
        f"{JOB}: 3 polls, 1 after the end, intervals 60, 0.5 s\ntunedModels.get: refused, retried after 3 s (told to wait 2 s)"
    )
    assert "nothing was polled, nothing was retried" == str(ClientBehaviour(Calls([])))


def test_retry_is_shown_in_a_sentence() -> None:
    """Not with the whole call that it repeats."""
    retries = ClientBehaviour(Calls([refused(1, wait=30), call(at=6)])).retries

    assert "[<Retry tunedModels.get: refused, retried after 5 s (told to wait 30 s)>]" == repr(retries)

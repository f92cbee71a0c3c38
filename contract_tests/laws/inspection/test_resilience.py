"""Laws of the verdict on resilience: each rule finds what breaks it, and nothing else."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.laws.inspection.test_client_behaviour import refused
from contract_tests.laws.state.test_calls import call
from mockserver.inspection.calls import Calls
from mockserver.inspection.client_behaviour import ClientBehaviour
from mockserver.state.calls import RecordedCall

ASK = "models.generateContent"
CREATE = "tunedModels.create"


def failed(at: float, status: int = 503, method: str = ASK, **members: Any) -> RecordedCall:
    """A failed call."""
    return refused(at, status=status, method=method, **members)


def served(at: float, method: str = ASK, **members: Any) -> RecordedCall:
    """A call that succeeded."""
    return call(method, at, **members)


def broken(at: float, fault: str = "reset=True", method: str = ASK) -> RecordedCall:
    """A call whose answer did not arrive."""
    return call(method, at, fault=fault)


def rules(*calls: RecordedCall, **limits: Any) -> list[str]:
    """The rules that some calls break."""
    return [finding.rule for finding in ClientBehaviour(Calls(calls)).findings(**limits)]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_transient_failure_is_retried(status: int) -> None:
    """Once is enough; not at all is a finding."""
    assert ["did not retry"] == rules(failed(0, status))
    assert [] == rules(failed(0, status), served(1))
    assert [] == rules(failed(0, status), failed(1, status))


@pytest.mark.parametrize("fault", ["reset=True", "truncate=True", "cut_after_chunks=1", "status=503, after_chunks=1"])
def test_a_broken_answer_is_a_transient_failure(fault: str) -> None:
    """Although the log has status 200."""
    assert ["did not retry"] == rules(broken(0, fault))
    assert [] == rules(broken(0, fault), served(1))
    assert [] == rules(broken(0, "latency_seconds=5"))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 499, 501])
def test_a_permanent_error_is_not_repeated(status: int) -> None:
    """But for one new attempt with a new token."""
    again = [] if status == 401 else ["repeated in vain"]

    assert [] == rules(failed(0, status))
    assert again == rules(failed(0, status), failed(1, status))
    assert ["repeated in vain"] == rules(failed(0, status), failed(1, status), failed(2, status))[-1:]


def test_waiting_is_necessary() -> None:
    """Longer than no time, and as long as requested."""
    assert ["did not wait"] == rules(failed(0), served(0))
    assert ["came too soon"] == rules(failed(0, 429, wait=30), served(29))
    assert [] == rules(failed(0, 429, wait=30), served(30))


def test_the_place_of_the_requested_delay_is_told() -> None:
    """A client that reads only the header does not see RetryInfo."""
    (finding,) = ClientBehaviour(Calls([failed(0, 429, wait=30), served(1)])).findings()

    assert finding.sentence.endswith("sent again after 1 s, told to wait 30 s (by RetryInfo in the body)")


@given(st.lists(st.floats(0.2, 100), min_size=2, max_size=6))
def test_waits_must_grow(waits: list[float]) -> None:
    """Some later wait is longer than the first: jitter may make one shorter than the one before."""
    moments = [sum(waits[:number]) for number in range(len(waits) + 1)]
    found = rules(*map(failed, moments), give_up_after=1e9)
    measured = [round(later * 1e9) - round(sooner * 1e9) for sooner, later in pairwise(moments)]

    assert (["did not back off"] if max(measured[1:]) <= measured[0] else []) == found


def test_equal_waits_that_were_requested_are_fine() -> None:
    """The server knows best."""
    assert [] == rules(*(failed(at, 429, wait=30) for at in (0, 30, 60)), served(90))
    assert ["did not back off"] == rules(*(failed(at, 429) for at in (0, 30, 60)), served(90))


def test_a_client_gives_up() -> None:
    """After so many attempts, or so many seconds; the finding has the call that was too much."""
    calls = [failed(2.0**number) for number in range(5)]

    assert [] == rules(*calls, max_attempts=5)
    (finding,) = ClientBehaviour(Calls(calls)).findings(max_attempts=3)
    assert ("did not give up", calls[3]) == (finding.rule, finding.call)
    (finding,) = ClientBehaviour(Calls(calls)).findings(give_up_after=6)
    assert ("did not give up", calls[3]) == (finding.rule, finding.call)


def test_who_is_told_to_come_tomorrow_may_give_up() -> None:
    """And must, if that is later than `give_up_after`."""
    assert [] == rules(failed(0, 429, wait=39_043))
    assert ["did not give up"] == rules(failed(0, 429, wait=39_043), served(39_043))


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_create_that_may_have_been_carried_out_is_not_repeated(status: int) -> None:
    """Of an error behind the front end nobody knows."""
    first = failed(0, status, CREATE)

    assert [] == rules(first)
    assert ["repeated a create"] == rules(first, served(5, CREATE))
    assert ["repeated a create"] == rules(broken(0, method=CREATE), served(5, CREATE))


@pytest.mark.parametrize("status", [429, 503])
def test_a_create_that_was_not_carried_out_is_retried(status: int) -> None:
    """As everything else."""
    assert ["did not retry"] == rules(failed(0, status, CREATE))
    assert [] == rules(failed(0, status, CREATE), served(5, CREATE))


def test_a_create_that_succeeded_is_not_repeated() -> None:
    """With the same message; another message is another resource."""
    first = served(0, CREATE, request={"tunedModel": {"displayName": "a"}})
    again = served(9, CREATE, request={"tunedModel": {"displayName": "a"}})
    other = served(9, CREATE, request={"tunedModel": {"displayName": "b"}})

    assert ["repeated a create"] == rules(first, again)
    assert [] == rules(first, other)
    assert [] == rules(served(0), served(1))


def test_other_calls_are_no_retries() -> None:
    """Another message, another path, another caller."""
    others = [
        served(1, request={"contents": []}),
        served(1, path="/v1beta/models/other:generateContent"),
        served(1, caller="user:b@example.com"),
    ]

    assert [["did not retry"]] * 3 == [rules(failed(0), other) for other in others]


def test_the_verdict_shows_each_finding_with_its_call() -> None:
    """In the order of the calls."""
    retry = failed(1)
    report = ClientBehaviour(Calls([failed(0), retry, failed(2, method="models.get")]))

    with pytest.raises(AssertionError) as raised:
        report.assert_resilient(max_attempts=1)
    assert [finding.rule for finding in report.findings(max_attempts=1)] == ["did not give up", "did not retry"]
    for finding in report.findings(max_attempts=1):
        assert str(finding.call) in str(raised.value)
    assert f"{ASK} failed with 503 and was sent 2 times, more than 1" in str(raised.value)


def test_without_a_failure_there_is_no_verdict() -> None:
    """A test that cannot fail proves nothing."""
    with pytest.raises(AssertionError, match="no call failed"):
        ClientBehaviour(Calls([served(0)])).assert_resilient()
    ClientBehaviour(Calls([failed(0), served(1)])).assert_resilient()

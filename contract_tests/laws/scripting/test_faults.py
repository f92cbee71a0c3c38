"""Which fault strikes a call: laws of `scripting.faults`."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.scripting.faults import (
    STATUSES,
    Fault,
    FaultRecord,
    Signature,
    find_magic_fault,
    match_fault,
    select_fault,
)
from mockserver.scripting.magic_words import JobDirectives

SECOND = 1_000_000_000
CREATE = Signature("tunedModels.create", "tunedModels/mine-1")


def injections(fault: Fault, calls: int, *, signature: Signature = CREATE, seed: int = 0) -> list[bool]:
    """Which of so many calls a fault strikes."""
    record, rng, hits = FaultRecord(fault), random.Random(seed), []
    for now in range(calls):
        record, hit = match_fault(record, signature, now, rng)
        hits.append(hit is not None)
    return hits


faults = st.builds(
    Fault,
    method=st.sampled_from(["*", "tunedModels.create", "models.*"]),
    status=st.sampled_from([429, 503, "INTERNAL"]),
    nth=st.none() | st.integers(1, 5),
    times=st.none() | st.integers(1, 5),
    probability=st.floats(0, 1),
    for_seconds=st.none() | st.floats(0, 1e-8),
)


@given(faults, st.integers())
def test_the_same_seed_strikes_the_same_calls(fault: Fault, seed: int) -> None:
    """There is no other source of chance."""
    assert injections(fault, 20, seed=seed) == injections(fault, 20, seed=seed)


@given(faults, st.integers())
def test_a_fault_strikes_no_more_than_it_sees_nor_than_its_times(fault: Fault, seed: int) -> None:
    """And its record has counted both."""
    record, rng, hits = FaultRecord(fault), random.Random(seed), 0
    for now in range(20):
        record, hit = match_fault(record, CREATE, now, rng)
        hits += hit is not None

    assert hits == record.injected <= record.matched <= 20
    assert fault.times is None or record.injected <= fault.times


def test_a_fault_strikes_every_call_until_it_is_removed() -> None:
    """Unless it is told otherwise."""
    assert [True] * 5 == injections(Fault(status=503), 5)


@pytest.mark.parametrize(
    ("fault", "hits"),
    [
        (Fault(status=503, times=2), [1, 1, 0, 0, 0]),
        (Fault(status=503, nth=3), [0, 0, 1, 0, 0]),
        (Fault(status=503, nth=2, times=3), [0, 1, 1, 1, 0]),
        (Fault(status=503, for_seconds=3e-9), [1, 1, 1, 0, 0]),
        (Fault(status=503, probability=0), [0, 0, 0, 0, 0]),
    ],
)
def test_a_fault_strikes_when_it_is_told_to(fault: Fault, hits: list[bool]) -> None:
    """The first calls, the n-th, from the n-th on, for a time, never. Calls come a nanosecond apart."""
    assert hits == injections(fault, 5)


def test_probability_is_the_share_of_calls_struck() -> None:
    """About."""
    assert 250 < sum(injections(Fault(status=503, probability=0.3), 1000)) < 350


def test_no_dice_are_thrown_without_need() -> None:
    """A fault that strikes for certain, or does not fit, leaves the world's chances as they were."""
    rng = random.Random(1)
    before = rng.getstate()
    match_fault(FaultRecord(Fault(status=503)), CREATE, 0, rng)
    match_fault(FaultRecord(Fault("models.*", status=503, probability=0.5)), CREATE, 0, rng)

    assert before == rng.getstate()


@pytest.mark.parametrize(
    ("fault", "fits"),
    [
        (Fault("tunedModels.create", status=500), True),
        (Fault("tunedModels.*", status=500), True),
        (Fault("*.create", status=500), True),
        (Fault("tunedmodels.create", status=500), False),
        (Fault("tunedModels.get", status=500), False),
        (Fault(resource="tunedModels/mine-*", status=500), True),
        (Fault(resource="tunedModels/yours-*", status=500), False),
        (Fault("tunedModels.create", "tunedModels/mine-?", status=500), True),
    ],
)
def test_a_fault_concerns_the_calls_its_globs_fit(fault: Fault, *, fits: bool) -> None:
    """Others do not count as seen."""
    record, hit = match_fault(FaultRecord(fault), CREATE, 0, random.Random(0))

    assert fits == (hit is not None) == (record.matched == 1)


def test_delays_add_up_until_a_fault_changes_the_answer() -> None:
    """Later faults have not seen the call, and strike the next one."""
    records = tuple(
        map(
            FaultRecord,
            [
                Fault(latency_seconds=2),
                Fault(latency_seconds=3, chunk_delay_seconds=1),
                Fault(status=503, times=1),
                Fault(reset=True),
            ],
        )
    )
    records, first = select_fault(records, CREATE, 0, random.Random(0))
    seen = [record.matched for record in records]
    records, second = select_fault(records, CREATE, 1, random.Random(0))

    assert first == Fault(status=503, times=1, latency_seconds=5, chunk_delay_seconds=1)
    assert [1, 1, 1, 0] == seen
    assert second == Fault(reset=True, latency_seconds=5, chunk_delay_seconds=1)
    assert [2, 2, 2, 1] == [record.matched for record in records]


def test_faults_that_miss_leave_the_call_alone() -> None:
    """And none at all does too."""
    records = (FaultRecord(Fault("models.get", status=503)),)

    assert select_fault(records, CREATE, 0, random.Random(0)) == (records, None)
    assert select_fault((), CREATE, 0, random.Random(0)) == ((), None)


def test_what_befalls_a_job_is_told_by_the_fault_that_struck_its_creation() -> None:
    """Two such faults befall it both."""
    records = [FaultRecord(Fault("tunedModels.create", fail_at_step=10)), FaultRecord(Fault(never_finish=True))]
    _, fault = select_fault(records, CREATE, 0, random.Random(0))

    assert fault is not None
    assert JobDirectives(fail_at_step=10, never_finish=True) == fault.job
    assert not fault.is_final


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (429, "RESOURCE_EXHAUSTED"),
        ("429", "RESOURCE_EXHAUSTED"),
        ("unavailable", "UNAVAILABLE"),
        (400, "INVALID_ARGUMENT"),
    ],
)
def test_a_status_is_a_number_or_a_name(status: int | str, name: str) -> None:
    """Of those Google sends; a number two codes share is the more common one's."""
    assert name == Fault(status=status).status_name


@pytest.mark.parametrize("name", STATUSES)
def test_every_code_has_its_name(name: str) -> None:
    """Also those that share a number."""
    assert name == Fault(status=name).status_name


@pytest.mark.parametrize(
    ("write", "complaint"),
    [
        (Fault, "a fault needs an effect: status, "),
        (lambda: Fault("tunedModels.create"), "a fault needs an effect: status, "),
        (lambda: Fault(status=418), "418 is not a status; use one of 400 INVALID_ARGUMENT, "),
        (lambda: Fault(status="TEAPOT"), "'TEAPOT' is not a status; use one of 400 INVALID_ARGUMENT, "),
        (lambda: Fault(status=503, reset=True), "status and reset exclude each other: set one of them"),
        (lambda: Fault(latency_seconds=1, retry_after=1), "need a status"),
        (lambda: Fault(latency_seconds=-1), "latency_seconds must be a number of seconds from 0 to 31536000, not -1"),
        (lambda: Fault(latency_seconds=float("inf")), "not inf"),
        (lambda: Fault(latency_seconds=float("nan")), "not nan"),
        (lambda: Fault("tunedModels.create", fail_at_step=-1), "fail_at_step must be at least 0, not -1"),
        (lambda: Fault(status=503, times=0), "times must be at least 1, not 0"),
        (lambda: Fault(status=503, probability=50), "probability must be between 0 and 1, not 50"),
    ],
)
def test_a_mistake_is_told_when_it_is_written(write: Callable[[], object], complaint: str) -> None:
    """Not when the fault fails to strike."""
    with pytest.raises(ValueError, match=complaint):
        write()


def test_a_fault_is_shown_as_it_was_written() -> None:
    """In the report of faults that never struck."""
    assert repr(Fault("tunedModels.create", status=429, times=2)) == (
        "Fault(method='tunedModels.create', status=429, times=2)"
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("hi [mock: error=429 retry-after=30]", Fault(status="429", retry_after=30.0)),
        ("[mock: error=UNAVAILABLE after=2]", Fault(status="UNAVAILABLE", after_chunks=2)),
        ("[mock: latency=2.5]", Fault(latency_seconds=2.5)),
        ("[mock: cut]", Fault(cut_after_chunks=1)),
        ("[mock: cut=3 chunk-delay=1]", Fault(cut_after_chunks=3, chunk_delay_seconds=1.0)),
        ("[mock: reset]", Fault(reset=True)),
        ("[mock: finish=SAFETY]", None),
        ("[mock: error=418]", None),
        ("no magic", None),
    ],
)
def test_a_prompt_may_ask_for_a_fault(text: str, fault: Fault | None) -> None:
    """For clients that cannot reach the control API."""
    assert fault == find_magic_fault(text)

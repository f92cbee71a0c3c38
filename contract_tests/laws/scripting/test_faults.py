"""Laws of `scripting.faults`: which fault is injected into a call."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.scripting.faults import (
    STATUSES,
    CallTarget,
    Fault,
    FaultRecord,
    find_magic_fault,
    match_fault,
    select_fault,
)
from mockserver.scripting.magic_words import JobDirectives

SECOND = 1_000_000_000
CREATE = CallTarget("tunedModels.create", "tunedModels/mine-1", creates_job=True)


def injections(fault: Fault, calls: int, *, target: CallTarget = CREATE, seed: int = 0) -> list[bool]:
    """Return for each of that many calls whether the fault is injected."""
    record, rng, hits = FaultRecord(fault), random.Random(seed), []
    for now in range(calls):
        record, hit = match_fault(record, target, now, rng)
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
def test_the_same_seed_affects_the_same_calls(fault: Fault, seed: int) -> None:
    """There is no other random generator."""
    assert injections(fault, 20, seed=seed) == injections(fault, 20, seed=seed)


@given(faults, st.integers())
def test_a_fault_affects_no_more_calls_than_match_and_than_its_times(fault: Fault, seed: int) -> None:
    """Its record counts both."""
    record, rng, hits = FaultRecord(fault), random.Random(seed), 0
    for now in range(20):
        record, hit = match_fault(record, CREATE, now, rng)
        hits += hit is not None

    assert hits == record.injected <= record.matched <= 20
    assert fault.times is None or record.injected <= fault.times


def test_a_fault_affects_every_call_by_default() -> None:
    """Until it is removed."""
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
def test_conditions_limit_the_calls_that_a_fault_affects(fault: Fault, hits: list[bool]) -> None:
    """The first calls, the n-th, from the n-th on, for a time, never. There is a nanosecond between two calls."""
    assert hits == injections(fault, 5)


def test_probability_is_the_share_of_affected_calls() -> None:
    """Approximately."""
    assert 250 < sum(injections(Fault(status=503, probability=0.3), 1000)) < 350


def test_a_fault_draws_a_random_number_only_if_needed() -> None:
    """A fault without a probability, or one that does not match, does not change the random generator."""
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
def test_a_fault_matches_calls_by_its_globs(fault: Fault, *, fits: bool) -> None:
    """Other calls are not counted."""
    record, hit = match_fault(FaultRecord(fault), CREATE, 0, random.Random(0))

    assert fits == (hit is not None) == (record.matched == 1)


def test_delays_add_up_until_a_fault_changes_the_answer() -> None:
    """Later faults do not count the call, and affect the next one."""
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


def test_a_call_that_no_fault_matches_has_no_fault() -> None:
    """The same holds without faults."""
    records = (FaultRecord(Fault("models.get", status=503)),)

    assert select_fault(records, CREATE, 0, random.Random(0)) == (records, None)
    assert select_fault((), CREATE, 0, random.Random(0)) == ((), None)


def test_faults_of_a_create_are_effects_on_its_job() -> None:
    """Two such faults are combined."""
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
    """If codes share a number, it means the more common one."""
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
        (lambda: Fault(latency_seconds=1, retry_after=1), "need a status$"),
        (
            lambda: Fault("tunedModels.create", fail_at_step=3, message="x"),
            r"need a status; for a job's own error use mockserver\.fail\(name, at_step=3, error=\.\.\.\)",
        ),
        (lambda: Fault(reset=True, retry_after_header=1), "need a status"),
        (lambda: Fault(status=503, retry_after_header=-1), "retry_after_header must be a number of seconds from 0"),
        (lambda: Fault(latency_seconds=-1), "latency_seconds must be a number of seconds from 0 to 31536000, not -1"),
        (lambda: Fault(latency_seconds=float("inf")), "not inf"),
        (lambda: Fault(latency_seconds=float("nan")), "not nan"),
        (lambda: Fault("tunedModels.create", fail_at_step=-1), "fail_at_step must be at least 0, not -1"),
        (lambda: Fault(status=503, times=0), "times must be at least 1, not 0"),
        (lambda: Fault(status=503, probability=50), "probability must be between 0 and 1, not 50"),
    ],
)
def test_an_invalid_fault_is_refused_at_once(write: Callable[[], object], complaint: str) -> None:
    """Not when it should be injected."""
    with pytest.raises(ValueError, match=complaint):
        write()


def test_a_fault_is_shown_as_it_was_written() -> None:
    """In the report of unused faults."""
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


def test_a_status_reads_alike_wherever_it_comes_from() -> None:
    """In the log and in the report a number is a number: from magic words, from a file, from Python."""
    magic = find_magic_fault("[mock: error=429]")

    assert Fault(status=429) == Fault(status="429") == magic
    assert "Fault(status=429)" == repr(magic)

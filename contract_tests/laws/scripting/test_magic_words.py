"""Magic words: laws of `scripting.magic_words`."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.scripting.magic_words import JobDirectives, job_directives, parse_magic_words, strip_magic_words
from mockserver.simulation.tuning import SECOND, Pace, Run, State, observe

CREATED = 1_710_429_000 * SECOND
RUN = Run(
    created=CREATED,
    seed=1,
    base="gemini-1.0-pro-001",
    examples=15,
    epochs=5,
    batch=4,
    learning_rate=0.001,
    data_seed=2,
    pace=Pace(start_seconds=1, first_step_seconds=1, step_seconds=1, finish_seconds=1),
)
LATER = CREATED + 1000 * SECOND


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    """Whatever a client sends is read, and what is left of it is not longer."""
    parse_magic_words(f"[mock: {text}]")
    job_directives(text)

    assert len(strip_magic_words(text)) <= len(text)


@given(st.text(alphabet=st.characters(exclude_characters="[]")))
def test_a_text_without_brackets_has_no_magic(text: str) -> None:
    """It is left as it is."""
    assert parse_magic_words(text) == {}
    assert strip_magic_words(text) == text


PLAIN = re.compile(r"\s*\[mock:\s*([^\]]*)\]", re.IGNORECASE)


@given(
    st.text(alphabet="[]mock: \nMa=")
    | st.lists(st.sampled_from(["[mock:", "]", " ", "\n", "a=b", "[", "x"])).map("".join)
)
def test_brackets_are_found_as_a_plain_expression_finds_them(text: str) -> None:
    """Which takes a time that grows with the square of the spaces."""
    found = [bracket[1].strip() for bracket in PLAIN.finditer(text)]

    assert parse_magic_words(text) == {
        name: value for inside in found for name, value in parse_magic_words(f"[mock:{inside}]").items()
    }
    assert strip_magic_words(text) == (PLAIN.sub("", text).strip() if "[" in text else text)


@pytest.mark.parametrize(
    ("text", "directives"),
    [
        ("[mock: finish=SAFETY harassment=HIGH]", {"finish": "SAFETY", "harassment": "HIGH"}),
        ("[MOCK:max_tokens]", {"max_tokens": ""}),
        ("[mock: error=429 retry-after=30]", {"error": "429", "retry_after": "30"}),
        ("[mock: block] and [mock: error=503]", {"block": "", "error": "503"}),
        ('[mock: message="quota is gone" error=429]', {"message": "quota is gone", "error": "429"}),
        ("[mock: finish=OTHER text=one two = three]", {"finish": "OTHER", "text": "one two = three"}),
        ("[mock: text=' kept ']", {"text": " kept "}),
        ("[mocked: finish=SAFETY]", {}),
        ("mock: finish=SAFETY", {}),
    ],
)
def test_directives_are_read_from_brackets(text: str, directives: dict[str, str]) -> None:
    """A name and a value, quoted if it has spaces; `text` goes on to the bracket."""
    assert directives == parse_magic_words(text)


def test_a_prompt_goes_on_around_the_brackets() -> None:
    """What is left is the prompt there would have been."""
    assert strip_magic_words("LXIII [mock: harassment=HIGH]") == "LXIII"
    assert strip_magic_words("one [mock: max_tokens] two") == "one two"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("my model mock-fail-at-step-10", JobDirectives(fail_at_step=10)),
        ("MOCK-STALL-AT-STEP-5", JobDirectives(stall_at_step=5)),
        ("mock-never-finish", JobDirectives(never_finish=True)),
        ("x mock-finish-now y", JobDirectives(finish_now=True)),
        ("mock-fail-at-step-1 mock-fail-at-step-2", JobDirectives(fail_at_step=2)),
        ("mock-fail-at-step-", JobDirectives()),
        ("mock-finish-nowhere", JobDirectives()),
        ("hammock-never-finish", JobDirectives()),
    ],
)
def test_jobs_are_directed_by_words_of_their_own(text: str, asked: JobDirectives) -> None:
    """Whole words, in any case, in any of the texts; the last one counts."""
    assert asked == job_directives("first text", text)


@pytest.mark.parametrize(
    ("words", "state", "steps"),
    [
        ("mock-fail-at-step-10", State.FAILED, 10),
        ("mock-stall-at-step-5", State.RUNNING, 5),
        ("mock-never-finish", State.RUNNING, 18),
        ("mock-finish-now", State.SUCCEEDED, 19),
        ("an ordinary name", State.SUCCEEDED, 19),
    ],
)
def test_a_directed_run_goes_as_directed(words: str, state: State, steps: int) -> None:
    """Seen long after it was made."""
    seen = observe(job_directives(words).apply_to(RUN), LATER)

    assert (state, steps) == (seen.state, seen.completed_steps)


def test_a_run_told_to_finish_now_is_done_at_once() -> None:
    """Not a nanosecond later."""
    assert observe(job_directives("mock-finish-now").apply_to(RUN), CREATED).state is State.SUCCEEDED


def test_a_run_that_fails_earlier_anyway_does() -> None:
    """Bad training data ends a run before the step at which it was to fail."""
    doomed = replace(RUN, fail_at_step=0)

    assert doomed == job_directives("mock-fail-at-step-10").apply_to(doomed)

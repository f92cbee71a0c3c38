"""What a tester told a world, and how much of it came true: laws of `script`."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.generation.answer import choose_answer
from mockserver.rpc.errors import ApiError, Code
from mockserver.scripting.answers import Answer, Prompt, Rule, Turn
from mockserver.scripting.faults import Fault
from mockserver.scripting.scenario import AnswerRecord, Scenario
from mockserver.state.memory import MemoryStore

NEXT = "tunedModels/next"
SECOND = 1_000_000_000


def new_scenario(rules: Sequence[Rule] = ()) -> Scenario:
    """These rules in a world of their own."""
    scenario = Scenario(MemoryStore())
    scenario.add(*rules)
    return scenario


def prompt(text: str, model: str = NEXT) -> Prompt:
    """What somebody asks."""
    return Prompt(model, base="models/gemini", turns=(Turn("user", text),))


def ask(script: Scenario, text: str, model: str = NEXT) -> str:
    """What a model that learnt that 1 is followed by 2 is to say."""
    return choose_answer(script, prompt(text, model), {"1": "2"}, magic=True)[0].text


def used(script: Scenario) -> list[int]:
    """How often each rule has answered."""
    return [record.used for record in script.answers]


def is_injected(script: Scenario, method: str = "tunedModels.get", now: int = 0) -> bool:
    """Whether a call goes wrong."""
    return script.select_fault(method, NEXT, now, random.Random(0)) is not None


def test_the_first_rule_that_fits_answers_and_is_counted() -> None:
    """Those behind it are not; what no rule fits has its ordinary answer."""
    script = new_scenario([Rule("a", text="x"), Rule("b", text="x"), Rule("c", regex="y")])

    assert ["a", "c", "a", "2"] == [ask(script, text) for text in ("x", "yes", "x", "1")]
    assert [2, 0, 1] == used(script)


def test_a_rule_with_times_steps_back_for_the_next() -> None:
    """In order, each as often as it may."""
    script = new_scenario([Rule("first", times=1), Rule("then", times=2)])

    assert ["first", "then", "then", "2"] == [ask(script, "1") for _ in range(4)]
    assert [1, 2] == used(script)


def test_calls_are_counted_by_model() -> None:
    """Whether a rule answered them or not; from 1."""
    script = new_scenario([Rule("second", call=2)])

    assert ["2", "2", "second", "second", "2"] == [
        ask(script, "1", model) for model in ("tunedModels/a", "tunedModels/b", "tunedModels/a", "tunedModels/b", NEXT)
    ]


def test_rules_that_are_added_come_last() -> None:
    """And the counts of those before stay."""
    script = new_scenario([Rule("a", times=1)])
    ask(script, "1")
    script.add(Rule("b", times=1), Rule("c"))

    assert ["b", "c"] == [ask(script, "1"), ask(script, "1")]
    assert [1, 1, 1] == used(script)


def test_rules_that_are_replaced_begin_at_zero() -> None:
    """The models' calls go on counting: they were made."""
    script = new_scenario([Rule("a")])
    ask(script, "1")
    script.replace([Rule("b", call=2)])

    assert [0] == used(script)
    assert "b" == ask(script, "1")


def test_a_function_is_told_which_call_it_is() -> None:
    """From 0, as a place in a list of answers."""
    answers: list[Answer | str] = ["one", Answer("two")]
    script = new_scenario([Rule(lambda prompt: answers[prompt.call])])

    assert ["one", "two"] == [ask(script, "1"), ask(script, "1")]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Rule(lambda prompt: str(1 // len(prompt.text.strip()))), "ZeroDivisionError"),
        (Rule("a", predicate=lambda prompt: bool(1 // len(prompt.text.strip()))), "ZeroDivisionError"),
        (Rule(lambda _: None), "TypeError('None is neither an Answer nor a text')"),  # type: ignore[arg-type,return-value]  # as a slip would
    ],
)
def test_a_function_that_fails_is_told_of(rule: Rule, said: str, caplog: pytest.LogCaptureFixture) -> None:
    """To the client in a 500, and in the log with where it was: it is the test's mistake, not the server's."""
    with pytest.raises(ApiError) as refused:
        ask(new_scenario([rule]), "  ")

    assert refused.value.code is Code.INTERNAL
    assert refused.value.message.startswith("A function that the test gave failed: ")
    assert said in refused.value.message
    assert "Traceback" in caplog.text


def test_a_rule_that_almost_fitted_is_named() -> None:
    """With what is different; nothing is said where a rule fitted, or where there are none."""
    script = new_scenario([Rule("a", text="monday", model="support"), Rule("b", text="tuesday")])

    nearest = "Rule(answer='b', text='tuesday'), but the text is \"sunday\", not \"tuesday\""
    assert (None, f"none of the 2 answer rules matches; the nearest is {nearest}") == script.answer(prompt("sunday"))
    assert (Answer("b"), "") == script.answer(prompt("tuesday"))
    assert (None, "") == new_scenario().answer(prompt("sunday"))


def test_faults_strike_in_their_order_and_are_counted() -> None:
    """What a call does not concern does not see it."""
    script = new_scenario()
    script.add_fault(Fault("tunedModels.*", status=503, times=1), now=0)
    script.add_fault(Fault("*.get", status=429, nth=2), now=0)

    assert [True, False, False, True] == [
        is_injected(script, method)
        for method in ("tunedModels.get", "tunedModels.get", "models.generateContent", "models.get")
    ]
    assert [(2, 1), (2, 1)] == [(record.matched, record.injected) for record in script.faults]


def test_a_fault_is_about_from_when_it_was_told() -> None:
    """For as long as it said."""
    script = new_scenario()
    script.add_fault(Fault(status=503, for_seconds=60), now=100 * SECOND)

    assert [True, True, False] == [is_injected(script, now=seconds * SECOND) for seconds in (100, 159, 160)]


def test_faults_can_be_lifted_and_put_back() -> None:
    """With their counts."""
    script = new_scenario()
    script.add_fault(Fault(status=503, times=2), now=0)
    is_injected(script)
    kept = script.faults
    script.replace_faults()
    lifted = is_injected(script)
    script.replace_faults(kept)

    assert not lifted
    assert [True, False] == [is_injected(script), is_injected(script)]


def test_a_script_that_is_cleared_is_as_new() -> None:
    """No rules, no faults, no counts."""
    store = MemoryStore()
    script = Scenario(store)
    script.add(Rule("a", text="1"))
    script.add_fault(Fault(status=503), now=0)
    ask(script, "1")
    store.clear()

    assert ((), (), False) == (script.answers, script.faults, is_injected(script))
    script.add(Rule("first", call=1))
    assert [0] == used(script)
    assert "first" == ask(script, "1")


def test_a_fork_goes_on_from_there_alone() -> None:
    """Rules, faults and counts are its own from then on."""
    store = MemoryStore()
    script = Scenario(store)
    script.add(Rule("once", times=1), Rule("second", call=2))
    script.add_fault(Fault(status=503, times=2), now=0)
    is_injected(script)
    copy = Scenario(store.copy())
    ask(script, "1")
    is_injected(script)
    copy.add(Rule("more"))

    assert [1, 0] == used(script)
    assert [0, 0, 0] == used(copy)
    assert ["once", "second", "more"] == [ask(copy, "1") for _ in range(3)]
    assert "second" == ask(script, "1")
    assert [True, False, False] == [is_injected(copy), is_injected(copy), is_injected(script)]


@given(st.lists(st.sampled_from("xyz"), max_size=20), st.integers(1, 5))
def test_every_call_is_answered_once(texts: list[str], times: int) -> None:
    """By the rule that fits as often as it may; the rules' counts add up to the calls they answered."""
    script = new_scenario([Rule("rule", text="x", times=times), Rule("other", text="y")])
    answers = [ask(script, text) for text in texts]

    assert min(times, texts.count("x")) == answers.count("rule") == used(script)[0]
    assert texts.count("y") == answers.count("other") == used(script)[1]


@pytest.mark.parametrize("times", [1, 50])
def test_counts_hold_when_many_ask_at_once(times: int) -> None:
    """A rule for one call answers one, however many threads there are."""
    script = new_scenario([Rule("rule", times=times)])
    script.add_fault(Fault(status=503, times=times), now=0)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(script, "1"), range(200)))
        strikes = list(pool.map(lambda _: is_injected(script), range(200)))

    assert (times, times) == (answers.count("rule"), strikes.count(True))


@pytest.mark.parametrize("rule", [Rule(lambda prompt: prompt.text), Rule("a", predicate=lambda _: True)])
def test_a_shared_store_takes_no_functions(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes could not call them. Rules that are data are taken."""
    store = MemoryStore()
    monkeypatch.setattr(store, "shared", True)
    script = Scenario(store)
    script.add(Rule("b"))
    for change in (script.add, lambda rule: script.replace([rule])):
        with pytest.raises(ValueError, match="which other processes cannot call"):
            change(rule)

    assert (AnswerRecord(Rule("b")),) == script.answers


def test_a_predicate_may_script_more() -> None:
    """What it adds comes last, and is there for the next prompt."""
    script = new_scenario()

    def predicate(_: Prompt) -> bool:
        script.add(Rule("more"))
        return False

    script.add(Rule("never", predicate=predicate))

    assert ["2", "more"] == [ask(script, "1"), ask(script, "1")]
    assert "never" == script.answers[0].rule.answer

"""Laws of `scripting.scenario`: which rules answer, which faults are injected, and their counts."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.environment import HANGS
from mockserver.generation.answer import unscripted_answer
from mockserver.rpc.errors import ApiError, Code
from mockserver.scripting.answers import Answer, Prompt, Rule, Turn
from mockserver.scripting.faults import CallTarget, Fault
from mockserver.scripting.scenario import AnswerRecord, Scenario
from mockserver.state.memory import MemoryStore

NEXT = "tunedModels/next"
SECOND = 1_000_000_000


def new_scenario(rules: Sequence[Rule] = ()) -> Scenario:
    """Return the scenario of a new world with these rules."""
    scenario = Scenario(MemoryStore())
    scenario.add_rules(*rules)
    return scenario


def prompt(text: str, model: str = NEXT) -> Prompt:
    """Return a prompt of one turn."""
    return Prompt(model, base="models/gemini", turns=(Turn("user", text),))


def ask(scenario: Scenario, text: str, model: str = NEXT) -> str:
    """Return the answer of a model whose training data maps 1 to 2."""
    asked = prompt(text, model)
    answer, _ = scenario.choose_answer(asked)
    return (answer or unscripted_answer(asked, {"1": "2"}, magic=True)).text


def used(scenario: Scenario) -> list[int]:
    """Return how often each rule has answered."""
    return [record.used for record in scenario.answers]


def is_injected(scenario: Scenario, method: str = "tunedModels.get", now: int = 0) -> bool:
    """Return whether a fault is injected into a call."""
    return scenario.select_fault(CallTarget(method, NEXT), now, random.Random(0)) is not None


def test_the_first_matching_rule_answers_and_is_counted() -> None:
    """Later rules are not counted. A prompt without a matching rule gets the default answer."""
    scenario = new_scenario([Rule("a", text="x"), Rule("b", text="x"), Rule("c", regex="y")])

    assert ["a", "c", "a", "2"] == [ask(scenario, text) for text in ("x", "yes", "x", "1")]
    assert [2, 0, 1] == used(scenario)


def test_a_rule_with_times_is_followed_by_the_next_one() -> None:
    """In order, each as often as its `times`."""
    scenario = new_scenario([Rule("first", times=1), Rule("then", times=2)])

    assert ["first", "then", "then", "2"] == [ask(scenario, "1") for _ in range(4)]
    assert [1, 2] == used(scenario)


def test_calls_are_counted_by_model() -> None:
    """From 1, whether or not a rule answers."""
    scenario = new_scenario([Rule("second", call=2)])

    assert ["2", "2", "second", "second", "2"] == [
        ask(scenario, "1", model)
        for model in ("tunedModels/a", "tunedModels/b", "tunedModels/a", "tunedModels/b", NEXT)
    ]


def test_added_rules_come_last() -> None:
    """The counts of the others stay."""
    scenario = new_scenario([Rule("a", times=1)])
    ask(scenario, "1")
    scenario.add_rules(Rule("b", times=1), Rule("c"))

    assert ["b", "c"] == [ask(scenario, "1"), ask(scenario, "1")]
    assert [1, 1, 1] == used(scenario)


def test_replacing_rules_resets_their_counts() -> None:
    """But not the counts of calls of the models."""
    scenario = new_scenario([Rule("a")])
    ask(scenario, "1")
    scenario.replace_rules([Rule("b", call=2)])

    assert [0] == used(scenario)
    assert "b" == ask(scenario, "1")


def test_a_function_gets_the_number_of_the_call() -> None:
    """From 0, like an index of a list of answers."""
    answers: list[Answer | str] = ["one", Answer("two")]
    scenario = new_scenario([Rule(lambda prompt: answers[prompt.call])])

    assert ["one", "two"] == [ask(scenario, "1"), ask(scenario, "1")]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Rule(lambda prompt: str(1 // len(prompt.text.strip()))), "ZeroDivisionError"),
        (Rule("a", predicate=lambda prompt: bool(1 // len(prompt.text.strip()))), "ZeroDivisionError"),
        (Rule(lambda _: None), "TypeError('None is neither an Answer nor a text')"),  # type: ignore[arg-type,return-value]  # as a slip would
    ],
)
def test_an_exception_in_a_function_is_reported(rule: Rule, said: str, caplog: pytest.LogCaptureFixture) -> None:
    """To the client as a 500, and in the log with its traceback: it is a bug in the test, not in the server."""
    with pytest.raises(ApiError) as refused:
        ask(new_scenario([rule]), "  ")

    assert refused.value.code is Code.INTERNAL
    assert refused.value.message.startswith("A function that the test gave failed: ")
    assert said in refused.value.message
    assert "Traceback" in caplog.text


def test_the_nearest_rule_is_reported() -> None:
    """With the conditions that failed; there is no report if a rule matched, or if there are no rules."""
    scenario = new_scenario([Rule("a", text="monday", model="support"), Rule("b", text="tuesday")])

    nearest = "Rule(answer='b', text='tuesday'), but the text is \"sunday\", not \"tuesday\""
    report = f"none of the 2 answer rules matches; the nearest is {nearest}"
    assert (None, report) == scenario.choose_answer(prompt("sunday"))
    assert (Answer("b"), "") == scenario.choose_answer(prompt("tuesday"))
    assert (None, "") == new_scenario().choose_answer(prompt("sunday"))


def test_faults_are_injected_in_order_and_counted() -> None:
    """A fault does not count a call that it does not match."""
    scenario = new_scenario()
    scenario.add_fault(Fault("tunedModels.*", status=503, times=1), now=0)
    scenario.add_fault(Fault("*.get", status=429, nth=2), now=0)

    assert [True, False, False, True] == [
        is_injected(scenario, method)
        for method in ("tunedModels.get", "tunedModels.get", "models.generateContent", "models.get")
    ]
    assert [(2, 1), (2, 1)] == [(record.matched, record.injected) for record in scenario.faults]


def test_the_duration_of_a_fault_begins_when_it_is_added() -> None:
    """It ends after `for_seconds`."""
    scenario = new_scenario()
    scenario.add_fault(Fault(status=503, for_seconds=60), now=100 * SECOND)

    assert [True, True, False] == [is_injected(scenario, now=seconds * SECOND) for seconds in (100, 159, 160)]


def test_faults_can_be_removed_and_restored() -> None:
    """With their counts."""
    scenario = new_scenario()
    scenario.add_fault(Fault(status=503, times=2), now=0)
    is_injected(scenario)
    records = scenario.faults
    scenario.replace_faults()
    without_faults = is_injected(scenario)
    scenario.replace_faults(records)

    assert not without_faults
    assert [True, False] == [is_injected(scenario), is_injected(scenario)]


def test_a_cleared_scenario_is_like_a_new_one() -> None:
    """No rules, no faults, no counts."""
    store = MemoryStore()
    scenario = Scenario(store)
    scenario.add_rules(Rule("a", text="1"))
    scenario.add_fault(Fault(status=503), now=0)
    ask(scenario, "1")
    store.clear()

    assert ((), (), False) == (scenario.answers, scenario.faults, is_injected(scenario))
    scenario.add_rules(Rule("first", call=1))
    assert [0] == used(scenario)
    assert "first" == ask(scenario, "1")


def test_a_copy_of_a_scenario_is_independent() -> None:
    """It has its own rules, faults and counts."""
    store = MemoryStore()
    scenario = Scenario(store)
    scenario.add_rules(Rule("once", times=1), Rule("second", call=2))
    scenario.add_fault(Fault(status=503, times=2), now=0)
    is_injected(scenario)
    copy = Scenario(store.copy())
    ask(scenario, "1")
    is_injected(scenario)
    copy.add_rules(Rule("more"))

    assert [1, 0] == used(scenario)
    assert [0, 0, 0] == used(copy)
    assert ["once", "second", "more"] == [ask(copy, "1") for _ in range(3)]
    assert "second" == ask(scenario, "1")
    assert [True, False, False] == [is_injected(copy), is_injected(copy), is_injected(scenario)]


@given(st.lists(st.sampled_from("xyz"), max_size=20), st.integers(1, 5))
def test_every_call_has_one_answer(texts: list[str], times: int) -> None:
    """The counts of the rules are the numbers of calls that they answered."""
    scenario = new_scenario([Rule("rule", text="x", times=times), Rule("other", text="y")])
    answers = [ask(scenario, text) for text in texts]

    assert min(times, texts.count("x")) == answers.count("rule") == used(scenario)[0]
    assert texts.count("y") == answers.count("other") == used(scenario)[1]


@pytest.mark.parametrize("times", [1, 50])
def test_counts_are_exact_with_concurrent_calls(times: int) -> None:
    """A rule with `times` answers exactly that many calls of all threads."""
    scenario = new_scenario([Rule("rule", times=times)])
    scenario.add_fault(Fault(status=503, times=times), now=0)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(scenario, "1"), range(200)))
        injections = list(pool.map(lambda _: is_injected(scenario), range(200)))

    assert (times, times) == (answers.count("rule"), injections.count(True))


def test_a_function_may_wait_for_what_another_thread_asks() -> None:
    """Code under test that asks a second model while the first one answers; nobody waits for the other."""
    with ThreadPoolExecutor(1) as pool:

        def answer(prompt: Prompt) -> str:
            return pool.submit(ask, scenario, "inner").result(HANGS) + prompt.text

        scenario = new_scenario([Rule("of the inner one, ", text="inner"), Rule(answer)])

        assert "of the inner one, outer" == ask(scenario, "outer")


def test_a_slow_predicate_holds_up_no_other_world() -> None:
    """Each world of a process matches its own rules."""
    other = new_scenario([Rule("other")])
    with ThreadPoolExecutor(1) as pool:

        def asks_the_other(prompt: Prompt) -> bool:
            return pool.submit(ask, other, prompt.text).result(HANGS) == "other"

        assert "own" == ask(new_scenario([Rule("own", predicate=asks_the_other)]), "x")


@pytest.mark.parametrize("rule", [Rule(lambda prompt: prompt.text), Rule("a", predicate=lambda _: True)])
def test_a_shared_store_refuses_functions(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes cannot call them. Rules that are data are accepted."""
    store = MemoryStore()
    monkeypatch.setattr(store, "shared", True)
    scenario = Scenario(store)
    scenario.add_rules(Rule("b"))
    for change in (scenario.add_rules, lambda rule: scenario.replace_rules([rule])):
        with pytest.raises(ValueError, match="which other processes cannot call"):
            change(rule)

    assert (AnswerRecord(Rule("b")),) == scenario.answers


def test_a_predicate_may_add_rules() -> None:
    """They come last, and may answer the next prompt."""
    scenario = new_scenario()

    def predicate(_: Prompt) -> bool:
        scenario.add_rules(Rule("more"))
        return False

    scenario.add_rules(Rule("never", predicate=predicate))

    assert ["2", "more"] == [ask(scenario, "1"), ask(scenario, "1")]
    assert "never" == scenario.answers[0].rule.answer

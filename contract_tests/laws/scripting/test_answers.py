"""Answers, and the rules that choose among them: laws of `scripting.answers`."""

from collections.abc import Callable

import pytest

from mockserver.scripting.answers import Answer, Prompt, Rule, Turn, find_match

TUNED = "tunedModels/number-generator-model-dzlmi0gswwqb"


def ask(text: str, *, model: str = TUNED, base: str = "models/gemini-1.0-pro-001", call: int = 0) -> Prompt:
    """One user's turn."""
    return Prompt(model, base, (Turn("user", text),), call=call)


def test_the_text_of_a_prompt_is_the_users_last() -> None:
    """A conversation ends with the user, or with words put into the model's mouth."""
    turns = (Turn("user", "one"), Turn("model", "two"), Turn("user", "three"), Turn("model", "fo"))
    prompt = Prompt(TUNED, turns=turns)

    assert (prompt.text, prompt.turn) == ("three", 2)


@pytest.mark.parametrize(
    ("rule", "fits", "does_not"),
    [
        (Rule("x", model=TUNED), ask("hi"), ask("hi", model="tunedModels/other")),
        (Rule("x", model="number-*"), ask("hi"), ask("hi", model="tunedModels/other")),
        (Rule("x", model="tunedModels/*"), ask("hi"), ask("hi", model="models/gemini-2.0-flash")),
        (Rule("x", text="hi"), ask("hi"), ask("hi!")),
        (Rule("x", regex=r"h.$"), ask("oh hi"), ask("hill")),
        (Rule("x", predicate=lambda prompt: prompt.call > 1), ask("hi", call=2), ask("hi")),
        (Rule("x", call=3), ask("hi", call=2), ask("hi", call=3)),
        (Rule("x", turn=1), ask("hi"), Prompt(TUNED, turns=(Turn("user", "hi"), Turn("user", "hi")))),
    ],
)
def test_a_rule_matches_if_all_conditions_hold(rule: Rule, fits: Prompt, does_not: Prompt) -> None:
    """Else it reports the conditions that do not hold."""
    assert [] == rule.mismatches(fits)
    assert 1 == len(rule.mismatches(does_not))


def test_a_rule_answers_no_more_than_its_times() -> None:
    """Counted by whoever keeps the rules."""
    rules = [Rule("twice", times=2), Rule("then")]
    found = [find_match(rules, ask("hi"), [used, 0])[0] for used in range(4)]

    assert found == [0, 0, 1, 1]


def test_the_nearest_rule_has_the_fewest_failed_conditions() -> None:
    """It is reported with these conditions."""
    rules = [Rule("a", model="tunedModels/other", text="hello"), Rule("b", text="LXIV")]

    index, report = find_match(rules, ask("LXIII"), [0, 0])

    assert index is None
    assert report.endswith("the nearest is Rule(answer='b', text='LXIV'), but the text is \"LXIII\", not \"LXIV\"")
    assert (None, "") == find_match([], ask("LXIII"), [])


@pytest.mark.parametrize(
    ("write", "complaint"),
    [
        (lambda: Answer(finish="FINISHED"), "'FINISHED' is not a finish reason; use one of STOP, MAX_TOKENS, "),
        (lambda: Answer(block="NO"), "'NO' is not a block reason; use one of SAFETY, OTHER, "),
        (lambda: Answer(ratings={"RUDE": "HIGH"}), "'RUDE' is not a safety category; use one of HARASSMENT, "),
        (lambda: Answer(ratings={"HARASSMENT": "4"}), "'4' is not a safety level; use one of NEGLIGIBLE, LOW, "),
        (lambda: Answer(prompt_ratings={"HARASSMENT": ""}), "'' is not a safety level"),
        (lambda: Answer("abc", chunks=["a", "b"]), "the joined chunks differ from text"),
        (lambda: Answer(chunks=["a"], delays=[1, 2]), "there are 2 delays for 1 chunks"),
        (lambda: Answer("a", delays=[-1]), "delays must be numbers of seconds from 0 to 31536000"),
        (lambda: Answer(usage={"total": 3}), "'total' is not a token count; use one of prompt, "),
        (lambda: Answer(usage={"prompt": -3}), "the token count 'prompt' must be at least 0, not -3"),
        (lambda: Answer(logprobs=[("a", 0.5)]), "a log probability must be at most 0, not 0.5"),
        (lambda: Rule("a", regex="("), r"'\(' is not a valid regular expression: missing \)"),
        (lambda: Rule("a", times=0), "times must be at least 1, not 0"),
        (lambda: Rule("a", call=-1), "call must be at least 1, not -1"),
    ],
)
def test_an_invalid_answer_is_refused_at_once(write: Callable[[], object], complaint: str) -> None:
    """Not when it should be given."""
    with pytest.raises(ValueError, match=complaint):
        write()


def test_words_are_taken_in_any_case_and_with_their_prefix() -> None:
    """There is one spelling inside."""
    sloppy = Answer("No", finish="safety", ratings={"harm_category_harassment": "high"})

    assert Answer("No", finish="SAFETY", ratings={"HARASSMENT": "HIGH"}) == sloppy


def test_the_text_of_an_answer_is_that_of_its_chunks_or_parts() -> None:
    """Whichever way it was written."""
    assert Answer(chunks=["LX", "IV"]).text == "LXIV"
    assert Answer(parts=[{"text": "I count.", "thought": True}, {"text": "LXIV"}]).text == "LXIV"
    assert Answer(parts=[{"text": "LX"}, {"functionCall": {"name": "f"}}, {"text": "IV"}]).text == "LXIV"


def test_an_answer_does_not_change_with_the_list_it_was_made_of() -> None:
    """A rule says the same tomorrow."""
    chunks = ["LX", "IV"]
    answer = Answer(chunks=chunks)
    chunks.append("I")

    assert Answer(chunks=["LX", "IV"]) == answer


def test_what_testers_write_is_shown_as_they_wrote_it() -> None:
    """A failed assertion shows two fields rather than twelve."""
    assert repr(Answer("No", finish="SAFETY")) == "Answer(text='No', finish='SAFETY')"
    assert repr(Rule("LXIV", text="LXIII")) == "Rule(answer='LXIV', text='LXIII')"

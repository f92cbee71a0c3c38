"""Which answer a prompt gets: laws of `scripting.answers`."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.laws.scripting.test_scenario import new_scenario
from mockserver.datasets.examples import Examples
from mockserver.generation.canned import canned, choose_answer
from mockserver.scripting.answers import Answer, Prompt, Rule, Turn, matching, nearest

TUNED = "tunedModels/number-generator-model-dzlmi0gswwqb"


def ask(text: str, *, model: str = TUNED, base: str = "models/gemini-1.0-pro-001", call: int = 0) -> Prompt:
    """One user's turn."""
    return Prompt(model, base, (Turn("user", text),), call=call)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("LXIII", "LXIV"),
        ("六", "七"),
        ("55", "56"),
        ("123455", "123456"),
        ("quatre", "cinq"),
        ("III", "IV"),
        ("七", "八"),
    ],
)
def test_a_model_tuned_to_count_counts_on(text: str, answer: str) -> None:
    """The quickstarts' prompts get the quickstarts' answers, whatever the model was trained on."""
    assert answer == canned(ask(text), {}).text


def test_the_recorded_answers_of_tuned_models_come_back(transcripts: Path) -> None:
    """Text and ratings are those of the recordings."""
    recorded = json.loads((transcripts / "gemini-tuning-core-responses.json").read_text())
    generated = [entry for entry in recorded if entry["kind"] == "generateContent-tuned"]
    asked = ["LXIII", "六"]

    for text, entry in zip(asked, generated, strict=True):
        candidate = entry["response"]["candidates"][0]
        answer = canned(ask(text), {})

        assert candidate["content"]["parts"][0]["text"] == answer.text
        assert _unusual(candidate["safetyRatings"]) == answer.ratings
        assert _unusual(entry["response"]["promptFeedback"]["safetyRatings"]) == answer.prompt_ratings


def test_a_base_model_does_not_count() -> None:
    """Only a tuned one has learnt to."""
    base = Prompt("models/gemini-1.0-pro-001", "models/gemini-1.0-pro-001", (Turn("user", "LXIII"),))

    assert canned(base, {}).text == 'Mock answer of models/gemini-1.0-pro-001 to "LXIII".'


@given(st.dictionaries(st.text(), st.text(), min_size=1), st.data())
def test_a_tuned_model_answers_its_training_data(pairs: dict[str, str], data: st.DataObject) -> None:
    """Input for output, whatever else the input might mean; as a mapping or as Examples."""
    text = data.draw(st.sampled_from(sorted(pairs)))

    assert pairs[text] == canned(ask(text), pairs, magic=False).text
    assert pairs[text] == canned(ask(text), Examples(pairs.items()), magic=False).text


@pytest.mark.parametrize("text", ["Twenty  Two", " twenty two\n", "TWENTY\tTWO"])
def test_training_data_is_found_in_any_case_and_white_space(text: str) -> None:
    """Unless another input fits exactly."""
    assert canned(ask(text), {"twenty two": "twenty three"}).text == "twenty three"


@given(st.text(), st.sampled_from([TUNED, "projects/p/locations/l/endpoints/1"]))
def test_every_prompt_has_an_answer_and_always_the_same(text: str, model: str) -> None:
    """Deterministic, and never an exception."""
    prompt = ask(text, model=model)

    assert canned(prompt, {}) == canned(prompt, {})


def test_the_fallback_names_model_and_prompt() -> None:
    """So that a reader of a log knows where it came from."""
    answer = canned(ask("Hello, who are you?", model="tunedModels/mine"), {})

    assert answer.text == 'Mock answer of tunedModels/mine to "Hello, who are you?".'


def test_the_fallback_does_not_repeat_a_long_prompt() -> None:
    """A prompt may be forty thousand characters."""
    assert len(canned(ask("long " * 10_000), {}).text) < 200


def test_the_text_of_a_prompt_is_the_users_last() -> None:
    """A conversation ends with the user, or with words put into the model's mouth."""
    turns = (Turn("user", "one"), Turn("model", "two"), Turn("user", "three"), Turn("model", "fo"))
    prompt = Prompt(TUNED, turns=turns)

    assert (prompt.text, prompt.turn) == ("three", 2)


def test_rules_come_before_everything_else() -> None:
    """Before magic words, training data and the table."""
    rules = [Rule("scripted")]

    for text in ("LXIII", "in", "[mock: text=magic]"):
        assert choose_answer(new_scenario(rules), ask(text), {"in": "out"}, magic=True).text == "scripted"


def test_the_first_rule_that_fits_answers() -> None:
    """In the order they were given."""
    rules = [Rule("exact", text="LXIII"), Rule("pattern", regex="^L"), Rule("any")]
    said = [choose_answer(new_scenario(rules), ask(text), {}, magic=True).text for text in ("LXIII", "LX", "XL")]

    assert said == ["exact", "pattern", "any"]


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
def test_a_rule_answers_when_all_it_names_fits(rule: Rule, fits: Prompt, does_not: Prompt) -> None:
    """And only then, saying what does not fit."""
    assert rule.answers(fits)
    assert [] == list(rule.mismatches(fits))
    assert not rule.answers(does_not)
    assert len(list(rule.mismatches(does_not))) == 1


def test_a_rule_answers_no_more_than_its_times() -> None:
    """Counted by whoever keeps the rules."""
    rules = [Rule("twice", times=2), Rule("then")]
    found = [matching(rules, ask("hi"), {0: used}) for used in range(4)]

    assert found == [0, 0, 1, 1]


@pytest.mark.parametrize("answer", [Answer("from a function"), "from a function"])
def test_a_rule_may_ask_a_function(answer: Answer | str) -> None:
    """It is given the prompt and returns an answer, or its text."""
    asked: list[Prompt] = []

    def reply(prompt: Prompt) -> Answer | str:
        asked.append(prompt)
        return answer

    assert Answer("from a function") == choose_answer(new_scenario([Rule(reply)]), ask("hi"), {}, magic=True)
    assert asked == [ask("hi")]


def test_the_nearest_rule_is_the_one_that_lacks_least() -> None:
    """And it is told what it lacks."""
    rules = [Rule("a", model="tunedModels/other", text="hello"), Rule("b", text="LXIV")]

    assert nearest(rules, ask("LXIII")) == (rules[1], 'the text is "LXIII", not "LXIV"')
    assert nearest([], ask("LXIII")) is None


@pytest.mark.parametrize(
    ("write", "complaint"),
    [
        (lambda: Answer(finish="FINISHED"), "unknown finish reason 'FINISHED'; the known ones are STOP, MAX_TOKENS, "),
        (lambda: Answer(block="NO"), "unknown block reason 'NO'; the known ones are SAFETY, OTHER, "),
        (lambda: Answer(ratings={"RUDE": "HIGH"}), "unknown safety category 'RUDE'; the known ones are HARASSMENT, "),
        (lambda: Answer(ratings={"HARASSMENT": "4"}), "unknown safety level '4'; the known ones are NEGLIGIBLE, LOW, "),
        (lambda: Answer(prompt_ratings={"HARASSMENT": ""}), "unknown safety level ''"),
        (lambda: Answer("abc", chunks=["a", "b"]), "the chunks of an answer, joined, are its text"),
        (lambda: Answer(chunks=["a"], delays=[1, 2]), "2 delays are more than there are chunks"),
        (lambda: Answer("a", delays=[-1]), "a delay is a number of seconds from 0 to 31536000"),
        (lambda: Answer(usage={"total": 3}), "unknown token count 'total'; the known ones are prompt, "),
        (lambda: Answer(usage={"prompt": -3}), "the token count 'prompt' cannot be -3"),
        (lambda: Answer(logprobs=[("a", 0.5)]), "so not above 0"),
        (lambda: Rule("a", regex="("), r"the regex '\(' is none: missing \)"),
        (lambda: Rule("a", times=0), "times counts from 1, so it cannot be 0"),
        (lambda: Rule("a", call=-1), "call counts from 1, so it cannot be -1"),
    ],
)
def test_a_mistake_is_told_when_it_is_written(write: Callable[[], object], complaint: str) -> None:
    """Not when the answer is needed."""
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


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("text=LXIV", Answer("LXIV")),
        ("finish=SAFETY harassment=HIGH", Answer("seven", finish="SAFETY", ratings={"HARASSMENT": "HIGH"})),
        ("max_tokens", Answer("seven", finish="MAX_TOKENS")),
        ("Recitation", Answer("seven", finish="RECITATION")),
        ("block=OTHER", Answer("seven", block="OTHER")),
        ("block prompt-hate-speech=HIGH", Answer("seven", block="SAFETY", prompt_ratings={"HATE_SPEECH": "HIGH"})),
        ("error=503", Answer("seven")),
    ],
)
def test_magic_words_change_the_answer_there_would_have_been(words: str, expected: Answer) -> None:
    """What they do not mention stays as it is."""
    assert expected == canned(ask(f"six [mock: {words}]"), {"six": "seven"})


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("finsh=SAFETY", "unknown safety category 'finsh'"),
        ("finish=SAFTY", "unknown finish reason 'SAFTY'"),
        ("harassment=9", "unknown safety level '9'"),
        ("error=418", "unknown status '418'"),
        ("latency=soon", "could not convert string to float: 'soon'"),
    ],
)
def test_a_misspelt_magic_word_is_told_in_the_answer(words: str, complaint: str) -> None:
    """There is no other way to tell the client, and no reason to fail."""
    assert complaint in canned(ask(f"[mock: {words}]"), {}).text


def test_without_magic_the_words_are_just_text() -> None:
    """`--no-magic`."""
    text = "[mock: finish=SAFETY]"

    assert Answer("plain") == canned(ask(text), {text: "plain"}, magic=False)


def _unusual(ratings: list[Mapping[str, Any]]) -> dict[str, str]:
    return {
        rating["category"].removeprefix("HARM_CATEGORY_"): rating["probability"]
        for rating in ratings
        if rating["probability"] != "NEGLIGIBLE"
    }

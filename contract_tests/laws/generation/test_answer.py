"""Which answer a prompt gets: laws of `generation.answer`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.laws.scripting.test_scenario import new_scenario
from mockserver.app import create_app
from mockserver.datasets.examples import Examples
from mockserver.doors.inprocess import AppRequest, send_request
from mockserver.generation.answer import default_answer
from mockserver.inspection.resources import add_tuned_model
from mockserver.scripting.answers import Answer, Prompt, Rule, Turn
from mockserver.scripting.scenario import Scenario
from mockserver.state.new_world import new_world

TUNED = "tunedModels/number-generator-model-dzlmi0gswwqb"


def ask(text: str, *, model: str = TUNED, base: str = "models/gemini-1.0-pro-001", call: int = 0) -> Prompt:
    """One user's turn."""
    return Prompt(model, base, (Turn("user", text),), call=call)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("LXIII", "LXIV"),
        ("-9", "-8"),
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
    assert answer == default_answer(ask(text), {}).text


def test_the_recorded_answers_of_tuned_models_come_back(transcripts: Path) -> None:
    """Text and ratings are those of the recordings."""
    recorded = json.loads((transcripts / "gemini-tuning-core-responses.json").read_text())
    generated = [entry for entry in recorded if entry["kind"] == "generateContent-tuned"]
    asked = ["LXIII", "六"]

    for text, entry in zip(asked, generated, strict=True):
        candidate = entry["response"]["candidates"][0]
        answer = default_answer(ask(text), {})

        assert candidate["content"]["parts"][0]["text"] == answer.text
        assert _unusual(candidate["safetyRatings"]) == answer.ratings
        assert _unusual(entry["response"]["promptFeedback"]["safetyRatings"]) == answer.prompt_ratings


def test_a_base_model_does_not_count() -> None:
    """Only a tuned one has learnt to."""
    base = Prompt("models/gemini-1.0-pro-001", "models/gemini-1.0-pro-001", (Turn("user", "LXIII"),))

    assert default_answer(base, {}).text == 'Mock answer of models/gemini-1.0-pro-001 to "LXIII".'


@given(st.dictionaries(st.text(), st.text(), min_size=1), st.data())
def test_a_tuned_model_answers_its_training_data(pairs: dict[str, str], data: st.DataObject) -> None:
    """Input for output, whatever else the input might mean; as a mapping or as Examples."""
    text = data.draw(st.sampled_from(sorted(pairs)))

    assert pairs[text] == default_answer(ask(text), pairs, magic=False).text
    assert pairs[text] == default_answer(ask(text), Examples(pairs, pairs.values()), magic=False).text


@pytest.mark.parametrize("text", ["Twenty  Two", " twenty two\n", "TWENTY\tTWO"])
def test_training_data_is_found_in_any_case_and_white_space(text: str) -> None:
    """Unless another input fits exactly."""
    assert default_answer(ask(text), {"twenty two": "twenty three"}).text == "twenty three"


@given(st.text(), st.sampled_from([TUNED, "projects/p/locations/l/endpoints/1"]))
def test_every_prompt_has_an_answer_and_always_the_same(text: str, model: str) -> None:
    """Deterministic, and never an exception."""
    prompt = ask(text, model=model)

    assert default_answer(prompt, {}) == default_answer(prompt, {})


def test_the_fallback_names_model_and_prompt() -> None:
    """So that a reader of a log knows where it came from."""
    answer = default_answer(ask("Hello, who are you?", model="tunedModels/mine"), {})

    assert answer.text == 'Mock answer of tunedModels/mine to "Hello, who are you?".'


def test_the_fallback_does_not_repeat_a_long_prompt() -> None:
    """A prompt may be forty thousand characters."""
    assert len(default_answer(ask("long " * 10_000), {}).text) < 200


def test_rules_come_before_everything_else() -> None:
    """Before magic words, training data and the table."""
    world = new_world({"seed": 1})
    name = add_tuned_model(world, "one", examples={"in": "out"})
    app = create_app(world)

    def answers() -> list[str]:
        texts = []
        for text in ("LXIII", "in", "[mock: text=magic]"):
            body = json.dumps({"contents": [{"parts": [{"text": text}]}]}).encode()
            headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
            url = f"https://generativelanguage.googleapis.com/v1beta/{name}:generateContent?key=any-key"
            reply = json.loads(b"".join(send_request(app, AppRequest("POST", url, headers, body)).pieces))
            texts.append(reply["candidates"][0]["content"]["parts"][0]["text"])
        return texts

    assert ["LXIV", "out", "magic"] == answers()
    Scenario(world.store).add_rules(Rule("scripted"))
    assert ["scripted"] * 3 == answers()


def test_the_first_rule_that_fits_answers() -> None:
    """In the order they were given."""
    rules = [Rule("exact", text="LXIII"), Rule("pattern", regex="^L"), Rule("any")]
    answers = [new_scenario(rules).choose_answer(ask(text))[0] for text in ("LXIII", "LX", "XL")]

    assert answers == [Answer("exact"), Answer("pattern"), Answer("any")]


@pytest.mark.parametrize("answer", [Answer("from a function"), "from a function"])
def test_a_rule_may_ask_a_function(answer: Answer | str) -> None:
    """It is given the prompt and returns an answer, or its text."""
    asked: list[Prompt] = []

    def reply(prompt: Prompt) -> Answer | str:
        asked.append(prompt)
        return answer

    assert Answer("from a function") == new_scenario([Rule(reply)]).choose_answer(ask("hi"))[0]
    assert asked == [ask("hi")]


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
    assert expected == default_answer(ask(f"six [mock: {words}]"), {"six": "seven"})


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("finsh=SAFETY", "'finsh' is not a safety category"),
        ("finish=SAFTY", "'SAFTY' is not a finish reason"),
        ("harassment=9", "'9' is not a safety level"),
        ("error=418", "'418' is not a status"),
        ("latency=soon", "could not convert string to float: 'soon'"),
    ],
)
def test_a_misspelt_magic_word_is_told_in_the_answer(words: str, complaint: str) -> None:
    """There is no other way to tell the client, and no reason to fail."""
    assert complaint in default_answer(ask(f"[mock: {words}]"), {}).text


def test_without_magic_the_words_are_just_text() -> None:
    """`--no-magic`."""
    text = "[mock: finish=SAFETY]"

    assert Answer("plain") == default_answer(ask(text), {text: "plain"}, magic=False)


def _unusual(ratings: list[Mapping[str, Any]]) -> dict[str, str]:
    return {
        rating["category"].removeprefix("HARM_CATEGORY_"): rating["probability"]
        for rating in ratings
        if rating["probability"] != "NEGLIGIBLE"
    }

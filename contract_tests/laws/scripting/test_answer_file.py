"""Answers and faults in a file: laws of `answer_file`."""

import json
from pathlib import Path

import pytest

from mockserver.scripting.answer_file import AnswersFile, BadFile, parse, read_answers
from mockserver.scripting.answers import Answer, Citation, Rule
from mockserver.scripting.faults import Fault
from mockserver.scripting.new_resources import NewTunedModel, NewTuningJob

GOOD = """
# What the support bot is told to say.
answers:
  - text: LXIII
    answer: LXIV
  - model: support-*
    turn: 2
    times: 1
    answer:
      text: I would rather not say.
      finish: safety
      ratings: {HARASSMENT: HIGH}
      citations: [{start: 0, end: 7, uri: "https://example.com/"}]

faults:
  - method: tunedModels.create
    status: 429
    retry_after: 30
"""

RESOURCES = """
tuned_models:
  - name: days
    state: FAILED
    members: {display_name: Days}

tuning_jobs:
  - name: "4303478340632707072"
    model: "9030969596621881344"
"""


def write(folder: Path, text: str, name: str = "answers.yaml") -> Path:
    """A file of that text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def complaint(path: Path) -> str:
    """What is said against a file, without the folder it is in."""
    with pytest.raises(BadFile) as refused:
        read_answers(path)
    return str(refused.value).removeprefix(f"{path.parent}/")


def test_a_file_holds_what_python_would_say(tmp_path: Path) -> None:
    """Its members are those of Rule, Answer, Fault, NewTunedModel and NewTuningJob."""
    rest = Answer(
        "I would rather not say.",
        finish="SAFETY",
        ratings={"HARASSMENT": "HIGH"},
        citations=[Citation(0, 7, uri="https://example.com/")],
    )
    expected = AnswersFile(
        (Rule("LXIV", text="LXIII"), Rule(rest, model="support-*", turn=2, times=1)),
        (Fault("tunedModels.create", status=429, retry_after=30),),
        (NewTunedModel("days", state="FAILED", members={"display_name": "Days"}),),
        (NewTuningJob("4303478340632707072", model="9030969596621881344"),),
    )

    assert expected == read_answers(write(tmp_path, GOOD + RESOURCES))


@pytest.mark.parametrize("indent", [None, 2, "\t"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_is_read_as_it_is_written(tmp_path: Path, *, indent: int | str | None, ascii_only: bool) -> None:
    """However it is indented, and with escapes for what lies beyond 16 bits."""
    data = {"answers": [{"text": "👍\n/\t", "answer": "schön 👍"}], "faults": [{"latency_seconds": 1e-05}]}
    text = json.dumps(data, indent=indent, ensure_ascii=ascii_only)

    expected = AnswersFile((Rule("schön 👍", text="👍\n/\t"),), (Fault(latency_seconds=1e-05),))
    assert expected == read_answers(write(tmp_path, text, "answers.json"))


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "{}", "answers:\nfaults:\n", "answers: []\n"])
def test_a_file_may_say_nothing(tmp_path: Path, text: str) -> None:
    """Somebody has only begun, or has put every entry into a comment."""
    assert AnswersFile() == read_answers(write(tmp_path, text))


@pytest.mark.parametrize("prompt", ["2024-03-14", "2024-13-45", "2024-03-14T15:09:26Z"])
def test_a_date_is_a_text(tmp_path: Path, prompt: str) -> None:
    """Also one that there is not."""
    read = read_answers(write(tmp_path, f"answers: [{{text: {prompt}, answer: it is}}]"))

    assert (Rule("it is", text=prompt),) == read.answers


def test_editors_that_mark_their_files_are_understood(tmp_path: Path) -> None:
    """A byte order mark is no part of the text."""
    assert read_answers(write(tmp_path, GOOD)) == read_answers(write(tmp_path, "\ufeff" + GOOD))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("finish: safety", "finish: SAVETY"), "6: answers[1]: answer: 'SAVETY' is not a finish reason"),
        (GOOD.replace("HARASSMENT", "RUDENESS"), "6: answers[1]: answer: 'RUDENESS' is not a safety category"),
        (GOOD.replace("text: LXIII", "txt: LXIII"), "4: answers[0]: unknown member 'txt'; the members are answer,"),
        (GOOD.replace("end: 7", "stop: 7"), "6: answers[1]: unknown member 'stop'; the members are start, end,"),
        (GOOD.replace("turn: 2", "turn: 0"), "6: answers[1]: turn must be at least 1, not 0"),
        (GOOD.replace("turn: 2", "turn: second"), "6: answers[1]: turn: Input should be a valid integer"),
        (GOOD.replace("    answer: LXIV\n", ""), "4: answers[0]: answer: Field required"),
        (
            GOOD.replace("answer: LXIV", "answer: 64"),
            "4: answers[0]: answer: 64 is neither a text nor an object; put a text in quotes",
        ),
        (GOOD.replace("status: 429", "status: 299"), "16: faults[0]: 299 is not a status; use one of 400"),
        (GOOD.replace("    status: 429\n", ""), "16: faults[0]: a fault needs an effect"),
        (GOOD.replace("answer: LXIV", "answer: no"), "4: answers[0]: answer: False is neither a text nor an object"),
        (GOOD + "  - boom\n", "19: faults[1]: Input should be"),
        (GOOD + "  - {status: 500}\n  - {}\n", "20: faults[2]: a fault needs an effect"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_entry(tmp_path: Path, text: str, said: str) -> None:
    """The line where the entry begins, the entry by its place, and what is wrong with it."""
    assert complaint(write(tmp_path, text)).startswith(f"answers.yaml:{said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "- answer: a\n",
            "1: a file must be an object with the lists `answers`, `faults`, `tuned_models`, `tuning_jobs`, not a list",
        ),
        (
            "just words\n",
            "1: a file must be an object with the lists `answers`, `faults`, `tuned_models`, `tuning_jobs`, not a str",
        ),
        (
            "answers: []\nfalts: []\n",
            "2: unknown list `falts`; the lists are `answers`, `faults`, `tuned_models`, `tuning_jobs`",
        ),
        ("\nfaults: 503\n", "2: `faults` must be a list, not a int"),
        ("answers: {answer: a}\n", "1: `answers` must be a list, not a dict"),
        ("answers: []\nfaults: []\nanswers: []\n", "3: there is more than one list `answers`"),
        ("answers:\n  - answer: [a\n", "3: expected ',' or ']'"),
        ("answers:\n  - answer: a\n - b\n", "3: expected <block end>"),
        ("answers: []\n---\nanswers: []\n", "2: but found another document"),
        ("answers:\n  - answer: !!python/object:os.system a\n", "2: could not determine a constructor"),
        ("answers:\n  - answer: 'a\x00b'\n", "2: the character U+0000 is not allowed in YAML"),
        ('{"answers": [\n  {"answer": "a"},,\n]}', "2: expected the node content, but found ','"),
    ],
)
def test_what_is_no_answers_file_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    """Other shapes than two lists, and what is neither YAML nor JSON."""
    assert complaint(write(tmp_path, text)).startswith(f"answers.yaml:{said}")


def test_a_mistake_in_json_has_a_line_too(tmp_path: Path) -> None:
    """The one where the entry's brace stands."""
    text = json.dumps({"answers": [{"answer": "a"}, {"answer": "b", "turn": 0}]}, indent="\t")

    assert "answers.json:6: answers[1]: turn must be at least 1, not 0" == complaint(
        write(tmp_path, text, "answers.json")
    )


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """It is not there, it is a folder, it is a picture."""
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n")

    assert "missing.yaml: No such file or directory" == complaint(tmp_path / "missing.yaml")
    assert f"{tmp_path.name}: Is a directory" == complaint(tmp_path)
    assert "picture.png: not UTF-8 text" == complaint(picture)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("answers: " + "[" * 1000, "lists and objects are nested too deeply"),
        ('{"answers": ' + "[" * 1000 + "]" * 1000 + "}", "lists and objects are nested too deeply"),
        (f"faults: [{{status: {'9' * 5000}}}]", "Exceeds the limit"),
    ],
    ids=["YAML", "JSON", "a number"],
)
def test_what_is_too_much_to_read_is_one_sentence_too(tmp_path: Path, text: str, said: str) -> None:
    """Though nobody knows the line then."""
    assert complaint(write(tmp_path, text)).startswith(f"answers.yaml: {said}")


def test_an_entry_alone_is_read_alike() -> None:
    """As the control API and MockServer do it; the mistakes have the same words."""
    assert Rule(Answer("a", block="SAFETY")) == parse(Rule, {"answer": {"text": "a", "block": "safety"}})
    with pytest.raises(ValueError, match="unknown member 'blok'; the members are text, parts"):
        parse(Rule, {"answer": {"blok": "SAFETY"}})

"""`mockserver check-dataset`: what a user reads, and what a program does."""

import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract_tests.environment import ROOT
from mockserver.cli.main import main

Json = dict[str, Any]

DATASETS = ROOT / "fixtures" / "datasets"
PLACE = "tuned_model.tuning_task.training_data.examples.examples"
SUFFIXES = (".jsonl", ".json", ".csv", ".txt")


def check(capsys: pytest.CaptureFixture[str], file: Path | str, *options: str) -> tuple[int, str]:
    """The exit status and what was printed."""
    status = main(["check-dataset", str(DATASETS / file), *options])
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def report(capsys: pytest.CaptureFixture[str], file: Path | str, *options: str) -> Json:
    """What a program reads."""
    tree: Json = json.loads(check(capsys, file, *options, "--format", "json")[1])
    return tree


REFUSED = {"input-output.jsonl", "prompt-completion.jsonl"}
"""Older forms, which only models of other publishers accept."""

GOOD = sorted(path.name for path in DATASETS.iterdir() if "broken" not in path.name and path.name not in REFUSED)


@pytest.mark.parametrize("file", GOOD)
def test_good_files_are_good(capsys: pytest.CaptureFixture[str], file: str) -> None:
    """Every format of either API that nothing is wrong with: status 0, and an estimate."""
    status, text = check(capsys, file)

    assert 0 == status, text
    assert "problems      none" in text
    assert "duration      about" in text


@pytest.mark.parametrize("file", sorted(path.name for path in DATASETS.iterdir() if "broken" in path.name))
def test_broken_files_are_broken(capsys: pytest.CaptureFixture[str], file: str) -> None:
    """Status 1, and a line for each problem, to be clicked on."""
    status, text = check(capsys, file)

    assert 1 == status
    assert text.startswith(f"{DATASETS / file}:")


def test_problems_are_told_by_line_in_the_service_s_words(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Blank lines count as lines and not as examples; every problem of a line is told, not only the first."""
    file = tmp_path / "train.jsonl"
    good = (DATASETS / "support.jsonl").read_text(encoding="utf-8").splitlines()[0]
    file.write_text(f'{good}\n\n{{"contents": [{{"role": "bot"}}]}}\nnope\n', encoding="utf-8")

    problems = report(capsys, file)["problems"]

    assert [
        {"line": 3, "message": "Dataset example 2 of 3 contains a content without parts in the “contents” field."},
        {"line": 3, "message": "Dataset example 2 of 3 contains an invalid role [bot] in the “role” field. Please use a valid role: user, model."},
    ] == problems[:2]  # fmt: skip
    assert 4 == problems[2]["line"]
    assert problems[2]["message"].startswith("Dataset example 3 of 3 is not valid JSON: ")


def test_examples_of_the_developer_api_are_bound_as_a_request_is(capsys: pytest.CaptureFixture[str]) -> None:
    """The line is the file's, the place the request's, the words those of the front end."""
    problems = report(capsys, "broken-examples.json")["problems"]

    assert {
        "line": 6,
        "message": f"Invalid value at '{PLACE}[3].text_input' (TYPE_STRING), 5",
    } in problems
    assert {
        "line": 7,
        "message": f"Invalid JSON payload received. Unknown name \"input\" at '{PLACE}[4]': Cannot find field.",
    } in problems
    assert {
        "line": 3,
        "message": f"CreateTunedModelRequest.{PLACE}[1].text_input: text_input is not specified",
    } in problems


def test_three_formats_hold_the_same_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON, JSON Lines, a table, and the body of a request."""
    first, *others = (report(capsys, f"plurals.{suffix}") for suffix in ("json", "jsonl", "csv"))
    others.append(report(capsys, "request.json"))

    assert [first | {"file": other["file"]} for other in others] == others


def test_the_base_model_decides(capsys: pytest.CaptureFixture[str]) -> None:
    """Function calls are fine for 2.0 and not for 2.5 [seen]."""
    assert 0 == check(capsys, "functions.jsonl", "--base-model", "gemini-2.0-flash-001")[0]
    assert 1 == check(capsys, "functions.jsonl", "--base-model", "gemini-2.5-flash")[0]


def test_no_model_is_named_that_refuses_the_data(capsys: pytest.CaptureFixture[str]) -> None:
    """The estimate is for a model that takes the rows, and a note names the usual one; or its problems are told."""
    status, text = check(capsys, "functions.jsonl")
    base = text.partition("base model    ")[2].split()[0]
    assert 0 == status == check(capsys, "functions.jsonl", "--base-model", base)[0]
    assert "note: gemini-2.5-flash does not accept this data; --base-model gemini-2.5-flash lists the problems" in text

    for file in REFUSED:
        status, text = check(capsys, file)
        assert (1, False) == (status, "problems      none" in text)
        assert "note: no base model of Google's accepts this data" in text


def test_equal_problems_are_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The first, and how far it goes on; JSON has them all."""
    file = tmp_path / "old.jsonl"
    file.write_text('{"prompt": "Soup?", "completion": "Hot."}\n' * 20 + "{\n")
    options = ("--base-model", "gemini-2.5-flash")
    first, second, *others = check(capsys, file, *options)[1].splitlines()

    assert f"{file}:1: Row: 0. Missing required `contents` field. (and 19 more like it, to line 20)" == first
    assert second.startswith(f"{file}:21: Dataset example 21 of 21 is not valid JSON: ")
    assert "  problems      21" in others
    assert 21 == len(report(capsys, file, *options)["problems"])


@pytest.mark.parametrize("half", ['{"prompt": "x"}', '{"input_text": "x"}'])
def test_half_of_an_older_form_is_told_as_a_create_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, half: str
) -> None:
    """Whatever the base model; and it is not counted with another row's problem."""
    no_part = '{"contents": [{"role": "user", "parts": [{}]}, {"role": "model", "parts": [{"text": "y"}]}]}'
    file = tmp_path / "rows.jsonl"
    file.write_text(f"{no_part}\n{half}\n")

    for options in ((), ("--base-model", "gemini-2.5-flash")):
        first, second, *_ = check(capsys, file, *options)[1].splitlines()
        assert "Dataset example 1 of 2 contains a part that has none of" in first
        assert f"{file}:2: Row: 1. Missing required `contents` field." == second


def test_a_url_is_told_as_typed(capsys: pytest.CaptureFixture[str]) -> None:
    """Only local files are read."""
    assert 2 == main(["check-dataset", "gs://x/y.jsonl"])
    assert "cannot read gs://x/y.jsonl: it is a URL, and only local files are read" in capsys.readouterr().err


def test_estimates_follow_epochs(capsys: pytest.CaptureFixture[str]) -> None:
    """Steps and seconds of the simulation: a run that long takes that long."""
    short, long = (report(capsys, "support.jsonl", "--epochs", epochs)["estimate"] for epochs in ("1", "10"))

    assert (6, 60) == (short["steps"], long["steps"])
    assert 300 < short["seconds"] < long["seconds"] < 1800


def test_statistics_are_those_of_the_data(capsys: pytest.CaptureFixture[str]) -> None:
    """Tokens in and out, and their sum."""
    tree = report(capsys, "plurals.json")

    assert ("the Gemini Developer API", 20) == (tree["api"], tree["examples"])
    assert tree["inputTokens"]["sum"] + tree["outputTokens"]["sum"] == tree["tokens"]


@pytest.mark.parametrize(
    "options",
    [
        ["--base-model", "gemini-9"],
        ["--base-model", "gemini-1.5-flash-001-tuning"],
        ["--epochs", "0"],
        ["--epochs", "x"],
    ],
)
def test_bad_options_are_told(capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    """Status 2 and a sentence."""
    status, text = check(capsys, "support.jsonl", *options)

    assert 2 == status
    assert text.startswith(f"mockserver check-dataset: {options[0]}: {options[1]!r} is n")


@pytest.mark.parametrize("file", ["missing.jsonl", "."])
def test_what_cannot_be_read_is_told(capsys: pytest.CaptureFixture[str], file: str) -> None:
    """Status 2: nothing is known of the data."""
    status, text = check(capsys, file)

    assert 2 == status
    assert text.startswith("mockserver check-dataset: cannot read ")


def test_a_device_without_an_end_is_not_read(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor a pipe, which cannot be read twice."""
    assert 2 == main(["check-dataset", "/dev/zero"])
    assert "mockserver check-dataset: cannot read /dev/zero: not a regular file\n" == capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["jsonl", "json", "csv"])
def test_no_more_of_a_file_is_kept_than_it_may_have(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However large it is, and however long its first line."""
    for module in ("mockserver.datasets.files", "mockserver.datasets.file_format"):
        monkeypatch.setattr(f"{module}.LARGEST_FILE", 1 << 20)
        monkeypatch.setattr(f"{module}.LONGEST_LINE", 1 << 16)
    file = tmp_path / f"large.{suffix}"
    with file.open("wb") as sparse:
        sparse.truncate(1 << 31)
    tracemalloc.start()
    status = main(["check-dataset", str(file)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert status in {1, 2}
    assert peak < 1 << 24


@pytest.mark.parametrize(
    ("name", "raw", "line", "words"),
    [
        ("a.json", b'[\n{"text_input": "a",\n', 3, "is not valid JSON: "),
        ("a.json", b'{\n "text": "a"\n}', 1, "has no list of examples."),
        ("a.json", b'\xef\xbb\xbf[{"text_input": "a", "output": "b"}]', 1, "is not valid JSON: "),
        ("a.json", b"[]", 1, "holds no examples."),
        ("a.csv", b"text_input,result\na,b\n", 1, "has no column output."),
        ("a.csv", b"", 1, "has no column text_input and no column output."),
        ("a.csv", b'text_input,output\n"a\nb",c\n,d\n', 4, f"CreateTunedModelRequest.{PLACE}[1].text_input: "),
        ("a.csv", b"text_input,output\na,b\n\xff,c\n", 3, "is not UTF-8."),
        ("a.jsonl", b'{"text_input": "a", "output": "b"}\n{"text_input": "\xff"}\n', 2, "is not UTF-8."),
        ("a.jsonl", b"", 1, "The dataset contains no examples."),
        ("a.jsonl", b'{"text_input": "a", "output": "b"}\n{"text_input"\n', 2, "is not valid JSON: "),
    ],
)
def test_files_that_are_not_what_they_say(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, raw: bytes, line: int, words: str
) -> None:
    """A problem on the line where it shows."""
    (tmp_path / name).write_bytes(raw)

    problems = report(capsys, tmp_path / name)["problems"]

    assert [line] == [problem["line"] for problem in problems]
    assert problems[0]["message"].startswith(words)


def test_text_that_is_not_json_at_all_is_one_problem(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A line for each line of prose, and a summary as of a dataset, would say nothing."""
    (tmp_path / "a.jsonl").write_text("Once upon a time\nthere was a file\n" * 10)

    status, text = check(capsys, tmp_path / "a.jsonl")

    first, second = text.splitlines()
    assert 1 == status
    assert first.startswith(f"{tmp_path / 'a.jsonl'}:1: Dataset example 1 of 20 is not valid JSON: ")
    assert second == f"{tmp_path / 'a.jsonl'} is neither JSON nor JSONL, so nothing else was checked."


def test_lines_of_examples_are_found_in_any_layout(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Brackets and commas in texts mislead nobody, nor do lists elsewhere in a request."""
    (tmp_path / "a.json").write_text(
        '{"readerProjectNumbers": [1,\n2], "tuningTask": {"trainingData": {"examples": {"examples":\n'
        '[{"textInput": "[{\\",\\n", "output": "}]"}, {"textInput":\n"a"}\n,\n\n{"textInput": "a"}]}}}}',
        encoding="utf-8",
    )

    assert [3, 7] == [problem["line"] for problem in report(capsys, tmp_path / "a.json")["problems"]]


@given(
    st.binary(max_size=200) | st.text(alphabet='[]{},:"\n\\ ae', max_size=60).map(str.encode), st.sampled_from(SUFFIXES)
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_crash_it(capsys: pytest.CaptureFixture[str], tmp_path: Path, raw: bytes, suffix: str) -> None:
    """Whatever a file holds, the status is 0 or 1 and something is said."""
    (tmp_path / f"a{suffix}").write_bytes(raw)

    status, text = check(capsys, tmp_path / f"a{suffix}")

    assert status in {0, 1}
    assert text


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    """Formats, examples, and what the exit status means."""
    with pytest.raises(SystemExit) as stopped:
        main(["check-dataset", "--help"])
    text = capsys.readouterr().out

    assert 0 == stopped.value.code
    for word in ("--base-model", "--epochs", "--format", "text_input", "contents", "exit status", "train.jsonl"):
        assert word in text


def test_output_goes_to_any_terminal(tmp_path: Path) -> None:
    """What its encoding lacks is escaped."""
    file = tmp_path / "a.jsonl"
    file.write_text('{"contents": [{"role": "モデル", "parts": [{"text": "a"}]}]}\n', encoding="utf-8")

    run = subprocess.run(
        [sys.executable, "-m", "mockserver", "check-dataset", str(file)],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
    )

    assert 1 == run.returncode, run.stderr
    assert b"\\u30e2" in run.stdout

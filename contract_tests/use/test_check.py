"""`mockserver check`: recordings against the mock server, in words for people and a status for their CI."""

import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.effort import effort
from contract_tests.environment import ROOT
from mockserver.cli.main import main
from mockserver.recordings.drift_report import check as report_of

FIXTURES = ROOT / "fixtures" / "transcripts"


@dataclass(frozen=True, slots=True)
class Done:
    """What a command printed, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


def check(*words: str | Path) -> Done:
    """Run the command, in this process: there are many of them."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as errors:
        status = main(["check", *map(str, words)])
    return Done(status, out.getvalue(), errors.getvalue())


def fixture(name: str) -> list[dict[str, Any]]:
    """The exchanges of an authored transcript."""
    rows: list[dict[str, Any]] = json.loads((FIXTURES / name).read_text())
    return rows


def changed(rows: list[dict[str, Any]], number: int, old: str, new: str) -> list[dict[str, Any]]:
    """The same rows, but for one thing in one reply's body."""
    body = rows[number - 1]["response"]["body"]
    assert old in body
    rows[number - 1]["response"]["body"] = body.replace(old, new)
    return rows


def test_the_authored_transcripts_show_no_drift() -> None:
    """The lives of a tuned model and a tuning job, answers, refusals: a table, a verdict, status 0."""
    done = check(FIXTURES)

    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.rstrip().endswith("4 files with exchanges, 0 without; no drift")
    assert "projects.locations.tuningJobs.cancel" in done.stdout


@pytest.mark.parametrize(
    ("name", "number", "old", "new", "where"),
    [
        ("tuned-model-life.json", 1, '"totalSteps": 9', '"totalSteps": "9"', "metadata.totalSteps"),
        ("tuned-model-life.json", 2, '"CREATING"', '"ACTIVE"', "state"),
        ("tuned-model-life.json", 2, '"displayName"', '"display_name"', "displayName"),
        ("tuned-model-life.json", 9, "does not exist.", "is gone.", "error.message"),
        ("tuning-job-cancelled.json", 1, "PENDING", "RUNNING", "state"),
        ("tuning-job-cancelled.json", 7, '"code": 1,', '"code": 1, "details": [{"a": 1}],', "error.details"),
        ("refusals.json", 1, '"status": "PERMISSION_DENIED"', '"status": "UNAUTHENTICATED"', "error.status"),
        (
            "answers.json",
            1,
            '"modelVersion": "gemini-2.0-flash"',
            '"modelVersion": "gemini-2.0-flash-001"',
            "modelVersion",
        ),
        ("answers.json", 3, '"finishReason": 1', '"finishReason": "STOP"', "finishReason"),
    ],
)
def test_drift_is_found_and_shown(tmp_path: Path, name: str, number: int, old: str, new: str, where: str) -> None:
    """Status 1; the file, the exchange, the place, both values."""
    (tmp_path / name).write_text(json.dumps(changed(fixture(name), number, old, new)))
    done = check(tmp_path)

    assert 1 == done.returncode, done.stdout
    assert f"{name} #{number} " in done.stdout
    assert where in done.stdout
    assert done.stdout.rstrip().endswith("drift")


def test_a_status_that_changed_is_drift(tmp_path: Path) -> None:
    """Before anything else."""
    rows = fixture("refusals.json")
    rows[0]["response"]["status"] = 401
    (tmp_path / "t.json").write_text(json.dumps(rows))
    done = check(tmp_path)

    assert 1 == done.returncode
    assert "  status  [differs]\n    - 401\n    + 403" in done.stdout


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Status 2, whatever the other files say."""
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "refusals.json").write_text((FIXTURES / "refusals.json").read_text())
    done = check(tmp_path)

    assert 2 == done.returncode
    assert "unreadable: broken.json: not JSON" in done.stdout


# Values that stand where others are expected, in a recording and in the bodies within it.
ODD = [None, True, 0, -1, 1e300, "", "x", "é", [], [None], {}, {"a": 1}, "http://[", "9999-12-31T23:59:59Z", "[]", "{}"]


@st.composite
def damaged(draw: st.DrawFn, tree: Any) -> Any:
    """The tree without one of its values, or with another in its place; most often it is one in a body."""
    if isinstance(tree, str) and tree[:1] in {"{", "["}:
        return json.dumps(draw(damaged(json.loads(tree))))
    if not tree or not isinstance(tree, dict | list) or draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from(ODD))
    places = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
    places += [place for place in places if place in {"request", "response", "body"}] * 5
    copy, place = tree.copy(), draw(st.sampled_from(places))
    if draw(st.integers(0, 9)) == 0:
        del copy[place]
    else:
        copy[place] = draw(damaged(tree[place]))
    return copy


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.json")), ids=lambda path: path.stem)
@given(data=st.data())
@effort(25)
def test_whatever_a_recording_holds_there_is_a_report(
    tmp_path_factory: pytest.TempPathFactory, path: Path, data: st.DataObject
) -> None:
    """One damaged file does not take the report of the others away."""
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "t.json").write_text(json.dumps(data.draw(damaged(json.loads(path.read_text())))))
    report = report_of(folder)

    assert "total" in report.text()
    assert report.status in {0, 1, 2}


MODEL = {"name": "tunedModels/a", "baseModel": "models/gemini-1.5-flash-001-tuning", "state": "ACTIVE"}
DATED = MODEL | {"createTime": "2024-10-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("request_line", "body"),
    [
        ("POST /v1beta/models/gemini-2.0-flash:generateContent {}", {"candidates": [{"content": 0}]}),
        ("POST /v1beta/models/gemini-2.0-flash:generateContent {}", {"candidates": [{"finishReason": "NEW_ONE"}]}),
        ("GET /v1beta/tunedModels/a", MODEL | {"createTime": "yesterday"}),
        ("GET /v1beta/tunedModels/a", MODEL | {"createTime": "9999-12-31T23:59:59Z"}),
        ("GET /v1beta/tunedModels/a", DATED | {"tuningTask": {"completeTime": "2024-10-01T00:05:00Z", "snapshots": 5}}),
        ("GET /v1beta/tunedModels", {"tunedModels": [DATED | {"tuningTask": "done"}]}),
        ("GET /v1beta/tunedModels/a/operations/b", {"name": "tunedModels/a/operations/b", "metadata": "x"}),
        ("GET /v1/projects/p/locations/us-central1/tuningJobs", [1]),
    ],
)
def test_a_body_that_is_no_message_drifts_or_is_not_asked(tmp_path: Path, request_line: str, body: Any) -> None:
    """It is compared like any other; what it shows of earlier times is put there as far as it can be."""
    (tmp_path / "t.json").write_text(json.dumps([{"request": request_line, "status": 200, "body": body}]))
    done = check(tmp_path)

    assert done.returncode in {0, 1}
    assert "1 files with exchanges" in done.stdout


@pytest.mark.parametrize("there", [False, True])
def test_no_recordings_are_no_agreement(tmp_path: Path, there: bool) -> None:
    """A folder that is not there, or has none in it: status 2 and a sentence."""
    folder = tmp_path / "folder"
    if there:
        folder.mkdir()
    done = check(folder)

    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("mockserver check: no ")
    assert repr(str(folder)) in done.stderr


def test_what_says_nothing_is_named(tmp_path: Path) -> None:
    """A reply alone, a request in words, a method we have not: listed with the reason, and no drift."""
    (tmp_path / "alone.json").write_text('{"candidates": []}')
    told = {"request": "POST of something too long", "status": 400, "body": {}}
    other = {"request": "GET /v1beta/corpora", "host": "generativelanguage.googleapis.com", "status": 200, "body": {}}
    busy = {"request": "GET /v1beta/models", "host": "generativelanguage.googleapis.com", "status": 503, "body": {}}
    (tmp_path / "list.json").write_text(json.dumps([told, other, busy]))
    done = check(tmp_path)

    assert 0 == done.returncode, done.stdout
    assert "nothing to replay: alone.json: a response without its request" in done.stdout
    assert 'skipped: list.json: 1 requests are described in words: "POST of something too long"' in done.stdout
    assert "skipped: list.json #1 GET /v1beta/corpora: a method that is not served" in done.stdout
    assert "an outage of the real service (503)" in done.stdout


@pytest.mark.parametrize(
    ("name", "number", "method"),
    [
        ("tuned-model-life.json", 7, "tunedModels.list        1"),
        ("tuning-job-cancelled.json", 9, "projects.locations.tuningJobs.list        1"),
    ],
)
def test_what_was_there_before_is_put_there(tmp_path: Path, name: str, number: int, method: str) -> None:
    """A recording that begins with a list is replayed in a world that has what it lists, as far as it had come."""
    (tmp_path / "t.json").write_text(json.dumps(fixture(name)[number - 1 : number]))
    done = check(tmp_path)

    assert 0 == done.returncode, done.stdout
    assert method in done.stdout


def test_quiet_leaves_the_table(tmp_path: Path) -> None:
    """For a log that is read every day."""
    (tmp_path / "alone.json").write_text('{"candidates": []}')
    (tmp_path / "refusals.json").write_text((FIXTURES / "refusals.json").read_text())
    done = check("--quiet", tmp_path)

    assert "nothing to replay" not in done.stdout
    assert done.stdout.lstrip().startswith("method ")

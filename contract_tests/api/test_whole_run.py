"""Looking back on the run: these come after all other tests."""

import json
import subprocess
from pathlib import Path

import pytest

from contract_tests.coverage import TABLE, listed
from contract_tests.environment import ROOT, client_python
from contract_tests.harvest import HARVEST

SUPPLEMENT = ROOT / "scripts" / "schema_supplement.json"


def parse(answers: Path) -> dict[str, object]:
    """What Google's classes say of the answers in that file."""
    command = [client_python("google"), ROOT / "contract_tests" / "google_parser.py", answers, SUPPLEMENT]
    found: dict[str, object] = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    return found


def test_every_answer_of_the_run_parses_into_googles_classes(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """No member, no value and no type of ours is unknown to the packages Google publishes."""
    answers = tmp_path / "answers"
    request.config.stash[HARVEST].write_answers(answers)

    assert [] == parse(answers)["refused"]


def test_a_made_up_member_does_not_parse(tmp_path: Path) -> None:
    """The judge is strict: an unknown member, at any depth, and an unknown value are refused."""
    package = "google.ai.generativelanguage.v1beta"
    rows = [
        (f"{package}.TunedModel", {"name": "tunedModels/a", "sate": "ACTIVE"}),
        (f"{package}.TunedModel", {"tuningTask": {"snapshots": [{"step": 1, "los": 2}]}}),
        (f"{package}.TunedModel", {"state": "SLEEPING"}),
        ("google.longrunning.Operation", {"metadata": {"@type": f"type.googleapis.com/{package}.Model", "sate": 1}}),
        (f"{package}.TunedModel", {"name": "tunedModels/a", "state": "ACTIVE"}),
    ]
    answers = tmp_path / "answers"
    answers.write_text("".join(json.dumps(row) + "\n" for row in rows))
    refused = parse(answers)["refused"]

    assert isinstance(refused, list)
    assert 4 == len(refused)


@pytest.mark.recordings
def test_recordings_that_are_here_are_used(request: pytest.FixtureRequest) -> None:
    """Where they are, no part of them is lost: a whole run has many tests of them."""
    used = [item for item in request.session.items if item.get_closest_marker("recordings")]

    assert len(used) > 100


def test_the_table_says_what_was_exercised(request: pytest.FixtureRequest) -> None:
    """docs/coverage.md and the run agree on every method. Part of a run leaves this test out."""
    exercised = set(request.config.stash[HARVEST].methods)
    said = listed(TABLE.read_text(encoding="utf-8"))

    assert {name for name, yes in said.items() if yes} == exercised & said.keys()

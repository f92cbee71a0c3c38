"""How sure we are is written in one file, and the file agrees with the code."""

import re
import subprocess
import sys
from typing import Any

import pytest

from contract_tests.environment import ROOT
from mockserver.inspection.evidence import find_unseen_answers, load
from mockserver.state.calls import RecordedCall

DATE = re.compile(r"(?:202\d(?:-[01]\d(?:-[0-3]\d)?)?)?")
LEVELS = {"seen", "oracle", "doc", "derived", "our choice"}


def call(status: int, message: str, **more: Any) -> RecordedCall:
    """A call that was refused in these words."""
    said = {"code": 9, "message": message}
    return RecordedCall("tunedModels.create", "POST", "/v1beta/tunedModels", 0, "", None, status, said, **more)


def test_file_code_and_page_agree() -> None:
    """Every method, every sentence and every "our choice" has its row, and every row is about something there is."""
    command = [sys.executable, str(ROOT / "scripts" / "evidence.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)

    assert "" == done.stdout + done.stderr, "run scripts/evidence.py --write, then say what is known of new rows"


def test_every_row_says_how_sure_and_from_where() -> None:
    """A choice needs no source; anything else does. The date is a day, a month, a year, or not known."""
    rows = [*load().methods, *load().sentences, *load().behaviours]

    assert LEVELS == {row["level"] for row in rows}
    assert [] == [row for row in rows if row["level"] != "our choice" and not row["source"]]
    assert [] == [row for row in rows if not DATE.fullmatch(row["date"])]


def test_words_of_our_choice_are_told() -> None:
    """With the method and the status they came with."""
    chosen = call(409, "Tuned model tunedModels/a-1 already exists.")

    assert [
        'tunedModels.create answered 409 with words of our choice: "Tuned model tunedModels/a-1 already exists."'
    ] == [*find_unseen_answers([chosen])]


@pytest.mark.parametrize(
    "harmless",
    [
        call(404, "Tuned model tunedModels/a-1 does not exist."),
        call(200, "Tuned model tunedModels/a-1 already exists."),
        call(409, "Tuned model tunedModels/a-1 already exists.", fault="status='ALREADY_EXISTS'"),
        call(400, "of"),
    ],
)
def test_words_that_were_seen_are_not(harmless: RecordedCall) -> None:
    """Injected faults and successes do not count."""
    assert [] == list(find_unseen_answers([harmless]))

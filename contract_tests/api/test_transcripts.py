"""Recorded reality, asked again: every exchange of every transcript, authored ones and those beside this checkout.

A file that holds no exchange skips by name. A difference is a failure unless it is explained here.
"""

from pathlib import Path
from typing import Any

import pytest

from contract_tests.environment import ROOT, SHARED
from contract_tests.targets import chosen
from mockserver.recordings.comparison import Grade
from mockserver.recordings.replay import Replay, ReplayOutcome
from mockserver.transcripts.exchange import NothingToReplay
from mockserver.transcripts.reading import find_files, read

FOLDERS = (ROOT / "fixtures" / "transcripts", SHARED / "transcripts")

# (file, place): why ours is not the recorded. The place is a prefix of those in the report. `check` reports no drift.
EXPLAINED: dict[tuple[str, str], str] = {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a file, against the target `transcript`."""
    paths = [path for folder in FOLDERS if folder.is_dir() for path in find_files(folder)]
    wanted = paths if "transcript" in chosen(metafunc.config) else []
    metafunc.parametrize("path", [_parameter(path) for path in wanted])


def _parameter(path: Path) -> Any:
    marks = [pytest.mark.recordings] if SHARED in path.parents else []
    return pytest.param(path, id=f"transcript-{path.name}", marks=marks)


def test_a_transcript_is_answered_as_it_was(path: Path) -> None:
    """Status, type, members, order, words: the same, or of the same shape, or explained."""
    try:
        transcript = read(path)
    except NothingToReplay as reason:
        pytest.skip(f"nothing to replay: {path.name}: {reason}")
    outcomes = list(Replay(transcript).outcomes())
    if all(outcome.skipped for outcome in outcomes):
        pytest.skip(f"not replayable: {path.name}: {outcomes[0].skipped}")

    assert [] == [line for outcome in outcomes for line in unexplained(path.name, outcome)]
    assert set() == needless(path.name, outcomes)


def unexplained(name: str, outcome: ReplayOutcome) -> list[str]:
    """What differs in an exchange and is not in the table."""
    known = tuple(where for file, where in EXPLAINED if file == name)
    return [
        f"#{outcome.number} {outcome.method} {difference.where}: {difference.recorded!r} was {difference.ours!r}"
        for difference in outcome.differences
        if difference.grade is Grade.DIFFERS and not difference.where.startswith(known or ("\0",))
    ]


def needless(name: str, outcomes: list[ReplayOutcome]) -> set[str]:
    """Explanations of this file for what does not differ any more."""
    places = [
        difference.where
        for outcome in outcomes
        for difference in outcome.differences
        if difference.grade is Grade.DIFFERS
    ]
    known = {where for file, where in EXPLAINED if file == name}
    return {where for where in known if not any(place.startswith(where) for place in places)}

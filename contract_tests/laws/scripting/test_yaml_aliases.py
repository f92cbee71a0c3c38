"""YAML whose aliases stand for more than can be held."""

from itertools import pairwise
from pathlib import Path

import pytest

from mockserver.scripting.answer_file import BadFile, read_answers
from mockserver.scripting.yaml_aliases import AliasBomb, check_aliases
from mockserver.transcripts import reading
from mockserver.transcripts.exchange import UnreadableFile

LETTERS = "abcdefghijk"
BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{later}: &{later} [{', '.join([f'*{earlier}'] * 9)}]\n" for earlier, later in pairwise(LETTERS)
)
ENDLESS = "a: &a [1, *a]\n"


@pytest.mark.parametrize("text", [BOMB, ENDLESS], ids=["billions", "endless"])
def test_a_bomb_is_refused_wherever_yaml_is_read(text: str, tmp_path: Path) -> None:
    """In an answers file and in a recording, in words."""
    answers, recording = tmp_path / "answers.yaml", tmp_path / "recording.yaml"
    answers.write_text("answers:\n  - answer: {text: a}\n" + text)
    recording.write_text("interactions:\n- request: {method: GET}\n" + text)

    with pytest.raises(BadFile, match="its aliases repeat its values"):
        read_answers(answers)
    with pytest.raises(UnreadableFile, match="its aliases repeat its values"):
        reading.read(recording)


@pytest.mark.parametrize("text", ["", "a: &a [1, 2]\nb: *a\n", "- &a 1\n" + "- *a\n" * 1000, "a: '*'\nb: '&'\n"])
def test_an_alias_is_no_bomb(text: str) -> None:
    """A value may be said once and used often."""
    check_aliases(text)


def test_a_document_of_many_values_may_have_aliases() -> None:
    """What counts is how often they are repeated."""
    check_aliases("- &a [1, 2, 3]\n" + "- [1, 2, 3]\n" * 5000 + "- *a\n" * 30_000)
    with pytest.raises(AliasBomb):
        check_aliases("- &a [" + "1, " * 3000 + "1]\n" + "- *a\n" * 3000)

"""`pytest --strict-evidence`: a test hears when it leans on words that nobody has seen the real service use."""

import subprocess
import sys
from pathlib import Path

import pytest

from contract_tests.environment import HANGS

TEST = """
import httpx

URL = "https://generativelanguage.googleapis.com/v1beta/tunedModels"


def test_twice(mockserver):
    task = {"trainingData": {"examples": {"examples": [{"textInput": "a", "output": "b"}] * 20}}}
    model = {"baseModel": "models/gemini-1.5-flash-001-tuning", "tuningTask": task}
    for _ in range(2):
        answer = httpx.post(f"{URL}?tunedModelId=mine&key=k", json=model)
    assert answer.status_code == 409


def test_missing(mockserver):
    assert httpx.get(f"{URL}/nobodys?key=k").status_code in {403, 404}
"""


@pytest.mark.parametrize(("words", "expected"), [(("--strict-evidence",), 1), ((), 0)])
def test_a_test_hears_what_it_leans_on(tmp_path: Path, words: tuple[str, ...], expected: int) -> None:
    """The second creation is refused in words of ours, the model that is not there in recorded ones."""
    (tmp_path / "test_it.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words, "test_it.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=HANGS, check=False)

    assert 0 == done.returncode, done.stdout
    assert expected == done.stdout.count("tunedModels.create answered 409 with words of our choice")
    assert 0 == done.stdout.count("tunedModels.get answered")

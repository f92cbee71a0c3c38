"""`mockserver watch`, as people run it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from contract_tests.environment import HANGS
from contract_tests.use.serving import serving

WATCH = [sys.executable, "-m", "mockserver", "watch"]


def watch(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    environment = os.environ | variables
    return subprocess.run([*WATCH, *words], capture_output=True, text=True, timeout=HANGS, check=False, env=environment)


def test_it_shows_jobs_with_their_progress_and_the_newest_calls(tmp_path: Path) -> None:
    """A name that looks like markup is shown as it is."""
    with serving(tmp_path / "log", "--clock", "manual", "--seed", "1") as served:
        example = {"examples": [{"textInput": "1", "output": "2"}]}
        model = {
            "displayName": "[bold]x",
            "baseModel": "models/gemini-1.5-flash-001-tuning",
            "tuningTask": {"trainingData": {"examples": example}},
        }
        created = httpx.post(f"{served.base_url}/v1beta/tunedModels?key=k&tunedModelId=watched", json=model)
        httpx.get(f"{served.base_url}/v1beta/tunedModels/nope?key=k")
        ran = watch(served.base_url, "--once")

    assert 200 == created.status_code
    assert (0, "") == (ran.returncode, ran.stderr)
    assert "1 jobs" in ran.stdout
    assert "tunedModels/watched" in ran.stdout
    assert "0/" in ran.stdout
    assert "stopped" in ran.stdout
    assert ran.stdout.index("404") < ran.stdout.index("200")


def test_it_finds_the_server_as_other_commands_do(tmp_path: Path) -> None:
    """By the port file, or the port in the environment."""
    with serving(tmp_path / "log", "--port-file", str(tmp_path / "port")) as served:
        by_file = watch("--once", "--port-file", str(tmp_path / "port"))
        by_port = watch("--once", MOCKSERVER_PORT=served.base_url.rpartition(":")[2])

    assert [(0, "")] * 2 == [(ran.returncode, ran.stderr) for ran in (by_file, by_port)]
    assert served.base_url in by_port.stdout


def test_it_ends_by_ctrl_c_without_a_traceback(tmp_path: Path) -> None:
    """It runs until then."""
    with (
        serving(tmp_path / "log") as served,
        subprocess.Popen(
            [*WATCH, served.base_url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as running,
    ):
        httpx.get(f"{served.base_url}/v1beta/models?key=k")
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(timeout=2)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=HANGS)

    assert (0, "") == (running.returncode, errors)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["http://127.0.0.1:9"], "no server answers at http://127.0.0.1:9"),
        (["file:///etc/passwd"], "is not an address such as http://127.0.0.1:8765"),
    ],
)
def test_without_a_server_it_says_what_to_do(words: list[str], sentence: str) -> None:
    """In one sentence, with exit status 2."""
    ran = watch(*words)

    assert 2 == ran.returncode
    assert sentence in ran.stderr
    assert "Traceback" not in ran.stderr

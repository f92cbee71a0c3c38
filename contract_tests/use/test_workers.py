"""Several processes that serve as one, as their users start, watch and stop them."""

import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from contract_tests.environment import HANGS
from contract_tests.use.serving import greeting_of, serving

MODEL = "/v1beta/models/gemini-2.0-flash"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_lets_a_request_end(tmp_path: Path, workers: str) -> None:
    """A terminal sends it to the parent and to each worker; the parent passes it on, so that workers get it once."""
    options = ["--workers", workers, "--data-dir", str(tmp_path), "--clock", "real", "--shutdown-seconds", "20"]
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        found = re.search(r"base URL +(\S+)", greeting_of(process))
        assert found
        fault = {"method": "models.get", "latency_seconds": 3}
        httpx.post(f"{found[1]}/_mock/faults", json={"faults": [fault]}).raise_for_status()
        with ThreadPoolExecutor() as pool:
            slow = pool.submit(httpx.get, f"{found[1]}{MODEL}?key=k", timeout=HANGS)
            while not httpx.get(f"{found[1]}/_mock/faults").json()["faults"][0]["injected"]:
                time.sleep(0.05)  # noqa: TID251 - for another process
            os.killpg(process.pid, signal.SIGINT)
            answer = slow.result()
        _, errors = process.communicate(timeout=HANGS)

    assert (200, 0) == (answer.status_code, process.returncode)
    assert "Traceback" not in errors


def test_one_worker_watches_the_answers_for_all(tmp_path: Path) -> None:
    """They have the answers in common."""
    file, prompt = tmp_path / "answers.yaml", {"contents": [{"parts": [{"text": "hello"}]}]}
    file.write_text("answers: [{text: hello, answer: one}]")
    options = ("--workers", "2", "--data-dir", str(tmp_path / "data"), "--answers", str(file), "--watch")

    def ask(url: str) -> str:
        answer = httpx.post(f"{url}{MODEL}:generateContent?key=k", json=prompt).raise_for_status().json()
        return str(answer["candidates"][0]["content"]["parts"][0]["text"])

    with serving(tmp_path / "log", *options) as served:
        before = after = ask(served.base_url)
        file.write_text("answers: [{text: hello, answer: two}]  # changed")
        for _ in range(600):
            if (after := ask(served.base_url)) != before:
                break
            time.sleep(0.05)  # noqa: TID251 - for another process

    assert ("one", "two") == (before, after)
    assert 1 == served.log.read_text().count("was read again")

"""The log of a server: nobody has to read it."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from contract_tests.environment import HANGS
from contract_tests.use.serving import greeting_of, serving
from mockserver.cli.log_lines import JsonFormatter, LineHandler


def record(message: str, *values: object) -> logging.LogRecord:
    """A record of the log."""
    return logging.LogRecord("mockserver", logging.INFO, __file__, 1, message, values, None)


def test_a_server_whose_log_nobody_reads_goes_on_and_ends() -> None:
    """Its pipe is full after some thousand lines."""
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        found = re.search(r"base URL +(\S+)", greeting_of(process))
        assert found
        # The line has the path, so that few requests fill the pipe.
        with httpx.Client(base_url=found[1], timeout=60) as client:
            statuses = {client.get(f"/v1beta/{'x' * 2000}{number}").status_code for number in range(100)}
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(HANGS)

    assert {404} == statuses


def test_lines_that_nobody_reads_are_dropped_and_counted() -> None:
    """Once somebody reads, all that were kept come in order, then how many were dropped."""
    reader, writer = os.pipe()
    handler = LineHandler(writer, capacity=50)
    for number in range(2000):
        handler.emit(record("%d %s", number, "x" * 2000))
    text: list[str] = []

    def read() -> None:
        with os.fdopen(reader, errors="replace") as stream:
            text.extend(stream)

    thread = threading.Thread(target=read)
    thread.start()
    handler.finish()
    handler.emit(record("the last one"))
    handler.finish()
    os.close(writer)
    thread.join()

    numbers = [int(line.split()[0]) for line in text if line.endswith("x\n")]
    dropped = [int(line.split()[0]) for line in text if "were dropped" in line]
    assert numbers == sorted(numbers)
    assert 2000 == len(numbers) + sum(dropped)
    assert sum(dropped) > 1000
    assert "the last one\n" in text


def test_a_reader_that_has_gone_is_no_error() -> None:
    """As of `| head`."""
    reader, writer = os.pipe()
    handler = LineHandler(writer)
    os.close(reader)
    handler.emit(record("x"))
    handler.finish()
    handler.emit(record("y"))
    handler.finish()
    os.close(writer)


def test_a_line_may_be_json(tmp_path: Path) -> None:
    """Each is an object with the same members."""
    with serving(tmp_path / "log", "--log-format", "json") as served:
        httpx.get(f"{served.base_url}/v1beta/models?key=k")
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]

    assert ["INFO"] == [line["level"] for line in lines]
    assert lines[0]["message"].startswith("models.list 200 ")
    assert {"time", "level", "logger", "message"} == lines[0].keys()


def test_a_traceback_is_in_its_line() -> None:
    """So that one line is one event."""
    failed = record("failed\nbadly")
    try:
        int("why")
    except ValueError:
        failed.exc_info = sys.exc_info()
    line = JsonFormatter().format(failed)

    assert "\n" not in line
    assert "ValueError: invalid" in json.loads(line)["exception"]


def test_a_closed_standard_error_is_no_error() -> None:
    """As of `2>&-`."""
    command = f"exec {sys.executable} -m mockserver serve --port 0 2>&-"
    with subprocess.Popen(command, shell=True, stdout=subprocess.PIPE, text=True) as process:  # noqa: S602 - our own command
        found = re.search(r"base URL +(\S+)", greeting_of(process))
        assert found
        assert 404 == httpx.get(f"{found[1]}/v1beta/nothing", timeout=60).status_code
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(HANGS)


@pytest.mark.parametrize("stdout", ["/dev/full", None])
def test_a_greeting_that_cannot_be_printed_is_one_sentence(stdout: str | None) -> None:
    """As of a full disk, or `>&-`; no traceback."""
    redirect = f">{stdout}" if stdout else ">&-"
    command = f"exec timeout -s INT 8 {sys.executable} -m mockserver serve --port 0 {redirect}"
    ran = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S602 - our own command

    assert "Traceback" not in ran.stderr
    assert "Exception" not in ran.stderr
    assert (stdout is not None) == ("cannot print the greeting: No space left on device" in ran.stderr)

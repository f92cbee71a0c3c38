"""The log: lines come in order and complete, and a reader who does not read holds up nobody."""

import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from contract_tests.environment import HANGS
from mockserver.cli import log_output
from mockserver.cli.log_output import LineWriter, LogOutput

SECRET = "AIza" + "k" * 35


class Pipe:
    """A pipe: a stream to write to, and what was written once that is closed."""

    def __init__(self) -> None:
        self._reading, writing = os.pipe()
        self.stream = os.fdopen(writing, "w")

    def read(self) -> list[str]:
        """Return the lines that come until the stream is closed."""
        with os.fdopen(self._reading) as reading:
            return reading.read().splitlines()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe for the log. Afterwards the module `logging` is as before."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield Pipe()
    root.handlers[:] = handlers
    root.setLevel(level)  # which also forgets what the loggers have remembered of it
    logging.captureWarnings(capture=False)


def test_every_line_is_written_or_counted(pipe: Pipe) -> None:
    """Writing never waits for the reader, who is told of what was dropped, after what was written before it."""
    written = log_output.MOST_LINES * 3
    writer = LineWriter(pipe.stream)
    for number in range(written):
        writer.write(f"line {number:08}" + "." * 90)
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(pipe.read()))
    reader.start()
    writer.close()
    pipe.stream.close()
    reader.join()
    told = [
        re.fullmatch(r"mockserver: (\d+) log lines were dropped because nobody read them in time", it) for it in lines
    ]
    kept = [line for line, match in zip(lines, told, strict=True) if match is None]

    assert log_output.MOST_LINES <= len(kept) < written
    assert written == len(kept) + sum(int(match[1]) for match in told if match)
    assert sorted(kept) == kept


def test_lines_of_the_log_are_objects_without_secrets(pipe: Pipe) -> None:
    """Of calls, of messages and of exceptions."""
    log = LogOutput(pipe.stream, "json", quiet=False)
    log.log_call("tunedModels.list", 200, 1.25, "")
    logging.getLogger("mockserver").warning("a client sent %s", SECRET)
    try:
        int(SECRET)
    except ValueError:
        logging.getLogger("mockserver").exception("failed")
    log.close()
    pipe.stream.close()
    text = pipe.read()
    call, warning, failure = map(json.loads, text)

    assert ("tunedModels.list", 200, 1.25) == (call["method"], call["status"], call["milliseconds"])
    assert "a client sent AIza...(39 characters)" == warning["message"]
    assert "AIza...(39 characters)" in failure["exception"]
    assert SECRET not in "".join(text)


def test_quiet_logs_messages_and_no_calls(pipe: Pipe) -> None:
    """As text, a message is a line of its own."""
    log = LogOutput(pipe.stream, "text", quiet=True)
    log.log_call("tunedModels.list", 200, 1.25, "")
    logging.getLogger("mockserver").warning("a client sent %s", SECRET)
    log.close()
    pipe.stream.close()

    assert ["a client sent AIza...(39 characters)"] == pipe.read()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_writes_its_lines() -> None:
    """And none of its parent's a second time."""
    program = """
import os, sys
from mockserver.cli.log_output import LineWriter
writer = LineWriter(sys.stderr)
writer.write("parent")
if child := os.fork():
    os.waitpid(child, 0)
else:
    writer.write("child")
writer.close()
"""
    words = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program]  # of fork beside a thread
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=HANGS)

    assert ["child", "parent"] == sorted(done.stderr.splitlines())

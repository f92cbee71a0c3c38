"""A server as its users run it: a process of its own, started by a command, stopped by Ctrl-C."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contract_tests.environment import HANGS


@dataclass(frozen=True, slots=True)
class Served:
    """A running server: where it is, what it said at start, and the file it logs to."""

    base_url: str
    greeting: str
    log: Path
    pid: int


@contextmanager
def serving(log: Path, *options: str, end_with: signal.Signals = signal.SIGINT) -> Iterator[Served]:
    """`mockserver serve` on a free port with these options, its log in a file.

    AssertionError when it does not greet, does not end cleanly (unless it is killed), or has logged a mistake of its
    own.
    """
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", *options]
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            greeting = greeting_of(process)
            found = re.search(r"base URL +(\S+)", greeting)
            assert found, f"{' '.join(command)} said no base URL:\n{greeting}{log.read_text()}"
            yield Served(found[1], greeting, log, process.pid)
        finally:
            process.send_signal(end_with)
            status = process.wait(timeout=HANGS)
    logged = log.read_text()
    expected = -end_with if end_with is signal.SIGKILL else 0
    assert (expected, False) == (status, "Traceback" in logged), f"exit status {status}\n{logged}"


def greeting_of(process: subprocess.Popen[str]) -> str:
    """What it prints before it serves, to the line that says how to stop it."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    return "".join(lines)

"""Programs run as their readers run them: in a process and a folder of their own, with the server in variables."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from contract_tests.environment import HANGS, ROOT, program

PROGRAMS = ROOT / "fixtures" / "programs"
NOTEBOOK = Path(__file__).with_name("notebook.py")


def end(
    command: Sequence[str | Path], folder: Path, variables: Mapping[str, str], text: str = ""
) -> subprocess.CompletedProcess[str]:
    """What became of a command, given text to read."""
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(variables),
        input=text,
        capture_output=True,
        text=True,
        timeout=HANGS,
        check=False,
    )


def run(command: Sequence[str | Path], folder: Path, variables: Mapping[str, str], text: str = "") -> str:
    """What a command prints, given text to read. AssertionError, with all it said, when it fails."""
    done = end(command, folder, variables, text)
    assert 0 == done.returncode, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_bash(script: str, folder: Path, **variables: str) -> str:
    """What a bash program prints; a command in it that fails does not end it, as when typed."""
    return run([program("bash"), "-c", script], folder, variables)


def run_notebook(python: Path, text: str, folder: Path, **variables: str) -> str:
    """What the cells of a notebook print, and the values their expressions have."""
    return run([python, NOTEBOOK], folder, variables, text)


def run_python(python: Path, name: str, folder: Path, **variables: str) -> dict[str, str]:
    """What one of our programs says under this interpreter. Libraries past their end warn; that is not our matter."""
    return said(run([python, "-W", "ignore", PROGRAMS / name], folder, variables))


def run_node(node: Path, name: str, **variables: str) -> dict[str, str]:
    """What one of our programs says under Node, which looks for packages from the folder it runs in."""
    text = (PROGRAMS / name).read_text()
    return said(run([node, "--input-type=module", "-"], ROOT / "clients" / "node", variables, text))


def said(output: str) -> dict[str, str]:
    """The lines `what: value` of a program's output; other lines are for its reader."""
    return dict(line.split(": ", 1) for line in output.splitlines() if ": " in line)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Ours without proxies and credentials, which would lead elsewhere."""
    led_astray = ("_proxy", "_PROXY", "GOOGLE_", "GEMINI_", "MOCKSERVER_", "PYTEST_")
    ours = {name: value for name, value in os.environ.items() if not any(part in name for part in led_astray)}
    return ours | {"TERM": "xterm", "PYTHONUTF8": "1"} | dict(variables)

"""What a test needs beside Python: the client libraries' own environments, and programs of the machine.

What is not there skips the test, in words that say how to get it. In CI (the variable CI is set) it fails the test
instead: there, a test that did not run is a test that was lost.
"""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent

SHARED = ROOT.parent / "shared"
"""Recordings of the real services and the documents the project was made from. They are not part of the repository."""

# After so many seconds a program or a socket hangs. A machine that is busy with something else takes its time.
HANGS = 300


def client_python(name: str) -> Path:
    """The interpreter of a client library's environment: `google`, `generativeai`, `genai-1`, `langchain` ..."""
    python = ROOT / ".venvs" / name / "bin" / "python"
    if not (python.parent.parent / "ready").exists():
        do_without(f"no environment .venvs/{name}: run `make clients`")
    return python


def node() -> Path:
    """A Node that @google/genai runs on, which is installed in `clients/node`."""
    pinned = node_packages("node") / "node_modules" / ".bin" / "node"
    return pinned if pinned.exists() else program("node")


def node_packages(name: str) -> Path:
    """A folder of `clients` whose packages for Node are installed."""
    folder = ROOT / "clients" / name
    if not (folder / "node_modules" / "ready").exists():
        do_without(f"no packages in clients/{name}: install npm and run `make clients`")
    return folder


def shared(path: str) -> Path:
    """A file or folder of SHARED, for a test that is marked `recordings`: such tests run only where SHARED is.

    The test fails if SHARED is there without it.
    """
    found = SHARED / path
    if not found.exists():
        pytest.fail(f"{SHARED} has no {path}", pytrace=False)
    return found


def program(name: str) -> Path:
    """A program of this machine, such as `curl` or `jq`."""
    found = shutil.which(name)
    if found is None:
        do_without(f"no {name} on this machine")
    return Path(found)


def do_without(what: str) -> NoReturn:
    """Skip the test, because the machine lacks something; in CI fail it."""
    if os.environ.get("CI"):
        pytest.fail(what, pytrace=False)
    pytest.skip(what)

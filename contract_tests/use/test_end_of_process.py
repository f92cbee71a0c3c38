"""A process that ends while it still intercepts: it prints nothing of ours, and its last requests are answered."""

import subprocess
import sys
from pathlib import Path

import pytest

from contract_tests.environment import HANGS

ASK = 'urllib.request.urlopen("https://generativelanguage.googleapis.com/v1beta/models?key=any-key").status'

WITHOUT_STOP = f"""
import atexit, urllib.request

atexit.register(lambda: print("at exit:", {ASK}))

from mockserver import MockServer

MockServer().intercepting(sleep="virtual+clock", block_network=True).start()
interception = MockServer().intercepting(sleep="virtual+clock", block_network=True)
interception.start()
import aiohttp, httpx, requests
print("asked:", {ASK})
"""

IN_A_GENERATOR = f"""
import urllib.request
from mockserver import MockServer


def intercept():
    with MockServer().intercepting():
        yield


generator = intercept()
next(generator)
print("asked:", {ASK})
"""

IN_A_MODULE = f"""
import urllib.request
import helper

print("asked:", {ASK})
"""

BESIDE_A_SOCKET = f"""
import contextlib, sys, urllib.request
from mockserver import MockServer

sys.kept = contextlib.ExitStack()
server = sys.kept.enter_context(MockServer().live())
sys.kept.enter_context(server.intercepting())
print("asked:", {ASK})
"""


@pytest.mark.parametrize(
    ("program", "printed"),
    [
        (WITHOUT_STOP, "asked: 200\nat exit: 200\n"),
        (IN_A_GENERATOR, "asked: 200\n"),
        (IN_A_MODULE, "asked: 200\n"),
        (BESIDE_A_SOCKET, "asked: 200\n"),
    ],
    ids=["without a stop", "in a generator", "in a module", "beside a socket"],
)
def test_an_interception_may_outlast_the_program(program: str, printed: str, tmp_path: Path) -> None:
    """Nothing is undone while Python takes itself apart."""
    (tmp_path / "helper.py").write_text("from mockserver import MockServer\nMockServer().intercepting().start()\n")
    (tmp_path / "program.py").write_text(program)

    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=HANGS, check=False
    )

    assert (printed, "", 0) == (done.stdout, done.stderr, done.returncode)

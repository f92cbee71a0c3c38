"""A process that ends while it still intercepts: it prints nothing of ours, and its last requests are answered."""

import subprocess
import sys
from pathlib import Path

import pytest

from contract_tests.environment import HANGS, ROOT, client_python

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


OVER_GRPC = """
import grpc
from mockserver import MockServer

HOST, OWN_CONNECTION = "generativelanguage.googleapis.com", [("grpc.use_local_subchannel_pool", 1)]
LIST_MODELS = "/google.ai.generativelanguage.v1beta.ModelService/ListModels"
with MockServer().intercepting():
    channels = [grpc.secure_channel(HOST, grpc.ssl_channel_credentials(), OWN_CONNECTION) for _ in range(8)]
    for channel in channels:
        channel.unary_unary(LIST_MODELS)(b"", metadata=[("x-goog-api-key", "any-key")], timeout=20)
"""


def test_open_channels_print_nothing_at_the_end(tmp_path: Path) -> None:
    """A client keeps its connections; grpcio printed, in half of the runs, that they were cancelled."""
    (tmp_path / "program.py").write_text(OVER_GRPC)
    command, variables = [str(client_python("generativeai")), "program.py"], {"PYTHONPATH": str(ROOT)}
    for _ in range(6):
        done = subprocess.run(
            command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=HANGS, check=True
        )
        assert "" == done.stderr

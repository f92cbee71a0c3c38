"""Servers in different processes are one server, as far as a client can tell."""

import os
import subprocess
import sys

from contract_tests.environment import HANGS, ROOT

# Says what it answers to a good request for every route.
PROGRAM = """
from contract_tests.api.everything import examples, fork
from contract_tests.targets import in_process

for example in examples():
    with in_process(fork()) as client:
        answer = example.send(client)
    print(example.route.version, example.route.id, answer.status_code, answer.headers, answer.content)
"""


def test_the_same_seed_says_the_same_in_every_process() -> None:
    """Ids, losses, texts, ratings, tokens, the order of everything: none hangs on how a process hashes strings."""
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    first, second = (program.communicate(timeout=HANGS)[0].splitlines() for program in programs)

    assert len(first) > 100
    assert first == second

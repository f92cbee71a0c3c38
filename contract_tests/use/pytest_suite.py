"""A suite of tests for tests of the plugin, which run it with the plugin."""

from textwrap import dedent

import pytest

HEAD = """
import os, time
import pytest, requests
from mockserver import Answer, Fault, Rule

HOST = "https://generativelanguage.googleapis.com"

def get(path, host=HOST, key="any-key"):
    return requests.get(f"{host}/v1beta/{path}", params={"key": key})

def ask(text="hello", host=HOST):
    body = {"contents": [{"parts": [{"text": text}]}]}
    answer = requests.post(f"{host}/v1beta/models/gemini-2.0-flash:generateContent?key=any-key", json=body)
    return answer.json()["candidates"][0]["content"]["parts"][0]["text"]
"""


class Suite:
    """A folder with a suite in it."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester

    def run(self, tests: str, *options: str, ini: str = "") -> pytest.RunResult:
        """Run these tests, which have functions to call the API with."""
        self._pytester.makepyfile(HEAD + dedent(tests))
        self._pytester.makeini("[pytest]\n" + dedent(ini))
        return self._pytester.runpytest_inprocess("-p", "no:cacheprovider", "-W", "default", *options)

    def file(self, name: str, text: str) -> None:
        """Put a file beside the tests."""
        (self._pytester.path / name).write_text(dedent(text))

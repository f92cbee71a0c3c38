"""Real client libraries, unchanged, in tests that only ask for the fixture: no URL, no socket, no waiting."""

from pathlib import Path

import pytest

from contract_tests.environment import client_python
from contract_tests.use.programs import PROGRAMS
from contract_tests.use.suites import TESTS, as_test, run_suite, run_text

# Each of these files of `fixtures/tests` is a suite a user could have written.
SUITES = [
    ("genai-1", "genai_tuning"),
    ("genai-1", "genai_vertex"),
    ("genai-2", "genai_developer"),
    ("genai-2", "genai_vertex"),
    ("genai-3", "genai_developer"),
    ("genai-3", "genai_vertex"),
    ("generativeai", "generativeai"),
    ("generativeai", "generativeai_by_grpc"),
    ("google", "sft"),
    ("google", "discovery"),
    ("google", "by_grpc"),
    ("vertexai-2", "sft"),
    ("langchain", "langchain"),
]


@pytest.mark.parametrize(("library", "suite"), SUITES)
def test_a_library_is_answered_without_a_changed_line(library: str, suite: str, tmp_path: Path) -> None:
    """Sync and async, Developer API and Vertex AI, with the credentials it finds and loops that sleep for minutes."""
    ran = run_suite(client_python(library), suite, tmp_path)

    assert ran.outcome.keys() == {"passed"}


@pytest.mark.parametrize("library", ["google", "vertexai-2"])
def test_vertexai_is_answered_over_its_default_transport(library: str, tmp_path: Path) -> None:
    """The same tests as over REST, and no call is one over HTTP."""
    by_rest = (TESTS / "sft.py").read_text()
    by_default = by_rest.replace(', api_transport="rest"', "")
    only_grpc = """
    assert {call.verb for call in mockserver.calls} == {"GRPC"}
"""
    ran = run_text(client_python(library), by_default.rstrip() + only_grpc, tmp_path, "-W", "ignore")

    assert by_rest.count("api_transport") == 2
    assert {"passed": 2} == ran.outcome


def test_generated_clients_are_answered(tmp_path: Path) -> None:
    """Those of both services over gRPC, sync and with asyncio."""
    program = (PROGRAMS / "generated_clients.py").read_text()
    ran = run_text(client_python("google"), as_test(program), tmp_path, "-s", "-W", "ignore")

    assert {"passed": 1} == ran.outcome
    expected = "Gemini 2.0 Flash True True True NotFound"
    assert f"sync: {expected}\nasyncio: {expected}\n" in ran.output


@pytest.mark.parametrize("library", ["genai-2", "genai-3"])
def test_every_kind_of_answer_is_what_the_client_sees(library: str, tmp_path: Path) -> None:
    """Text, parts, chunks with delays, reasons, ratings, blocks, citations, usage, logprobs, functions, conditions."""
    ran = run_suite(client_python(library), "genai_answers", tmp_path)

    assert {"passed": 40} == ran.outcome


@pytest.mark.parametrize("library", ["genai-2", "genai-3"])
def test_every_kind_of_fault_is_what_the_client_sees(library: str, tmp_path: Path) -> None:
    """Status errors, its own retry, delays, broken connections and bodies, fates of jobs; conditions."""
    ran = run_suite(client_python(library), "genai_faults", tmp_path)

    assert {"passed": 43} == ran.outcome

"""Every recorded refusal that can be provoked is, through HTTP: status, sentence and details."""

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from contract_tests.api.conftest import START
from contract_tests.api.provocations import JOB, Provocation, tuning
from contract_tests.api.refused_callers import REFUSED_CALLERS
from contract_tests.api.refused_requests import REFUSED_REQUESTS
from contract_tests.environment import HANGS, SHARED
from contract_tests.targets import Client, Live, in_process
from mockserver.scripting.faults import REASONS, Fault
from mockserver.scripting.scenario import Scenario
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

Json = dict[str, Any]

PROVOCATIONS = (*REFUSED_CALLERS, *REFUSED_REQUESTS)

FILES = ("wire-errors.json", "gemini-errors.json", "vertex-errors-collected.json", "gemini-error-api-not-enabled.json")
"""Recordings of refusals, in three forms."""

# Sentences that nothing makes the server say, or that are not a refusal of HTTP; "*" stands for anything.
UNPROVOKED = {
    "You exceeded your current quota*": "metric and limit are the fault's own; laws/test_errors.py has this very body",
    "Unknown Error.": "a download of files, which are not served",
    "Invalid value at 'read_time' *": "no method here takes a time in its query; laws/test_query.py binds one",
    "List of found errors:\t1.Field: event.author*": "sessions are not served; tuning jobs use the same form",
    "List of found errors:\t1.Field: name; Message: Invalid Session*": "sessions are not served",
    "Session projects/*": "sessions are not served",
    "The HyperparameterTuningJob does not exist.": "only its sibling, the TuningJob, is served",
    "Developer instruction is not enabled for tunedModels/{id}": "recorded without its id; provoked with one",
    "The Model name projects/…*": "recorded without its names; provoked in test_vertex_generation.py",
    "*Expected , or } after key:value pair.\ning structure:*": "what was sent is not known; laws/test_exact_reader.py has its like",
    "CANCELED": "the error of a job, not of a request",
    "Internal error occurred. Contact Vertex AI.": "the error of a job, not of a request",
    "Failed to create endpoint.*": "the error of a job, not of a request",
    "Dataset example 1 of 14*": "the error of a job, not of a request",
}

# Refusals whose recorded details are not ours.
UNLIKE = {
    "wire-errors.json consumer-invalid": "quoted without the link that the whole body of the same refusal has",
    "gemini-errors.json API key where a principal is needed: all tunedModels/* methods before ~Sep 2024": (
        "recorded of the OpenAI-compatible path, which names a method of v1main"
    ),
}


@dataclass(frozen=True)
class Record:
    """A refusal as it was recorded."""

    source: str
    status: int
    error: Json


def records() -> Iterator[Record]:
    """All that are beside this checkout; none without."""
    for name in FILES:
        path = SHARED / "transcripts" / name
        rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        for row in rows if isinstance(rows, list) else [{"http": rows["error"]["code"], "body": rows}]:
            yield from _read(name, row)


def _read(name: str, row: Json) -> Iterator[Record]:
    body = row["body"]
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:  # a page, or words about a body that nobody kept
            return
    error = body.get("error", body)
    yield Record(f"{name} {row.get('id', row.get('how', ''))}", row.get("status", row.get("http")) or 0, error)


def told(value: Any, untold: frozenset[str]) -> Any:
    """A detail without members that some recordings lack."""
    if isinstance(value, dict):
        return {name: told(item, untold) for name, item in value.items() if name not in untold}
    return [told(item, untold) for item in value] if isinstance(value, list) else value


def details(error: Json, untold: frozenset[str]) -> list[Any]:
    """What is said beside the sentence. DebugInfo is for callers inside Google."""
    return [told(it, untold) for it in error.get("details", ()) if not it["@type"].endswith("DebugInfo")]


def sentence(text: str, *, numbers: bool) -> str:
    """The words, and the numbers and projects unless they are ours."""
    return re.sub(r"projects/[^/ ]+|\d+", "#", text) if numbers else text


def provoked(client: Client, provocation: Provocation) -> tuple[int, Json]:
    """HTTP status and error of the answer."""
    if provocation.fault:
        Scenario(client.world.store).add_fault(provocation.fault, client.clock.now())
    answer = provocation.ask(client)
    error: Json = answer.json()["error"]
    return answer.status_code, error


def in_a_new_world(provocation: Provocation) -> tuple[int, Json]:
    """The same, for tests that want all of them."""
    with in_process(World(ManualClock(START), provocation.settings)) as client:
        return provoked(client, provocation)


def agrees(record: Record, provocation: Provocation, status: int, error: Json) -> bool:
    """Whether an answer is the recorded one, but for what no two recordings agree on."""
    words = [sentence(it["message"], numbers=provocation.numbers) for it in (record.error, error)]
    said = [details(it, provocation.untold) for it in (record.error, error)]
    return words[0] == words[1] and (record.status, record.error["status"], said[0]) == (
        status,
        error["status"],
        said[1],
    )


def is_provoked(record: Record) -> bool:
    """Whether its sentence is not one of those that cannot be."""
    return not any(fnmatchcase(record.error["message"], glob) for glob in UNPROVOKED)


@pytest.fixture
def settings(provocation: Provocation) -> Settings:
    """The world that the refusal needs."""
    return provocation.settings


@pytest.mark.parametrize("provocation", PROVOCATIONS, ids=lambda it: it.message[:40])
def test_a_sentence_can_be_provoked(client: Client, provocation: Provocation) -> None:
    """Sentence and status, as they stand in recordings and quoted bodies."""
    status, error = provoked(client, provocation)

    assert provocation.status == status == error["code"]
    assert sentence(provocation.message, numbers=provocation.numbers) == sentence(
        error["message"], numbers=provocation.numbers
    )


def test_a_recorded_refusal_is_reproduced_with_its_details(transcripts: Path) -> None:
    """Each recording agrees with one of the answers that say its sentence: status, its word, every detail."""
    assert transcripts.is_dir()
    answers = [(provocation, *in_a_new_world(provocation)) for provocation in PROVOCATIONS]
    different = {
        record.source: record.error
        for record in records()
        if is_provoked(record) and not any(agrees(record, *answer) for answer in answers)
    }

    assert {} == {source: error for source, error in different.items() if source not in UNLIKE}
    assert UNLIKE.keys() == different.keys()


def test_every_recorded_sentence_is_provoked_or_explained(transcripts: Path) -> None:
    """A recorded refusal that is neither made nor listed was forgotten; one that is listed is in a recording."""
    assert transcripts.is_dir()
    words = {sentence(it.message, numbers=it.numbers) for it in PROVOCATIONS}
    words |= {sentence(it.message, numbers=True) for it in PROVOCATIONS if it.numbers}
    recorded = {it.error["message"] for it in records()}
    left = {text for text in recorded if not words & {text, sentence(text, numbers=True)}}
    unexplained = sorted(text for text in left if not any(fnmatchcase(text, glob) for glob in UNPROVOKED))
    idle = sorted(glob for glob in UNPROVOKED if not any(fnmatchcase(text, glob) for text in left))

    assert ([], []) == (unexplained, idle)


@pytest.mark.parametrize("provocation", [Provocation("", 0, tuning(JOB))], ids=["job"])
@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_is_a_fault(client: Client, provocation: Provocation, reason: str) -> None:
    """Whatever reason a fault has for its status, the refusal gives it; two were never seen with one."""
    Scenario(client.world.store).add_fault(Fault(status=reason.lower()), client.clock.now())
    error = provocation.ask(client).json()["error"]
    given = [detail["reason"] for detail in error.get("details", ()) if "reason" in detail]
    unsaid = {"API_KEY_EXPIRED": ["API_KEY_INVALID"], "USER_LOCATION_UNSUPPORTED": [], "RATE_LIMIT_EXCEEDED": []}

    assert unsaid.get(reason, [reason]) == given


def test_a_post_without_a_length_is_a_page(live: Live) -> None:
    """Measured: 411 in HTML, in this sentence; no HTTP library of Python sends such a request."""
    address = urlsplit(live.url)
    with socket.create_connection((address.hostname, address.port), timeout=HANGS) as connection:
        connection.sendall(b"POST /v1beta/tunedModels HTTP/1.1\r\nhost: mock\r\nconnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 411 ")
    assert b"POST requests require a <code>Content-length</code> header." in answer

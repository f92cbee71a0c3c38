"""`mockserver record`: a program talks to a server through it, and what is written has no secret in it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract_tests.environment import HANGS
from contract_tests.use.programs import environment
from contract_tests.use.serving import Served
from mockserver.recordings.recorder import BadUpstream, check_upstream, google_host

KEY = "AIzaSyD-not-a-key-but-it-looks-like-one"
TOKEN = "ya29.a0-not-a-token-but-it-looks-like-one"
PROJECT = "acme-secret-4711"
EMAIL = "jane.doe@acme-secret.org"
SECRETS = (KEY, TOKEN, PROJECT, EMAIL, "session-of-jane")

# Asks both services, with secrets wherever a client may have them.
PROGRAM = f"""
import json, os, sys
from urllib.request import Request, urlopen
gemini, vertex = os.environ["GOOGLE_GEMINI_BASE_URL"], os.environ["GOOGLE_VERTEX_BASE_URL"]
headers = {{"Authorization": "Bearer {TOKEN}", "Cookie": "SID=session-of-jane", "X-Goog-User-Project": "{PROJECT}",
           "Content-Type": "application/json"}}

def call(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, headers)) as answer:
        return answer.read().decode()

examples = [{{"textInput": str(n), "output": str(n + 1)}} for n in range(20)]
model = {{"displayName": "of {EMAIL}", "baseModel": "models/gemini-1.5-flash-001-tuning",
         "tuningTask": {{"trainingData": {{"examples": {{"examples": examples}}}}}}}}
made = json.loads(call(gemini + "/v1beta/tunedModels?key={KEY}", model))
call(gemini + "/v1beta/" + made["name"])
call(gemini + "/v1beta/models?pageSize=3")
chat = {{"contents": [{{"role": "user", "parts": [{{"text": "Mail {EMAIL} the key {KEY}."}}]}}]}}
print(call(gemini + "/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse", chat).count("data:"), "events")
spec = {{"trainingDatasetUri": "gs://{PROJECT}-data/train.jsonl"}}
jobs = vertex + "/v1/projects/{PROJECT}/locations/us-central1/tuningJobs"
job = json.loads(call(jobs, {{"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": spec}}))
call(vertex + "/v1/" + job["name"])
sys.exit(int(os.environ.get("STATUS", 0)))
"""


def record(folder: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the command in a folder."""
    command = [sys.executable, "-m", "mockserver", "record", *words]
    return subprocess.run(
        command, cwd=folder, env=environment(variables), capture_output=True, text=True, timeout=HANGS, check=False
    )


def record_program(folder: Path, served: Served, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Record the program against a server of ours."""
    return record(folder, "--upstream", served.base_url, "--", sys.executable, "-c", PROGRAM, **variables)


def check(folder: Path, path: str) -> "subprocess.CompletedProcess[str]":
    """`mockserver check` of a file."""
    command = [sys.executable, "-m", "mockserver", "check", path]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=HANGS, check=False)


@pytest.fixture(scope="module")
def recorded(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program's transcript."""
    folder = tmp_path_factory.mktemp("recorded")
    done = record_program(folder, served)
    assert 0 == done.returncode, done.stderr
    assert "6 exchanges written to transcript.json" in done.stderr
    return folder


def exchanges(folder: Path) -> list[dict[str, Any]]:
    """What a transcript holds."""
    rows: list[dict[str, Any]] = json.loads((folder / "transcript.json").read_text())
    return rows


def test_both_sides_are_written_in_order(recorded: Path) -> None:
    """Method, URL, headers, body; status, headers, body; where it is from and when it was."""
    rows = exchanges(recorded)

    assert ["POST", "GET", "GET", "POST", "POST", "GET"] == [row["request"]["method"] for row in rows]
    assert {"request", "response", "source", "date"} == rows[0].keys()
    assert {"method", "url", "headers", "body"} == rows[0]["request"].keys()
    assert {"status", "headers", "body"} == rows[0]["response"].keys()
    assert "of scrubbed-1@example.com" == json.loads(rows[0]["request"]["body"])["displayName"]
    assert json.loads(rows[0]["response"]["body"])["metadata"]["totalSteps"] > 0


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_is_written(recorded: Path, secret: str) -> None:
    """Keys, tokens, cookies, projects and e-mail addresses, wherever they stood."""
    assert secret not in (recorded / "transcript.json").read_text()


def test_a_recording_agrees_with_the_server_it_is_of(recorded: Path) -> None:
    """`check` finds no drift: ids, times and losses differ, and nothing else."""
    done = check(recorded, "transcript.json")

    assert 0 == done.returncode, done.stdout
    assert "no drift" in done.stdout


def test_a_stream_is_written_whole(recorded: Path) -> None:
    """Every event, framed as it came."""
    body = exchanges(recorded)[3]["response"]["body"]

    assert body.startswith("data: {")
    assert body.endswith("}\r\n\r\n")
    assert body.count("data:") > 1


def test_the_status_of_the_program_is_ours(served: Served, tmp_path: Path) -> None:
    """And what it said before it failed is written."""
    done = record_program(tmp_path, served, STATUS="7")

    assert 7 == done.returncode
    assert 6 == len(exchanges(tmp_path))


def test_a_file_is_never_written_over(served: Served, tmp_path: Path) -> None:
    """The program is not even run."""
    (tmp_path / "transcript.json").write_text("mine")
    done = record_program(tmp_path, served)

    assert (2, "") == (done.returncode, done.stdout)
    assert "transcript.json exists" in done.stderr
    assert "mine" == (tmp_path / "transcript.json").read_text()


def test_silence_is_no_recording(served: Served, tmp_path: Path) -> None:
    """A program that asks somebody else leaves no file, a status of 1 and a hint."""
    done = record(tmp_path, "--upstream", served.base_url, "--", sys.executable, "-c", "pass")

    assert 1 == done.returncode
    assert "GOOGLE_GEMINI_BASE_URL" in done.stderr
    assert not (tmp_path / "transcript.json").exists()


# Asks for a list, says so, and waits.
WAITING = """
import os, time
from urllib.request import urlopen
urlopen(os.environ["GOOGLE_GEMINI_BASE_URL"] + "/v1beta/models?key=any-key").read()
print("asked", flush=True)
while True:
    time.sleep(1)
"""


@pytest.mark.parametrize(("how", "status"), [("Ctrl-C", 130), ("terminate", 143)])
def test_what_was_said_before_an_interrupt_is_kept(served: Served, tmp_path: Path, how: str, status: int) -> None:
    """Ctrl-C in a terminal is for the program too; whoever terminates the recorder means both."""
    words = ["record", "--upstream", served.base_url, "--", sys.executable, "-c", WAITING]
    process = subprocess.Popen(
        [sys.executable, "-m", "mockserver", *words],
        cwd=tmp_path,
        env=environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        assert "asked\n" == process.stdout.readline()
        if how == "Ctrl-C":
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.terminate()
        errors = process.communicate(timeout=HANGS)[1]

    assert (status, 1) == (process.returncode, len(exchanges(tmp_path)))
    assert "1 exchanges written" in errors
    assert "mockserver/" not in errors  # the interrupted program has a traceback, and we have none


def test_an_answer_that_breaks_off_breaks_off_for_the_program_too(served: Served, tmp_path: Path) -> None:
    """What came of it is written, and nobody takes it for a mistake of the recorder's."""
    ask = "$GOOGLE_GEMINI_BASE_URL/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse&key=any-key"
    chat = json.dumps({"contents": [{"parts": [{"text": "Hi"}]}]})
    with httpx.Client(base_url=served.base_url) as tester:
        tester.post("/_mock/faults", json={"faults": [{"cut_after_chunks": 1}]}).raise_for_status()
        script = f"curl -sS -H 'content-type: application/json' -d '{chat}' \"{ask}\""
        done = record(tmp_path, "--upstream", served.base_url, "--", "sh", "-c", script)
        tester.post("/_mock/reset").raise_for_status()

    assert 18 == done.returncode, done.stderr  # curl's word for it
    assert exchanges(tmp_path)[0]["response"]["body"].replace("\r", "") == done.stdout
    assert done.stdout.startswith("data: {")
    assert "Traceback" not in done.stderr


def test_a_server_that_cannot_be_asked_is_named(tmp_path: Path) -> None:
    """In an answer of 502 for the program, and at the end for whoever reads it."""
    fetch = "import os, urllib.request as r; r.urlopen(os.environ['GOOGLE_GEMINI_BASE_URL'] + '/v1beta/models')"
    done = record(tmp_path, "--upstream", "http://127.0.0.1:1", "--", sys.executable, "-c", fetch)

    assert 1 == done.returncode
    assert "HTTP Error 502" in done.stderr
    assert "nothing was recorded: the server did not answer 1 requests" in done.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ("--output", "no/such/folder/t.json", "--", "true"),
            "--output: cannot write no/such/folder/t.json: No such file or dir",
        ),
        (
            ("--upstream", "https://example.com", "--", "true"),
            "neither one of Google's two APIs nor a server on this machine",
        ),
        (("--", "no-such-program-anywhere"), "program not found: 'no-such-program-anywhere'"),
        ((), "name the program: mockserver record -- python tune.py. To start the program yourself instead"),
        (("--port", "eighty"), "--port: 'eighty' is not a whole number"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, words: tuple[str, ...], expected: str) -> None:
    """A sentence and exit status 2."""
    done = record(tmp_path, *words)

    assert (2, True) == (done.returncode, expected in done.stderr)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/v1beta/tunedModels?key=x", "https://generativelanguage.googleapis.com"),
        ("/v1beta/models/gemini-2.0-flash:generateContent", "https://generativelanguage.googleapis.com"),
        ("/v1/projects/p/locations/us-central1/tuningJobs", "https://us-central1-aiplatform.googleapis.com"),
        ("/ui/projects/1/locations/europe-west4/operations/2", "https://europe-west4-aiplatform.googleapis.com"),
        ("/v1/projects/p/locations/global/publishers/google/models/m:countTokens", "https://aiplatform.googleapis.com"),
        ("/v1beta1/publishers/google/models", "https://aiplatform.googleapis.com"),
        ("/v1/projects/p/locations/evil.example.com/x", "https://aiplatform.googleapis.com"),
        ("/v1/projects/p/locations/us-central1@evil.example/x", "https://aiplatform.googleapis.com"),
        ("//evil.example/v1/projects/p", "https://generativelanguage.googleapis.com"),
    ],
)
def test_a_path_leads_to_the_google_host_it_belongs_to(target: str, expected: str) -> None:
    """A location has a host of its own; nothing in a path can name any other."""
    assert expected == google_host(target)


@pytest.mark.parametrize(
    "url",
    [
        "http://generativelanguage.googleapis.com",
        "https://generativelanguage.googleapis.com.evil.example",
        "https://evil.example/?generativelanguage.googleapis.com",
        "https://storage.googleapis.com",
        "http://10.0.0.1:8765",
        "file:///etc/passwd",
        "localhost:8765",
    ],
)
def test_nobody_else_is_asked(url: str) -> None:
    """Google's two APIs by TLS, or a server on this machine."""
    with pytest.raises(BadUpstream):
        check_upstream(url)


def test_without_httpx_it_says_what_to_install(tmp_path: Path) -> None:
    """It is an extra: the server, the fixtures and `check` do without."""
    (tmp_path / "httpx.py").write_text("raise ModuleNotFoundError('No module named httpx', name='httpx')\n")
    ran = record(tmp_path, "--", "true", PYTHONPATH=str(tmp_path))

    assert 2 == ran.returncode
    assert "httpx is not installed. Run: pip install 'httpx>=0.27'  # the extra [record]\n" in ran.stderr
    assert "Traceback" not in ran.stderr

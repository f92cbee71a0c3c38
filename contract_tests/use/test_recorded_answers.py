"""Recordings as answers: in process, by the marker, on a socket, by `mockserver serve`, of every recorder."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract_tests.environment import ROOT, client_python, shared
from contract_tests.targets import InProcess
from contract_tests.use.serving import serving
from contract_tests.use.suites import OURS, run_text
from mockserver.state.clock import stopwatch
from mockserver.testing.mock_server import MockServer
from mockserver.transcripts.exchange import (
    Exchange,
    NothingToReplay,
    RecordedRequest,
    RecordedResponse,
    UnreadableFile,
    write,
)
from mockserver.transcripts.reading import find_files, read

BASE = "https://generativelanguage.googleapis.com"
ASK = f"{BASE}/v1beta/models/gemini-2.0-flash:generateContent"
STREAM = f"{BASE}/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse"
VERTEX = "https://us-central1-aiplatform.googleapis.com/v1/projects/recorded-project/locations/us-central1"
JSON = (("content-type", "application/json"),)


def prompt(text: str) -> dict[str, Any]:
    """The body of a request."""
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


def reply(text: str) -> dict[str, Any]:
    """An answer as no emulator gives it: it has a member that nobody knows."""
    return {"candidates": [{"content": {"parts": [{"text": text}]}}], "recordedMember": True}


def exchange(
    url: str, body: Any, answer: Any, *, status: int = 200, method: str = "POST", pauses: tuple[float, ...] = ()
) -> Exchange:
    """A recorded exchange. Bodies are JSON, or bytes as they are; without a body the recorder did not keep it."""
    sent = None if body is None else b"" if body == "" else json.dumps(body).encode()
    text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return Exchange(
        RecordedRequest(method, url, JSON, sent), RecordedResponse(status, JSON, text, pauses=pauses), "authored"
    )


@contextmanager
def answering(folder: Path, *exchanges: Exchange, **settings: Any) -> Iterator[tuple[MockServer, httpx.Client]]:
    """A server with these recordings, and a client of it."""
    if exchanges:
        write(folder / "recorded.json", exchanges)
    server = MockServer(recordings=folder, seed=1, **settings)
    with httpx.Client(transport=InProcess(server.app), headers={"x-goog-api-key": "key-one"}) as client:
        yield server, client


def test_a_recorded_request_gets_the_recorded_answer(tmp_path: Path) -> None:
    """Byte for byte, unknown members included; what is not recorded is answered by the emulator."""
    exact = b'{ "candidates":[ {"content": {"parts": [{"text": "Hot."}]}} ],"recordedMember":1e0 }'
    with answering(tmp_path, exchange(ASK, prompt("Soup?"), exact)) as (server, client):
        recorded = client.post(ASK, json=prompt("Soup?"))
        other = client.post(ASK, json=prompt("Salad?"))
        listed = client.get("http://localhost/_mock/calls").json()["calls"]

    assert (200, exact) == (recorded.status_code, recorded.content)
    assert 200 == other.status_code
    assert "recordedMember" not in other.json()
    assert ["models.generateContent"] * 2 == [call.method for call in server.calls]
    assert prompt("Soup?")["contents"] == (server.calls[0].request or {})["contents"]
    assert "Hot." == server.calls[0].response["candidates"][0]["content"]["parts"][0]["text"]
    assert {"candidates": reply("Hot.")["candidates"]} == listed[0]["response"]


def test_strict_refuses_what_is_not_recorded(tmp_path: Path) -> None:
    """With 501 and a sentence; the log has it as a hint."""
    with answering(tmp_path, exchange(ASK, prompt("Soup?"), reply("Hot.")), recordings_mode="strict") as (
        server,
        client,
    ):
        refused = client.post(ASK, json=prompt("Salad?"))
        unknown = client.get(f"{BASE}/v1beta/models")

    assert [501, 501] == [refused.status_code, unknown.status_code]
    assert "models.generateContent is not recorded like this" in refused.json()["error"]["message"]
    assert "have 1 requests for other resources or with other messages" in refused.json()["error"]["message"]
    assert "have nothing of it" in unknown.json()["error"]["message"]
    assert 2 == len(server.misses)


@pytest.mark.parametrize(
    "body",
    [
        {"contents": [{"parts": [{"text": "Soup?"}], "role": "user"}], "generationConfig": {"maxOutputTokens": 5}},
        {"generation_config": {"max_output_tokens": "5"}, "contents": [{"role": "user", "parts": {"text": "Soup?"}}]},
    ],
)
def test_messages_are_compared_and_not_texts(body: dict[str, Any], tmp_path: Path) -> None:
    """Order and spelling of members, and numbers as texts, are the same message; so are other keys and tokens."""
    recorded = prompt("Soup?") | {"generationConfig": {"maxOutputTokens": 5}}
    with answering(tmp_path, exchange(f"{ASK}?key=recorded-key", recorded, reply("Hot."))) as (_, client):
        answer = client.post(ASK, json=body, headers={"authorization": "Bearer other-token"})

    assert reply("Hot.") == answer.json()


@pytest.mark.parametrize(
    ("recorded", "asked", "same"),
    [
        ({"displayName": "run-20240314-1"}, {"displayName": "run-20261128-1"}, True),
        ({"displayName": "run at 2024-03-14T15:00:00Z"}, {"displayName": "run at 2026-11-28T14:00:00.5Z"}, True),
        (
            {"displayName": "x-0b0e5a4c-7a34-4c0f-9ad5-2c1d7a9f0b11"},
            {"displayName": "x-9c1f6b5d-8b45-4d10-8be6-3d2e8ba01c22"},
            True,
        ),
        ({"displayName": "x-3fa85f64"}, {"displayName": "x-2c963f66"}, True),
        ({"displayName": "soup"}, {"displayName": "salad"}, False),
        ({"displayName": "run-1"}, {"displayName": "run-2"}, False),
        ({"epochCount": 5_000_000}, {"epochCount": 6_000_000}, False),
    ],
)
def test_ids_and_times_may_differ(recorded: dict[str, Any], asked: dict[str, Any], same: bool, tmp_path: Path) -> None:
    """In texts, as programs make them up for each run; not the words, and no numbers."""

    def body(members: dict[str, Any]) -> dict[str, Any]:
        epochs = members.get("epochCount", 1)
        task = {"hyperparameters": {"epochCount": epochs}}
        return {"displayName": members.get("displayName", "x"), "tuningTask": task}

    url = f"{BASE}/v1beta/tunedModels"
    with answering(tmp_path, exchange(url, body(recorded), reply("made")), recordings_mode="strict") as (_, client):
        answer = client.post(url, json=body(asked))

    assert (200 if same else 501) == answer.status_code


def test_numbers_in_prompts_are_no_ids(tmp_path: Path) -> None:
    """Another question is another request."""
    with answering(tmp_path, exchange(ASK, prompt("Order 123456?"), reply("Sent.")), recordings_mode="strict") as (
        _,
        client,
    ):
        assert 501 == client.post(ASK, json=prompt("Order 654321?")).status_code


def test_projects_buckets_and_ids_of_resources_may_differ(tmp_path: Path) -> None:
    """A recording is scrubbed; the recorded ids in answers stay as they are."""
    body = {
        "baseModel": "gemini-2.0-flash-001",
        "supervisedTuningSpec": {"trainingDatasetUri": "gs://scrubbed/a.jsonl"},
    }
    job = {"name": "projects/111/locations/us-central1/tuningJobs/222", "state": "JOB_STATE_PENDING"}
    made = exchange(f"{VERTEX}/tuningJobs", body, job)
    got = exchange(f"{VERTEX}/tuningJobs/222", "", job | {"state": "JOB_STATE_SUCCEEDED"}, method="GET")
    mine = VERTEX.replace("recorded-project", "mine")
    headers = {"authorization": "Bearer any-token"}
    with answering(tmp_path, made, got, recordings_mode="strict") as (_, client):
        sent = json.loads(json.dumps(body).replace("scrubbed", "my-bucket"))
        created = client.post(f"{mine}/tuningJobs", json=sent, headers=headers)
        seen = client.get(f"{mine}/tuningJobs/222", headers=headers)

    assert [job["name"], "JOB_STATE_SUCCEEDED"] == [created.json()["name"], seen.json()["state"]]


def test_repeated_requests_get_the_answers_in_order(tmp_path: Path) -> None:
    """As of a job that is polled; the last answer stays, and a reset begins anew."""
    url = f"{BASE}/v1beta/tunedModels/mine"
    polls = [exchange(url, "", {"state": state}, method="GET") for state in ("CREATING", "CREATING", "ACTIVE")]
    with answering(tmp_path, *polls) as (server, client):
        states = [client.get(url).json()["state"] for _ in range(5)]
        server.reset()
        again = client.get(url).json()["state"]

    assert ["CREATING", "CREATING", "ACTIVE", "ACTIVE", "ACTIVE"] == states
    assert "CREATING" == again


def test_errors_and_pages_are_answered_as_they_were(tmp_path: Path) -> None:
    """With status and type, whatever they are."""
    page = Exchange(
        RecordedRequest("POST", ASK, JSON, json.dumps(prompt("Salad?")).encode()),
        RecordedResponse(502, (("content-type", "text/html; charset=UTF-8"), ("content-encoding", "gzip")), b"<html>"),
    )
    error = {"error": {"code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED"}}
    with answering(tmp_path, exchange(ASK, prompt("Soup?"), error, status=429), page) as (server, client):
        refused, broken = (client.post(ASK, json=prompt(text)) for text in ("Soup?", "Salad?"))

    assert (429, error) == (refused.status_code, refused.json())
    assert (502, "<html>", "text/html; charset=UTF-8") == (
        broken.status_code,
        broken.text,
        broken.headers["content-type"],
    )
    assert [(429, "Slow down."), (502, None)] == [(call.status, call.response.get("message")) for call in server.calls]


def test_methods_that_are_not_served_are_answered_too(tmp_path: Path) -> None:
    """By their path and body."""
    url = f"{BASE}/v1beta/corpora"
    made = exchange(url, {"displayName": "one", "name": "corpora/abc"}, {"name": "corpora/abc"})
    with answering(tmp_path, made) as (_, client):
        answers = [
            client.post(url, json={"name": "corpora/abc", "displayName": name}).status_code for name in ("one", "two")
        ]

    assert [200, 404] == answers


def test_a_request_whose_body_was_not_recorded_matches_any(tmp_path: Path) -> None:
    """By method and resource; one with a body comes first. Cassettes of some recorders keep no bodies."""
    cassette = f"""
http_interactions:
- request: {{method: post, uri: "{ASK}"}}
  response:
    status: {{code: 200, message: OK}}
    headers: {{Content-Type: [application/json]}}
    body: {{string: '{{"anything": 1}}'}}
"""
    (tmp_path / "cassette.yml").write_text(cassette)
    with answering(tmp_path, exchange(ASK, prompt("Soup?"), reply("Hot."))) as (_, client):
        soup, salad = (client.post(ASK, json=prompt(text)).json() for text in ("Soup?", "Salad?"))

    assert reply("Hot.") == soup
    assert reply("Hot.") != salad


def test_a_cassette_of_vcrpy_is_taken(tmp_path: Path) -> None:
    """In YAML, as pytest-recording writes it."""
    cassette = f"""
interactions:
- request:
    body: '{json.dumps(prompt("Soup?"))}'
    headers: {{content-type: [application/json]}}
    method: POST
    uri: {ASK}
  response:
    body: {{string: '{json.dumps(reply("Hot."))}'}}
    headers: {{Content-Type: [application/json; charset=UTF-8], Transfer-Encoding: [chunked]}}
    status: {{code: 200, message: OK}}
version: 1
"""
    (tmp_path / "cassette.yaml").write_text(cassette)
    with answering(tmp_path, recordings_mode="strict") as (_, client):
        assert reply("Hot.") == client.post(ASK, json=prompt("Soup?")).json()


EVENTS = b'data: {"responseId": "1"}\r\n\r\ndata: {"responseId": "2"}\r\n\r\ndata: {"responseId": "3"}\r\n\r\n'


def test_a_stream_has_its_recorded_pauses(tmp_path: Path) -> None:
    """On the world's clock: no time passes, and the clock says that it has."""
    write(tmp_path / "stream.json", [exchange(STREAM, prompt("Soup?"), EVENTS, pauses=(0.5, 0.0, 20.0))])
    with MockServer(recordings=tmp_path).intercepting() as server:
        began, elapsed_ms = server.now, stopwatch()
        with httpx.stream("POST", STREAM, json=prompt("Soup?"), timeout=60) as answer:
            pieces = [(piece, (server.now - began).total_seconds()) for piece in answer.iter_raw()]

    assert EVENTS == b"".join(piece for piece, _ in pieces)
    assert 20.5 == (server.now - began).total_seconds()
    assert {0.5, 20.5} == {seconds for _, seconds in pieces}
    assert elapsed_ms() < 15_000
    assert [{"responseId": "1"}, {"responseId": "2"}, {"responseId": "3"}] == server.calls[0].response


def test_streams_and_whole_answers_are_told_apart(tmp_path: Path) -> None:
    """A stream of events is not an array, though the message is the same."""
    array = STREAM.partition("?")[0]
    with answering(tmp_path, exchange(STREAM, prompt("Soup?"), EVENTS), recordings_mode="strict") as (_, client):
        assert 200 == client.post(STREAM, json=prompt("Soup?")).status_code
        assert 501 == client.post(array, json=prompt("Soup?")).status_code


def test_what_is_no_recording_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A broken file is logged by its name; a note is not."""
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "note.txt").write_text("Soup is hot.")
    with answering(tmp_path, exchange(ASK, prompt("Soup?"), reply("Hot."))) as (_, client):
        assert reply("Hot.") == client.post(ASK, json=prompt("Soup?")).json()

    assert ["broken.json"] == [name for name in ("broken.json", "note.txt") if name in caplog.text]


def test_the_marker_takes_recordings(tmp_path: Path) -> None:
    """Relative to pytest's root directory; google-genai sees the recorded answer, and the error of a strict one."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    write(folder / "ask.json", [exchange(ASK, prompt("Soup?"), reply("Hot."))])
    test = """
import pytest
from google import genai
from google.genai import errors

pytestmark = pytest.mark.mockserver(recordings="recordings", recordings_mode="strict")


@pytest.mark.parametrize("kind", ["mockserver", "mockserver_live"])
def test_recorded(kind, request):
    server = request.getfixturevalue(kind)
    options = {"api_version": "v1beta", "base_url": server.url or None}
    client = genai.Client(api_key="any-key", http_options=options)
    assert client.models.generate_content(model="gemini-2.0-flash", contents="Soup?").text == "Hot."
    with pytest.raises(errors.ServerError, match="not recorded like this"):
        client.models.generate_content(model="gemini-2.0-flash", contents="Salad?")
"""
    ran = run_text(client_python("genai-2"), test, tmp_path, "-W", "ignore")

    assert {"passed": 2} == ran.outcome


def test_serve_takes_recordings(tmp_path: Path) -> None:
    """On a socket, in another process."""
    write(tmp_path / "ask.json", [exchange(ASK, prompt("Soup?"), reply("Hot."))])
    options = ("--recordings", str(tmp_path), "--recordings-mode", "strict")
    with serving(tmp_path / "log", *options) as server:
        path = ASK.removeprefix(BASE)
        answers = [
            httpx.post(f"{server.base_url}{path}?key=k", json=prompt(text)).status_code for text in ("Soup?", "Salad?")
        ]

    assert [200, 501] == answers


def test_what_was_recorded_of_a_server_is_answered_like_it(tmp_path: Path) -> None:
    """`mockserver record` writes what this takes: a program sees the same again, a stream with its pauses too."""
    program = f"""
import json, os
from urllib.request import Request, urlopen
base = os.environ["GOOGLE_GEMINI_BASE_URL"]
for path in ({path_of(ASK)!r}, {path_of(STREAM)!r}):
    body = json.dumps({prompt("Soup?")!r}).encode()
    with urlopen(Request(base + path, body, {{"content-type": "application/json", "x-goog-api-key": "any-key"}})) as answer:
        print(answer.read().decode())
"""
    (tmp_path / "program.py").write_text(program)
    fault = {"method": "*.streamGenerateContent", "chunk_delay_seconds": 0.3}
    with MockServer(clock="1x", seed=1).live() as server:
        server.fault(fault)
        first = run_recorded(tmp_path, server.url)
    transcript = read(tmp_path / "recorded.json")
    stream = transcript.exchanges[1].response

    assert stream.body.count(b"data:") == len(stream.pauses)
    assert 0.2 < stream.pauses[0] < 10
    (tmp_path / "only").mkdir()
    (tmp_path / "recorded.json").rename(tmp_path / "only" / "recorded.json")
    with MockServer(clock="100x", recordings=tmp_path / "only", recordings_mode="strict").live() as server:
        again = run_recorded(tmp_path, server.url)
    assert first == again


def path_of(url: str) -> str:
    """Path and query."""
    return url.removeprefix(BASE)


def run_recorded(folder: Path, upstream: str) -> str:
    """Run the program under `mockserver record`; returns what it printed."""
    options = ["-o", "recorded.json", "--upstream", upstream]
    command = [str(OURS), "-m", "mockserver", "record", *options, "--", str(OURS), "program.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def transcripts(folder: Path) -> Iterator[Exchange]:
    """Every exchange below a folder with a Google API that is not a discovery document."""
    for path in find_files(folder):
        try:
            exchanges = read(path).exchanges
        except (NothingToReplay, UnreadableFile):
            continue
        yield from (each for each in exchanges if each.request.parts.path.startswith("/v1"))


def resend(folder: Path) -> int:
    """Send every recorded request again, in the order of the recordings: each gets its own answer.

    Returns their number.
    """
    exchanges = list(transcripts(folder))
    with answering(folder, recordings_mode="strict") as (_, client):
        for each in exchanges:
            request, expected = each.request, each.response
            headers = {"content-type": dict(request.headers).get("content-type", "application/json")}
            answer = client.request(request.method, request.url, content=request.body or b"", headers=headers)
            assert (expected.status, expected.body) == (answer.status_code, answer.content), request
    return len(exchanges)


def test_authored_transcripts_answer_themselves() -> None:
    """Every recorded request has a recorded answer, of whatever format its file is."""
    assert resend(ROOT / "fixtures" / "transcripts") > 20


@pytest.mark.recordings
def test_recorded_transcripts_answer_themselves() -> None:
    """Of the real services and six recorders."""
    assert resend(shared("transcripts")) > 50


def test_a_recorded_header_says_when_to_come_again(tmp_path: Path) -> None:
    """The client is judged by it as by that of a fault, whatever the recorded body looks like."""
    refusal = {"error": {"code": 429, "details": ["text", {"@type": 1}, {"@type": "x/RetryInfo", "retryDelay": 7}]}}
    asked = RecordedRequest("POST", ASK, JSON, json.dumps(prompt("Soup?")).encode())
    answer = RecordedResponse(429, (*JSON, ("retry-after", "30")), json.dumps(refusal).encode())
    with answering(tmp_path, Exchange(asked, answer, "authored")) as (server, client):
        for _ in range(2):
            assert "30" == client.post(ASK, json=prompt("Soup?")).headers["retry-after"]
            server.clock.advance(seconds=10)

    (finding,) = server.report.findings()
    assert ("came too soon", 30) == (finding.rule, finding.call.retry_after)
    assert finding.sentence.endswith("failed with 429; sent again after 10 s, told to wait 30 s")


BY_GRPC = """
import google.ai.generativelanguage as glm
import grpc
import pytest
from google.ai.generativelanguage_v1beta.services.generative_service.transports import GenerativeServiceGrpcTransport
from google.api_core import exceptions
from google.cloud import aiplatform_v1

MODEL = "models/gemini-2.0-flash"
recorded = pytest.mark.mockserver(recordings="recordings")
strict = pytest.mark.mockserver(recordings="recordings", recordings_mode="strict")


def ask(text, client=None):
    contents = [{"role": "user", "parts": [{"text": text}]}]
    return (client or glm.GenerativeServiceClient()), {"model": MODEL, "contents": contents}


def text_of(response):
    return response.candidates[0].content.parts[0].text


@recorded
def test_a_message_gets_the_recorded_answer(mockserver):
    client, message = ask("Soup?")
    assert text_of(client.generate_content(message)) == "Hot."
    client, message = ask("Salad?")
    assert text_of(client.generate_content(message)) != "Hot."
    assert [call.verb for call in mockserver.calls] == ["GRPC"] * 2
    assert [call.method for call in mockserver.calls] == ["models.generateContent"] * 2
    assert mockserver.calls[0].response["candidates"][0]["content"]["parts"][0]["text"] == "Hot."
    assert mockserver.calls[0].request["model"] == MODEL


@recorded
def test_over_a_socket(mockserver_live):
    channel = grpc.insecure_channel(mockserver_live.grpc_target)
    client, message = ask("Soup?", glm.GenerativeServiceClient(transport=GenerativeServiceGrpcTransport(channel=channel)))
    assert text_of(client.generate_content(message, metadata=[("x-goog-api-key", "any-key")])) == "Hot."


@recorded
@pytest.mark.parametrize("text", ["Events?", "Array?"])
def test_a_stream_comes_with_its_pauses(mockserver, text):
    began = mockserver.now
    client, message = ask(text)
    assert [text_of(each) for each in client.stream_generate_content(message)] == ["Hot", "."]
    assert (mockserver.now - began).total_seconds() == (5 if text == "Events?" else 0)


@recorded
def test_repeated_requests_get_the_answers_in_order(mockserver):
    client, message = ask("Again?")
    assert [text_of(client.generate_content(message)) for _ in range(3)] == ["One.", "Two.", "Two."]


@recorded
def test_an_error_is_an_error(mockserver):
    client, message = ask("Fail?")
    with pytest.raises(exceptions.ResourceExhausted, match="Recorded: come again.") as raised:
        client.generate_content(message, retry=None)
    assert [type(each).__name__ for each in raised.value.details] == ["RetryInfo"]
    client, message = ask("Page?")
    with pytest.raises(exceptions.ServiceUnavailable, match="HTTP status 503"):
        client.generate_content(message, retry=None)


@strict
def test_resources_of_both_services(mockserver):
    assert glm.ModelServiceClient().get_tuned_model(name="tunedModels/days").display_name == "Recorded"
    client = aiplatform_v1.GenAiTuningServiceClient(
        client_options={"api_endpoint": "us-central1-aiplatform.googleapis.com"}
    )
    job = client.get_tuning_job(name="projects/my-project/locations/us-central1/tuningJobs/1234567")
    assert job.description == "Recorded"


@strict
def test_what_is_not_recorded_is_refused(mockserver):
    client, message = ask("Salad?")
    with pytest.raises(exceptions.MethodNotImplemented, match="models.generateContent is not recorded like this"):
        client.generate_content(message, retry=None)
    assert len(mockserver.misses) == 1
"""


def test_calls_over_grpc_get_answers_that_were_recorded_over_http(tmp_path: Path) -> None:
    """By Google's generated clients: messages, streams, errors and names match as over HTTP."""
    events = b"".join(b"data: " + json.dumps(reply(text)).encode() + b"\r\n\r\n" for text in ("Hot", "."))
    array = json.dumps([reply("Hot"), reply(".")]).encode()
    wait = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}
    unknown = {"@type": "type.googleapis.com/google.unknown.Detail", "member": 1}
    error = {
        "code": 429,
        "message": "Recorded: come again.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [unknown, wait],
    }
    odd = reply("Hot.")
    odd["candidates"][0] |= {"finishReason": "NEVER_SEEN", "safetyRatings": [{"category": 77}], "index": "many"}
    job = {"name": "projects/1/locations/us-central1/tuningJobs/7654321", "description": "Recorded", "state": "NEW"}
    (tmp_path / "recordings").mkdir()
    write(
        tmp_path / "recordings" / "all.json",
        [
            exchange(ASK, prompt("Soup?"), odd),
            exchange(STREAM, prompt("Events?"), events, pauses=(2.0, 3.0)),
            exchange(STREAM.removesuffix("?alt=sse"), prompt("Array?"), array),
            exchange(ASK, prompt("Again?"), reply("One.")),
            exchange(ASK, prompt("Again?"), reply("Two.")),
            exchange(ASK, prompt("Fail?"), {"error": error}, status=429),
            exchange(ASK, prompt("Page?"), b"<html>no</html>", status=503),
            exchange(f"{BASE}/v1beta/tunedModels/days", "", {"displayName": "Recorded"}, method="GET"),
            exchange(f"{VERTEX}/tuningJobs/7654321", "", job, method="GET"),
        ],
    )

    ran = run_text(client_python("google"), BY_GRPC, tmp_path, "-W", "ignore")

    assert {"passed": 8} == ran.outcome

"""The same exchange is read from the format of every recorder."""

import base64
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from mockserver.transcripts.exchange import (
    Exchange,
    NothingToReplay,
    RecordedRequest,
    RecordedResponse,
    UnreadableFile,
    write,
)
from mockserver.transcripts.reading import find_files, read

URL = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.0-flash:countTokens"
ASKED = {"contents": [{"parts": [{"text": "une pêche"}]}]}
TOLD = {"totalTokens": 4}
BODY = json.dumps(TOLD, indent=2) + "\n"
DATE = "Mon, 18 Aug 2025 12:41:00 GMT"
MOMENT = datetime(2025, 8, 18, 12, 41, tzinfo=UTC)
JSON = "application/json; charset=UTF-8"


def own(folder: Path) -> Path:
    """Return our own transcript file."""
    request = RecordedRequest("POST", URL, (("content-type", "application/json"),), json.dumps(ASKED).encode())
    response = RecordedResponse(200, (("content-type", JSON), ("date", DATE)), BODY.encode())
    path = folder / "own.json"
    write(path, [Exchange(request, response, "us", MOMENT)])
    return path


def test_only_its_owner_may_read_a_recording(tmp_path: Path) -> None:
    """It has somebody's prompts in it, whatever was scrubbed."""
    assert 0o600 == own(tmp_path).stat().st_mode & 0o777


def vcrpy(folder: Path) -> Path:
    """Return a cassette of vcrpy: lists of header values, the body is a string."""
    request = {
        "method": "POST",
        "uri": URL,
        "body": json.dumps(ASKED),
        "headers": {"Content-Type": ["application/json"]},
    }
    headers = {"Content-Type": [JSON], "Date": [DATE], "Vary": ["Origin", "Referer"]}
    response = {"status": {"code": 200, "message": "OK"}, "headers": headers, "body": {"string": BODY}}
    return dumped(
        folder / "cassette.yaml", {"version": 1, "interactions": [{"request": request, "response": response}]}
    )


def zipped_vcrpy(folder: Path) -> Path:
    """Return a cassette of vcrpy with a gzip body."""
    request = {"method": "post", "uri": URL, "body": json.dumps(ASKED), "headers": {}}
    headers = {"Content-Type": [JSON], "Date": [DATE], "Content-Encoding": ["gzip"]}
    body = {"string": gzip.compress(BODY.encode())}
    response = {"status": {"code": 200, "message": "OK"}, "headers": headers, "body": body}
    return dumped(folder / "zipped.yaml", {"interactions": [{"request": request, "response": response}]})


def parsing_vcrpy(folder: Path) -> Path:
    """Return a cassette of vcrpy with the JSON body as data."""
    request = {"method": "POST", "uri": URL, "parsed_body": ASKED, "headers": {"content-type": ["application/json"]}}
    headers = {"content-type": [JSON], "date": [DATE]}
    response = {"status": {"code": 200, "message": "OK"}, "headers": headers, "parsed_body": TOLD}
    return dumped(folder / "parsed.yaml", {"interactions": [{"request": request, "response": response}]})


def ruby_vcr(folder: Path) -> Path:
    """Return a cassette of Ruby's VCR: bodies with an encoding, some in base64; in a text file, after a source line."""
    body = {"encoding": "ASCII-8BIT", "base64_string": base64.b64encode(BODY.encode()).decode()}
    request = {"method": "post", "uri": URL, "body": {"encoding": "UTF-8", "string": json.dumps(ASKED)}, "headers": {}}
    headers = {"Content-Type": [JSON], "Date": [DATE]}
    response = {"status": {"code": 200, "message": "OK"}, "headers": headers, "body": body}
    text = yaml.safe_dump({"http_interactions": [{"request": request, "response": response, "recorded_at": DATE}]})
    path = folder / "cassette.txt"
    path.write_text(f"SOURCE: somebody/ruby spec/cassette.yml\n---\n{text}")
    return path


def httprr(folder: Path) -> Path:
    """Return the request and response of httprr: their bytes, the response in chunks."""
    return traced(folder / "trace.httprr", BODY.encode())


def zipped_httprr(folder: Path) -> Path:
    """Return the same with a gzip response."""
    return traced(folder / "zipped.httprr", gzip.compress(BODY.encode()), "Content-Encoding: gzip\r\n")


def traced(path: Path, body: bytes, more: str = "") -> Path:
    """A trace of one exchange."""
    asked = json.dumps(ASKED).encode()
    request = (
        f"POST {URL} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(asked)}\r\n\r\n"
    )
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\nDate: {DATE}\r\n{more}Transfer-Encoding: chunked\r\n\r\n"
    chunks = b"5\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (body[:5], len(body) - 5, body[5:])
    first, reply = request.encode() + asked, head.encode() + chunks
    path.write_bytes(b"httprr trace v1\n" + f"{len(first)} {len(reply)}\n".encode() + first + reply)
    return path


def js_genai(folder: Path) -> Path:
    """Return a recording of js-genai: URLs without a host, bodies in segments."""
    request = {"method": "POST", "url": URL.partition(".com")[2], "headers": {}, "bodySegments": [ASKED]}
    where: dict[str, Any] = {"serverAddress": "generativelanguage.googleapis.com", "port": 443, "protocol": "https"}
    response = {"statusCode": 200, "headers": {"Content-Type": JSON, "Date": DATE}, "bodySegments": [TOLD]}
    interaction = {"request": request | where, "response": response}
    return dumped(folder / "js.json", {"recordID": "x", "interactions": [interaction]})


def python_genai(folder: Path) -> Path:
    """Return a recording of python-genai, in snake_case."""
    request = {"method": "post", "url": URL, "headers": {}, "body_segments": [ASKED]}
    response = {"status_code": 200, "headers": {"content-type": JSON, "date": DATE}, "body_segments": [TOLD]}
    return dumped(folder / "py.json", {"replay_id": "x", "interactions": [{"request": request, "response": response}]})


def by_hand(folder: Path) -> Path:
    """Return a list written by hand: a request line, and the response beside it."""
    record: dict[str, Any] = {"id": "count", "host": "generativelanguage.googleapis.com", "status": 200, "body": BODY}
    record["request"] = f"POST {URL.partition('.com')[2]} {json.dumps(ASKED)}"
    record["headers"] = {"Content-Type": [JSON], "Date": [DATE]}
    return dumped(folder / "list.json", [record])


def in_two_files(folder: Path) -> Path:
    """Headers in one file, the bytes of the body in another beside it."""
    (folder / "reply.raw.txt").write_text(BODY)
    request = {"method": "POST", "uri": URL, "body": json.dumps(ASKED)}
    head = {"request": request, "status": {"code": 200}, "headers": {"Content-Type": [JSON], "Date": [DATE]}}
    return dumped(folder / "reply.headers.json", head | {"raw_file": "reply.raw.txt"})


def dumped(path: Path, tree: Any) -> Path:
    """Write a file of data."""
    path.write_text(json.dumps(tree) if path.suffix == ".json" else yaml.safe_dump(tree))
    return path


RECORDERS = [
    own, vcrpy, zipped_vcrpy, parsing_vcrpy, ruby_vcr, httprr, zipped_httprr, js_genai, python_genai, by_hand,
    in_two_files,
]  # fmt: skip


@pytest.mark.parametrize("recorder", RECORDERS)
def test_one_exchange_is_read_from_every_recorder(recorder: Any, tmp_path: Path) -> None:
    """Method, URL, both bodies, status, content type and date agree."""
    [exchange] = read(recorder(tmp_path)).exchanges
    request, response = exchange.request, exchange.response

    assert ("POST", URL) == (request.method, request.url)
    assert ASKED == json.loads(request.body or b"")
    assert (200, TOLD, JSON) == (response.status, json.loads(response.body), response.header("content-type"))
    assert MOMENT == exchange.date


@pytest.mark.parametrize("recorder", RECORDERS)
def test_bytes_are_kept_where_the_recorder_kept_them(recorder: Any, tmp_path: Path) -> None:
    """A body that was recorded as data has lost its layout, and is not `exact`."""
    [exchange] = read(recorder(tmp_path)).exchanges

    assert exchange.response.exact == (recorder not in {parsing_vcrpy, js_genai, python_genai})
    if exchange.response.exact:
        assert BODY.encode() == exchange.response.body


def test_a_stream_in_segments_becomes_events(tmp_path: Path) -> None:
    """The bodies are the bytes of the wire."""
    request = {"method": "POST", "url": "/v1beta/models/m:streamGenerateContent?alt=sse", "bodySegments": [ASKED]}
    response = {
        "statusCode": 200,
        "headers": {"Content-Type": "text/event-stream"},
        "bodySegments": [{"a": 1}, {"a": 2}],
    }
    path = dumped(tmp_path / "js.json", {"interactions": [{"request": request, "response": response}]})

    assert b'data: {"a": 1}\r\n\r\ndata: {"a": 2}\r\n\r\n' == read(path).exchanges[0].response.body


def test_a_reply_that_says_where_it_was_found_has_a_request(tmp_path: Path) -> None:
    """httplib2 adds content-location to its responses and writes the status into the headers."""
    headers = {"status": "200", "content-location": f"{URL}?alt=json", "date": DATE}
    [exchange] = read(dumped(tmp_path / "flight.json", {"headers": headers, "body": TOLD})).exchanges

    assert ("GET", f"{URL}?alt=json", 200) == (exchange.request.method, exchange.request.url, exchange.response.status)


def test_a_body_nobody_kept_is_none(tmp_path: Path) -> None:
    """A missing body differs from an empty one."""
    path = dumped(tmp_path / "t.json", [{"request": {"method": "POST", "url": URL}, "status": 200, "body": TOLD}])

    assert read(path).exchanges[0].request.body is None


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("reply.json", '{"candidates": []}', "a response without its request"),
        ("reply.txt", 'data: {"candidates": []}\r\n\r\n', "a response without its request"),
        (
            "list.json",
            '[{"http": 404, "body": {"error": {}}}, {"http": 400, "body": {}}]',
            "2 responses without their requests",
        ),
        ("ids.json", '[{"displayName": "x", "id": "x-1"}]', "no request with its response"),
        ("doc.json", '{"kind": "discovery#restDescription"}', "a discovery document"),
        ("notes.txt", "cell 27: submitted", "text that no recorder writes"),
        (
            "told.json",
            '[{"request": "GET of something deleted", "status": 404, "body": "x"}]',
            'in words: "GET of something',
        ),
        ("told.json", '[{"request": "POST ...:generateContent {}", "status": 400, "body": "x"}]', "described in words"),
        (
            "told.json",
            '[{"request": "GET /v1beta/models by a stranger", "status": 403, "body": "x"}]',
            "described in words",
        ),
    ],
)
def test_a_file_without_exchanges_says_what_it_holds(tmp_path: Path, name: str, text: str, expected: str) -> None:
    """A file without exchanges is valid."""
    (tmp_path / name).write_text(text)
    with pytest.raises(NothingToReplay, match=expected):
        read(tmp_path / name)


def zipped_reply(body: bytes) -> bytes:
    """Return a cassette with this response."""
    row = {"request": {"method": "GET", "uri": URL}, "response": {"status": {"code": 200}, "body": {"string": body}}}
    return yaml.safe_dump({"interactions": [row]}).encode()


def test_what_yaml_takes_for_more_than_text_is_text(tmp_path: Path) -> None:
    """A body that is recorded as data may contain bytes and dates."""
    body = "{token: !!binary aGVsbG8=, createTime: 2025-08-18T12:41:00Z, day: 2025-08-18}"
    path = tmp_path / "t.yaml"
    path.write_text(f'[{{request: "GET /v1beta/models", status: 200, body: {body}}}]')

    told = {"token": "hello", "createTime": "2025-08-18T12:41:00Z", "day": "2025-08-18"}
    assert told == json.loads(read(path).exchanges[0].response.body)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken.json", b'{"interactions": ['),
        ("broken.yaml", b"interactions:\n- request: {\n"),
        ("broken.txt", b"interactions:\n\t- x: [\n"),
        ("trace.httprr", b"httprr trace v1\n100 200\nGET / HTTP/1.1\r\n"),
        ("binary.json", b"\xff\xfe\x00"),
        ("deep.json", b"[" * 100_000 + b"]" * 100_000),
        ("endless.yaml", b"a: &a {again: *a}"),
        ("short.yaml", zipped_reply(gzip.compress(BODY.encode())[:-9])),
        ("other.yaml", zipped_reply(b"\x1f\x8bno zip")),
        ("sixty.json", b'[{"request": "GET /v1beta/models", "status": 200, "body": {"base64_string": "abc"}}]'),
    ],
)
def test_a_broken_file_is_unreadable(tmp_path: Path, name: str, content: bytes) -> None:
    """A broken file is reported differently from one without exchanges."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFile):
        read(tmp_path / name)


def test_a_folder_is_read_with_those_in_it(tmp_path: Path) -> None:
    """Files are sorted by name; other suffixes are ignored."""
    (tmp_path / "deep").mkdir()
    for name in ("b.json", "a.yaml", "deep/c.httprr", "README.md", "picture.png"):
        (tmp_path / name).write_text("")

    assert ["a.yaml", "b.json", "deep/c.httprr"] == [str(path.relative_to(tmp_path)) for path in find_files(tmp_path)]

"""Cloud Storage without a client library: what no well-behaved client sends, and the limits."""

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from mockserver.cloud_storage import serves, uploads
from mockserver.cloud_storage.face import ROUTES, StorageFace
from mockserver.datasets.object_store import METHODS
from mockserver.dispatch.dispatcher import WouldBlock
from mockserver.http.reply import HttpReply
from mockserver.http.request import new_request
from mockserver.limits import OBJECT_BYTES, OBJECT_METADATA_BYTES, OPEN_UPLOADS, QUICK_BYTES
from mockserver.scripting.faults import Fault
from mockserver.scripting.scenario import Scenario
from mockserver.state.clock import ManualClock
from mockserver.state.world import World, Worlds

UPLOAD = "/upload/storage/v1/b/my-bucket/o"
OBJECT = "/storage/v1/b/my-bucket/o"


class Client:
    """Sends requests to a face of one world."""

    def __init__(self) -> None:
        self.world = World(ManualClock())
        self.face = StorageFace(Worlds(self.world))

    def send(
        self, verb: str, path: str, query: str = "", body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> HttpReply:
        names = {"host": "storage.googleapis.com", **(headers or {})}
        return self.face.answer(new_request(verb, path, query, names, body))

    def upload(self, name: str, body: bytes) -> HttpReply:
        return self.send("POST", UPLOAD, f"uploadType=media&name={name}", body)

    def begin(self, name: str) -> str:
        reply = self.send("POST", UPLOAD, f"uploadType=resumable&name={name}")
        return header(reply, "location").partition("?")[2]


@pytest.fixture
def client() -> Client:
    """A client and its world."""
    return Client()


def header(reply: HttpReply, name: str) -> str:
    """A header of a reply."""
    return dict(reply.headers)[name.encode()].decode()


def tree(reply: HttpReply) -> Any:
    """The JSON of a reply."""
    assert isinstance(reply.body, bytes)
    return json.loads(reply.body)


def message(reply: HttpReply) -> str:
    """The sentence of an error."""
    return str(tree(reply)["error"]["message"])


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/related; boundary=b"),
        (b"--b\r\n\r\n{}\r\n--b\r\n\r\nx\r\n--b--", "multipart/related"),
        (b"--b\r\n\r\n{}\r\n--b--", "multipart/related; boundary=b"),
        (b"--b\r\n\r\n{}\r\n--b\r\nx\r\n--b--", "multipart/related; boundary=b"),
        (b"--b\r\n\r\n{}\r\n--b\r\n\r\nx", "multipart/related; boundary=b"),
        (b"--b\r\n\r\n[1]\r\n--b\r\n\r\nx\r\n--b--", "multipart/related; boundary=b"),
        (b"--b\r\n\r\n{'\r\n--b\r\n\r\nx\r\n--b--", "multipart/related; boundary=b"),
        (b"--b\r\n\r\n{}\r\n--b\r\n\r\nx\r\n--b--", 'multipart/related; boundary="b"'),  # no name
    ],
)
def test_a_malformed_upload_is_refused(client: Client, body: bytes, content_type: str) -> None:
    """With 400, and nothing is stored."""
    reply = client.send("POST", UPLOAD, "uploadType=multipart", body, {"content-type": content_type})

    assert 400 == reply.status
    assert "items" not in tree(client.send("GET", OBJECT))


SURROGATE = "a\ud800b"
"""Half of a character, which JSON can spell and UTF-8 cannot encode."""


@pytest.mark.parametrize(
    "members",
    [
        {"name": SURROGATE},
        {"contentType": SURROGATE},
        {"contentEncoding": SURROGATE},
        {"cacheControl": SURROGATE},
        {"metadata": {SURROGATE: "x"}},
        {"metadata": {"x": SURROGATE}},
    ],
)
def test_what_is_not_unicode_is_refused(client: Client, members: Mapping[str, Any]) -> None:
    """However the object is uploaded, and the others can still be listed."""
    metadata = json.dumps({"name": "x", **members}).encode()
    body = b"--b\r\n\r\n" + metadata + b"\r\n--b\r\n\r\ny\r\n--b--"
    sent = {"content-type": "multipart/related; boundary=b"}

    assert 200 == client.upload("good", b"y").status
    assert 400 == client.send("POST", UPLOAD, "uploadType=multipart", body, sent).status
    assert 400 == client.send("POST", UPLOAD, "uploadType=resumable", metadata).status
    assert ["good"] == [each["name"] for each in tree(client.send("GET", OBJECT))["items"]]


def test_a_bucket_has_no_location_that_is_not_unicode(client: Client) -> None:
    """It is refused, and not stored."""
    body = json.dumps({"name": "my-bucket", "location": SURROGATE}).encode()

    assert 400 == client.send("POST", "/storage/v1/b", body=body).status
    assert [] == tree(client.send("GET", "/storage/v1/b"))["items"]


def test_a_multipart_upload_may_have_any_bytes(client: Client) -> None:
    """Its own boundary apart: the content ends before the last one."""
    content = b"\r\n--\r\n\r\n--bb\x00\xff\r\n"
    body = b'--b-1\r\ncontent-type: application/json\r\n\r\n{"name": "x"}\r\n--b-1\r\nContent-Type: a/b\r\n\r\n'
    sent = {"content-type": 'multipart/related; boundary="b-1"'}
    reply = client.send("POST", UPLOAD, "uploadType=multipart", body + content + b"\r\n--b-1--\r\n", sent)

    assert (200, "a/b") == (reply.status, tree(reply)["contentType"])
    assert content == client.send("GET", f"{OBJECT}/x", "alt=media").body


def test_lines_may_end_with_a_line_feed(client: Client) -> None:
    """As gcsfs writes them; it sends the pieces of a resumable upload by POST."""
    body = b'--==0==\nContent-Type: application/json\n\n{"name": "x"}\n--==0==\nContent-Type: a/b\n\na\nb\n\n--==0==--'
    sent = {"content-type": 'multipart/related; boundary="==0=="'}
    reply = client.send("POST", UPLOAD, "uploadType=multipart", body, sent)
    assert (200, "a/b", "4") == (reply.status, tree(reply)["contentType"], tree(reply)["size"])

    reply = client.send("POST", UPLOAD, client.begin("y"), b"abc", {"content-range": "bytes 0-2/3"})
    assert (200, "3") == (reply.status, tree(reply)["size"])


@pytest.mark.parametrize(("name", "text"), [("crc32c", "AAAAAA=="), ("md5Hash", "no")])
def test_content_that_is_not_what_was_meant_is_refused(client: Client, name: str, text: str) -> None:
    """By either checksum in the metadata."""
    body = b"--b\r\n\r\n" + json.dumps({"name": "x", name: text}).encode() + b"\r\n--b\r\n\r\ny\r\n--b--"
    reply = client.send("POST", UPLOAD, "uploadType=multipart", body, {"content-type": "multipart/related; boundary=b"})

    assert 400 == reply.status
    assert "doesn't match calculated" in message(reply)
    assert 404 == client.send("GET", f"{OBJECT}/x").status


@pytest.mark.parametrize(
    ("verb", "body", "content_range", "status"),
    [
        ("PUT", b"abc", "bytes 0-2/3", 404),
        ("PUT", b"", "bytes */3", 404),
        ("PUT", b"x" * OBJECT_BYTES, f"bytes 3-{OBJECT_BYTES + 2}/*", 413),
        ("DELETE", b"", "", 499),
    ],
    ids=["last piece", "status", "too large", "cancel"],
)
def test_an_upload_that_another_request_has_ended_is_not_found(
    client: Client, monkeypatch: pytest.MonkeyPatch, verb: str, body: bytes, content_range: str, status: int
) -> None:
    """A client sends the last piece twice at once, and each request has found the upload: one of them stores it."""
    query, get = client.begin("x"), client.world.store.get

    def get_and_lose(collection: Any, name: str) -> Any:
        record = get(collection, name)
        if collection is uploads.UPLOADS:
            monkeypatch.setattr(client.world.store, "get", get)
            assert 200 == client.send("PUT", UPLOAD, query, b"abc", {"content-range": "bytes 0-2/3"}).status
        return record

    monkeypatch.setattr(client.world.store, "get", get_and_lose)

    assert status == client.send(verb, UPLOAD, query, body, {"content-range": content_range}).status
    assert b"abc" == client.send("GET", f"{OBJECT}/x", "alt=media").body


def test_a_resumable_upload_takes_its_pieces_in_order(client: Client) -> None:
    """It tells how much it has; a piece from too far on is not taken, a repeated one only from where it is new."""
    query = client.begin("x")

    def put(body: bytes, content_range: str) -> HttpReply:
        return client.send("PUT", UPLOAD, query, body, {"content-range": content_range})

    assert 308 == put(b"", "bytes */*").status
    assert "bytes=0-2" == header(put(b"abc", "bytes 0-2/*"), "range")
    assert "bytes=0-2" == header(put(b"xyz", "bytes 5-7/*"), "range")
    assert "bytes=0-4" == header(put(b"bcde", "bytes 1-4/*"), "range")
    assert 400 == put(b"f", "bytes five/6").status
    reply = put(b"f", "bytes 5-5/6")
    assert (200, "6") == (reply.status, tree(reply)["size"])
    assert b"abcdef" == client.send("GET", f"{OBJECT}/x", "alt=media").body
    assert 404 == put(b"", "bytes */*").status


def test_a_cancelled_upload_stores_nothing(client: Client) -> None:
    """499, and then it is unknown."""
    query = client.begin("x")

    assert 499 == client.send("DELETE", UPLOAD, query).status
    assert 404 == client.send("PUT", UPLOAD, query, b"x").status
    assert 404 == client.send("GET", f"{OBJECT}/x").status


def test_an_object_has_a_limit(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one piece and in several; an upload that goes past it is forgotten."""
    monkeypatch.setattr(uploads, "OBJECT_BYTES", 10)

    assert 200 == client.upload("small", b"x" * 10).status
    refused = client.upload("large", b"x" * 11)
    assert (413, True) == (refused.status, "10 bytes" in message(refused))
    query = client.begin("large")
    assert 308 == client.send("PUT", UPLOAD, query, b"x" * 6, {"content-range": "bytes 0-5/*"}).status
    assert 413 == client.send("PUT", UPLOAD, query, b"x" * 6, {"content-range": "bytes 6-11/12"}).status
    assert 404 == client.send("PUT", UPLOAD, query, b"x").status
    assert 404 == client.send("GET", f"{OBJECT}/large").status


def test_a_world_holds_so_many_bytes(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of objects and of uploads that have not ended; what is deleted no longer counts."""
    monkeypatch.setattr(uploads, "OBJECTS_BYTES", 10)
    query = client.begin("begun")
    client.send("PUT", UPLOAD, query, b"x" * 4, {"content-range": "bytes 0-3/*"})

    assert 200 == client.upload("a", b"x" * 6).status
    assert 413 == client.upload("b", b"x").status
    assert 413 == client.send("PUT", UPLOAD, query, b"x", {"content-range": "bytes 4-4/*"}).status
    assert 204 == client.send("DELETE", f"{OBJECT}/a").status
    assert 200 == client.upload("b", b"x" * 10).status


def test_a_world_has_so_many_open_uploads(client: Client) -> None:
    """The oldest is forgotten."""
    queries = [client.begin("x") for _ in range(OPEN_UPLOADS + 1)]
    ask = {"content-range": "bytes */*"}

    assert 404 == client.send("PUT", UPLOAD, queries[0], headers=ask).status
    assert {308} == {client.send("PUT", UPLOAD, query, headers=ask).status for query in queries[1:]}


def test_metadata_has_a_limit(client: Client) -> None:
    """Of its bytes, as JSON."""
    body = json.dumps({"name": "x", "metadata": {"a": "x" * OBJECT_METADATA_BYTES}}).encode()

    assert 400 == client.send("POST", UPLOAD, "uploadType=resumable", body).status


@pytest.mark.parametrize("name", ["", ".", "..", "a%0Ab", "%C3%A4" * 513])
def test_a_name_that_no_object_can_have_is_refused(client: Client, name: str) -> None:
    """Too long, empty, or of a kind that Cloud Storage refuses [documented]."""
    assert 400 == client.upload(name, b"x").status


@pytest.mark.parametrize("text", ["bytes=5-9", "bytes=3-2", "bytes=-0"])
def test_a_range_outside_of_the_object_is_refused(client: Client, text: str) -> None:
    """416."""
    client.upload("x", b"abc")

    assert 416 == client.send("GET", f"{OBJECT}/x", "alt=media", headers={"range": text}).status


@pytest.mark.parametrize(("text", "content"), [("bytes=1-", b"bc"), ("bytes=-2", b"bc"), ("bytes=0-9", b"abc")])
def test_a_range_is_a_part_of_the_object(client: Client, text: str, content: bytes) -> None:
    """From the beginning or from the end."""
    client.upload("x", b"abc")
    reply = client.send("GET", f"{OBJECT}/x", "alt=media", headers={"range": text})

    assert (206, content) == (reply.status, reply.body)


@pytest.mark.parametrize("query", ["maxResults=x", "pageToken=x", "pageToken=%FF", "matchGlob=*"])
def test_a_list_that_is_not_served_is_refused(client: Client, query: str) -> None:
    """Rather than answered with something else."""
    client.upload("x", b"abc")

    assert client.send("GET", OBJECT, query).status in {400, 501}


def test_names_need_their_slashes_quoted(client: Client) -> None:
    """A path with one more segment is no object's."""
    client.upload("a%2Fb", b"x")

    assert 200 == client.send("GET", f"{OBJECT}/a%2Fb").status
    assert 501 == client.send("GET", f"{OBJECT}/a/b").status


def test_large_bodies_leave_the_event_loop(client: Client) -> None:
    """As those of the other services do."""
    request = new_request("POST", UPLOAD, "uploadType=media&name=x", {}, b"x" * (QUICK_BYTES + 1))

    with pytest.raises(WouldBlock):
        client.face.answer(request, may_block=False)


def test_faults_are_injected(client: Client) -> None:
    """By the method's id, or the object's name; the call is not carried out."""
    Scenario(client.world.store).add_fault(Fault("storage.objects.insert", status=503, times=1), 0)
    Scenario(client.world.store).add_fault(Fault(resource="b/my-bucket/o/slow", latency_seconds=20), 0)
    Scenario(client.world.store).add_fault(Fault(resource="b/my-bucket/o/broken", reset=True), 0)

    assert 503 == client.upload("x", b"x").status
    assert 404 == client.send("GET", f"{OBJECT}/x").status
    assert 200 == client.upload("x", b"x").status
    assert 20 == client.send("GET", f"{OBJECT}/slow").delay_seconds
    assert client.send("GET", f"{OBJECT}/broken").reset


def test_calls_are_logged_without_content_and_without_secrets(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """With the method, the names and the resource."""
    caplog.set_level(logging.INFO)
    key = "AIza" + "Sy" * 17 + "a"
    client.upload("x", b"the content")
    client.send("GET", f"{OBJECT}/{key}", f"key={key}")
    calls = list(client.world.calls)

    assert ["storage.objects.insert", "storage.objects.get"] == [call.method for call in calls]
    assert {"bucket": "my-bucket", "name": "x"} == calls[0].request
    assert ["", True] == [calls[0].caller, calls[1].caller.startswith("key:")]
    assert "11" == calls[0].response["size"]
    assert key not in repr(calls) + caplog.text
    assert "the content" not in repr(calls)


@pytest.mark.parametrize(
    ("host", "path", "ours"),
    [
        ("localhost:8765", "/storage/v1/b", True),
        ("localhost:8765", "/upload/storage/v1/b/x/o", True),
        ("storage.googleapis.com", "/my-bucket/name", True),
        ("my-bucket.storage.googleapis.com:443", "/name", True),
        ("localhost:8765", "/my-bucket/name", False),
        ("generativelanguage.googleapis.com", "/upload/v1beta/files", False),
    ],
)
def test_requests_are_told_apart(host: str, path: str, *, ours: bool) -> None:
    """The XML API is Cloud Storage too: it is refused in a sentence, not taken for an unknown path."""
    assert ours is serves(host, path)


def test_metadata_adds_no_headers(client: Client) -> None:
    """A content type with a line break is refused."""
    body = json.dumps({"name": "x", "contentType": "a/b\r\nset-cookie: c=d"}).encode()

    assert 400 == client.send("POST", UPLOAD, "uploadType=resumable", body).status


def test_faults_and_filters_know_the_methods() -> None:
    """A new method is named where they look for it."""
    assert {method for _, _, method, _ in ROUTES} == METHODS


def test_what_is_not_served_says_so(client: Client) -> None:
    """501, which clients do not repeat."""
    reply = client.send("GET", "/my-bucket/name")

    assert 501 == reply.status
    assert "mockserver: /my-bucket/name is not served" in message(reply)

"""Web pages of other sites, which a browser lets send requests to this machine: they get nothing of the server."""

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from contract_tests.environment import HANGS
from contract_tests.use.serving import serving
from mockserver import MockServer

PATHS = ("/v1beta/models?key=k", "/$discovery/rest?version=v1beta", "/nothing", "/_mock/grpc")

FOREIGN: list[Mapping[str, str]] = [
    {"host": "evil.example"},
    {"host": "evil.example:8765"},
    {"host": "127.0.0.1.evil.example"},
    {"host": "evilgoogleapis.com"},
    {"host": "["},
    {"host": "2130706433"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://localhost.evil.example"},
    {"origin": "https://storage.googleapis.com"},
    {"origin": "https://evil-bucket.storage.googleapis.com", "host": "storage.googleapis.com"},
    {"origin": "https://accounts.google.com"},
    {"origin": "http://metadata.google.internal"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "referer": "https://evil.example/"},
    {
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "no-cors",
        "referer": "https://evil-bucket.storage.googleapis.com/a",
    },
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
]

OWN: list[Mapping[str, str]] = [
    {},
    {"host": "localhost"},
    {"host": "LOCALHOST:1"},
    {"host": "[::1]:8765"},
    {"host": "127.1.2.3"},
    {"host": "generativelanguage.googleapis.com"},
    {"host": "us-central1-aiplatform.googleapis.com:443"},
    {"origin": "http://localhost:3000"},
    {"origin": "http://127.0.0.1:3000", "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "referer": "http://localhost:3000/page"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"},
]


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    """One that listens on loopback."""
    with MockServer(seed=1).live() as server:
        yield server


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_foreign_page_gets_nothing(headers: Mapping[str, str], server: MockServer) -> None:
    """A 403 that no page may read and that says how to allow it. Nothing was done."""
    server.reset()
    answers = [httpx.get(server.url + path, headers=headers) for path in PATHS]
    plain = dict(headers) | {"content-type": "text/plain"}
    answers.append(httpx.post(f"{server.url}/token", content=b"grant_type=a", headers=plain))

    assert [] == list(server.calls)
    for answer in answers:
        assert (403, "PERMISSION_DENIED") == (answer.status_code, answer.json()["error"]["status"])
        assert "--allow-host" in answer.json()["error"]["message"]
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("headers", OWN, ids=str)
def test_this_machine_and_googles_names_are_answered(headers: Mapping[str, str], server: MockServer) -> None:
    """And a page of this machine may read the answer."""
    path = "/v1/projects/p/locations/us-central1/tuningJobs" if "aiplatform" in headers.get("host", "") else PATHS[0]
    answer = httpx.get(server.url + path, headers={"authorization": "Bearer t", **headers})

    assert 200 == answer.status_code
    assert headers.get("origin") == answer.headers.get("access-control-allow-origin")


def test_a_client_that_names_no_host_is_no_browser(server: MockServer) -> None:
    """HTTP/1.0 allows it."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=HANGS) as connection:
        connection.sendall(b"GET /v1beta/models?key=k HTTP/1.0\r\n\r\n")

        assert connection.recv(12).endswith(b"200")


def test_names_are_allowed_by_an_option(tmp_path: Path) -> None:
    """Several with commas; no other is allowed by that; a star allows all."""
    page = {"origin": "https://app.example"}
    with serving(tmp_path / "log", "--allow-host", "App.example, mock") as server:
        url = server.base_url + PATHS[0]
        answers = [httpx.get(url, headers=each) for each in (page, {"host": "mock:80"}, {"host": "other"})]
    with serving(tmp_path / "all", "--allow-host", "*") as server:
        other = httpx.get(server.base_url + PATHS[0], headers={"host": "other"})

    assert [200, 200, 403] == [answer.status_code for answer in answers]
    assert "https://app.example" == answers[0].headers["access-control-allow-origin"]
    assert 200 == other.status_code
    assert "Host 'other' is not this machine" in (tmp_path / "log").read_text()

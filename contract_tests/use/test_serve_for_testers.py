"""`mockserver serve` as a test double for other languages: answers from a file, control with and without a token."""

import re
import socket
from pathlib import Path

import httpx
import pytest

from contract_tests.use.serving import serving
from contract_tests.use.test_command_line import command

ANSWERS = """
answers:
  - text: LXIII
    answer: scripted
faults:
  - method: tunedModels.list
    status: 503
    times: 1
"""


def test_answers_file_is_what_it_says(tmp_path: Path) -> None:
    """What to answer and which calls to spoil, from the first request on."""
    file = tmp_path / "answers.yaml"
    file.write_text(ANSWERS)
    body = {"contents": [{"parts": [{"text": "LXIII"}]}]}
    with serving(tmp_path / "log", "--answers", str(file)) as server, httpx.Client(base_url=server.base_url) as client:
        answer = client.post("/v1beta/models/gemini-2.0-flash:generateContent?key=any-key", json=body).json()
        statuses = [client.get("/v1beta/tunedModels?key=any-key").status_code for _ in range(2)]

    assert "scripted" == answer["candidates"][0]["content"]["parts"][0]["text"]
    assert [503, 200] == statuses


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("answers:\n  - text: a\n", r"answers\.yaml:2: answers\[0\]: "),
        (
            "answers:\n  - answer: a\n  - answer: b\n    regx: c\n",
            r"answers\.yaml:3: answers\[1\]: unknown member 'regx'",
        ),
        ("faults: [{status: 418}]", r"answers\.yaml:1: faults\[0\]: .*418 is not a status"),
        ("answers: [", r"answers\.yaml:1: "),
    ],
)
def test_mistake_in_it_is_one_sentence(text: str, words: str, tmp_path: Path) -> None:
    """File, line, entry, and what is wrong with it; exit status 2."""
    file = tmp_path / "answers.yaml"
    file.write_text(text)
    status, printed, complained = command("serve", "--port", "0", "--answers", str(file))

    assert (2, "") == (status, printed)
    assert re.fullmatch(rf"mockserver serve: .*{words}.*\n", complained), complained


def test_on_loopback_every_program_of_the_machine_may_control_it(tmp_path: Path) -> None:
    """No token is needed, and the greeting says where the document is."""
    with serving(tmp_path / "log", "--clock", "manual") as server:
        moved = httpx.post(f"{server.base_url}/_mock/clock/advance", json={"minutes": 5})

    assert 200 == moved.status_code
    assert f"control              {server.base_url}/_mock/openapi.json from this machine" in server.greeting


@pytest.mark.parametrize("options", [("--host", "0.0.0.0"), ("--control-token", "open-sesame")])  # noqa: S104 - to be reached
def test_beyond_loopback_or_with_a_token_only_who_knows_it_may(options: tuple[str, str], tmp_path: Path) -> None:
    """One is made up and printed where other machines can reach the server, unless it is given."""
    with serving(tmp_path / "log", *options) as server:
        url = server.base_url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - not listened on
        found = re.search(r"with the header X-Mockserver-Token: (\S+)$", server.greeting, re.MULTILINE)
        assert found, server.greeting
        statuses = [
            httpx.get(f"{url}/_mock/clock", headers={"x-mockserver-token": token}).status_code
            for token in ("", "made up", found[1])
        ]
        health = httpx.get(f"{url}/_mock/healthz").status_code
        google = httpx.get(f"{url}/v1beta/models?key=any-key").status_code

    assert [403, 403, 200] == statuses
    assert (200, 200) == (health, google)
    assert len(found[1]) > 8


def test_real_credentials_are_told_of_once_or_refused(tmp_path: Path) -> None:
    """The secret itself is in no log."""
    secret = "AIza" + "k" * 35
    with serving(tmp_path / "log") as server, serving(tmp_path / "strict", "--refuse-real-credentials") as strict:
        statuses = [
            httpx.get(f"{each.base_url}/v1beta/models", params={"key": secret}).status_code
            for each in (server, server, strict)
        ]
    log = (tmp_path / "log").read_text()

    assert [200, 200, 400] == statuses
    assert 1 == log.count("a client sent what looks like a real credential: an API key")
    assert "kkkk" not in log + (tmp_path / "strict").read_text()


@pytest.mark.parametrize(
    ("options", "has_port"),
    [((), True), (("--grpc-port", "0"), True), (("--host", "0.0.0.0"), False)],  # noqa: S104 - what it does is tested
)
def test_server_says_where_it_serves_grpc(options: tuple[str, ...], *, has_port: bool, tmp_path: Path) -> None:
    """It opens a port when it is asked, if only this machine can reach it; the port stays the same."""
    with serving(tmp_path / "log", *options) as server:
        ports = [httpx.get(f"{server.base_url}/_mock/grpc").json()["port"] for _ in range(2)]
        if has_port:
            with socket.create_connection(("127.0.0.1", ports[0])):
                pass
            assert ports[0] == ports[1]

    assert has_port == (ports[0] is not None)

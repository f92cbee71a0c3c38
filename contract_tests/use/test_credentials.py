"""Credentials offline: Google's own libraries get tokens from the server, with made-up files or from its metadata."""

import base64
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import google.auth
import google.auth.jwt
import google.auth.transport.requests
import httpx
import pytest
from google.oauth2 import service_account

from contract_tests.environment import ROOT, client_python, node, program
from contract_tests.use.programs import run, said
from contract_tests.use.serving import Served
from contract_tests.use.test_run import run as run_unchanged
from mockserver import MockServer
from mockserver.cli.main import main

SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


@pytest.fixture
def server() -> Iterator[MockServer]:
    """A server on a socket."""
    with MockServer(seed=0).live() as live:
        yield live


def token_request() -> google.auth.transport.requests.Request:
    """The transport of google-auth."""
    return google.auth.transport.requests.Request()


def token_of(path: str | Path) -> str:
    """The access token that google-auth gets for a file of application default credentials."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        patch.setenv("GOOGLE_CLOUD_PROJECT", "p")
        credentials, _ = google.auth.default(scopes=SCOPES)
        credentials.refresh(token_request())  # type: ignore[no-untyped-call]  # google-auth has few types
    return str(credentials.token)


@pytest.mark.parametrize("kind", ["external-account", "service-account"])
def test_a_file_gives_a_token_of_the_server(kind: str, server: MockServer, tmp_path: Path) -> None:
    """google-auth exchanges it where the file says."""
    path = tmp_path / "adc.json"
    assert 0 == main(["credentials", "--type", kind, "--url", server.url, "-o", str(path)])

    assert "mockserver-token" == token_of(path)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_a_users_file_is_exchanged_at_google(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever it says, and so within the fixture or under `mockserver run`."""
    assert 0 == main(["credentials", "--type", "authorized-user"])
    path = tmp_path / "adc.json"
    path.write_text(capsys.readouterr().out)

    with MockServer(seed=0).intercepting():
        assert "mockserver-token" == token_of(path)


def test_a_file_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It could be a real key."""
    path = tmp_path / "adc.json"
    path.write_text("mine")

    assert 2 == main(["credentials", "-o", str(path)])
    assert "mine" == path.read_text()
    assert f"{path} exists" in capsys.readouterr().err


def test_tokens_are_of_the_world_that_the_credentials_name(server: MockServer) -> None:
    """A fork has its own variables, and its file gives its own token."""
    fork = server.fork()

    assert fork.credentials.token == token_of(fork.env["GOOGLE_APPLICATION_CREDENTIALS"])
    assert fork.credentials.project == fork.env["GOOGLE_CLOUD_PROJECT"]
    assert server.credentials.token != fork.credentials.token


METADATA = """
import google.auth, google.auth.transport.requests
from google.auth import jwt
from google.oauth2 import id_token
request = google.auth.transport.requests.Request()
credentials, project = google.auth.default()
credentials.refresh(request)
print("type:", type(credentials).__module__)
print("project:", project)
print("token:", credentials.token)
print("account:", credentials.service_account_email)
identity = id_token.fetch_id_token(request, "https://audience.example")
print("audience:", jwt.decode(identity, verify=False)["aud"])
"""


def test_metadata_server(server: MockServer, tmp_path: Path) -> None:
    """Without any file, google-auth finds a machine of Google's with a service account."""
    given = {name: value for name, value in server.env.items() if name.startswith("GCE_")}

    lines = said(run([sys.executable, "-c", METADATA], tmp_path, given | {"HOME": str(tmp_path)}))

    assert {
        "type": "google.auth.compute_engine.credentials",
        "project": "mockserver",
        "token": "mockserver-token",
        "account": "default@mockserver.iam.gserviceaccount.com",
        "audience": "https://audience.example",
    } == lines


def test_metadata_server_wants_its_header(server: MockServer) -> None:
    """As the real one, which so keeps web pages out."""
    url = f"{server.url}/computeMetadata/v1/project/project-id"

    assert 403 == httpx.get(url).status_code
    assert "mockserver" == httpx.get(url, headers={"Metadata-Flavor": "Google"}).text
    assert 404 == httpx.get(f"{url}/no", headers={"Metadata-Flavor": "Google"}).status_code


IMPERSONATION = """
import google.auth, google.auth.transport.requests, google.auth.jwt
from google.auth import impersonated_credentials
source, project = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
credentials = impersonated_credentials.Credentials(source, "tuner@p.iam.gserviceaccount.com", ["a"])
credentials.refresh(google.auth.transport.requests.Request())
print("token:", credentials.token)
print("project:", project)
"""


def test_a_service_account_is_acted_as(tmp_path: Path) -> None:
    """iamcredentials.googleapis.com gives its token."""
    done = run_unchanged(tmp_path, "--", sys.executable, "-c", IMPERSONATION)

    assert {"token": "mockserver-token", "project": "mockserver"} == said(done.stdout), done.stderr


def test_identity_token_of_a_service_account(server: MockServer, tmp_path: Path) -> None:
    """The token endpoint gives one for an audience."""
    path = tmp_path / "key.json"
    main(["credentials", "--type", "service-account", "--url", server.url, "-o", str(path)])
    made = service_account.IDTokenCredentials
    credentials = made.from_service_account_file(str(path), target_audience="https://a.b")  # type: ignore[no-untyped-call]  # google-auth has few types

    credentials.refresh(token_request())
    claims = google.auth.jwt.decode(credentials.token, verify=False)  # type: ignore[no-untyped-call]  # google-auth has few types

    assert "https://a.b" == claims["aud"]


@pytest.mark.parametrize(
    ("token", "email"), [("any-token", "user@example.com"), ("ada@example.com", "ada@example.com")]
)
def test_whose_a_token_is(token: str, email: str, server: MockServer) -> None:
    """By all the ways in which libraries ask: a token that is an address is that user's."""
    info = httpx.get(f"{server.url}/tokeninfo", params={"access_token": token}).json()
    bearer = {"Authorization": f"Bearer {token}"}
    user, older = (
        httpx.get(f"{server.url}{path}", headers=bearer).json() for path in ("/v1/userinfo", "/oauth2/v2/userinfo")
    )

    assert (email, "true") == (info["email"], info["email_verified"])
    assert {"sub": info["sub"], "email": email, "email_verified": True} == user
    assert {"id": info["sub"], "email": email, "verified_email": True} == older


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/tokeninfo", 400), ("GET", "/v1/userinfo", 401), ("POST", "/token", 400), ("POST", "/v1/token", 400)],
)
def test_a_request_without_what_it_asks_about_is_refused(
    method: str, path: str, status: int, server: MockServer
) -> None:
    """In the form of OAuth's errors."""
    answer = httpx.request(method, f"{server.url}{path}")

    assert (status, "invalid_request") == (answer.status_code, answer.json()["error"])


def id_token(claims: str) -> str:
    """A token with these claims, which are JSON."""
    return f"a.{base64.urlsafe_b64encode(claims.encode()).decode()}.c"


SURROGATE = r'"\ud800"'

NONSENSE = ['"abc"', "Infinity", "NaN", "1e999", "1.5", "[1]", '{"a": 1}']


@pytest.mark.parametrize(
    "claims",
    [
        *(f'{{"exp": {value}}}' for value in NONSENSE),
        *(f'{{"{name}": {SURROGATE}}}' for name in ("email", "aud", "exp")),
    ],
)
def test_an_id_token_that_claims_nonsense_is_refused(claims: str, server: MockServer) -> None:
    """On a socket and in process."""
    with server.fork().intercepting():
        answers = [
            httpx.get(f"{url}/tokeninfo", params={"id_token": id_token(claims)})
            for url in (server.url, "https://oauth2.googleapis.com")
        ]

    assert [(400, "invalid_request")] * 2 == [(answer.status_code, answer.json()["error"]) for answer in answers]


@pytest.mark.parametrize(
    ("path", "name"), [("/token", "scope"), ("/v1/token", "subject_token"), ("/tokeninfo", "access_token")]
)
def test_a_body_that_no_answer_can_repeat_is_refused(path: str, name: str, server: MockServer) -> None:
    """JSON can have half a character."""
    body = f'{{"grant_type": "refresh_token", "{name}": {SURROGATE[:-1]}@a.b"}}'
    answer = httpx.post(server.url + path, content=body, headers={"content-type": "application/json"})

    assert (400, "invalid_request") == (answer.status_code, answer.json()["error"])


def test_a_bug_of_ours_is_an_answer(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the client of a test sees an error of the server, not ours."""

    def fail(token: str) -> str:
        raise LookupError(token)

    monkeypatch.setattr("mockserver.http.identity._claims", fail)
    with MockServer().intercepting():
        answer = httpx.get("https://oauth2.googleapis.com/tokeninfo", params={"access_token": "t"})

    assert (500, "internal_failure") == (answer.status_code, answer.json()["error"])
    assert "/tokeninfo failed; this is a bug in the mock server" in caplog.text


@pytest.mark.parametrize("assertion", ["a.b.c", "a.e30.c", "a.W10.c", "a.\u00e9.c", "." * 5])
def test_nonsense_assertions_give_a_token_of_the_default_world(assertion: str, server: MockServer) -> None:
    """Nobody's signature is checked."""
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}

    assert "mockserver-token" == httpx.post(f"{server.url}/token", data=form).json()["access_token"]


def test_the_greeting_names_a_file(served: Served) -> None:
    """A client that reads it gets a token of the server."""
    found = re.search(r"GOOGLE_APPLICATION_CREDENTIALS=(\S+)", served.greeting)
    assert found

    assert "mockserver-token" == token_of(found[1])


def test_env_is_evaluated_by_a_shell(tmp_path: Path) -> None:
    """Its values are quoted, and its file is there."""
    odd = tmp_path / "it's $HOME"
    command = f'eval "$({sys.executable} -m mockserver env --url http://localhost:9)"; env; cat "$GOOGLE_APPLICATION_CREDENTIALS"'

    printed = run([program("sh"), "-c", command], tmp_path, {"XDG_CACHE_HOME": str(odd), "PYTHONPATH": str(ROOT)})

    assert "GOOGLE_GEMINI_BASE_URL=http://localhost:9\n" in printed
    assert f"GOOGLE_APPLICATION_CREDENTIALS={odd}/gemini-tuning-mockserver/localhost-9.json\n" in printed
    assert '"token_url": "http://localhost:9/v1/token"' in printed


@pytest.mark.parametrize(("command", "end"), [("env", ""), ("credentials", "/v1/token")])
def test_the_address_is_found_as_by_health(
    command: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the port file, or else by the variable of the port."""
    port_file = tmp_path / "server.json"
    port_file.write_text('{"url": "http://127.0.0.1:8"}')
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("MOCKSERVER_PORT", "9")

    for words, url in (([], "http://127.0.0.1:9"), (["--port-file", str(port_file)], "http://127.0.0.1:8")):
        assert 0 == main([command, *words])
        assert url + end in capsys.readouterr().out


def test_env_says_that_no_server_is_there(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error, so that a shell evaluates the variables all the same; and nothing if there is one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    warnings = []
    for url in ("http://127.0.0.1:9", served.base_url):
        assert 0 == main(["env", "--url", url])
        warnings.append(capsys.readouterr().err)

    start = "mockserver env: warning: http://127.0.0.1:9 cannot be reached: [Errno 111] Connection refused."
    assert warnings[0].startswith(f"{start} Start a server: ")
    assert warnings[0].endswith(" serve --port 9\n")
    assert "" == warnings[1]


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("bash", "unset MOCKSERVER_URL"),
        ("fish", "set -e MOCKSERVER_URL"),
        ("powershell", "Remove-Item Env:MOCKSERVER_URL -ErrorAction Ignore"),
    ],
)
def test_env_can_be_undone(shell: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every variable that it sets, and nothing is written."""
    assert 0 == main(["env", "--url", "http://localhost:9"])
    names = re.findall(r"^export (\w+)=", capsys.readouterr().out, re.MULTILINE)

    assert 0 == main(["env", "--shell", shell, "--unset"])

    lines = capsys.readouterr().out.splitlines()
    assert line in lines
    assert names == [name for each in lines for name in names if name in re.split(r"[ :]", each)]


def test_a_file_of_variables_cannot_be_undone(capsys: pytest.CaptureFixture[str]) -> None:
    """Such a file only sets variables."""
    assert 2 == main(["env", "--shell", "dotenv", "--unset"])

    assert (
        "mockserver env: --unset: a file of variables can only set them; leave out --shell dotenv\n"
        == capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("fish", "set -gx GOOGLE_APPLICATION_CREDENTIALS '{0}'"),
        ("powershell", "$env:GOOGLE_APPLICATION_CREDENTIALS = '{1}'"),
        ("dotenv", "GOOGLE_APPLICATION_CREDENTIALS={2}"),
    ],
)
def test_env_in_other_languages(
    shell: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each quotes in its own way."""
    monkeypatch.setenv("XDG_CACHE_HOME", f"{tmp_path}/it's")
    path = f"{tmp_path}/it's/gemini-tuning-mockserver/127-0-0-1-8765.json"

    assert 0 == main(["env", "--shell", shell])
    printed = capsys.readouterr().out.splitlines()

    assert line.format(path.replace("'", "\\'"), path.replace("'", "''"), path) in printed
    assert len(printed) == sum("mockserver" in each or "8765" in each or "us-central1" in each for each in printed)


GENAI = """
from google import genai
client = genai.Client(vertexai=True, project="p", location="us-central1")
print("answer:", bool(client.models.generate_content(model="gemini-2.0-flash", contents="Hi").text))
"""


def test_env_is_enough_for_a_child_in_python(server: MockServer, tmp_path: Path) -> None:
    """google-genai on Vertex AI: base URL and credentials come from the variables."""
    assert "answer: True\n" == run([client_python("genai-3"), "-c", GENAI], tmp_path, server.env)
    assert ["projects.locations.publishers.models.generateContent"] == [call.method for call in server.calls]


def test_env_is_enough_for_a_child_in_node(server: MockServer) -> None:
    """@google/genai on Vertex AI likewise."""
    text = """
import { GoogleGenAI } from "@google/genai";
const ai = new GoogleGenAI({ vertexai: true, project: "p", location: "us-central1" });
console.log("answer:", (await ai.models.generateContent({ model: "gemini-2.0-flash", contents: "Hi" })).text.length > 0);
"""
    modules = ROOT / "clients" / "node"

    assert {"answer": "true"} == said(run([node(), "--input-type=module", "-"], modules, server.env, text))


def test_there_are_no_variables_without_a_socket() -> None:
    """Another process could not connect."""
    with pytest.raises(RuntimeError, match="other processes need a socket"):
        _ = MockServer().env

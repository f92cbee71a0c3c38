"""`mockserver serve --grpc-port`: real client libraries with gRPC, their default transport, by TLS and in plaintext."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest

from contract_tests.environment import client_python, program
from contract_tests.grpc_client import method
from contract_tests.use.conftest import FAST
from contract_tests.use.programs import run, run_python
from contract_tests.use.serving import Served, serving
from mockserver import Fault, MockServer
from mockserver.grpc.codec import decode, encode

BETA = "google.ai.generativelanguage.v1beta"
GET_MODEL = method(f"{BETA}.ModelService.GetModel")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for this machine that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    files = ("-keyout", "key.pem", "-out", "certificate.pem", "-days", "2")
    run([program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", *files, *names], folder, {})
    return folder


@pytest.fixture(scope="module")
def by_tls(certificate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables for a client of a server whose gRPC has TLS."""
    files = ("--grpc-certificate", certificate / "certificate.pem", "--grpc-key", certificate / "key.pem")
    with serving(tmp_path_factory.mktemp("served") / "log", *FAST, "--grpc-port", "0", *map(str, files)) as served:
        yield {
            "TRANSPORT": "grpc",
            "BASE_URL": target_of(served).replace("127.0.0.1", "localhost"),
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(certificate / "certificate.pem"),
        }


def target_of(served: Served) -> str:
    """Where gRPC is served, by the greeting."""
    found = re.search(r"gRPC +(\S+)", served.greeting)
    assert found
    return found[1]


def test_generativeai(by_tls: dict[str, str], tmp_path: Path) -> None:
    """google-generativeai: created, watched, listed, asked, streamed, renamed and deleted."""
    said = run_python(client_python("generativeai"), "generativeai.py", tmp_path, API_KEY="by-grpc", **by_tls)

    assert {
        "tuned model": "tunedModels/days-of-the-week",
        "again": "AlreadyExists",
        "state afterwards": "ACTIVE",
        "snapshots": "14 to epoch 8",
        "listed": "['tunedModels/days-of-the-week']",
        "answer": "saturday",
        "streamed": "saturday",
        "chat": "monday",
        "renamed": "weekdays",
        "deleted": "None",
        "afterwards": "403",
    }.items() <= said.items()


def test_permissions(by_tls: dict[str, str], tmp_path: Path) -> None:
    """google-generativeai: given, paged, changed and taken, and a new owner; by a token that names a user."""
    said = run_python(client_python("generativeai"), "generativeai_permissions.py", tmp_path, **by_tls)

    assert {
        "at first": "[('OWNER', 'owner@example.com')]",
        "created": "READER reader@example.com EVERYONE",
        "listed": "['OWNER', 'READER', 'READER']",
        "updated": "WRITER",
        "left": "['OWNER']",
        "transferred": "[('OWNER', 'heir@example.com'), ('WRITER', 'owner@example.com')]",
    } == said


@pytest.mark.parametrize("library", ["google", "vertexai-2"])
def test_vertexai_sft(library: str, by_tls: dict[str, str], tmp_path: Path) -> None:
    """vertexai.tuning.sft: trained, cancelled, listed, asked, streamed; model and endpoint undeployed and deleted."""
    said = run_python(client_python(library), "tuning_job.py", tmp_path, PROJECT=f"by-grpc-{library}", **by_tls)

    assert {
        "state": "JOB_STATE_PENDING",
        "state afterwards": "JOB_STATE_SUCCEEDED",
        "state of the other": "JOB_STATE_CANCELLED CANCELED",
        "listed": "['JOB_STATE_CANCELLED', 'JOB_STATE_SUCCEEDED']",
        "found again": "True",
        "answer": "True",
        "streamed": "True",
        "registered": "recipes 1",
        "deployed": "1",
        "left": "[]",
    }.items() <= said.items()


def test_generated_clients(by_tls: dict[str, str], tmp_path: Path) -> None:
    """Those of both services, sync and with asyncio."""
    expected = "Gemini 2.0 Flash True True True NotFound"

    assert {"sync": expected, "asyncio": expected} == run_python(
        client_python("google"), "generated_clients.py", tmp_path, **by_tls
    )


def test_generated_clients_in_plaintext(tmp_path: Path) -> None:
    """Sync and asyncio, on a channel of their own."""
    text = """
import asyncio, os, grpc
import google.ai.generativelanguage as glm
from google.ai.generativelanguage_v1beta.services.model_service import transports

KEY = [("x-goog-api-key", "any-key")]

def sync():
    channel = grpc.insecure_channel(os.environ["TARGET"])
    client = glm.ModelServiceClient(transport=transports.ModelServiceGrpcTransport(channel=channel))
    return client.get_model(name="models/gemini-2.0-flash", metadata=KEY)

async def with_asyncio():
    channel = grpc.aio.insecure_channel(os.environ["TARGET"])
    client = glm.ModelServiceAsyncClient(transport=transports.ModelServiceGrpcAsyncIOTransport(channel=channel))
    return await client.get_model(name="models/gemini-2.0-flash", metadata=KEY)

print(sync().display_name, asyncio.run(with_asyncio()) == sync())
"""
    with MockServer(seed=0).live(grpc=True) as server:
        said = run([client_python("google"), "-W", "ignore", "-c", text], tmp_path, {"TARGET": server.grpc_target})

    assert "Gemini 2.0 Flash True\n" == said


def test_the_handle_serves_grpc_beside_http() -> None:
    """In one world, and not longer than HTTP."""
    request = encode(f"{BETA}.GetModelRequest", {"name": "models/gemini-2.0-flash"})
    server = MockServer(seed=0)

    with server.live(grpc=True), grpc.insecure_channel(server.grpc_target) as channel:
        answer = channel.unary_unary(GET_MODEL)(request, metadata=(("x-goog-api-key", "k"),))

    assert "models/gemini-2.0-flash" == decode(f"{BETA}.Model", answer)["name"]
    assert ["models.get"] == [call.method for call in server.calls]
    assert "" == server.grpc_target


def test_grpc_is_served_from_its_first_use_on() -> None:
    """Also by a server that was not told to serve it."""
    request = encode(f"{BETA}.GetModelRequest", {"name": "models/gemini-2.0-flash"})

    with MockServer(seed=0).live() as server, grpc.insecure_channel(server.grpc_target) as channel:
        answer = channel.unary_unary(GET_MODEL)(request, metadata=(("x-goog-api-key", "k"),))

        assert server.grpc_target == server.fork().grpc_target
    assert "models/gemini-2.0-flash" == decode(f"{BETA}.Model", answer)["name"]


def test_clients_may_ping_as_often_as_they_like() -> None:
    """A call that takes long is not broken off with "too_many_pings", as grpcio's servers do unless told otherwise."""
    request = encode(f"{BETA}.GetModelRequest", {"name": "models/gemini-2.0-flash"})
    pings = (("grpc.keepalive_time_ms", 20), ("grpc.http2.max_pings_without_data", 0))
    server = MockServer(seed=0, clock="real")
    server.fault(Fault("models.get", latency_seconds=1.5))

    with server.live(), grpc.insecure_channel(server.grpc_target, pings) as channel:
        answer = channel.unary_unary(GET_MODEL)(request, metadata=(("x-goog-api-key", "k"),))

    assert "models/gemini-2.0-flash" == decode(f"{BETA}.Model", answer)["name"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--grpc-port", "x"], "grpc-port"),
        (["--grpc-port", "0", "--grpc-key", "nowhere.pem"], "needs both a certificate and its private key"),
        (["--grpc-port", "0", "--grpc-key", "no.pem", "--grpc-certificate", "no.pem"], "cannot read no.pem"),
        (["--grpc-port", "{taken}"], "cannot listen on 127.0.0.1:{taken} for gRPC"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_sentence(options: list[str], sentence: str) -> None:
    """And the exit status is 2."""
    with MockServer().live(grpc=True) as server:
        taken = server.grpc_target.rpartition(":")[2]
        options = [option.format(taken=taken) for option in options]
        command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", *options]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert 2 == ran.returncode
    assert sentence.format(taken=taken) in ran.stderr


def test_without_grpcio_the_option_says_what_to_install() -> None:
    """The rest of the server does without."""
    program = (
        "import sys; sys.modules['grpc'] = None; from mockserver.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "serve", "--port", "0", "--grpc-port", "0"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert 2 == ran.returncode
    assert (
        "gRPC needs grpcio and protobuf, one of which is not installed. Run: pip install 'grpcio>=1.62'" in ran.stderr
    )
    assert ran.stderr.endswith(" 'protobuf>=4.25'  # the extra [grpc]\n")


def test_injected_errors_are_logged_as_such(tmp_path: Path) -> None:
    """With the fault, as over HTTP."""
    with serving(tmp_path / "log", "--grpc-port", "0") as server, grpc.insecure_channel(target_of(server)) as channel:
        fault = {"method": "tunedModels.list", "status": 429, "times": 1}
        httpx.post(f"{server.base_url}/_mock/faults", json={"faults": [fault]})
        call = channel.unary_unary("/google.ai.generativelanguage.v1beta.ModelService/ListTunedModels")
        with pytest.raises(grpc.RpcError):
            call(b"", metadata=[("x-goog-api-key", "any-key")])
        call(b"", metadata=[("x-goog-api-key", "any-key")])
    lines = [line for line in (tmp_path / "log").read_text().splitlines() if "tunedModels.list" in line]

    assert [True, False] == [line.endswith("(fault: method='tunedModels.list', status=429, times=1)") for line in lines]

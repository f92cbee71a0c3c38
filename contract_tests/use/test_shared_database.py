"""Servers with a database: for operators and gRPC clients. test_durable.py is about HTTP and what is kept."""

import re
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from contract_tests.environment import HANGS
from contract_tests.postgres import Postgres, postgres
from contract_tests.use.serving import serving
from mockserver.rpc.outages import OVERLOADED

DEADLINE_SECONDS = 10.0
"""What a client waits for the answer of a server that has lost its database."""

MODELS = "/google.ai.generativelanguage.v1beta.ModelService"
METADATA = (("x-goog-api-key", "any-key"),)


def call(channel: grpc.Channel, rpc: str, seconds: float) -> tuple[str, str]:
    """Status and sentence of a call with an empty message."""
    try:
        channel.unary_unary(rpc)(b"", metadata=METADATA, timeout=seconds)
    except grpc.RpcError as error:
        return error.code().name, error.details()
    return "OK", ""


def stream(channel: grpc.Channel, rpc: str, seconds: float) -> str:
    """Status of a call that answers with a stream."""
    try:
        list(channel.unary_stream(rpc)(b"", metadata=METADATA, timeout=seconds))
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"


def test_a_lost_database_is_unavailable_over_grpc_until_it_is_back(tmp_path: Path) -> None:
    """In the service's words and before the client's deadline, for one message and for streams."""
    database = Postgres()
    generate = "/google.ai.generativelanguage.v1beta.GenerativeService/StreamGenerateContent"
    try:
        with serving(tmp_path / "log", "--store", database.url(), "--grpc-port", "0") as served:
            target = served.greeting.partition("gRPC ")[2].split()[0]
            with grpc.insecure_channel(target) as channel:
                before = call(channel, f"{MODELS}/ListTunedModels", HANGS)
                database.stop()
                lost = [
                    call(channel, f"{MODELS}/{rpc}", DEADLINE_SECONDS) for rpc in ("ListTunedModels", "GetTunedModel")
                ]
                lost_stream = stream(channel, generate, DEADLINE_SECONDS)
                database.start()
                end = time.monotonic() + HANGS  # noqa: TID251 - for another process
                while (after := call(channel, f"{MODELS}/ListTunedModels", HANGS)) == lost[0]:
                    assert time.monotonic() < end  # noqa: TID251 - as above
                    time.sleep(0.05)  # noqa: TID251 - as above
    finally:
        database.remove()

    assert [("UNAVAILABLE", OVERLOADED)] * 2 == lost
    assert "UNAVAILABLE" == lost_stream
    assert ("OK", "") == before == after


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_servers_with_one_database_have_one_control_token(kind: str, tmp_path: Path) -> None:
    """The first server that needs one makes it; the others, and those after a restart, take it from the database."""
    url = f"sqlite:///{tmp_path / 'store.db'}" if kind == "sqlite" else postgres().create_database("token")
    options = ("--store", url, "--host", "0.0.0.0")  # noqa: S104 - where others can reach it, a server needs a token
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(tmp_path / f"log-{number}", *options)) for number in range(2)]
        tokens = [token_of(each.greeting) for each in servers]
        statuses = [ask(each.base_url, token) for each in servers for token in (tokens[0], "", "wrong")]
    with serving(tmp_path / "log-2", *options) as again:
        after = token_of(again.greeting)
    with serving(tmp_path / "log-3", *options, "--control-token", "mine"):
        pass
    with serving(tmp_path / "log-4", *options) as last:
        given = token_of(last.greeting)

    assert tokens[0]
    assert tokens[0] == tokens[1] == after
    assert [200, 403, 403] * 2 == statuses
    assert "mine" == given


def test_metrics_are_those_of_the_database(tmp_path: Path) -> None:
    """Jobs, faults and the size of the log are there after a restart."""
    options = ("--data-dir", str(tmp_path), "--clock", "manual")
    with serving(tmp_path / "log-0", *options) as served:
        job = {
            "baseModel": "gemini-2.0-flash-001",
            "supervisedTuningSpec": {"trainingDatasetUri": "gs://b/train.jsonl"},
        }
        url = f"{served.base_url}/v1/projects/p/locations/us-central1/tuningJobs"
        httpx.post(url, json=job, headers={"authorization": "Bearer any-token"}).raise_for_status()
    with serving(tmp_path / "log-1", *options) as served:
        answer = httpx.get(f"{served.base_url}/_mock/metrics")
    size = re.search(r"^mockserver_call_log_bytes (\S+)$", answer.text, re.MULTILINE)

    assert 200 == answer.status_code
    assert 'mockserver_jobs{state="PENDING"} 1.0' in answer.text
    assert size is not None
    assert float(size[1]) > 100


def token_of(greeting: str) -> str:
    """The control token that a server prints."""
    found = re.search(r"X-Mockserver-Token: (\S+)", greeting)
    return found[1] if found else ""


def ask(url: str, token: str) -> int:
    """The status of a request to the control API."""
    headers: dict[str, Any] = {"x-mockserver-token": token} if token else {}
    return httpx.get(f"{url}/_mock/clock", headers=headers).status_code

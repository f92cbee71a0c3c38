"""A server that is left running by others: its log is not read, its port is looked up, its health is asked for."""

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract_tests.environment import HANGS
from contract_tests.use.serving import greeting_of
from contract_tests.use.test_command_line import command
from mockserver import MockServer
from mockserver.doors.live import CannotListen, open_sockets

SERVE = [sys.executable, "-m", "mockserver", "serve"]


@contextmanager
def port_file_of(words: list[str] | str, folder: Path, **arguments: Any) -> Iterator[dict[str, Any]]:
    """Start a server by a command, yield what its port file says, and end it by SIGTERM; it must end with status 0."""
    file = folder / "server.json"
    environment = os.environ | {"MOCKSERVER_PORT": "0", "MOCKSERVER_PORT_FILE": str(file)}
    with subprocess.Popen(words, env=environment, **arguments) as process:
        assert (0, f"{file.name}") == (command("health", "--port-file", str(file), "--wait", str(HANGS))[0], file.name)
        members: dict[str, Any] = json.loads(file.read_text())
        try:
            yield members
        finally:
            os.kill(members["pid"], signal.SIGTERM)
            process.wait(timeout=HANGS)
    assert not list(folder.glob("server.json*"))


def test_a_log_that_nobody_reads_stops_nothing(tmp_path: Path) -> None:
    """A pipe takes 64 KiB, which were 3000 requests. Those after it are answered, and SIGTERM ends the server."""
    with port_file_of(SERVE, tmp_path, stderr=subprocess.PIPE) as server, httpx.Client() as client:
        statuses = {client.get(f"{server['url']}/v1beta/{'x' * 500}?key=any-key").status_code for _ in range(400)}

    assert {404} == statuses


@pytest.mark.parametrize(
    "redirection",
    [">&-", "2>&-", ">&- 2>&- <&-", ">/dev/full", "2>/dev/full", "| head -n 1", "2>&1 | head -n 1", "| true"],
)
def test_output_that_cannot_be_written_stops_nothing(redirection: str, tmp_path: Path) -> None:
    """The server answers and ends as ever, and prints no traceback."""
    errors = tmp_path / "errors"
    line = f"exec 2>{errors}; {sys.executable} -m mockserver serve {redirection}"
    with port_file_of(["sh", "-c", line], tmp_path, stdout=subprocess.DEVNULL) as server:
        statuses = [httpx.get(f"{server['url']}/v1beta/models?key=any-key").status_code for _ in range(3)]

    assert [200] * 3 == statuses
    assert "Traceback" not in errors.read_text()
    assert "Exception ignored" not in errors.read_text()


@pytest.mark.parametrize("redirection", ["| true", ">&-", ">/dev/full"])
def test_other_commands_end_quietly_when_nobody_reads_them(redirection: str) -> None:
    """At most with a sentence."""
    line = f"{sys.executable} -m mockserver --version {redirection}"
    done = subprocess.run(["sh", "-c", line], stderr=subprocess.PIPE, text=True, timeout=HANGS, check=False)

    expected = "mockserver: cannot write the output: No space left on device\n" if "full" in redirection else ""
    assert expected == done.stderr


def test_a_port_file_says_where_the_server_is(tmp_path: Path) -> None:
    """URL, gRPC, process, and where the token is, which only its owner can read."""
    words = [*SERVE, "--grpc-port", "0", "--host", "0.0.0.0"]  # noqa: S104 - to be reached
    with port_file_of(words, tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        token_file = Path(server["token"]["file"])
        mode = stat.S_IMODE(token_file.stat().st_mode)
        headers = {server["token"]["header"]: token_file.read_text()}
        moved = httpx.post(f"{server['url']}/_mock/clock/advance", json={"minutes": 5}, headers=headers)

    assert server["url"].startswith("http://127.0.0.1:")
    assert server["grpc"].startswith("127.0.0.1:")
    assert (0o600, 200) == (mode, moved.status_code)


def test_a_port_file_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """Exit status 2, before anybody waits for it."""
    file = tmp_path / "missing" / "server.json"
    status, printed, complained = command("serve", "--port", "0", "--port-file", str(file))

    assert (2, "") == (status, printed)
    assert f"mockserver serve: --port-file: cannot write {file}: No such file or directory\n" == complained


def test_every_address_has_both_families(tmp_path: Path) -> None:
    """`--host ::` listens for IPv4 too, and the greeting has an address that one can reach."""
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with subprocess.Popen([*SERVE, "--host", "::", "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        greeting = greeting_of(process)
        url = next(line.split()[-1] for line in greeting.splitlines() if "base URL" in line)
        statuses = [httpx.get(f"{each}/_mock/healthz").status_code for each in (url, url.replace("127.0.0.1", "[::1]"))]
        process.terminate()
        assert 0 == process.wait(timeout=HANGS)

    assert url.startswith("http://127.0.0.1:")
    assert [200, 200] == statuses


def test_asyncio_sends_small_answers_at_once() -> None:
    """It does so on sockets that name their protocol; on others an answer waits for 40 ms."""
    sockets = open_sockets("localhost", 0)
    try:
        assert {socket.IPPROTO_TCP} == {each.proto for each in sockets}
        assert 1 == len({each.getsockname()[1] for each in sockets})
    finally:
        for each in sockets:
            each.close()


def test_a_live_server_says_which_port_is_taken() -> None:
    """And why it cannot listen."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen) as failed, MockServer().live(port=port):
            pass

    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" == str(failed.value)


def test_health_says_why_a_server_is_not_ready(tmp_path: Path) -> None:
    """Nobody listens; another program listens; there is no port file."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    status, _, complained = command("health", variables={"MOCKSERVER_PORT": str(port), "MOCKSERVER_PORT_FILE": ""})
    missing = command("health", "--port-file", str(tmp_path / "none.json"))

    assert (1, f"mockserver health: http://127.0.0.1:{port} cannot be reached: [Errno 111] Connection refused\n") == (
        status,
        complained,
    )
    assert 1 == missing[0]
    assert "there is no port file" in missing[2]


@pytest.mark.parametrize("options", [("--port", "0"), ("--host", "::"), ("--host", "::1"), ("--host", "localhost")])
def test_health_follows_how_the_server_is_bound(options: tuple[str, ...], tmp_path: Path) -> None:
    """As the health check of the image does: a variable says where the port file is, whatever else was chosen."""
    with port_file_of([*SERVE, *options], tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        variables = {"MOCKSERVER_PORT_FILE": str(tmp_path / "server.json"), "MOCKSERVER_PORT": ""}
        status, printed, _ = command("health", variables=variables)

    assert (0, True) == (status, printed.endswith(" is ready\n"))


def test_health_waits_until_the_server_is_ready(tmp_path: Path) -> None:
    """By an address that answers later."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    answers: list[tuple[int, str, str]] = []
    asking = threading.Thread(
        target=lambda: answers.append(command("health", "--url", f"http://127.0.0.1:{port}", "--wait", str(HANGS)))
    )
    asking.start()
    with MockServer().live(port=port) as server:
        asking.join()

    assert [(0, f"{server.url or f'http://127.0.0.1:{port}'} is ready\n", "")] == answers


def stopped_in_the_middle(folder: Path, seconds: int) -> tuple[bool, int]:
    """Whether a request that takes two seconds is answered by a server that is stopped meanwhile; its exit status."""
    answers = folder / "answers.yaml"
    answers.write_text("faults: [{method: tunedModels.list, latency_seconds: 2}]")
    words = [*SERVE, "--clock", "real", "--answers", str(answers), "--shutdown-seconds", str(seconds)]
    statuses: list[int] = []

    def ask(url: str) -> None:
        with contextlib.suppress(httpx.TransportError):
            statuses.append(httpx.get(f"{url}/v1beta/tunedModels?key=any-key").status_code)

    with subprocess.Popen(
        [*words, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        url = next(line.split()[-1] for line in greeting_of(process).splitlines() if "base URL" in line)
        asking = threading.Thread(target=ask, args=(url,))
        asking.start()
        while not httpx.get(f"{url}/_mock/calls").json()["calls"]:
            pass
        process.terminate()
        asking.join()
        status = process.wait(timeout=HANGS)
    return statuses == [200], status


def test_requests_may_end_when_the_server_is_stopped(tmp_path: Path) -> None:
    """Within the time they are given; after it they are broken off, and the server ends all the same."""
    assert (True, 0) == stopped_in_the_middle(tmp_path, 30)
    assert (False, 0) == stopped_in_the_middle(tmp_path, 1)

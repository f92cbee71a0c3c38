"""The container image: built from the Dockerfile, started, asked.

It needs root and Debian's buildah, no Docker engine.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from contract_tests.environment import HANGS, ROOT, do_without, shared

TAG = "gemini-tuning-mockserver:test"
BUILDAH = {**os.environ, "BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs", "BUILDAH_FORMAT": "docker"}

pytestmark = [pytest.mark.slow, pytest.mark.recordings]  # what builds it is kept beside the recordings


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A container of the image, built from what git tracks."""
    if os.geteuid() != 0 or shutil.which("buildah") is None:
        do_without("building the image takes root and buildah")
    source = tmp_path_factory.mktemp("image")
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "x"], cwd=source, input=archive, check=True)
    subprocess.run([shared("tools/oci_build.sh"), source, TAG], env=BUILDAH, check=True, capture_output=True)
    name = _buildah("from", TAG)
    yield name
    _buildah("rm", name)
    _buildah("rmi", TAG)


def test_the_image_is_small_in_what_it_may(container: str) -> None:
    """Not root, one port, a health check, a command that serves."""
    config = json.loads(_buildah("inspect", "--type", "image", TAG))["Docker"]["config"]

    assert config["User"] == "65532:65532"
    assert list(config["ExposedPorts"]) == ["8765/tcp"]
    assert config["Entrypoint"] + config["Cmd"] == ["mockserver", "serve"]
    assert ["CMD", "mockserver", "health"] == config["Healthcheck"]["Test"]
    assert ["/data"] == list(config["Volumes"])


def test_the_container_has_what_every_option_needs(container: str) -> None:
    """A database in its volume, gRPC, metrics, traces; it starts quickly and is small: see test_start.py too."""
    port, grpc_port = _free_port(), _free_port()
    options = ("--port", str(port), "--grpc-port", str(grpc_port), "--data-dir", "/data")
    traced = ("--env", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9")
    command = ["buildah", "run", *traced, "--user", "65532", container, "mockserver", "serve", *options]
    with subprocess.Popen(command, env=BUILDAH, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        try:
            metrics = _ask(f"http://127.0.0.1:{port}/_mock/metrics", running)
            with grpc.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
                listed = channel.unary_unary("/google.ai.generativelanguage.v1beta.ModelService/ListTunedModels")(
                    b"", metadata=(("x-goog-api-key", "any-key"),), timeout=HANGS
                )
            tell = ("sh", "-c", 'cat "$MOCKSERVER_PORT_FILE"')
            status = json.loads(_buildah("run", "--user", "65532", container, *tell))
            rollup = Path(f"/proc/{status['pid']}/smaps_rollup").read_text()
        finally:
            running.terminate()
            output, _ = running.communicate(timeout=HANGS)
    proportional = re.search(r"^Pss: +(\d+) kB", rollup, re.MULTILINE)

    assert b"mockserver_requests_total" in metrics
    assert b"" == listed
    assert b"warning" not in output  # of traces that cannot be sent
    assert proportional is not None
    assert 20 < int(proportional[1]) / 1024 < 120


def test_the_container_serves_and_stops(container: str) -> None:
    """It answers on its port, is healthy on a port that an option gave it, and ends soon after it is told to stop."""
    port = _free_port()
    command = ["buildah", "run", "--user", "65532", container, "mockserver", "serve", "--port", str(port)]
    with subprocess.Popen(command, env=BUILDAH, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        try:
            health = _ask(f"http://127.0.0.1:{port}/_mock/healthz", running)
            listed = _ask(f"http://127.0.0.1:{port}/v1beta/tunedModels?key=any", running)
            checked = _buildah("run", "--user", "65532", container, "mockserver", "health")
        finally:
            running.terminate()
            running.wait(timeout=HANGS)

    assert json.loads(health)["status"] == "ok"
    assert f"http://127.0.0.1:{port} is ready" == checked
    assert listed == b"{}\n"


def _buildah(*arguments: str) -> str:
    done = subprocess.run(["buildah", *arguments], env=BUILDAH, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _ask(url: str, running: "subprocess.Popen[bytes]") -> bytes:
    """The answer of a server that may still be starting."""
    for _ in range(10 * HANGS):
        assert running.poll() is None, "the container ended before it answered"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                body: bytes = answer.read()
                return body
        except urllib.error.HTTPError as error:
            pytest.fail(f"{url} answered {error.code}: {error.read()!r}")
        except OSError:
            time.sleep(0.1)  # noqa: TID251 - the container's time is the machine's
    pytest.fail(f"no answer from {url}")

"""Finding a server that was started, and asking whether it is ready."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from contract_tests.use.serving import serving
from mockserver.cli.port_file import reachable


def health(*options: str) -> subprocess.CompletedProcess[str]:
    """What `mockserver health` says."""
    command = [sys.executable, "-m", "mockserver", "health", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::"])  # noqa: S104 - it must be found there too
def test_a_server_is_found_by_its_port_file(host: str, tmp_path: Path) -> None:
    """However it was bound; the file is its owner's alone, because it has the token."""
    file = tmp_path / "port.json"
    early = health("--port-file", str(file))
    with serving(tmp_path / "log", "--host", host, "--port-file", str(file)) as served:
        content = json.loads(file.read_text())
        asked = health("--port-file", str(file), "--wait", "5")
    late = health("--port-file", str(file))

    assert [1, 0, 1] == [early.returncode, asked.returncode, late.returncode]
    assert '"status":"ready"' in asked.stdout
    assert served.pid == content["pid"]
    assert reachable(served.base_url) == content["url"]
    assert (host == "127.0.0.1") == (content["token"] is None)
    assert 0o600 == file.stat().st_mode & 0o777
    assert "cannot read the port file" in early.stderr
    assert "no server answers at" in late.stderr


def test_several_workers_have_one_port_file(tmp_path: Path) -> None:
    """Of the parent, which a stop signal is for."""
    file = tmp_path / "port.json"
    with serving(tmp_path / "log", "--workers", "2", "--data-dir", str(tmp_path), "--port-file", str(file)) as served:
        content = json.loads(file.read_text())
        asked = health("--port-file", str(file), "--wait", "20")

    assert (served.pid, served.base_url) == (content["pid"], content["url"])
    assert 0 == asked.returncode

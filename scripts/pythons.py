"""Installs the wheel for each Python on this machine that it supports, and runs a first program there.

    make pythons

A Python is looked for on the PATH and beside the one that runs this. The program tunes and asks a model over a socket,
with warnings as errors.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUPPORTED = ("3.11", "3.12", "3.13", "3.14")

PROGRAM = """
import json, urllib.request
from mockserver import MockServer

def ask(verb, url, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"x-goog-api-key": "mockserver-key", "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=verb)) as reply:
        return json.loads(reply.read())

with MockServer(seed=1).live() as server:
    url = server.url
    examples = [{"textInput": "monday", "output": "tuesday"}]
    model = {"displayName": "days", "baseModel": "models/gemini-1.5-flash-001-tuning",
             "tuningTask": {"trainingData": {"examples": {"examples": examples}}}}
    name = ask("POST", f"{url}/v1beta/tunedModels", model)["metadata"]["tunedModel"]
    server.clock.advance(hours=1)
    assert ask("GET", f"{url}/v1beta/{name}")["state"] == "ACTIVE"
    prompt = {"contents": [{"parts": [{"text": "monday"}]}]}
    answer = ask("POST", f"{url}/v1beta/{name}:generateContent", prompt)
    assert answer["candidates"][0]["content"]["parts"][0]["text"] == "tuesday"
    server.calls.assert_called("tunedModels.create", times=1)
"""


def find_pythons() -> Iterator[tuple[str, str]]:
    """Yield version and path of each Python that is supported and found."""
    siblings = sorted(Path(sys.base_prefix).parent.glob("*/bin"))
    for version in SUPPORTED:
        name = f"python{version}"
        candidates = [shutil.which(name), *(str(folder / name) for folder in siblings if (folder / name).exists())]
        if usable := next((path for path in candidates if path and makes_environments(path)), None):
            yield version, usable


def makes_environments(python: str) -> bool:
    """Return whether this Python runs and can make a virtual environment: some names only end with an error."""
    done = subprocess.run([python, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL, check=False)  # noqa: S603 - found on the PATH
    return done.returncode == 0


def check(python: str, wheel: Path, folder: Path) -> str:
    """Install the wheel and what it needs, run the program, return what `mockserver --version` prints first."""

    def run(*command: str | Path) -> str:
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=folder).stdout  # noqa: S603 - ours

    run(python, "-m", "venv", folder / "venv")
    installed = folder / "venv" / "bin"
    pip = (installed / "python", "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-deps")
    run(*pip, "--require-hashes", "--requirement", ROOT / "requirements" / "runtime.txt")
    run(*pip, wheel)
    run(installed / "python", "-W", "error", "-c", PROGRAM)
    return run(installed / "mockserver", "--version").splitlines()[0]


def main() -> int:
    """Check all; print a line for each."""
    wheel = max((ROOT / "dist").glob("*.whl"), key=lambda path: path.stat().st_mtime)
    for version, python in find_pythons():
        with tempfile.TemporaryDirectory(prefix="mockserver-python-") as name:
            print(f"Python {version}: {check(python, wheel, Path(name))}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

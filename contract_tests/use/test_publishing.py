"""What is published: the wheel as it is installed, the bill of materials, the workflows, and the action."""

import json
import os
import re
import runpy
import shutil
import signal
import site
import socket
import subprocess
import sys
import tomllib
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from contract_tests.environment import HANGS, ROOT, client_python
from contract_tests.use.programs import environment

WORKFLOWS = [*sorted((ROOT / ".github" / "workflows").glob("*.yml")), ROOT / "action.yml"]
URL = "https://example.com/owner/name"

SMOKE = """
import importlib.metadata, mockserver, sys
assert mockserver.__file__.startswith(sys.prefix), mockserver.__file__
assert importlib.metadata.version("gemini-tuning-mockserver") == mockserver.__version__
import requests
from mockserver import MockServer
with MockServer().intercepting() as server:
    name = server.add_tuning_job(state="RUNNING")
    url = f"https://us-central1-aiplatform.googleapis.com/v1/{name}"
    print(requests.get(url, headers={"Authorization": "Bearer any"}).json()["state"])
"""


def run(*command: str | Path, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a command, and return what it printed."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=environment({"PYTHONPATH": ""} | variables),
        capture_output=True,
        text=True,
        timeout=HANGS,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what git tracks."""
    folder = tmp_path_factory.mktemp("wheel")
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "x"], cwd=folder, input=archive, check=True)
    shutil.copytree(ROOT / "mockserver", folder / "mockserver", dirs_exist_ok=True)
    built = run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", "dist", folder=folder)
    assert 0 == built.returncode, built.stderr
    return next((folder / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel, which sees the dependencies of this one but not the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    done = run(*pip, folder=folder)
    assert 0 == done.returncode, done.stderr
    library = next(folder.glob("lib/*/site-packages"))
    (library / "others.pth").write_text("\n".join(site.getsitepackages()))
    return python


def test_wheel_has_the_package_and_nothing_else(wheel: Path) -> None:
    """Every file of it that git tracks; no test, no document."""
    tracked = run("git", "ls-files", "mockserver", folder=ROOT).stdout.split()
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert names.issuperset(tracked)
    assert {"mockserver"} == {name.partition("/")[0] for name in names}


def test_installed_wheel_works_in_another_folder(installed: Path, tmp_path: Path) -> None:
    """As a library, as a command under both names, and as a plugin of pytest."""
    (tmp_path / "test_it.py").write_text("def test_it(mockserver):\n    assert mockserver.now\n")

    smoke = run(installed, "-c", SMOKE, folder=tmp_path)
    assert ("JOB_STATE_RUNNING\n", "") == (smoke.stdout, smoke.stderr)
    for name in ("mockserver", "gemini-tuning-mockserver"):
        assert "mockserver 0." in run(installed.parent / name, "--version", folder=tmp_path).stdout
    tested = run(installed, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder=tmp_path)
    assert "1 passed" in tested.stdout, tested.stdout + tested.stderr


def test_archive_says_why_it_cannot_be_imported(wheel: Path, tmp_path: Path) -> None:
    """In a sentence, for a program and on the command line."""
    words = "mockserver reads tables from files beside its code, so it cannot be imported from an archive: install it"
    program = run(sys.executable, "-c", "from mockserver import MockServer", folder=tmp_path, PYTHONPATH=str(wheel))
    command = run(sys.executable, "-m", "mockserver", "serve", folder=tmp_path, PYTHONPATH=str(wheel))

    assert f"ImportError: {words}" in program.stderr
    assert (2, f"mockserver: {words} (pip install FILE.whl)\n") == (command.returncode, command.stderr)


def test_bill_of_materials_is_what_the_lock_pins(tmp_path: Path) -> None:
    """Every package with its version and hashes, in CycloneDX; the root is this package."""
    tool = client_python("release").with_name("cyclonedx-py")
    output = tmp_path / "sbom.json"
    lock = ROOT / "requirements" / "runtime.txt"
    options = ("--pyproject", ROOT / "pyproject.toml", "--output-reproducible", "--output-file", output)
    done = run(tool, "requirements", lock, *options, folder=tmp_path)
    assert 0 == done.returncode, done.stderr
    bill = json.loads(output.read_text())
    pins = re.findall(r"^([a-z0-9-]+)==([^ ]+)", lock.read_text(), re.MULTILINE)

    assert ("CycloneDX", "gemini-tuning-mockserver") == (bill["bomFormat"], bill["metadata"]["component"]["name"])
    assert sorted(pins) == sorted((each["name"], each["version"]) for each in bill["components"])
    assert all(each["externalReferences"][0]["hashes"] for each in bill["components"])


def test_workflows_pass_zizmor() -> None:
    """With no network."""
    tool = client_python("release").with_name("zizmor")
    done = run(tool, "--offline", "--no-progress", "--quiet", ".github", "action.yml", folder=ROOT)

    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_pin_actions_and_allow_nothing_by_default(path: Path) -> None:
    """An action of somebody else is a commit, and a job gets the permissions that it lists."""
    text = path.read_text()
    used = re.findall(r"uses: (\S+)", text)
    workflow: Mapping[str, object] = yaml.safe_load(text)

    assert all(each == "./" or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each) for each in used)
    assert path.name == "action.yml" or workflow["permissions"] == {}


def test_page_of_the_index_has_links_that_work() -> None:
    """Links and pictures are absolute, and the project has URLs."""
    script = runpy.run_path(str(ROOT / "scripts" / "release_metadata.py"))
    readme = script["absolute_links"]((ROOT / "README.md").read_text(), URL, "v1")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text() + script["project_urls"](URL, "v1"))["project"]

    assert f"![A tuning job in the dashboard: its state, progress and losses]({URL}/raw/v1/docs/images/" in readme
    assert f"[Tutorial]({URL}/blob/v1/docs/tutorial.md)" in readme
    assert [] == re.findall(r"\]\((?!https://)[^)]*\)", readme)
    assert {"Source", "Documentation", "Changelog", "Issues"} == project["urls"].keys()


@pytest.mark.slow
def test_action_starts_the_server(tmp_path: Path) -> None:
    """Its step installs from the locks and leaves a running server, outputs and variables for later steps."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    step = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"][0]
    (tmp_path / "mockserver").mkdir()
    output, variables = tmp_path / "output", tmp_path / "variables"
    done = run(
        "bash",
        "-c",
        step["run"],
        folder=tmp_path,
        GITHUB_ACTION_PATH=str(ROOT),
        RUNNER_TEMP=str(tmp_path),
        GITHUB_OUTPUT=str(output),
        GITHUB_ENV=str(variables),
        PORT=str(port),
        OPTIONS="--seed 7 --quiet",
        VARIABLES="true",
    )
    assert 0 == done.returncode, done.stderr
    url = f"http://127.0.0.1:{port}"
    try:
        with urllib.request.urlopen(f"{url}/_mock/settings") as answer:
            settings = json.loads(answer.read())
    finally:
        os.kill(int((tmp_path / "mockserver" / "pid").read_text()), signal.SIGTERM)

    assert 7 == settings["settings"]["seed"]
    assert f"base-url={url}" in output.read_text().splitlines()
    exported = dict(line.split("=", 1) for line in variables.read_text().splitlines())
    assert f"{url}/aiplatform.googleapis.com" == exported["GOOGLE_VERTEX_BASE_URL"]
    assert "mockserver" == exported["GOOGLE_CLOUD_PROJECT"]
    assert url in Path(exported["GOOGLE_APPLICATION_CREDENTIALS"]).read_text()

"""The package `mockserver-client` installs a module and a pytest plugin named mockserver too: one sentence says so."""

import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from contract_tests.environment import HANGS, ROOT, client_python

SENTENCE = "two installed packages have a module named mockserver: gemini-tuning-mockserver and mockserver-client."
TEST = "def test_nothing():\n    pass\n"


def install_ours(folder: Path) -> None:
    """Copy the package and its entry points into a folder, as pip does."""
    shutil.copytree(ROOT / "mockserver", folder / "mockserver", dirs_exist_ok=True)
    entry_points: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    info = folder / "gemini_tuning_mockserver-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gemini-tuning-mockserver\nVersion: 0\n")
    lines = [
        f"[{group}]\n" + "\n".join(f"{k} = {v}" for k, v in names.items()) for group, names in entry_points.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


def install_theirs(folder: Path, python: Path) -> None:
    """Copy the other package, as it is installed in its environment, over what is there."""
    site = next(python.parents[1].glob("lib/*/site-packages"))
    shutil.copytree(site / "mockserver", folder / "mockserver", dirs_exist_ok=True)


def run(python: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run that environment's Python with the folder before everything else."""
    command = [str(python), "-W", "default", *words]
    env = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=HANGS, check=False)


@pytest.fixture(params=["ours last", "theirs last"])
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path, bool]:
    """An interpreter with both packages, their folder, and whether our files were replaced."""
    python = client_python("mockserver-client")
    ours_last = request.param == "ours last"
    if ours_last:
        install_theirs(tmp_path, python)
    install_ours(tmp_path)
    if not ours_last:
        install_theirs(tmp_path, python)
    (tmp_path / "test_it.py").write_text(TEST)
    return python, tmp_path, not ours_last


def test_pytest_says_that_both_are_installed(installed: tuple[Path, Path, bool]) -> None:
    """As a warning: the tests of a project that has both for another reason still run."""
    python, folder, _ = installed
    ran = run(python, folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py")

    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert SENTENCE in ran.stdout
    assert "1 passed" in ran.stdout


def test_our_fixture_works_where_our_files_are_whole(installed: tuple[Path, Path, bool]) -> None:
    """Whichever of the two entry points pytest meets first. Replaced, the fixture is the other package's."""
    python, folder, replaced = installed
    ran = run(python, folder, "-m", "pytest", "--fixtures", "test_it.py")

    assert replaced == ("Serve Google's tuning APIs in this process" not in ran.stdout)


def test_the_command_line_says_it_too(installed: tuple[Path, Path, bool]) -> None:
    """It ends at once if the other package has replaced files of ours, without a traceback."""
    python, folder, replaced = installed
    ran = run(python, folder, "-m", "mockserver", "--version")

    assert (2 if replaced else 0) == ran.returncode
    assert f"mockserver: warning: {SENTENCE}" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert replaced == ("mockserver " not in ran.stdout)


def test_importing_a_name_of_ours_warns(installed: tuple[Path, Path, bool]) -> None:
    """If the module is still ours."""
    python, folder, replaced = installed
    ran = run(python, folder, "-c", "from mockserver import MockServer")

    assert replaced == (ran.returncode != 0)
    assert replaced or SENTENCE in ran.stderr

"""A wheel that is imported without being installed says why it does not work."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from contract_tests.environment import ROOT

SENTENCE = "has no data files: the package does not run from a zip file, so install it with pip, or unpack it"


@pytest.mark.parametrize("words", [("-m", "mockserver", "serve"), ("-c", "from mockserver import MockServer")])
def test_a_zip_file_says_that_it_must_be_unpacked(words: tuple[str, ...], tmp_path: Path) -> None:
    """In one sentence, on the command line and in Python."""
    wheel = tmp_path / "mockserver.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in (ROOT / "mockserver").rglob("*.py"):
            archive.write(path, path.relative_to(ROOT))
    env = os.environ | {"PYTHONPATH": str(wheel)}
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    assert done.returncode in {1, 2}
    assert f"{wheel / 'mockserver'} {SENTENCE}" == done.stderr.splitlines()[-1].partition(": ")[2]

"""The lock files that environments are made from."""

import re
from pathlib import Path

import pytest

from contract_tests.environment import ROOT

LOCKS = sorted((ROOT / "requirements").rglob("*.txt"))

# A name without extras, one exact version, an optional marker; then the hashes.
PIN = re.compile(r"[a-z0-9-]+==[^ \[]+( ; [^\\]+)? \\\n( +--hash=sha256:[0-9a-f]{64}( \\)?\n)+")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_pins_every_package_by_its_bare_name(lock: Path) -> None:
    """A pin on `google-auth[requests]` does not pin `google-auth`: pip before 24 takes the newest and refuses it."""
    lines = [line for line in lock.read_text().splitlines(keepends=True) if not line.lstrip().startswith("#")]
    entries = re.split(r"(?m)^(?=\S)", "".join(lines))[1:]

    assert entries
    assert [] == [entry for entry in entries if not PIN.fullmatch(entry)]


def test_there_is_a_lock_for_every_list_of_dependencies() -> None:
    """A list that nobody locked would be installed unpinned, or not at all. plugin.in is part of the others."""
    lists = {path.with_suffix(".txt") for path in (ROOT / "requirements").rglob("*.in") if path.name != "plugin.in"}

    assert set() == lists - set(LOCKS)

"""What the server loads to start, and what not."""

import subprocess
import sys

import pytest

LATER = (
    "aiohttp",
    "grpc",
    "httplib2",
    "httpx",
    "httpx2",
    "pydantic",
    "pytest",
    "requests",
    "respx",
    "websockets",
    "yaml",
)


def loaded_by(module: str) -> set[str]:
    """The modules there are once a fresh interpreter has imported this one."""
    program = f"import sys, {module}; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(ran.stdout.split())


@pytest.mark.parametrize("module", ["mockserver.__main__", "mockserver.app", "mockserver.doors.live"])
def test_what_serving_may_never_need_is_not_loaded_to_serve(module: str) -> None:
    """Libraries of clients and tests, and those that read what testers write."""
    assert set() == loaded_by(module).intersection(LATER)


def test_importing_the_package_loads_nothing_else_of_it() -> None:
    """Its public names are looked up when they are asked for."""
    assert {"mockserver"} == {name for name in loaded_by("mockserver") if name.partition(".")[0] == "mockserver"}

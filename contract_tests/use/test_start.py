"""What the server loads to start, and what not."""

import contextlib
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import httpx
import pytest

from contract_tests.use.serving import serving

LATER = (
    "aiohttp",
    "google.protobuf",
    "grpc",
    "httplib2",
    "httpx",
    "httpx2",
    "mockserver.grpc",
    "opentelemetry",
    "prometheus_client",
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


def test_serving_loads_few_modules() -> None:
    """Each takes time at the start; a number above this one has a reason, or is a mistake."""
    loaded = loaded_by("mockserver.__main__, mockserver.cli.serve, mockserver.app, mockserver.doors.live")

    assert len(loaded) <= 503
    assert len([name for name in loaded if name.startswith("mockserver")]) <= 207


def test_a_server_with_everything_is_small_and_starts_quickly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under 120 MB, and in about a second: on a busy machine, only the processor's time says so."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    options = ("--grpc-port", "0", "--data-dir", str(tmp_path))
    cpu_seconds, rollup = [], ""
    for _ in range(2):  # the first start of all has to compile
        with serving(tmp_path / "log", *options) as served:
            httpx.get(f"{served.base_url}/v1beta/models", params={"key": "any-key"}).raise_for_status()
            statistics = Path(f"/proc/{served.pid}/stat").read_text().rpartition(")")[2].split()
            rollup = Path(f"/proc/{served.pid}/smaps_rollup").read_text()
        cpu_seconds.append(sum(map(int, statistics[11:13])) / os.sysconf("SC_CLK_TCK"))  # utime and stime
    proportional = re.search(r"^Pss: +(\d+) kB", rollup, re.MULTILINE)

    assert proportional is not None
    assert 20 < int(proportional[1]) / 1024 < 120
    assert 0 < min(cpu_seconds) < 1.5


def test_importing_the_package_loads_nothing_else_of_it() -> None:
    """Its public names are looked up when they are asked for."""
    assert {"mockserver"} == {name for name in loaded_by("mockserver") if name.partition(".")[0] == "mockserver"}


_PARTS = ("declaration", "interception", "reading", "server", "types", "world")
OF_THE_PLUGIN = {
    "mockserver",
    "mockserver.pytest_plugin",
    "mockserver.settings",
    *(f"mockserver.settings.{part}" for part in _PARTS),
}
"""What the plugin loads: the modules of settings, no other."""


def loaded_in_a_run_of_pytest(folder: Path, *options: str) -> set[str]:
    """The modules there are in a run of pytest that has collected and run a test without our fixtures."""
    test = "import sys\ndef test_it():\n    print('LOADED', *sys.modules)\n"
    (folder / "test_it.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-s", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), *options]
    env = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ran = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder, env=env)
    line = next(line for line in ran.stdout.splitlines() if "LOADED" in line)
    return set(line.split())


def test_a_run_of_pytest_loads_only_the_plugin_of_us(tmp_path: Path) -> None:
    """Whoever has us installed pays for us in tests that ask for us, and in no other."""
    without = loaded_in_a_run_of_pytest(tmp_path)
    extra = loaded_in_a_run_of_pytest(tmp_path, "-p", "mockserver.pytest_plugin") - without

    assert OF_THE_PLUGIN == extra


def test_no_dependency_brings_a_plugin_of_pytest() -> None:
    """It would be loaded in every run of pytest, with all that it needs: as respx was, and httpx through it."""
    names, brought = {"gemini-tuning-mockserver"}, set[str]()
    while new := names - brought:
        for name in new:
            brought.add(name)
            with contextlib.suppress(metadata.PackageNotFoundError):  # not for this platform
                required = [need for need in metadata.requires(name) or () if "extra ==" not in need]
                names |= {re.split(r"[^\w.-]", need, maxsplit=1)[0].lower() for need in required}
    plugins = {
        entry.value
        for name in names
        if name in {each.name.lower() for each in metadata.distributions()}
        for entry in metadata.distribution(name).entry_points
        if entry.group == "pytest11"
    }

    assert {"starlette", "uvicorn", "pydantic"} < names
    assert set() == names & {"httpx", "httpx2", "respx", "requests", "aiohttp"}
    # Starlette needs anyio. Its plugin loads no event loop before a test asks for one.
    assert {"mockserver.pytest_entry_point", "anyio.pytest_plugin"} == plugins

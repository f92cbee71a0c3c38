"""A PostgreSQL server of the test run's own: in a temporary folder, on a socket in it, with nothing on the network."""

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from urllib.parse import quote

from contract_tests.environment import HANGS, do_without

OWNER = "mockserver"


class Postgres:
    """A cluster; `url` is that of a database in it."""

    def __init__(self) -> None:
        self._programs = _find_programs()
        self._folder = Path(tempfile.mkdtemp(prefix="mockserver-postgres-"))
        self._as_owner: list[str] = []
        if os.getuid() == 0:  # as which PostgreSQL refuses to run
            # Not by `subprocess`, which then forks this whole process: gRPC's threads in it do not stand that.
            self._as_owner = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
            os.chown(self._folder, pwd.getpwnam("nobody").pw_uid, -1)
        self._process: subprocess.Popen[bytes] | None = None
        initdb = ["initdb", "-D", "data", "-A", "trust", "-U", OWNER, "-E", "UTF8", "--locale=C", "--no-sync"]
        self._run(*initdb)
        self.start()

    def url(self, database: str = "postgres") -> str:
        """The URL of a database for `--store`."""
        return f"postgresql://{OWNER}@/{database}?host={quote(str(self._folder), safe='')}"

    def create_database(self, name: str) -> str:
        """Create a database and return its URL."""
        self._run("createdb", "-h", str(self._folder), "-U", OWNER, name)
        return self.url(name)

    def start(self) -> None:
        """Start it, and wait until it can be connected to."""
        # What is committed has to survive the end of our processes, not of the machine.
        options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self._folder}", "-c", "fsync=off"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as_owner, self._programs / "postgres", "-D", "data", *options],
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        for _ in range(HANGS * 10):
            ready: list[str | Path] = [self._programs / "pg_isready", "-q", "-h", str(self._folder)]
            if subprocess.run(ready, check=False).returncode == 0:
                return
            time.sleep(0.1)  # noqa: TID251 - it is a process of its own
        raise AssertionError((self._folder / "log").read_text())

    def stop(self) -> None:
        """Break all connections and stop it; what is stored stays."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(HANGS)
            self._process = None

    def remove(self) -> None:
        """Stop it for good."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command: list[str | Path] = [*self._as_owner, self._programs / program, *arguments]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=False)
        assert 0 == done.returncode, done.stderr


@cache
def postgres() -> Postgres:
    """The one of this process, started when it is first needed and stopped at its end."""
    server = Postgres()
    atexit.register(server.remove)
    return server


def _find_programs() -> Path:
    """Debian keeps the programs of each version in a directory of its own."""
    found = shutil.which("postgres")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        do_without("no PostgreSQL: install the package postgresql")
    return folders[-1]

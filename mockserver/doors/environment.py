"""The environment that an unchanged program needs: fake credentials and a project, and nothing real.

In process the credentials are a user's, which are exchanged for a token at oauth2.googleapis.com: the app answers
there. With a server on a socket they are a workload's, which are exchanged at that server: child processes get a token
too.
"""

import atexit
import contextlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mockserver.datasets.storage import EMULATOR_VARIABLE, foreign_emulator
from mockserver.doors.credentials_file import authorized_user, external_account
from mockserver.inspection.services import route_table
from mockserver.rpc.redaction import find_real_secret
from mockserver.state.world import PREFIX, WorldCredentials

API_KEYS = ("GOOGLE_API_KEY", "GEMINI_API_KEY")

# Where a client would send requests instead of to Google's hosts, past the interceptor.
ELSEWHERE = ("GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL")

NO_PROXY = ("NO_PROXY", "no_proxy")
"""The hosts that are reached without a proxy: libraries read one or the other."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")
GOOGLE = ("googleapis.com", ".googleapis.com")
"""What stands for all of Google's API hosts in NO_PROXY: libraries want the one or the other."""

Changes = dict[str, str | None]
"""Variables and their values; None is absent."""


def base_urls(url: str) -> dict[str, str]:
    """Return the variables that name a server at this URL instead of the hosts of the two services.

    With a URL of its own for Vertex AI, google-genai 2 and 3 drop a project that is in the environment, and with it the
    path of the request; not if the URL ends like Google's hosts [read in 2.34 and 3.4]. The server ignores this end.
    """
    gemini, vertex = ELSEWHERE
    _, vertex_host = route_table().services
    return {gemini: url, vertex: f"{url}/{vertex_host}"}


def changes(
    project: str,
    api_key: str,
    credentials_file: str,
    before: Mapping[str, str],
    address: str = "",
    *,
    adds_key: bool = True,
) -> Changes:
    """Return values for what is missing in the environment `before` or looks real. The tester's own values stay.

    Made-up values are replaced too: they lead to the world of a server around this one. With the `address` of a server
    on a socket, child processes are led there, past a proxy. With `adds_key` there is an API key in any case.
    Values that are right already are returned with the others: they may be those of a server that stops earlier.
    """
    defaults = {"GOOGLE_CLOUD_PROJECT": project, "GOOGLE_CLOUD_LOCATION": "us-central1"}
    own_values = {
        name: value for name in (*API_KEYS, *defaults) if not (value := before.get(name, PREFIX)).startswith(PREFIX)
    }
    own_values |= {name: api_key for name in API_KEYS if find_real_secret(own_values.get(name, ""))}
    if adds_key and not own_values.keys() & set(API_KEYS):
        defaults["GOOGLE_API_KEY"] = api_key
    safe = defaults | own_values | {"GOOGLE_APPLICATION_CREDENTIALS": credentials_file}
    # A proxy looks up Google's hosts itself, where nobody refuses them.
    safe |= {name: without_proxy(before.get(name, ""), *GOOGLE, *(LOOPBACK if address else ())) for name in NO_PROXY}
    if address:
        safe |= base_urls(address) | {EMULATOR_VARIABLE: address}
    if emulator := foreign_emulator(before):
        safe[EMULATOR_VARIABLE] = emulator
    names = (*ELSEWHERE, EMULATOR_VARIABLE, *API_KEYS, *defaults, *safe)
    return {name: safe.get(name) for name in dict.fromkeys(names)}


def without_proxy(hosts: str, *more: str) -> str:
    """Add `more` to a list of hosts that are reached without a proxy; by default this machine."""
    if hosts.strip() == "*":
        return hosts
    names = [host.strip() for host in hosts.split(",") if host.strip()]
    return ",".join([*names, *(host for host in more or LOOPBACK if host not in names)])


@contextlib.contextmanager
def environment(credentials: WorldCredentials, address: str = "", *, adds_key: bool = True) -> Iterator[None]:
    """While inside, this process finds fake credentials where real ones would be.

    Its child processes find the address, if there is one, where they look for another base URL than Google's.
    """
    path = _write(external_account(address, credentials)) if address else write_credentials(credentials)
    project, api_key = credentials.project, credentials.api_key
    with changed(changes(project, api_key, str(path), os.environ, address, adds_key=adds_key)):
        yield


def write_credentials(credentials: WorldCredentials) -> Path:
    """Return a file with made-up credentials, which is gone when this process ends."""
    return _write(authorized_user("", credentials))


# By process and content: a file of credentials, and its size and time when it was written.
_files: dict[tuple[int, str], tuple[Path, tuple[int, int]]] = {}


def _write(credentials: Mapping[str, Any]) -> Path:
    """Return a file with these credentials. It is written once a process, and again if somebody has changed it."""
    process, content = os.getpid(), json.dumps(credentials)
    with _lock:
        path, state = _files.get((process, content), (None, None))
        if path is None:
            path = _folder(process) / f"application_default_credentials_{len(_files)}.json"
        if _state(path) != state:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            path.write_text(content)
            _files[process, content] = path, _state(path)
    return path


def _state(path: Path) -> tuple[int, int]:
    """Return the size and the time of a file, zeros if there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


@cache
def _folder(process: int) -> Path:
    """Create the folder of a process. It is removed when that ends; a process that was forked has another."""
    folder = Path(tempfile.mkdtemp(prefix="mockserver-"))

    def remove() -> None:
        if os.getpid() == process:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder


@dataclass(slots=True, eq=False)
class _Change:
    """Variables with what they were before and what they were set to; None is absent."""

    before: Changes
    after: Changes


_live: list[_Change] = []
_lock = threading.RLock()


@contextlib.contextmanager
def changed(variables: Changes) -> Iterator[None]:
    """Set these variables, or delete those that are None, while inside.

    Several such changes may end in any order: each variable has the value of the newest that is left, and its
    original value when none is left. A variable that somebody else has set since stays as it is.
    """
    with _lock:
        change = _Change({name: os.environ.get(name) for name in variables}, variables)
        _live.append(change)
        _set(variables)
    try:
        yield
    finally:
        with _lock:
            newer = _live[_live.index(change) + 1 :]
            _live.remove(change)
            for name, value in change.after.items():
                above = next((other for other in newer if name in other.after), None)
                if above is None:
                    if os.environ.get(name) == value:
                        _set({name: change.before[name]})
                elif above.before[name] == value:
                    above.before[name] = change.before[name]


def _set(variables: Changes) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        elif os.environ.get(name) != value:
            os.environ[name] = value

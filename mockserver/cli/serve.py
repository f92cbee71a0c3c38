"""`mockserver serve`: serve both APIs over HTTP until interrupted."""

import argparse
import contextlib
import errno
import logging
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mockserver import __version__
from mockserver.rpc.hosts import is_loopback
from mockserver.settings import (
    GROUPS,
    BadOption,
    Beginning,
    By,
    Serving,
    Setting,
    Settings,
    declarations,
    read_settings,
    unknown_variables,
)
from mockserver.state.clock import to_datetime
from mockserver.state.new_world import new_world, read_options
from mockserver.state.world import World, Worlds

if TYPE_CHECKING:
    from starlette.types import ASGIApp

# Imports that only a running server needs are inside of `run`, so that `--help` is quick.

HELP = "serve both APIs over HTTP"

DESCRIPTION = """\
Serve both APIs over HTTP until interrupted.

Each option can also be set by an environment variable: --start-time by MOCKSERVER_START_TIME. The option wins. The
variable of an option without a value is yes or no.
"""

EPILOG = """\
examples:
  mockserver serve                          on http://127.0.0.1:8765, 30 times as fast as real time
  mockserver serve --clock manual --seed 7  time stands still until a test moves it; ids and losses repeat
  mockserver serve --as-of 2024-03-14       the service as it was on that day
  mockserver serve --as-of today            the service as it is today
  mockserver serve --answers answers.yaml   script answers and faults in a file
"""

TITLES = {Serving: "the server", Beginning: "time and answers", Settings: "behaviour"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_options(parser)


def add_options(parser: argparse.ArgumentParser, *, without: Sequence[str] = ()) -> None:
    """Add an option for each setting of a server, except for some."""
    for group, title in TITLES.items():
        options = parser.add_argument_group(title)
        for name, setting in declarations(group, by=By.SERVE).items():
            if name not in without:
                _add_option(options, setting)


def _add_option(options: argparse._ArgumentGroup, setting: Setting) -> None:
    if setting.is_flag:
        options.add_argument(
            setting.flag, dest=setting.name, action="store_const", const="yes", help=setting.option_help
        )
        return
    metavar = setting.metavar or setting.kind.metavar
    options.add_argument(setting.flag, dest=setting.name, metavar=metavar, help=setting.option_help)


@dataclass(frozen=True, slots=True)
class Preparation:
    """What a server needs to start, from options and variables."""

    serving: Serving
    world: World
    worlds: Worlds
    token: str | None
    speed: str
    app: "ASGIApp"


def prepare(arguments: argparse.Namespace) -> Preparation:
    """Create the world that the options describe, with its scripted answers, and the application. Raises BadOption."""
    # Before the world, whose clock starts with it.
    from mockserver.app import create_app
    from mockserver.control.guard import Guard
    from mockserver.http.face import log_call, print_call
    from mockserver.http.host_guard import HostGuard

    for sentence in unknown_variables(os.environ):
        print(f"mockserver: warning: {sentence}", file=sys.stderr)
    values = read_options(vars(arguments), os.environ)
    serving = read_settings(Serving, values)
    world = _new_world(values)
    if file := values.get("answers"):
        _read_answers(world, file)
    token = serving.control_token or (None if is_loopback(serving.host) else secrets.token_urlsafe(16))
    speed = declarations(Beginning)["clock"].kind.text(values["clock"])
    names = frozenset(name.strip().lower() for name in serving.allow_host)
    # Where other machines can reach the server, it has names that nobody here knows.
    host_guard = HostGuard(names) if names or is_loopback(serving.host) else None
    worlds = Worlds(world)
    return Preparation(
        serving,
        world,
        worlds,
        token,
        speed,
        create_app(worlds, Guard(token), host_guard, log_call if serving.quiet else print_call),
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from mockserver.datasets.storage import served_at
    from mockserver.doors.live import CannotListen, serve

    preparation = prepare(arguments)
    serving = preparation.serving
    log_to_stderr(quiet=serving.quiet)
    grpc_target, stop_grpc = _serve_grpc(serving, preparation.worlds)
    try:
        with _credentials_folder() as folder, contextlib.ExitStack() as stack:

            def start(url: str) -> None:
                stack.enter_context(served_at(url))
                print(_greeting(url, grpc_target, preparation, folder), flush=True)

            serve(preparation.app, serving.host, serving.port, start)
    except CannotListen as taken:
        other = "--port" if taken.errno == errno.EADDRINUSE else "--host"
        msg = f"cannot listen on {serving.host}:{serving.port}: {taken.strerror}. Choose another {other}."
        raise BadOption(msg) from None
    finally:
        stop_grpc()
    return 0


def _new_world(values: Mapping[str, Any]) -> World:
    try:
        return new_world(
            {name: values[name] for name in ("clock", "start_time", *declarations(Settings)) if name in values}
        )
    except BadOption as error:
        raise BadOption(error.sentence, declarations(*GROUPS)[error.name].flag) from None


def _serve_grpc(serving: Serving, worlds: Worlds) -> tuple[str, Callable[[], None]]:
    """Serve gRPC too, if there is a port for it. Returns its address, "" without one, and what stops it."""
    if serving.grpc_port is None:
        return "", lambda: None
    from mockserver.doors.grpc_port import CannotServe, open_port

    certificate, key = (Path(file) if file else None for file in (serving.grpc_certificate, serving.grpc_key))
    try:
        return open_port(worlds, serving.host, serving.grpc_port, certificate=certificate, key=key)
    except CannotServe as error:
        raise BadOption(str(error)) from None


def _read_answers(world: World, file: str) -> None:
    from mockserver.inspection.script import script
    from mockserver.scripting.answer_file import BadFile

    try:
        script(world, file)
    except BadFile as error:
        raise BadOption(str(error)) from None


def log_to_stderr(*, quiet: bool) -> None:
    """Log warnings to standard error and, unless quiet, a line for each request."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    if quiet:
        logging.getLogger("mockserver.access").setLevel(logging.WARNING)


@contextlib.contextmanager
def _credentials_folder() -> Iterator[Path | None]:
    """Yield a folder for a file of credentials, which is gone afterwards; None on a read-only file system."""
    try:
        folder = TemporaryDirectory(prefix="mockserver-")
    except OSError:
        yield None
        return
    with folder as name:
        yield Path(name)


def _credentials_line(url: str, preparation: Preparation, folder: Path | None) -> str:
    """Write the credentials, and return the line of the greeting that names them."""
    if folder is None or not is_loopback(preparation.serving.host):  # programs on other machines cannot read the file
        return ""
    from mockserver.doors.credentials_file import external_account, write

    content = external_account(url, preparation.world.credentials)
    path = write(folder / "application_default_credentials.json", content)
    return f"\n  credentials          GOOGLE_APPLICATION_CREDENTIALS={path}"


def _greeting(url: str, grpc_target: str, preparation: Preparation, folder: Path | None) -> str:
    """Return the greeting: what is served, its time, and how to connect clients."""
    world, token = preparation.world, preparation.token
    moment = to_datetime(world.clock.now()).isoformat(timespec="seconds")
    era = f"as of {world.settings.as_of}" if world.settings.as_of else "all eras at once"
    control = f"with the header X-Mockserver-Token: {token}" if token else "from this machine"
    grpc = f"\n  gRPC                 {grpc_target}" if grpc_target else ""
    return f"""\
Gemini tuning mock server {__version__}: the Developer API and Vertex AI, {era}
  base URL             {url}{grpc}{_credentials_line(url, preparation, folder)}
  time                 {moment}, running at {preparation.speed}
  seed                 {world.settings.seed}
  dashboard            {url}/
  control              {url}/_mock/openapi.json {control}

  curl                 curl '{url}/v1beta/tunedModels?key=any-key'
  google-genai         genai.Client(api_key="any-key", http_options={{"base_url": "{url}", "api_version": "v1beta"}})
  google-generativeai  genai.configure(api_key="any-key", transport="rest", client_options={{"api_endpoint": "{url}"}})
  vertexai             vertexai.init(project="p", location="us-central1", api_endpoint="{url}", api_transport="rest",
                                     credentials=google.oauth2.credentials.Credentials(token="any-token"))
  Cloud Storage        STORAGE_EMULATOR_HOST={url}

Stop with Ctrl-C."""

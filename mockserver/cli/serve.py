"""`mockserver serve`: serve both APIs over HTTP until interrupted."""

import argparse
import contextlib
import errno
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mockserver import __version__
from mockserver.cli.log_output import LineWriter, LogOutput
from mockserver.rpc.hosts import is_loopback
from mockserver.rpc.redaction import find_real_secret
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
from mockserver.settings.extras import install_command
from mockserver.settings.types import Speed
from mockserver.state.clock import SystemClock, to_datetime
from mockserver.state.new_world import find_options, new_world, read_options
from mockserver.state.store import Unavailable
from mockserver.state.world import World, Worlds

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from mockserver.dispatch.access_log import LogCall
    from mockserver.doors.tracing import Tracing

# Imports that only a running server needs are inside of `run`, so that `--help` is quick.

HELP = "serve both APIs over HTTP"

DESCRIPTION = """\
Serve both APIs over HTTP until interrupted.

Each option can also be set by an environment variable: --start-time by MOCKSERVER_START_TIME. The option wins. The
variable of an option without a value is yes or no. What neither says can be in a file: see --config.
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

    values: Mapping[str, Any]
    serving: Serving
    worlds: Worlds
    token: str | None
    answers: str | None
    log: LogOutput
    log_call: "LogCall"
    tracing: "Tracing | None"
    make_app: Callable[[Worlds], "ASGIApp"]

    @property
    def world(self) -> World:
        """Return the default world."""
        return self.worlds.default

    @property
    def app(self) -> "ASGIApp":
        """Return a new application for the worlds."""
        return self.make_app(self.worlds)

    def close(self) -> None:
        """Write and send what waits, now that the server has stopped."""
        if self.tracing is not None:
            self.tracing.close()
        self.log.close()


def prepare(
    arguments: argparse.Namespace, *, quiet: bool = False, needs_list: bool = True, hint_prefix: str = ""
) -> Preparation:
    """Open the worlds that the options describe, with their scripted answers, the log, and the application.

    With `needs_list`, strict authentication needs a list of credentials. `hint_prefix` begins the lines of hints, where
    calls have none. Raises BadOption.
    """
    # Before the world, whose clock starts with it.
    from mockserver.app import create_app
    from mockserver.control.guard import Guard
    from mockserver.datasets.storage import describe_silent_emulator
    from mockserver.dispatch.access_log import CallCounter
    from mockserver.http.host_guard import HostGuard

    for sentence in filter(None, [*unknown_variables(os.environ), describe_silent_emulator()]):
        print(f"{arguments.prog}: warning: {sentence}", file=sys.stderr)
    values = read_options(vars(arguments), os.environ, needs_list=needs_list)
    serving = read_settings(Serving, values)
    if serving.watch and not values.get("answers"):
        raise BadOption("there is no file to watch, so name one with --answers", "--watch")
    if serving.workers > 1:
        _check_workers(serving)
    worlds, token, is_new = _open_worlds(values, serving, _given(arguments))
    answers = values.get("answers")
    if answers and is_new:
        _read_answers(worlds.default, answers)
    elif answers:
        print(
            f"{arguments.prog}: warning: {answers} was not read: the store has answers and faults of its own, which"
            " hold. To replace them, change them by the control API, or start with a new store.",
            file=sys.stderr,
        )
    names = frozenset(name.strip().lower() for name in serving.allow_host)
    # Where other machines can reach the server, it has names that nobody here knows.
    host_guard = HostGuard(names) if names or is_loopback(serving.host) else None
    log = LogOutput(sys.stderr, serving.log_format, quiet=quiet or serving.quiet, prefix=hint_prefix)
    calls = CallCounter(log.log_call)

    tracing = _open_tracing(arguments.prog)

    def make_app(worlds: Worlds) -> "ASGIApp":
        app = create_app(worlds, Guard(token), host_guard, calls)
        return app if tracing is None else tracing.trace_app(app)

    return Preparation(values, serving, worlds, token, answers, log, calls.log_call, tracing, make_app)


def _open_tracing(prog: str) -> "Tracing | None":
    if not any(name.startswith("OTEL_") for name in os.environ):
        return None
    from mockserver.cli.traces import open_tracing

    tracing, warning = open_tracing(os.environ)
    if warning:
        print(f"{prog}: warning: {warning}", file=sys.stderr)
    return tracing


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from mockserver.datasets.storage import served_at
    from mockserver.doors.live import CannotListen, serve

    prepared = prepare(arguments)
    serving = prepared.serving
    if serving.workers > 1:
        return _serve_by_workers(prepared)
    grpc_target, stop_grpc = _serve_grpc(serving, prepared)
    try:
        with (
            _watch(prepared, prepared.worlds),
            _credentials_folder() as folder,
            LineWriter(sys.stdout) as output,
            contextlib.ExitStack() as stack,
        ):

            def start(url: str) -> None:
                stack.enter_context(served_at(url))
                if serving.port_file is not None:
                    from mockserver.cli.port_file import port_file

                    stack.enter_context(port_file(Path(serving.port_file), url, grpc_target, prepared.token))
                output.write(_greeting(url, grpc_target, prepared, folder))

            serve(prepared.app, serving.host, serving.port, start, shutdown_seconds=serving.shutdown_seconds)
    except CannotListen as taken:
        raise _cannot_listen(taken, serving) from None
    finally:
        with contextlib.suppress(KeyboardInterrupt):  # a second Ctrl-C: wait no longer
            stop_grpc(serving.shutdown_seconds)
        prepared.worlds.close()
        prepared.close()
    return 0


def _cannot_listen(error: OSError, serving: Serving) -> BadOption:
    if error.errno != errno.EADDRINUSE:
        return BadOption(f"{error}. Choose another --host.")
    from mockserver.cli.health import NotReady, ask

    host = serving.host if is_loopback(serving.host) else "127.0.0.1"
    url = f"http://{f'[{host}]' if ':' in host else host}:{serving.port}"
    try:
        ask(url, seconds=1.0)
    except NotReady:
        return BadOption(f"{error}. Choose another --port.")
    return BadOption(f"{error}: a mock server answers on {url} already. Use that one, or choose another --port.")


def _check_workers(serving: Serving) -> None:
    """Raise BadOption if several processes cannot serve so."""
    if store_url(serving) == "memory:":
        raise BadOption("several processes need a store that they can share: add --data-dir or --store", "--workers")
    if serving.grpc_port is not None:
        raise BadOption("several processes cannot share the gRPC port: leave out --grpc-port", "--workers")
    if not hasattr(os, "fork"):
        raise BadOption("this system cannot serve by several processes", "--workers")


def _serve_by_workers(prepared: Preparation) -> int:
    """Serve by several processes, each with a connection of its own to the store, which has been prepared."""
    from mockserver.datasets.storage import served_at
    from mockserver.doors.live import CannotListen, base_url, open_sockets
    from mockserver.doors.workers import serve_by_workers
    from mockserver.state.clock import stopwatch

    serving = prepared.serving
    try:
        sockets = open_sockets(serving.host, serving.port)
    except CannotListen as taken:
        raise _cannot_listen(taken, serving) from None
    url = base_url(serving.host, sockets)

    @contextlib.contextmanager
    def open_app(place: int) -> Iterator["ASGIApp"]:
        worlds, _, _ = _open_worlds(prepared.values, serving, frozenset())
        try:
            # One worker watches for all, which have the answers in common.
            with _watch(prepared, worlds) if place == 0 else contextlib.nullcontext():
                yield prepared.make_app(worlds)
        finally:
            worlds.close()
            if prepared.tracing is not None:
                prepared.tracing.close()

    with _credentials_folder() as folder, served_at(url), contextlib.ExitStack() as stack:
        if serving.port_file is not None:
            from mockserver.cli.port_file import port_file

            stack.enter_context(port_file(Path(serving.port_file), url, "", prepared.token))
        greeting = _greeting(url, "", prepared, folder)
        prepared.worlds.close()

        def greet() -> None:
            with LineWriter(sys.stdout) as output:
                output.write(greeting)

        return serve_by_workers(
            open_app, sockets, serving.workers, stopwatch, greet, shutdown_seconds=serving.shutdown_seconds
        )


def _open_worlds(values: Mapping[str, Any], serving: Serving, given: frozenset[str]) -> tuple[Worlds, str | None, bool]:
    """Return the worlds to serve, the control token, and whether the worlds are new, and not those of a store."""
    needs_token = not is_loopback(serving.host)
    of_world = {name: values[name] for name in ("clock", "start_time", *declarations(Settings)) if name in values}
    url = store_url(serving)
    try:
        if url == "memory:":
            worlds, is_new = Worlds(new_world(of_world)), True
            token = serving.control_token or (secrets.token_urlsafe(16) if needs_token else None)
        else:
            from mockserver.state import sql_worlds

            worlds, is_new = sql_worlds.open_worlds(url, of_world, given)
            token = sql_worlds.shared_token(worlds, serving.control_token, needed=needs_token)
    except BadOption as error:
        setting = declarations(*GROUPS).get(error.name)
        raise BadOption(error.sentence, setting.flag if setting else error.name) from None
    except Unavailable as error:
        raise BadOption(f"cannot open the store: {error}", "--store") from error
    return worlds, token, is_new


def store_url(serving: Serving) -> str:
    """Return the URL of the store. BadOption if the extra is not installed, or the directory cannot be created."""
    url = serving.store
    if serving.data_dir is not None:
        folder = Path(serving.data_dir)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadOption(f"cannot create the directory: {error}", "--data-dir") from None
        url = f"sqlite:///{folder / 'mockserver.db'}"
    if url != "memory:":
        try:
            import sqlalchemy  # noqa: F401 - is it there?
        except ImportError:
            raise BadOption(
                f"a store in a database needs SQLAlchemy. Run: {install_command('sql')}", "--store"
            ) from None
    return url


def _given(arguments: argparse.Namespace) -> frozenset[str]:
    """Return the names of the settings that somebody has given, by an option, a variable or a file."""
    options = find_options(vars(arguments), os.environ, needs_list=False)
    return frozenset(name for name, it in options.items() if it.source != "default")


def _serve_grpc(serving: Serving, prepared: Preparation) -> tuple[str, Callable[[float], None]]:
    """Serve gRPC too, if there is a port for it. Returns its address, "" without one, and what stops it.

    Without one, a server that only this machine can reach opens a free port when `mockserver run --url` asks for it.
    """
    from mockserver.doors.grpc_port import CannotServe, LazyPort, open_port

    if serving.grpc_port is None:
        if not is_loopback(serving.host):
            return "", lambda _: None
        port = LazyPort(prepared.worlds, serving.host, log_call=prepared.log_call, tracing=prepared.tracing)
        return "", lambda _: port.close()

    certificate, key = (Path(file) if file else None for file in (serving.grpc_certificate, serving.grpc_key))
    try:
        target, stop = open_port(
            prepared.worlds,
            serving.host,
            serving.grpc_port,
            certificate=certificate,
            key=key,
            log_call=prepared.log_call,
            tracing=prepared.tracing,
        )
    except CannotServe as error:
        raise BadOption(str(error)) from None
    if certificate is None:
        prepared.worlds.find_grpc_target = lambda: target
    return target, stop


def _watch(prepared: Preparation, worlds: Worlds) -> contextlib.AbstractContextManager[object]:
    if not prepared.serving.watch or prepared.answers is None:
        return contextlib.nullcontext()
    from mockserver.cli.answers_watch import AnswersWatch

    return AnswersWatch(worlds, prepared.answers)


def _read_answers(world: World, file: str) -> None:
    from mockserver.inspection.script import script
    from mockserver.scripting.answer_file import BadFile

    try:
        script(world, file)
    except BadFile as error:
        raise BadOption(str(error)) from None
    except Unavailable as error:
        raise BadOption(f"cannot store the answers of {file}: {error}", "--store") from error


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


def _credentials_line(url: str, prepared: Preparation, folder: Path | None) -> str:
    """Write the credentials, if clients can use them, and return the line of the greeting that names them."""
    settings, credentials = prepared.world.settings, prepared.world.credentials
    if settings.auth == "strict" and credentials.token not in settings.accepted_credentials:
        return ""
    if folder is None or not is_loopback(prepared.serving.host):  # programs on other machines cannot read the file
        from mockserver.cli.command_name import command_name

        command = f"{command_name()} credentials --url URL -o adc.json"
        return f"\n  credentials          {command}, with the address that the program uses"
    from mockserver.doors.credentials_file import external_account, write

    content = external_account(url, credentials)
    path = write(folder / "application_default_credentials.json", content)
    # Without a project, Google's libraries ask another service for that of the credentials.
    return f"\n  credentials          GOOGLE_CLOUD_PROJECT={prepared.world.credentials.project} GOOGLE_APPLICATION_CREDENTIALS={path}"


def _greeting(url: str, grpc_target: str, prepared: Preparation, folder: Path | None) -> str:
    """Return the greeting: what is served, its time, and how to connect clients."""
    from mockserver.cli.command_name import command_name

    world, token = prepared.world, prepared.token
    moment = to_datetime(world.clock.now()).isoformat(timespec="seconds")
    key, token_of_client = _working_credentials(world)
    era = f"as of {world.settings.as_of}" if world.settings.as_of else "base models of all dates (--as-of)"
    project = world.credentials.project
    google_credentials = f'google.oauth2.credentials.Credentials(token="{token_of_client}")'
    control = f"with the header X-Mockserver-Token: {token}" if token else "from this machine"
    grpc = f"\n  gRPC                 {grpc_target}" if grpc_target else ""
    return f"""\
Gemini tuning mock server {__version__}: the Developer API and Vertex AI, {era}
  base URL             {url}{grpc}{_credentials_line(url, prepared, folder)}
  time                 {moment}, {_describe_speed(url, prepared)}
  seed                 {world.settings.seed}
  dashboard            {url}/ in a browser
  control              {url}/_mock/openapi.json {control}

  any client           {command_name()} run --url {url} -- COMMAND
  most clients         eval "$({command_name()} env --url {url})"   (google-generativeai and vertexai read no variable)
  curl                 curl '{url}/v1beta/tunedModels?key={key}'
  google-genai         genai.Client(api_key="{key}", http_options={{"base_url": "{url}", "api_version": "v1beta"}})
  ... for Vertex AI    genai.Client(vertexai=True, project="{project}", location="us-central1",
                                    http_options={{"base_url": "{url}"}}, credentials={google_credentials})
  google-generativeai  genai.configure(api_key="{key}", transport="rest", client_options={{"api_endpoint": "{url}"}})
  vertexai             vertexai.init(project="{project}", location="us-central1", api_endpoint="{url}", api_transport="rest",
                                     credentials={google_credentials})
  Cloud Storage        STORAGE_EMULATOR_HOST={url}

Stop with Ctrl-C."""


def _describe_speed(url: str, prepared: Preparation) -> str:
    clock = prepared.world.clock  # a stored world has the clock that it was made with
    if isinstance(clock, SystemClock) and clock.factor:
        return f"running at {Speed().text(clock.factor)}"
    header = " -H 'X-Mockserver-Token: ...'" if prepared.token else ""
    return f"stopped; advance it with: curl{header} -d '{{\"minutes\": 5}}' {url}/_mock/clock/advance"


def _working_credentials(world: World) -> tuple[str, str]:
    """Return a key and a token that the server accepts. What looks real is not printed."""
    if world.settings.auth != "strict":
        return world.credentials.api_key, world.credentials.token
    shown = next((each for each in sorted(world.settings.accepted_credentials) if not find_real_secret(each)), "...")
    return shown, shown

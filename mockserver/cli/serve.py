"""`mockserver serve`: serve both APIs over HTTP until interrupted."""

import argparse
import errno
import logging
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mockserver import __version__
from mockserver.cli.log_lines import log_to_stderr
from mockserver.cli.port_file import write_port_file
from mockserver.rpc.loopback import is_loopback
from mockserver.settings import (
    GROUPS,
    BadOption,
    Beginning,
    By,
    Serving,
    Setting,
    Settings,
    declared,
    read_settings,
    unknown_variables,
)
from mockserver.state.clock import to_datetime
from mockserver.state.new_world import new_world, read_options
from mockserver.state.world import World, Worlds

# Imports that only a running server needs are inside of `run`, so that `--help` is quick.

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


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "serve",
        help="serve both APIs over HTTP",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for group, title in TITLES.items():
        options = parser.add_argument_group(title)
        for setting in declared(group, by=By.SERVE).values():
            _add_option(options, setting)
    parser.set_defaults(run=run)


def _add_option(options: argparse._ArgumentGroup, setting: Setting) -> None:
    if setting.is_flag:
        options.add_argument(
            setting.flag, dest=setting.name, action="store_const", const="yes", help=setting.option_help
        )
        return
    metavar = setting.metavar or setting.kind.metavar
    options.add_argument(setting.flag, dest=setting.name, metavar=metavar, help=setting.option_help)


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from mockserver.app import create_app
    from mockserver.control.guard import Guard
    from mockserver.http.host_guard import HostGuard

    for sentence in unknown_variables(os.environ):
        print(f"mockserver: warning: {sentence}", file=sys.stderr)
    values = read_options(vars(arguments), os.environ)
    serving = read_settings(Serving, values)
    if serving.workers > 1:
        _check_workers(serving)
    worlds, token = _open_worlds(values, serving, _given(arguments))
    names = frozenset(name.strip().lower() for name in serving.allow_host)
    # Where other machines can reach the server, it has names that nobody here knows.
    host_guard = HostGuard(names) if names or is_loopback(serving.host) else None
    log_to_stderr(quiet=serving.quiet, as_json=serving.log_format == "json")
    speed = declared(Beginning)["clock"].kind.text(values["clock"])

    def announce(url: str, grpc: str = "") -> None:
        _announce(serving, url, grpc, _greeting(url, grpc, speed, worlds.default, token), token)

    def make_app(them: Worlds) -> Any:
        return create_app(them, Guard(token), host_guard)

    if serving.workers > 1:
        return _serve_by_workers(values, serving, worlds, announce, make_app)
    return _serve_alone(serving, worlds, announce, make_app(worlds))


def _serve_alone(serving: Serving, worlds: Worlds, announce: Callable[[str, str], None], app: Any) -> int:
    from mockserver.doors.live import CannotListen, serve

    grpc_target, stop_grpc = _serve_grpc(serving, worlds)
    try:
        serve(app, serving.host, serving.port, lambda url: announce(url, grpc_target))
    except CannotListen as taken:
        raise _cannot_listen(serving, taken) from None
    finally:
        stop_grpc()
    return 0


def _cannot_listen(serving: Serving, taken: OSError) -> BadOption:
    other = "--port" if taken.errno == errno.EADDRINUSE else "--host"
    return BadOption(f"cannot listen on {serving.host}:{serving.port}: {taken.strerror}. Choose another {other}.")


def _check_workers(serving: Serving) -> None:
    """Raise BadOption if several processes cannot serve so."""
    if store_url(serving) == "memory:":
        raise BadOption("several processes need a store that they can share: add --data-dir or --store", "--workers")
    if serving.grpc_port is not None:
        raise BadOption("several processes cannot share the gRPC port: leave out --grpc-port", "--workers")
    if not hasattr(os, "fork"):
        raise BadOption("this system cannot serve by several processes", "--workers")


def _serve_by_workers(
    values: Mapping[str, Any],
    serving: Serving,
    worlds: Worlds,
    announce: Callable[[str], None],
    make_app: Callable[[Worlds], Any],
) -> int:
    """Serve by several processes, each with a connection of its own to the store, which has been prepared."""
    from mockserver.doors.live import CannotListen
    from mockserver.doors.workers import listen, serve_by_workers
    from mockserver.state.clock import stopwatch

    try:
        listener = listen(serving.host, serving.port)
    except CannotListen as taken:
        raise _cannot_listen(serving, taken) from None
    host, port = listener.getsockname()[:2]
    announce(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
    worlds.close()
    return serve_by_workers(
        lambda: make_app(_open_worlds(values, serving, frozenset())[0]), listener, serving.workers, stopwatch
    )


def _open_worlds(values: Mapping[str, Any], serving: Serving, given: frozenset[str]) -> tuple[Worlds, str | None]:
    """Return the worlds to serve, new or as they were stored, and the control token."""
    needs_token = not is_loopback(serving.host)
    of_world = {name: values[name] for name in ("clock", "start_time", *declared(Settings)) if name in values}
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
        setting = declared(*GROUPS).get(error.name)
        raise BadOption(error.sentence, setting.flag if setting else error.name) from None
    if is_new and (file := values.get("answers")):
        _read_answers(worlds.default, file)
    return worlds, token


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
                "a store in a database needs the extra: pip install 'gemini-tuning-mockserver[sql]'", "--store"
            ) from None
    return url


def _given(arguments: argparse.Namespace) -> frozenset[str]:
    """Return the names of the settings that somebody has given, by an option or a variable."""
    settings = declared(*GROUPS, by=By.SERVE).items()
    return frozenset(
        name for name, it in settings if getattr(arguments, name, None) is not None or os.environ.get(it.variable)
    )


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


def _announce(serving: Serving, url: str, grpc: str, greeting: str, token: str | None) -> None:
    """Write the port file and print the greeting. If nobody can read it, the server serves all the same."""
    if serving.port_file is not None:
        try:
            write_port_file(serving.port_file, url=url, grpc=grpc, token=token)
        except OSError as error:
            logging.getLogger("mockserver").error("cannot write the port file: %s", error)  # noqa: TRY400 - the sentence says it all
    try:
        print(greeting, flush=True)
    except OSError as error:  # a full disk, or a pipe whose reader has gone
        logging.getLogger("mockserver").warning("cannot print the greeting: %s", error.strerror)
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - the interpreter flushes it at its end


def _greeting(url: str, grpc_target: str, speed: str, world: World, token: str | None) -> str:
    """Return the greeting: what is served, its time, and how to connect clients."""
    moment = to_datetime(world.clock.now()).isoformat(timespec="seconds")
    era = f"as of {world.settings.as_of}" if world.settings.as_of else "all eras at once"
    control = f"with the header X-Mockserver-Token: {token}" if token else "from this machine"
    grpc = f"\n  gRPC                 {grpc_target}" if grpc_target else ""
    return f"""\
Gemini tuning mock server {__version__}: the Developer API and Vertex AI, {era}
  base URL             {url}{grpc}
  time                 {moment}, running at {speed}
  seed                 {world.settings.seed}
  dashboard            {url}/
  control              {url}/_mock/openapi.json {control}

  curl                 curl '{url}/v1beta/tunedModels?key=any-key'
  google-genai         genai.Client(api_key="any-key", http_options={{"base_url": "{url}", "api_version": "v1beta"}})
  google-generativeai  genai.configure(api_key="any-key", transport="rest", client_options={{"api_endpoint": "{url}"}})
  vertexai             vertexai.init(project="p", location="us-central1", api_endpoint="{url}", api_transport="rest",
                                     credentials=google.oauth2.credentials.Credentials(token="any-token"))

Stop with Ctrl-C."""

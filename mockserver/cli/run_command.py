"""`mockserver run`: run a program, unchanged, whose requests to Google's hosts the server answers."""

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mockserver.cli.extras import missing_extra
from mockserver.cli.serve import TITLES, Preparation, add_options, prepare
from mockserver.cli.server_address import read_url_argument
from mockserver.settings import BadOption, By, declarations

if TYPE_CHECKING:
    from mockserver.doors.certificates import CertificateAuthority
    from mockserver.doors.live import LiveServer
    from mockserver.state.world import World, WorldCredentials

# Imports that only the command needs are inside of it, so that `--help` is quick.

HELP = "run a program, unchanged, against the server (needs trustme, grpcio and protobuf)"

DESCRIPTION = """\
Run a program whose requests to Google's tuning APIs this machine answers. The program is not changed.

The program gets a proxy (in HTTPS_PROXY, HTTP_PROXY and grpc_proxy) that answers for Google's hosts over HTTP and gRPC, the certificate
to trust, made-up credentials and a project, and a `gcloud` that prints made-up tokens. Requests to other hosts
are refused. The real services are never reached by clients that use the proxy; docs/run.md says which do.

Everything is gone when the program ends, and its exit status is returned. The program finds the server in
MOCKSERVER_URL, for example to move its clock.
"""

EPILOG = """\
examples:
  mockserver run -- python tune.py                       a Python program
  mockserver run --clock 600x -- bash quickstart.sh      an hour of the server in six seconds
  mockserver run --pass-host pypi.org -- make test       let the program reach another host too
  mockserver run --url http://127.0.0.1:8765 -- python tune.py    use the server that runs there
  mockserver run --shell                                 a shell in which every program is answered
"""

# The options of `mockserver serve` that say how it listens, and whether it logs each request.
_NOT_OFFERED = (
    "host",
    "port",
    "allow_host",
    "grpc_port",
    "grpc_certificate",
    "grpc_key",
    "port_file",
    "shutdown_seconds",
    "workers",
    "quiet",
)

NOT_FOUND, NOT_EXECUTABLE = 127, 126  # as in a shell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "mockserver run [OPTION ...] -- COMMAND [ARGUMENT ...]\n       mockserver run [OPTION ...] --shell"
    parser.add_argument(
        "--url",
        metavar="URL",
        type=read_url_argument,
        help="use the server that runs there, such as http://127.0.0.1:8765, instead of a new one",
    )
    parser.add_argument("--shell", action="store_true", help="run your shell ($SHELL) instead of a COMMAND")
    parser.add_argument(
        "--no-api-key",
        action="store_true",
        help="make up no API key: google-generativeai takes no credentials beside one",
    )
    parser.add_argument("--no-gcloud", action="store_true", help="do not put the stand-in for gcloud on the PATH")
    parser.add_argument(
        "--pass-host",
        metavar="NAME",
        action="append",
        default=[],
        help="let the program reach this host, which is not emulated; may be given several times",
    )
    parser.add_argument("--verbose", action="store_true", help="print a line for each request to standard error")
    parser.add_argument("--port", metavar="PORT", help="the server's own port (default: a free one)")
    add_options(parser, without=_NOT_OFFERED)
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="the program to run, with its arguments")
    parser.set_defaults(run=run, host="127.0.0.1")


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    from mockserver.doors import child

    command = _command(arguments)
    passed = _passed_hosts(arguments.pass_host)
    use_server = _use_running if arguments.url else _start
    with use_server(arguments) as server, _environment(server, passed, arguments) as environment:
        if arguments.shell:
            print(
                f"mockserver run: {environment['MOCKSERVER_URL']} answers for Google in this shell; leave with exit",
                file=sys.stderr,
            )
        try:
            status = child.run(command, environment)
        except FileNotFoundError:
            print(f"mockserver run: program not found: {command[0]!r}", file=sys.stderr)
            return NOT_FOUND
        except OSError as error:
            print(f"mockserver run: cannot run {command[0]!r}: {error.strerror}", file=sys.stderr)
            return NOT_EXECUTABLE
    if status and (count := server.count_hints()):  # after the server, which writes its hints until it has stopped
        calls = "a call has a hint" if count == 1 else f"{count} calls have hints"
        print(f"mockserver run: {calls}, see `hint:` above", file=sys.stderr)
    return status


def _command(arguments: argparse.Namespace) -> Sequence[str]:
    if bool(arguments.command) == arguments.shell:
        raise BadOption("give either a COMMAND after --, or --shell; see `mockserver run --help`")
    default = "cmd.exe" if sys.platform == "win32" else "/bin/sh"
    shell = os.environ.get("COMSPEC" if sys.platform == "win32" else "SHELL") or default
    return [shell] if arguments.shell else arguments.command


def _passed_hosts(names: Sequence[str]) -> frozenset[str]:
    from mockserver.doors.intercept.interceptors import is_answered

    hosts = frozenset(name.strip().lower() for name in names)
    for host in hosts:
        if is_answered(host):
            raise BadOption(f"{host} is emulated, and the real one is never reached", "--pass-host")
    return hosts


@dataclass(frozen=True, slots=True)
class _Server:
    """The server that answers the program.

    `find_grpc` returns its gRPC port; RuntimeError if it has none. `count_hints` returns how many calls had a hint that
    this process has printed.
    """

    url: str
    address: tuple[str, int]
    find_grpc: Callable[[], tuple[str, int]]
    credentials: "WorldCredentials"
    count_hints: Callable[[], int] = int


@contextlib.contextmanager
def _start(arguments: argparse.Namespace) -> Iterator[_Server]:
    """Start a server. Afterwards nothing is left of it."""
    from mockserver.doors.grpc_port import LazyPort

    arguments.port = arguments.port or "0"
    prepared = prepare(arguments, quiet=not arguments.verbose, needs_list=False, hint_prefix="mockserver run: hint: ")
    _accept(prepared.world)
    with contextlib.ExitStack() as stack:
        stack.callback(prepared.close)
        stack.callback(prepared.worlds.close)
        live = _live_server(prepared)
        stack.callback(live.stop)
        port = LazyPort(prepared.worlds, live.address[0], log_call=prepared.log_call, tracing=prepared.tracing)
        stack.callback(port.close)
        yield _Server(
            live.url, live.address, lambda: port.address, prepared.world.credentials, lambda: prepared.log.hinted
        )


@contextlib.contextmanager
def _use_running(arguments: argparse.Namespace) -> Iterator[_Server]:
    """Use the server at --url, whose options are its own. BadOption if none is there."""
    from mockserver.cli.health import REQUEST_SECONDS, NotReady, ask, find_grpc_port
    from mockserver.state.world import world_credentials

    settings = declarations(*TITLES, by=By.SERVE)
    given = [setting.flag for name, setting in settings.items() if vars(arguments).get(name) and name != "host"]
    if given := [*given, *(["--verbose"] if arguments.verbose else [])]:
        raise BadOption(f"the server at {arguments.url} has its own options, so leave out {', '.join(given)}", "--url")
    parts = urlsplit(arguments.url)
    host, port = parts.hostname or "", parts.port or 80
    if parts.scheme != "http":
        raise BadOption("the server is reached by http:// only", "--url")
    try:
        ask(arguments.url, REQUEST_SECONDS)
    except NotReady as reason:
        raise BadOption(f"{reason}. Start it with `mockserver serve`, or leave out --url", "--url") from None
    yield _Server(arguments.url, (host, port), lambda: (host, find_grpc_port(arguments.url)), world_credentials())


@contextlib.contextmanager
def _environment(server: _Server, passed: frozenset[str], arguments: argparse.Namespace) -> Iterator[dict[str, str]]:
    """Yield the environment in which a program reaches the server through a proxy. Afterwards nothing is left."""
    from mockserver.cli import gcloud
    from mockserver.doors.child_environment import node_options, proxy_environment
    from mockserver.doors.proxy import Proxy, Upstreams

    authority = _authority()
    with contextlib.ExitStack() as stack:
        proxy = Proxy(Upstreams(server.address, server.find_grpc, authority.tls, passed))
        proxy_url = proxy.start()
        stack.callback(proxy.stop)
        folder = stack.enter_context(_private_folder())
        certificates = folder / "certificates.pem"
        authority.write_bundle(certificates, with_public=bool(passed))
        environment = proxy_environment(
            os.environ, server.credentials, server.url, proxy_url, certificates, adds_key=not arguments.no_api_key
        )
        environment["NODE_OPTIONS"] = node_options(
            os.environ.get("NODE_OPTIONS", ""), folder, tls_port=proxy.listen_directly(), passed_hosts=passed
        )
        if not arguments.no_gcloud:
            programs = folder / "bin"
            programs.mkdir()
            gcloud.install(programs, server.credentials.token, environment["GOOGLE_CLOUD_PROJECT"])
            environment["PATH"] = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
        yield environment


def _accept(world: "World") -> None:
    """Let strict authentication accept the credentials that the program is given."""
    settings, given = world.settings, {world.credentials.api_key, world.credentials.token}
    if settings.auth == "strict" and not given <= settings.accepted_credentials:
        world.settings = replace(settings, accepted_credentials=settings.accepted_credentials | given)


@contextlib.contextmanager
def _private_folder() -> Iterator[Path]:
    try:
        folder = tempfile.TemporaryDirectory(prefix="mockserver-")
    except OSError as error:
        raise BadOption(f"no temporary files can be written: {error.strerror}. Set TMPDIR.") from None
    with folder as name:
        yield Path(name)


def _authority() -> "CertificateAuthority":
    try:
        from mockserver.doors.certificates import CertificateAuthority
    except ModuleNotFoundError as error:
        raise missing_extra(error, "run") from None
    return CertificateAuthority()


def _live_server(prepared: Preparation) -> "LiveServer":
    from mockserver.doors.live import CannotListen, LiveServer

    live = LiveServer(prepared.app, prepared.serving.host, prepared.serving.port)
    try:
        live.start()
    except CannotListen as taken:
        raise BadOption(f"{taken}. Choose another --port.") from None
    return live

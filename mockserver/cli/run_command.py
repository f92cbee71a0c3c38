"""`mockserver run`: run a program, unchanged, whose requests to Google's hosts the server answers."""

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mockserver.cli.extras import missing_extra
from mockserver.cli.serve import Preparation, add_options, prepare
from mockserver.settings import BadOption

if TYPE_CHECKING:
    from mockserver.doors.certificates import CertificateAuthority
    from mockserver.doors.live import LiveServer
    from mockserver.state.world import World

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
    parser.add_argument("--shell", action="store_true", help="run your shell ($SHELL) instead of a COMMAND")
    parser.add_argument("--no-gcloud", action="store_true", help="do not put the stand-in for gcloud on the PATH")
    parser.add_argument(
        "--pass-host",
        metavar="NAME",
        action="append",
        default=[],
        help="let the program reach this host, which is not emulated; may be given several times",
    )
    parser.add_argument("--verbose", action="store_true", help="print a line for each request to standard error")
    parser.add_argument("--port", metavar="PORT", default="0", help="the server's own port (default: a free one)")
    add_options(parser, without=_NOT_OFFERED)
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="the program to run, with its arguments")
    parser.set_defaults(run=run, host="127.0.0.1")


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    from mockserver.doors import child

    command = _command(arguments)
    prepared = prepare(arguments, quiet=not arguments.verbose, needs_list=False)
    with _served(prepared, _passed_hosts(arguments.pass_host), arguments) as environment:
        if arguments.shell:
            print(
                f"mockserver run: {environment['MOCKSERVER_URL']} answers for Google in this shell; leave with exit",
                file=sys.stderr,
            )
        try:
            return child.run(command, environment)
        except FileNotFoundError:
            print(f"mockserver run: program not found: {command[0]!r}", file=sys.stderr)
            return NOT_FOUND
        except OSError as error:
            print(f"mockserver run: cannot run {command[0]!r}: {error.strerror}", file=sys.stderr)
            return NOT_EXECUTABLE


def _command(arguments: argparse.Namespace) -> Sequence[str]:
    if bool(arguments.command) == arguments.shell:
        raise BadOption("give either a COMMAND after --, or --shell; see `mockserver run --help`", "run")
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


@contextlib.contextmanager
def _served(prepared: Preparation, passed: frozenset[str], arguments: argparse.Namespace) -> Iterator[dict[str, str]]:
    """Serve, and yield the environment in which a program reaches the server. Afterwards nothing is left."""
    from mockserver.cli import gcloud
    from mockserver.doors.child_environment import node_options, proxy_environment
    from mockserver.doors.grpc_port import LazyPort
    from mockserver.doors.proxy import Proxy, Upstreams

    authority = _authority()
    credentials = prepared.world.credentials
    _accept(prepared.world)
    with contextlib.ExitStack() as stack:
        stack.callback(prepared.close)
        stack.callback(prepared.worlds.close)
        live = _live_server(prepared)
        stack.callback(live.stop)
        grpc_port = LazyPort(prepared.worlds, live.address[0], log_call=prepared.log_call, tracing=prepared.tracing)
        stack.callback(grpc_port.close)
        proxy = Proxy(Upstreams(live.address, lambda: grpc_port.address, authority.tls, passed))
        proxy_url = proxy.start()
        stack.callback(proxy.stop)
        folder = stack.enter_context(_private_folder())
        certificates = folder / "certificates.pem"
        authority.write_bundle(certificates, with_public=bool(passed))
        environment = proxy_environment(os.environ, credentials, live.url, proxy_url, certificates)
        environment["NODE_OPTIONS"] = node_options(
            os.environ.get("NODE_OPTIONS", ""), folder, tls_port=proxy.listen_directly(), passed_hosts=passed
        )
        if not arguments.no_gcloud:
            programs = folder / "bin"
            programs.mkdir()
            gcloud.install(programs, credentials.token, environment["GOOGLE_CLOUD_PROJECT"])
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
        raise BadOption(f"no temporary files can be written: {error.strerror}. Set TMPDIR.", "run") from None
    with folder as name:
        yield Path(name)


def _authority() -> "CertificateAuthority":
    try:
        from mockserver.doors.certificates import CertificateAuthority
    except ModuleNotFoundError as error:
        raise missing_extra(error, "run", "run") from None
    return CertificateAuthority()


def _live_server(prepared: Preparation) -> "LiveServer":
    from mockserver.doors.live import CannotListen, LiveServer

    live = LiveServer(prepared.app, prepared.serving.host, prepared.serving.port)
    try:
        live.start()
    except CannotListen as taken:
        raise BadOption(f"{taken}. Choose another --port.") from None
    return live

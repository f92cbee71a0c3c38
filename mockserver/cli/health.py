"""`mockserver health`: ask a server whether it is ready, or wait until it is."""

import argparse
import json
import sys

from mockserver.cli.server_address import NoPortFile, add_address, find_url
from mockserver.settings.types import Seconds

HELP = "ask a server whether it is ready, or wait until it is"

DESCRIPTION = """\
Ask a server whether it is ready to serve. The exit status is 0 if it is, and 1 if it is not or cannot be reached.

Without --url, the address is the one in the port file (--port-file, or the variable MOCKSERVER_PORT_FILE), else this
machine's with the port in MOCKSERVER_PORT, else with port 8765.
"""

EPILOG = """\
examples:
  mockserver health                                                   http://127.0.0.1:8765
  mockserver serve --port 0 --port-file server.json &
  mockserver health --port-file server.json --wait 10                 wait until that server is ready
"""

# Imports that only the command needs are inside of it, so that a server starts quickly.

REQUEST_SECONDS = 2.0
PAUSE_SECONDS = 0.05
GRPC_SECONDS = 30.0
"""How long a server may take to open its gRPC port: it imports grpcio first."""


class NotReady(Exception):
    """The server is not ready, or cannot be reached."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_address(parser)
    parser.add_argument(
        "--wait", metavar="SECONDS", default="0", help="wait for so long until it is ready (default: 0)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Ask until the server is ready or the time is up. The exit status is 1 if it is not ready."""
    from mockserver.state.clock import Machine, countdown

    seconds_left = countdown(Seconds().read_argument(arguments.wait, "--wait"))
    while True:
        try:
            url = find_url(arguments)
            ask(url, max(REQUEST_SECONDS, seconds_left()))
        except (NotReady, NoPortFile) as reason:
            if seconds_left() <= 0:
                print(f"mockserver health: {reason}", file=sys.stderr)
                return 1
            Machine.sleep(PAUSE_SECONDS)
        else:
            print(f"{url} is ready")
            return 0


def ask(url: str, seconds: float) -> None:
    """Ask a server for so long. Raise NotReady unless the server says that it is ready."""
    _get(url, "/_mock/readyz", seconds)


def find_grpc_port(url: str) -> int:
    """Ask a server for its gRPC port, which it may open now. RuntimeError if it has none in plaintext."""
    try:
        answer = json.loads(_get(url, "/_mock/grpc", GRPC_SECONDS))
        port, reason = answer["port"], answer["reason"]
    except (NotReady, ValueError, KeyError, TypeError) as error:
        raise RuntimeError(f"gRPC cannot be answered: {error}") from None
    if port is None:
        raise RuntimeError(reason or f"{url} serves no gRPC in plaintext: start it on 127.0.0.1, or with --grpc-port")
    return int(port)


def _get(url: str, path: str, seconds: float) -> bytes:
    """Return the body of an answer. Raise NotReady unless it is 200."""
    import http.client  # because it reads no proxy variable
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise NotReady(f"{url} cannot be reached: {error}") from None
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise NotReady(f"{url} answers {response.status}: {_describe(body)}")
    return body


def _describe(body: bytes) -> str:
    try:
        return str(json.loads(body)["store"])
    except (ValueError, KeyError, TypeError):
        return "is it a mock server?"

"""`mockserver health`: whether a running server is ready, as an exit status."""

import argparse
import http.client
import os
import sys
from urllib.parse import urlsplit

from mockserver.cli.port_file import reachable, read_port_file
from mockserver.settings import BadOption, Serving, declared, read_settings
from mockserver.state.clock import Machine, countdown
from mockserver.state.new_world import read_options

DESCRIPTION = """\
Ask a running server whether it is ready to answer: that it listens, and that its store can be reached. The exit status
is 0 if so, else 1. The server is that of the port file, else that of --host and --port, as for `mockserver serve`.
"""


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "health",
        help="ask whether a running server is ready",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name in ("port_file", "host", "port"):
        setting = declared(Serving)[name]
        parser.add_argument(setting.flag, dest=name, metavar=setting.metavar, help=setting.help)
    parser.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="wait for so long until it is ready")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what the server says, and return 0 if it is ready."""
    options = {name: getattr(arguments, name) for name in ("port_file", "host", "port")}
    serving = read_settings(Serving, read_options(options, os.environ))
    left = countdown(arguments.wait)
    while True:
        ready, answer = _ask(serving)
        if ready or left() <= 0:
            print(answer, file=sys.stdout if ready else sys.stderr)
            return 0 if ready else 1
        Machine.sleep(0.05)


def _ask(serving: Serving) -> tuple[bool, str]:
    try:
        url = _url(serving)
    except BadOption as error:
        return False, f"mockserver: {error}"
    try:
        address = urlsplit(url)
        # It heeds no proxy variable.
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=5)
        connection.request("GET", "/_mock/readyz")
        answer = connection.getresponse()
        return answer.status == http.client.OK, f"{url}: {answer.read().decode(errors='replace')}"
    except (OSError, http.client.HTTPException) as error:
        return False, f"mockserver: no server answers at {url}: {error}"


def _url(serving: Serving) -> str:
    if serving.port_file is not None:
        return str(read_port_file(serving.port_file)["url"])
    host = f"[{serving.host}]" if ":" in serving.host else serving.host
    return reachable(f"http://{host}:{serving.port}")

"""`mockserver credentials`: write a file of made-up credentials for a running server."""

import argparse
import json
import sys
from pathlib import Path

from mockserver.cli.extras import missing_extra
from mockserver.cli.server_address import add_address, find_url
from mockserver.settings import BadOption

# Imports that only the command needs are inside of it, so that `--help` is quick.

HELP = "write a file of made-up credentials"

DESCRIPTION = """\
Write made-up credentials, as Google's client libraries read them from the file in GOOGLE_APPLICATION_CREDENTIALS.

Libraries get tokens for them from the server, not from Google. external-account works in every language.
service-account has a private key made for the file, for programs that want one; Node's library exchanges it at
oauth2.googleapis.com all the same. So does every library with authorized-user: both need `mockserver run`, which
answers there.
"""

EPILOG = """\
examples:
  mockserver credentials -o adc.json && export GOOGLE_APPLICATION_CREDENTIALS=$PWD/adc.json
  mockserver credentials --type service-account -o key.json
  mockserver credentials --url http://mockserver:8765 -o adc.json      for programs in other containers
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--type",
        choices=("external-account", "service-account", "authorized-user"),
        default="external-account",
        help="the type of the credentials (default: external-account)",
    )
    parser.add_argument("--output", "-o", metavar="FILE", help="a file that only you can read (default: print them)")
    add_address(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write or print the credentials."""
    from mockserver.doors.credentials_file import TYPES, write
    from mockserver.state.world import world_credentials

    try:
        content = TYPES[arguments.type](find_url(arguments), world_credentials())
    except ModuleNotFoundError as error:
        raise missing_extra(error, "run", "--type") from None
    if arguments.output is None:
        json.dump(content, sys.stdout, indent=2)
        print()
        return 0
    path = Path(arguments.output)
    if path.exists():
        raise BadOption(f"{path} exists, and could be real credentials, so name another file", "--output")
    try:
        write(path, content)
    except OSError as error:
        raise BadOption(f"cannot write {arguments.output}: {error.strerror}", "--output") from None
    return 0

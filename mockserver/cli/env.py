"""`mockserver env`: print the variables with which programs use a running server."""

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from mockserver.cli.command_name import command_name
from mockserver.cli.server_address import add_address, find_url
from mockserver.settings import BadOption

# Imports that only the command needs are inside of it, so that `--help` is quick.

HELP = "print the variables for programs that use a running server"

DESCRIPTION = """\
Print the variables with which programs use a running server: base URLs, made-up keys and credentials, a project.

Without --url, the address is the one in the port file (--port-file, or the variable MOCKSERVER_PORT_FILE), else this
machine's with the port in MOCKSERVER_PORT, else with port 8765. If no server answers there, standard error says so.

The credentials are in a file of your cache directory. Clients that take no address from a variable, such as
google-generativeai and vertexai, need a line of code, which the greeting of `mockserver serve` shows; or start them
with `mockserver run --url URL`, which changes no program.
"""

EPILOG = """\
examples:
  eval "$(mockserver env)"                                       bash, zsh
  mockserver env --shell fish | source                           fish
  mockserver env --shell powershell | Out-String | iex           PowerShell
  mockserver env --shell dotenv > .env                           docker run --env-file .env
  eval "$(mockserver env --url http://127.0.0.1:9000)"           a server on another port
  eval "$(mockserver env --unset)"                               remove the variables from the shell
"""

SHELLS: Mapping[str, Callable[[str, str], str]] = {
    "bash": lambda name, value: f"export {name}={shlex.quote(value)}",
    "fish": lambda name, value: f"set -gx {name} {_quote_fish(value)}",
    "powershell": lambda name, value: f"$env:{name} = {_quote_powershell(value)}",
    "dotenv": lambda name, value: f"{name}={value}",  # neither quotes nor comments mean the same to all its readers
}

UNSET: Mapping[str, str] = {
    "bash": "unset {}",
    "fish": "set -e {}",
    "powershell": "Remove-Item Env:{} -ErrorAction Ignore",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--shell", choices=SHELLS, default="bash", help="the syntax to print (default: bash)")
    parser.add_argument("--unset", action="store_true", help="print how to remove the variables instead")
    add_address(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the variables."""
    from mockserver.doors.child_environment import server_environment
    from mockserver.doors.credentials_file import external_account, write
    from mockserver.state.world import world_credentials

    if arguments.unset and arguments.shell not in UNSET:
        raise BadOption(f"a file of variables can only set them; leave out --shell {arguments.shell}", "--unset")
    credentials = world_credentials()
    url, folder = find_url(arguments), _cache_folder()
    name = "".join(letter if letter.isalnum() else "-" for letter in url.partition("://")[2])
    file = folder / f"{name}.json"
    variables = server_environment(url, credentials, file)
    if arguments.unset:
        print("\n".join(UNSET[arguments.shell].format(variable) for variable in variables))
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    write(file, external_account(url, credentials))
    for variable, value in variables.items():
        print(SHELLS[arguments.shell](variable, value))
    _warn_without_server(url)
    return 0


def _warn_without_server(url: str) -> None:
    from urllib.parse import urlsplit

    from mockserver.cli.health import NotReady, ask

    try:
        ask(url, seconds=1.0)
    except NotReady as reason:
        port = urlsplit(url).port
        start = f"{command_name()} serve{f' --port {port}' if port else ''}"
        print(f"mockserver env: warning: {reason}. Start a server: {start}", file=sys.stderr)


def _cache_folder() -> Path:
    default = os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else os.environ.get("XDG_CACHE_HOME")
    return (Path(default) if default else Path.home() / ".cache") / "gemini-tuning-mockserver"


def _quote_fish(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _quote_powershell(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

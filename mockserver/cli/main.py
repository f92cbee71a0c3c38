"""The command `mockserver` with its subcommands."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from mockserver import __version__
from mockserver.cli import check, check_dataset, credentials, env, record, run_command, serve, watch
from mockserver.settings import BadOption

DESCRIPTION = """\
A local emulator of Google's Gemini tuning APIs: the Developer API (tunedModels) and Vertex AI (tuningJobs).
Tuning jobs run on a clock that you control, cost nothing, and fail when you want them to.
"""

COMMANDS: Mapping[str, Any] = {
    "serve": serve,
    "run": run_command,
    "watch": watch,
    "env": env,
    "credentials": credentials,
    "check-dataset": check_dataset,
    "record": record,
    "check": check,
}
"""The modules of the commands: each has HELP, DESCRIPTION, EPILOG, `add_arguments` and `run`."""

LIBRARIES = (
    "starlette",
    "uvicorn",
    "httptools",
    "uvloop",
    "pydantic",
    "orjson",
    "pyyaml",
    "grpcio",
    "protobuf",
    "trustme",
)

EPILOG = """\
examples:
  mockserver serve                              serve both APIs on http://127.0.0.1:8765
  mockserver run -- python tune.py              run a program, unchanged, against the server
  eval "$(mockserver env)"                      point programs at a running server
  mockserver watch                              show its jobs and calls in the terminal
  mockserver check-dataset train.jsonl          find mistakes in training data before a job does
  mockserver record -- python tune.py           record the requests of tune.py and Google's answers
  mockserver check transcripts/                 compare the emulator's answers with recordings

`mockserver COMMAND --help` describes a command.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status. It is 2 for a wrong argument, a port in use or an unreadable file."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except BadOption as error:
        print(f"mockserver: {error}", file=sys.stderr)
        return 2


class _PrintVersions(argparse.Action):
    """Prints our version, Python's, the platform's, and those of the libraries that we stand on."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        import platform
        from importlib.metadata import PackageNotFoundError, version

        def describe(name: str) -> str:
            try:
                return f"{name} {version(name)}"
            except PackageNotFoundError:
                return f"{name} is not installed"

        print(f"mockserver {__version__} (gemini-tuning-mockserver)")
        print(f"Python {platform.python_version()}, {platform.platform()}")
        print(", ".join(map(describe, LIBRARIES)))
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mockserver",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_PrintVersions, help="print the versions that a bug report needs, and exit")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        subparser = commands.add_parser(
            name,
            help=command.HELP,
            description=command.DESCRIPTION,
            epilog=command.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser

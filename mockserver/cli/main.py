"""The command `mockserver` with its subcommands."""

import argparse
import sys
from collections.abc import Sequence

from mockserver import __version__
from mockserver.cli import check, check_dataset, credentials, env, record, run, serve
from mockserver.settings import BadOption

DESCRIPTION = """\
A local emulator of Google's Gemini tuning APIs: the Developer API (tunedModels) and Vertex AI (tuningJobs).
Tuning jobs run on a clock that you control, cost nothing, and fail when you want them to.
"""

EPILOG = """\
examples:
  mockserver serve                              serve both APIs on http://127.0.0.1:8765
  mockserver run -- python tune.py              run a program, unchanged, against the server
  eval "$(mockserver env)"                      point programs at a running server
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mockserver",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mockserver {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (serve, run, env, credentials, check_dataset, record, check):
        command.add_command(commands)
    return parser

"""`mockserver check`: compare recordings with the mock server."""

import argparse
from pathlib import Path

# Imports that only the command needs are inside of it, so that `--help` is quick.

HELP = "compare recordings with the mock server"

DESCRIPTION = """\
Send the recorded requests to the mock server, and compare its answers with the recorded ones.

Ids, times, tokens and the words of a model may differ. The exit status is 0 if nothing else differs, 1 if
something does (drift), 2 if a file cannot be read.
"""

EPILOG = """\
examples:
  mockserver check transcripts/             every recording of a directory
  mockserver check transcripts/tune.json    one of them
  mockserver check -q transcripts/          only the table of methods
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="a directory of recordings, or one recording")
    parser.add_argument("--quiet", "-q", action="store_true", help="print only the table")


def run(arguments: argparse.Namespace) -> int:
    """Print the report."""
    from mockserver.recordings.drift_report import check

    report = check(arguments.folder)
    print(report.text(details=not arguments.quiet))
    return report.status

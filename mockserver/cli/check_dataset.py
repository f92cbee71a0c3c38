"""`mockserver check-dataset`: check a file of training data by the rules of the service."""

import argparse
import io
import sys
from pathlib import Path

from mockserver.settings import BadOption, Whole

# Imports that only the command needs are inside of it, so that `--help` is quick.

HELP = "check a file of training data"

DESCRIPTION = """\
Check a file of training data: print every mistake with its line and the service's message, the number of examples
and tokens, and how many steps and how long tuning takes. It needs no server and sends nothing anywhere.

  JSONL for Vertex AI      one {"contents": [...]} a line; with "completions", preference data; the older
                           {"messages": [...]}, {"input_text", "output_text"} and {"prompt", "completion"}
  for the Developer API    {"text_input": "...", "output": "..."} in JSON, in JSON Lines or in columns of CSV
"""

EPILOG = """\
examples:
  mockserver check-dataset train.jsonl                                   check for any model
  mockserver check-dataset train.jsonl --base-model gemini-2.5-flash     check for this model
  mockserver check-dataset train.jsonl --epochs 3 --format json | jq .estimate.seconds
  mockserver check-dataset examples.csv

Tokens are estimates: Google's tokenizer is not public. The exit status is 0 without problems, 1 with
problems, 2 if the file cannot be read.
"""

EPOCHS = Whole(1, 10_000)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("file", metavar="FILE", help="a .jsonl, .json or .csv file")
    parser.add_argument(
        "--base-model",
        metavar="ID",
        help="the model to tune (default: a common one, or the newest that accepts the data)",
    )
    parser.add_argument("--epochs", metavar="N", help="the number of epochs (default: as the service chooses)")
    parser.add_argument(
        "--format",
        choices=["text", "json"],
        default="text",
        help="text for people or JSON for programs (default: text)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the report and return the exit status: 1 if there are problems, else 0."""
    import orjson

    from mockserver.inspection.dataset_check import check_file

    epochs = None if arguments.epochs is None else EPOCHS.read_argument(arguments.epochs, "--epochs")
    try:
        report = check_file(Path(arguments.file), base_model=arguments.base_model, epochs=epochs)
    except OSError as error:
        reason = "it is a URL, and only local files are read" if "://" in arguments.file else error.strerror
        raise BadOption(f"cannot read {arguments.file}: {reason}") from None
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may not support every character
    as_json = arguments.format == "json"
    print(orjson.dumps(report.tree(), option=orjson.OPT_INDENT_2).decode() if as_json else report.text().rstrip())
    return 1 if report.problems else 0

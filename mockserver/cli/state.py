"""`mockserver state`: move everything that a server has stored from one store to another."""

import argparse
import json
import os
import sys
from pathlib import Path

from mockserver.cli.serve import store_url
from mockserver.settings import BadOption, Serving, declarations, read_settings
from mockserver.state.new_world import read_options

HELP = "export or import what a server has stored"

DESCRIPTION = """\
Write everything that a server has stored as one JSON document, or store such a document in an empty store.

`--store` and `--data-dir` name the store, as for `mockserver serve`. A server may run meanwhile, except during an import.
The document has the server's control token, if it has one.
"""


EPILOG = """\
examples:
  mockserver state export state.json --data-dir ./data      write everything that the server has stored
  mockserver state import state.json --data-dir ./other     put it into an empty store
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("action", choices=("export", "import"))
    parser.add_argument("file", metavar="FILE", help="the JSON document; - is standard output or input")
    for name in ("store", "data_dir"):
        setting = declarations(Serving)[name]
        parser.add_argument(setting.flag, dest=name, metavar=setting.metavar, help=setting.help)


def run(arguments: argparse.Namespace) -> int:
    """Export or import."""
    options = {name: getattr(arguments, name) for name in ("store", "data_dir")}
    url = store_url(read_settings(Serving, read_options(options, os.environ)))
    if url == "memory:":
        where = "add --store URL or --data-dir DIR, the same as for `mockserver serve`"
        raise BadOption(f"what a server keeps in memory cannot be {arguments.action}ed; {where}")
    from mockserver.state.database import Database
    from mockserver.state.document import export_state, import_state
    from mockserver.state.store import Unavailable

    try:
        database = Database(url)
    except Exception as error:  # an invalid URL, a missing driver, a database that cannot be reached
        raise BadOption(f"cannot open the store: {error}", "--store") from error
    try:
        if arguments.action == "export":
            _write(arguments.file, json.dumps(export_state(database), separators=(",", ":")) + "\n")
        else:
            import_state(database, json.loads(_read(arguments.file)))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BadOption(f"{arguments.file}: {error}") from error
    except Unavailable as error:
        raise BadOption(f"cannot {arguments.action} the state: {error}", "--store") from error
    finally:
        database.close()
    return 0


def _write(file: str, text: str) -> None:
    if file == "-":
        sys.stdout.write(text)
        return
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it may hold a token
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)


def _read(file: str) -> str:
    return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")

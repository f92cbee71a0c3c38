"""`mockserver record`: record the requests of a program and Google's answers."""

import argparse
import sys
from pathlib import Path

from mockserver.cli.extras import missing_extra
from mockserver.settings import BadOption, Serving, declarations

# Imports that only the command needs are inside of it, so that `--help` is quick.

HELP = "record the requests of a program and Google's answers (needs httpx)"

DESCRIPTION = """\
Run a program, pass its requests to Google, and record requests and answers without secrets.

The program gets the address of the recorder in GOOGLE_GEMINI_BASE_URL and GOOGLE_VERTEX_BASE_URL. It uses, and pays
for, the real services. Prompts, answers and training examples are recorded as they are; credentials, cookies,
projects and e-mail addresses are replaced, the same value always by the same placeholder.
"""

EPILOG = """\
examples:
  mockserver record -- python tune.py                       record a program in transcript.json
  mockserver record -o tune.json -- python tune.py          or in another file
  mockserver record --port 9000                             listen until Ctrl-C, for a program you start yourself
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--output", "-o", metavar="FILE", default="transcript.json", help="a new file (default: transcript.json)"
    )
    parser.add_argument(
        "--upstream", metavar="URL", help="send requests to this server instead of Google; it must be on this machine"
    )
    parser.add_argument(
        "--port",
        metavar="PORT",
        help="listen on this port until Ctrl-C, for programs that you start yourself; 0 takes a free one",
    )
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="the program to run")


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit status; 1 if nothing was recorded."""
    if not arguments.command and arguments.port is None:
        raise BadOption(
            "name the program: mockserver record -- python tune.py. To start the program yourself instead: mockserver record --port 9000"
        )
    from mockserver.doors.live import CannotListen, serve

    try:
        from mockserver.recordings.recorder import BadUpstream, Recorder, run_command, save
    except ModuleNotFoundError as error:
        if error.name != "httpx":
            raise
        raise missing_extra(error, "record") from None
    path = Path(arguments.output)
    _check_writable(path)
    status = 0
    try:
        recorder = Recorder(arguments.upstream)
        if arguments.command:
            status = run_command(arguments.command, recorder)
        else:
            port = declarations(Serving)["port"].read(arguments.port, called="--port")
            serve(recorder.app, "127.0.0.1", port, _print_url)
    except BadUpstream as error:
        raise BadOption(str(error)) from None
    except CannotListen as error:
        msg = f"cannot listen on port {arguments.port}: {error.strerror}. Choose another --port."
        raise BadOption(msg) from None
    except FileNotFoundError as error:
        raise BadOption(f"program not found: {error.filename!r}", "COMMAND") from None
    _print(save(recorder, path))
    return status or int(not recorder.exchanges)


def _check_writable(path: Path) -> None:
    """Check the file before the program sends requests, which cost money. Raises BadOption."""
    try:
        path.touch(exist_ok=False)
        path.unlink()
    except FileExistsError:
        raise BadOption(f"{path} exists; a recording never overwrites a file, so name another", "--output") from None
    except OSError as error:
        raise BadOption(f"cannot write {path}: {error.strerror}", "--output") from None


def _print_url(url: str) -> None:
    _print(
        f"recording requests to {url}: set GOOGLE_GEMINI_BASE_URL and GOOGLE_VERTEX_BASE_URL to it; stop with Ctrl-C"
    )


def _print(sentence: str) -> None:
    print(f"mockserver record: {sentence}", file=sys.stderr, flush=True)

"""`mockserver record` and `mockserver check`: their options, and what they print."""

import argparse
import sys
from pathlib import Path
from typing import Any

from mockserver import settings
from mockserver.settings import BadOption

# What a command needs is imported when it is run: `--help` should not wait for an HTTP client to load.

RECORD = """\
Pass what a program asks of Google on to Google, and write down both sides without a secret in them.

The program finds the pass-through in GOOGLE_GEMINI_BASE_URL and GOOGLE_VERTEX_BASE_URL. It uses, and pays for,
the real services. Prompts, answers and training examples are written as they are; credentials, cookies,
projects and e-mail addresses are replaced, each by the same placeholder everywhere.
"""

CHECK = """\
Ask the mock server what recordings asked the real service, and compare the answers.

Ids, times, tokens and what a model says may differ. The exit status is 0 when nothing else does, 1 when
something does (drift), 2 when a file cannot be read.
"""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add both to the command line."""
    raw: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    record = commands.add_parser("record", help="write down what a program asks of Google", description=RECORD, **raw)
    record.add_argument("--output", "-o", metavar="FILE", default="transcript.json", help="(default: transcript.json)")
    record.add_argument(
        "--upstream", metavar="URL", help="ask this server instead of Google; it must be on this machine"
    )
    record.add_argument(
        "--port", metavar="PORT", default="0", help="where to listen without a COMMAND (default: a free one)"
    )
    record.add_argument("command", nargs="*", metavar="COMMAND", help="what to run; without, listen until interrupted")
    record.set_defaults(run=_record)
    check = commands.add_parser("check", help="compare recordings with the mock server", description=CHECK, **raw)
    check.add_argument("folder", metavar="DIR", type=Path, help="a folder of recordings, or one of them")
    check.add_argument("--quiet", "-q", action="store_true", help="only the table")
    check.set_defaults(run=_check)


def _record(given: argparse.Namespace) -> int:
    """Run the command and return its exit status; 1 if nothing was recorded."""
    from mockserver.doors.live import CannotListen, serve

    try:
        from mockserver.recordings.recorder import BadUpstream, Recorder, run_command, save
    except ModuleNotFoundError as missing:
        if missing.name != "httpx":
            raise
        msg = "record: httpx is not installed. Run: pip install 'gemini-tuning-mockserver[record]'"
        raise BadOption(msg) from None
    path = Path(given.output)
    _try_to_write(path)
    status = 0
    try:
        recorder = Recorder(given.upstream)
        if given.command:
            status = run_command(given.command, recorder)
        else:
            serve(recorder.app, "127.0.0.1", settings.whole_number("port", given.port, 0, 65535), _greet)
    except BadUpstream as bad:
        raise BadOption(str(bad)) from None
    except CannotListen as taken:
        msg = f"cannot listen on port {given.port}: {taken.strerror}. Choose another --port."
        raise BadOption(msg) from None
    except FileNotFoundError as missing:
        msg = f"command: there is no program {missing.filename!r}"
        raise BadOption(msg) from None
    _say(save(recorder, path))
    return status or int(not recorder.exchanges)


def _try_to_write(path: Path) -> None:
    """Find out before the program asks anything, and pays for it. Raises BadOption."""
    try:
        path.touch(exist_ok=False)
        path.unlink()
    except FileExistsError:
        msg = f"output: there is a {path} already; a recording never writes over a file"
        raise BadOption(msg) from None
    except OSError as error:
        msg = f"output: {path} cannot be written: {error.strerror}"
        raise BadOption(msg) from None


def _greet(url: str) -> None:
    _say(
        f"recording what is asked of {url}: set GOOGLE_GEMINI_BASE_URL and GOOGLE_VERTEX_BASE_URL to it; stop with Ctrl-C"
    )


def _say(sentence: str) -> None:
    print(f"mockserver record: {sentence}", file=sys.stderr, flush=True)


def _check(given: argparse.Namespace) -> int:
    """Print the report of a folder."""
    from mockserver.recordings.drift_report import check

    report = check(given.folder)
    print(report.text(details=not given.quiet))
    return report.status

"""The command `mockserver` with its subcommands."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from mockserver import __version__
from mockserver.cli import (
    check,
    check_dataset,
    config,
    credentials,
    env,
    health,
    record,
    run_command,
    serve,
    state,
    watch,
)
from mockserver.settings import BadOption, nearest, unknown_names

DESCRIPTION = """\
A local mock server of Google's Gemini tuning APIs: the Developer API (tunedModels) and Vertex AI (tuningJobs).
Tuning jobs run on a clock that you control, cost nothing, and fail when you want them to.
"""

COMMANDS: Mapping[str, Any] = {
    "serve": serve,
    "run": run_command,
    "watch": watch,
    "config": config,
    "env": env,
    "health": health,
    "credentials": credentials,
    "state": state,
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
    "sqlalchemy",
    "psycopg",
)

EPILOG = """\
examples:
  mockserver serve                              serve both APIs on http://127.0.0.1:8765
  mockserver run -- python tune.py              run a program, unchanged, against the server
  eval "$(mockserver env)"                      point programs at a running server
  mockserver health --wait 10                   wait until a server is ready
  mockserver watch                              show its jobs and calls in the terminal
  mockserver state export state.json --data-dir ./data    write what a server has stored as one JSON document
  mockserver check-dataset train.jsonl          find mistakes in training data before a job does
  mockserver record -- python tune.py           record the requests of tune.py and Google's answers
  mockserver check transcripts/                 compare the mock server's answers with recordings

`mockserver COMMAND --help` describes a command. A command that needs a library which is not installed says how to install
it.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status. It is 2 for a wrong argument, a port in use or an unreadable file."""
    words = sys.argv[1:] if argv is None else list(argv)
    parser = _parser()
    if not words:
        parser.print_help()
        return 2
    if words[0] == "help":  # as other programs have it: `mockserver help run`
        words = [*words[1:2], "--help"]
    if not words[0].startswith("-") and (unknown := unknown_names(words[:1], COMMANDS, "command")):
        parser.exit(2, f"mockserver: {unknown} (see `mockserver --help`)\n")
    arguments = parser.parse_args(words)
    try:
        return int(arguments.run(arguments))
    except BadOption as error:
        print(f"{arguments.prog}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read the output has seen enough: mockserver serve | head -1
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it closes stdout
        return 0


class _Parser(argparse.ArgumentParser):
    """A parser that names the option which somebody may have meant; errors begin with the command."""

    def error(self, message: str) -> NoReturn:
        """End the program with the usage of the command, and a sentence."""
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: {message}\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the arguments. Ends the program for one that the command does not have."""
        arguments, rest = super().parse_known_args(args, namespace)
        option = next((word for word in rest if word.startswith("-")), None)
        if option is not None:
            unknown = option.partition("=")[0]
            near = nearest(unknown, self._option_string_actions)
            hint = f"; did you mean {near}?" if near else "."
            program = next(iter(getattr(arguments, "command", ())), None)
            if program is not None and args.index(program) < args.index(option):
                hint = f"; if {program} has it, put -- before the program: {self.prog} ... -- {program} {unknown} ..."
                self.exit(2, f"{self.prog}: there is no option {unknown}{hint}\n")
            self.exit(2, f"{self.prog}: there is no option {unknown}{hint} See `{self.prog} --help`\n")
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return arguments, rest


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


class _PrintCompletion(argparse.Action):
    """Prints a script that completes commands and options in a shell."""

    def __call__(self, parser: argparse.ArgumentParser, _: Any, shell: Any, *__: Any) -> NoReturn:
        try:
            import shtab
        except ModuleNotFoundError:
            from mockserver.settings.extras import install_command

            sentence = f"shtab is not installed. Run: {install_command('completion')}"
            parser.exit(2, f"mockserver: --print-completion: {sentence}\n")
        print(shtab.complete(parser, shell))
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="mockserver",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_PrintVersions, help="print the versions that a bug report needs, and exit")
    parser.add_argument(
        "--print-completion",
        action=_PrintCompletion,
        choices=("bash", "zsh", "tcsh"),
        help='print a script that completes commands and options, and exit: eval "$(mockserver --print-completion bash)"',
    )
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
        subparser.set_defaults(run=command.run, prog=subparser.prog)
    return parser

"""A stand-in for gcloud, for programs that `mockserver run` starts: it prints made-up tokens and saves nothing.

It runs as a program of its own, so it imports nothing but the standard library. Its folder has the name of the project.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

COMMANDS = """\
  gcloud auth print-access-token [ACCOUNT]
  gcloud auth application-default print-access-token
  gcloud auth login
  gcloud auth application-default login
  gcloud config get-value project     (or: config get project)
  gcloud config set project PROJECT"""

_FLAGS_WITH_VALUE = frozenset({"--account", "--configuration", "--format", "--project", "--verbosity"})


def install(folder: Path, token: str, project: str) -> None:
    """Put a program `gcloud` into a folder, which belongs on the PATH."""
    (folder / "project").write_text(f"{project}\n", encoding="utf-8")
    arguments = [sys.executable, "-I", __file__, str(folder), token]
    if sys.platform == "win32":
        quoted = " ".join(f'"{word}"' for word in arguments)
        (folder / "gcloud.cmd").write_text(f"@{quoted} %*\n", encoding="utf-8")
        return
    import shlex

    program = folder / "gcloud"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(arguments)} "$@"\n', encoding="utf-8")
    program.chmod(0o700)


def main(folder: Path, token: str, arguments: Sequence[str]) -> int:
    """Run a command of gcloud's, with its output where gcloud has it. What it does not know it says, with status 2."""
    words = _words(arguments)
    commands: dict[tuple[str, ...], Callable[[Sequence[str]], None]] = {
        ("auth", "print-access-token"): lambda rest: print(rest[0] if rest and "@" in rest[0] else token),
        ("auth", "application-default", "print-access-token"): lambda _: print(token),
        ("auth", "login"): lambda rest: _log_in(folder, rest),
        ("auth", "application-default", "login"): lambda _: _save_credentials(),
        ("config", "get-value", "project"): lambda _: print(_project(folder)),
        ("config", "get", "project"): lambda _: print(_project(folder)),
        ("config", "set", "project"): lambda rest: _set_project(folder, rest),
    }
    for length in (3, 2):
        if command := commands.get(tuple(words[:length])):
            command(words[length:])
            return 0
    _complain(
        f"gcloud: 'gcloud {' '.join(words)}' is not available here."
        f" This is the stand-in of `mockserver run`, which knows only\n{COMMANDS}\n"
        "To use the real gcloud, add --no-gcloud to `mockserver run`."
    )
    return 2


def _words(arguments: Sequence[str]) -> list[str]:
    """Return the arguments without flags."""
    words: list[str] = []
    is_value = False
    for argument in arguments:
        if not is_value and not argument.startswith("-"):
            words.append(argument)
        is_value = argument in _FLAGS_WITH_VALUE
    return words


def _project(folder: Path) -> str:
    return (folder / "project").read_text(encoding="utf-8").strip()


def _set_project(folder: Path, rest: Sequence[str]) -> None:
    (folder / "project").write_text("".join(rest[:1]), encoding="utf-8")
    _complain("Updated property [core/project].")


def _log_in(folder: Path, rest: Sequence[str]) -> None:
    _complain(f"\nYou are now logged in as [{rest[0] if rest else 'user@example.com'}].")
    _complain(f"Your current project is [{_project(folder)}].  You can change this setting by running:")
    _complain("  $ gcloud config set project PROJECT_ID")


def _save_credentials() -> None:
    """Say where the credentials are, which were there before."""
    _complain(f"\nCredentials saved to file: [{os.environ.get('GOOGLE_APPLICATION_CREDENTIALS', '')}]\n")
    _complain("These credentials will be used by any library that requests Application Default Credentials (ADC).")


def _complain(sentence: str) -> None:
    print(sentence, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))

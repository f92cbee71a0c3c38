"""Runs a program read from standard input as a notebook runs its cells: the value of an expression is shown.

As in IPython, a line `!command` runs a command, and `lines = !command` keeps the lines that it prints.

usage: python notebook.py < PROGRAM
"""

import ast
import re
import subprocess
import sys


def as_python(text: str) -> str:
    """The program with its commands as calls."""
    text = re.sub(
        r"^( *)(\w+) = !(.*)$", lambda found: f"{found[1]}{found[2]} = system({found[3]!r})", text, flags=re.MULTILINE
    )
    return re.sub(
        r"^( *)!(.*)$", lambda found: f"{found[1]}print(*system({found[2]!r}), sep='\\n')", text, flags=re.MULTILINE
    )


def system(command: str) -> list[str]:
    """The lines that a command prints."""
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(command, shell=True, text=True, check=False, **both).stdout.splitlines()  # type: ignore[call-overload,no-any-return]  # noqa: S602 - it is what a notebook does


def main() -> None:
    """Run the statements one by one in one scope."""
    scope: dict[str, object] = {"__name__": "__main__", "system": system}
    for statement in ast.parse(as_python(sys.stdin.read())).body:
        exec(compile(ast.Interactive([statement]), "<notebook>", "single"), scope)  # noqa: S102 - it is what a notebook does


if __name__ == "__main__":
    main()

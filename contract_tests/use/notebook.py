"""Runs a program read from standard input as a notebook runs its cells: the value of an expression is shown.

usage: python notebook.py < PROGRAM
"""

import ast
import sys


def main() -> None:
    """Run the statements one by one in one scope."""
    scope: dict[str, object] = {"__name__": "__main__"}
    for statement in ast.parse(sys.stdin.read()).body:
        exec(compile(ast.Interactive([statement]), "<notebook>", "single"), scope)  # noqa: S102 - it is what a notebook does


if __name__ == "__main__":
    main()

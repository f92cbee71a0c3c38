"""The command line: `main` is the command, and each other file is a subcommand."""

import sys


def run() -> int:
    """Run the command line, unless another package has replaced our files. Return the exit status."""
    from mockserver.settings.name_conflict import describe_archive, describe_conflict, is_replaced

    if sentence := describe_archive():
        print(f"mockserver: {sentence}", file=sys.stderr)
        return 2
    if sentence := describe_conflict():
        print(f"mockserver: warning: {sentence}", file=sys.stderr)
        if is_replaced():
            return 2
    from mockserver.cli.main import main

    return main()

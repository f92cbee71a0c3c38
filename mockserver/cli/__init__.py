"""The command line: `main` is the command, and each other file is a subcommand."""

import errno
import os
import signal
import sys


def run() -> int:
    """Run the command line, unless another package has replaced our files. Return the exit status."""
    from mockserver.settings.name_conflict import describe_archive, describe_conflict, is_replaced

    _open_standard_files()
    if sentence := describe_archive():
        print(f"mockserver: {sentence}", file=sys.stderr)
        return 2
    if sentence := describe_conflict():
        print(f"mockserver: warning: {sentence}", file=sys.stderr)
        if is_replaced():
            return 2
    try:
        from mockserver.cli.main import main

        try:
            return main()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.ENOSPC):
            raise
        return _end_without_output(error)
    except KeyboardInterrupt:
        _end_by_interrupt()
        raise


def _open_standard_files() -> None:
    """Open what the program was started without, as by `>&-`: else a socket gets that number, and prints go there."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def _end_by_interrupt() -> None:
    """End as a program that Ctrl-C ends, without a traceback: the shell then ends its loop or its script too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.raise_signal(signal.SIGINT)


def _end_without_output(error: OSError) -> int:
    """End quietly when the reader of the output is gone, as `head` is, and with a sentence when the disk is full."""
    if error.errno != errno.EPIPE:
        print(f"mockserver: cannot write the output: {error.strerror}", file=sys.stderr)
    # At the end, Python writes what it has not written yet, and would complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1

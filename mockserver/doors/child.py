"""Runs a program of the user's: signals are passed on, and its exit status is returned as a shell would."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_PASSED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGBREAK")


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command and return its exit status; 128 and the signal's number if a signal ended it.

    OSError if it cannot be run.
    """
    with _receive_signals() as receiver, subprocess.Popen(command, env=environment) as program:  # noqa: S603 - the user's own
        receiver.send_to(program.send_signal)
        status = program.wait()
    return status if status >= 0 else 128 - status


class _Received:
    """The signals that came before there was a program to send them to."""

    def __init__(self) -> None:
        self._early: list[int] = []
        self._send: Callable[[int], None] = self._early.append

    def send_to(self, send: Callable[[int], None]) -> None:
        """Send these, and from now on every signal."""
        self._send = send
        for number in self._early:
            send(number)

    def handle(self, number: int, _: object) -> None:
        """Handle a signal. A terminal sends its own to the program itself."""
        if number not in _FROM_TERMINAL or not _in_foreground():
            self._send(number)


@contextmanager
def _receive_signals() -> Iterator[_Received]:
    receiver = _Received()
    numbers = [getattr(signal, name) for name in _PASSED if hasattr(signal, name)]
    earlier = {number: signal.signal(number, receiver.handle) for number in numbers}
    try:
        yield receiver
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


_FROM_TERMINAL = {number for name in ("SIGINT", "SIGQUIT", "SIGBREAK") if (number := getattr(signal, name, None))}


def _in_foreground() -> bool:
    """Return whether the terminal's signals go to this process, and so to the program."""
    if sys.platform == "win32":
        return True
    try:
        with Path("/dev/tty").open() as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:  # there is no terminal
        return False

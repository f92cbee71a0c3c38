"""Runs a program in a network namespace of its own, where loopback is the only interface: no packet can leave.

usage: unshare --map-root-user --net python isolation.py COMMAND ...
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

_UNSHARE = ("unshare", "--map-root-user", "--net")
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1


@cache
def permitted() -> bool:
    """Whether this machine permits such a namespace; containers often do not."""
    if shutil.which(_UNSHARE[0]) is None:
        return False
    return 0 == subprocess.run([*_UNSHARE, "true"], check=False, capture_output=True).returncode


def isolated(command: Sequence[str | Path]) -> list[str | Path]:
    """The command in such a namespace if the machine permits one, else as it is."""
    return [*_UNSHARE, sys.executable, "-m", __name__, *command] if permitted() else [*command]


def main() -> None:
    """Switch loopback on and become the program."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the test's own program


if __name__ == "__main__":
    main()

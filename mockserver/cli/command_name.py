"""How a user can type the name of this program: it may be in an environment that is not active."""

import shlex
import shutil
import sys
from pathlib import Path


def command_name() -> str:
    """Return `mockserver` if the shell finds it, else the way in which this process was started.

    The path is absolute: the user types it in another terminal, and perhaps in another folder.
    """
    if shutil.which("mockserver"):
        return "mockserver"
    program = Path(sys.argv[0])
    if program.suffix == ".py":
        return f"{shlex.quote(sys.executable)} -m mockserver"
    return shlex.quote(str(program.absolute()))

"""How a user can type the name of this program: it may be in an environment that is not active."""

import shlex
import shutil
import sys
from pathlib import Path


def command_name() -> str:
    """Return `mockserver` if the shell finds it, else the way in which this process was started."""
    if shutil.which("mockserver"):
        return "mockserver"
    program = Path(sys.argv[0])
    return f"{shlex.quote(sys.executable)} -m mockserver" if program.suffix == ".py" else shlex.quote(str(program))

"""The error for a library that only some users install."""

from mockserver.settings import BadOption
from mockserver.settings.extras import install_command


def missing_extra(error: ModuleNotFoundError, extra: str, name: str = "") -> BadOption:
    """Return the error for a missing library of an extra; `name` is the option that needs it, if any."""
    return BadOption(f"{error.name} is not installed. Run: {install_command(extra)}", name)

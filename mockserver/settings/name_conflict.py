"""Detects the package `mockserver-client`: it installs a module `mockserver` and a pytest plugin `mockserver` too.

In one environment the package that was installed last replaces files of the other, which then fails in ways that do
not name the cause. This module imports nothing else of ours, because `mockserver/__init__.py` may be the other's.
"""

import sys
from pathlib import Path

THEIR_FILE = "websocket_client.py"
"""A file of their module, in every release [seen in mockserver-client 9.2.0]; ours has none of that name."""


def describe_conflict() -> str:
    """Return a sentence for people if both packages are installed, else ""."""
    if not any(Path(path, "mockserver", THEIR_FILE).exists() for path in sys.path):
        return ""
    return (
        "two installed packages have a module named mockserver: gemini-tuning-mockserver and mockserver-client."
        f" {'The second has replaced files of the first' if is_replaced() else 'They replace files of each other'}:"
        " install them in separate environments (pip uninstall mockserver-client, then"
        " pip install --force-reinstall gemini-tuning-mockserver)"
    )


def describe_archive() -> str:
    """Return a sentence for people if the package was imported from an archive, else ""."""
    if Path(__file__).exists():
        return ""
    return (
        "mockserver reads tables from files beside its code, so it cannot be imported from an archive:"
        " install it (pip install FILE.whl)"
    )


def is_replaced() -> bool:
    """Return whether the module `mockserver` is the other package's."""
    return "create_app" not in dir(sys.modules["mockserver"])

"""`mockserver config`: print the settings that `mockserver serve` would use, and where each comes from."""

import argparse
import json
import os
from typing import Any

from mockserver.cli.serve import TITLES, add_options
from mockserver.settings import By, Setting, declarations
from mockserver.state.new_world import Given, find_options

HELP = "print the settings of a server, and where each comes from"

DESCRIPTION = """\
Print the settings that `mockserver serve` would use with the same options, variables and file, and where each comes
from. The output is a file for --config; secrets are left out.
"""

EPILOG = """\
examples:
  mockserver config                                  what holds without any option
  mockserver config --config mockserver.toml         what a file says
  mockserver config --seed 7 > mockserver.toml       write such a file
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print each setting as a line of TOML."""
    given = find_options(vars(arguments), os.environ)
    for group, title in TITLES.items():
        print(f"# {title}")
        for name, setting in declarations(group, by=By.SERVE).items():
            print(_line(setting, given.get(name)))
        print()
    return 0


def _line(setting: Setting, given: Given | None) -> str:
    """The line of a setting. What cannot be in a file, or need not be, is a comment."""
    if given is None and (setting.absent or setting.default is None):
        return f"# {setting.name} is not set" + (f": {setting.absent}" if setting.absent else "")
    value, source = (setting.default, "default") if given is None else (given.value, given.source)
    if setting.name == "config":
        return f"# config: {value}  # {source}"
    if setting.is_secret and (shown := _without_password(str(value)) if setting.name == "store" else "") != value:
        return f"# {setting.name}: {shown or 'a secret'}  # {source}"
    return f"{setting.name} = {_toml(setting, value)}  # {source}"


def _without_password(url: str) -> str:
    """Return the URL of a store with dots for its password; "" if it is among the parameters.

    The password ends at the last @, as SQLAlchemy reads it.
    """
    if "password=" in url:
        return ""
    scheme, _, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{scheme}://{user}:...@{place}" if at and colon and "/" not in user and "@" not in user else url


def _toml(setting: Setting, value: Any) -> str:
    if isinstance(value, frozenset):
        return json.dumps(sorted(value))
    if isinstance(value, bool | int):
        return json.dumps(value)
    return json.dumps(setting.kind.text(value))

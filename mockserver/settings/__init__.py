"""Every setting, declared once: name, type, default, help, who may set it, which values it takes.

The command line with its `--help`, the MOCKSERVER_... variables, the ini file, the marker, the control API, the
keywords of `MockServer` and the documents' tables are made from these fields. To add a setting, add a field to its
group in `world.py`, `server.py` or `interception.py`, run `make settings` and write the code that reads it.

Settings of a world and the rest stand in one room below all others, so that a field is the whole declaration and
type checkers know the values. The pytest plugin loads it in every run of its users: it imports next to nothing.
"""

from mockserver.settings.declaration import PREFIX, By, Setting, declarations
from mockserver.settings.interception import InterceptionSettings
from mockserver.settings.reading import (
    GROUPS,
    nearest,
    place_of,
    random_seed,
    read_settings,
    unknown_names,
    unknown_settings,
    unknown_variables,
)
from mockserver.settings.server import Serving
from mockserver.settings.types import FASTEST, LONGEST_SECONDS, BadOption, SettingType, Whole
from mockserver.settings.world import Beginning, Settings

__all__ = [
    "FASTEST",
    "GROUPS",
    "LONGEST_SECONDS",
    "PREFIX",
    "BadOption",
    "Beginning",
    "By",
    "InterceptionSettings",
    "Serving",
    "Setting",
    "SettingType",
    "Settings",
    "Whole",
    "declarations",
    "nearest",
    "place_of",
    "random_seed",
    "read_settings",
    "unknown_names",
    "unknown_settings",
    "unknown_variables",
]

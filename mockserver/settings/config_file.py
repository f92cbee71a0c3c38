"""Reads settings from a TOML file: each by its name, at the top level."""

from collections.abc import Mapping
from datetime import date, time
from pathlib import Path
from typing import Any

from mockserver.settings.declaration import Setting
from mockserver.settings.types import BadOption


def read_config(path: str, settings: Mapping[str, Setting]) -> dict[str, Any]:
    """Read the values in a file, by the names of the settings. Raises BadOption."""
    import tomllib  # noqa: PLC0415 - only a file needs it

    from mockserver.settings import unknown_names  # noqa: PLC0415 - it imports this module's neighbours

    try:
        with Path(path).open("rb") as file:
            members = tomllib.load(file)
    except OSError as error:
        raise BadOption(f"cannot read {path}: {error.strerror}", "--config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadOption(f"{path} is not TOML: {error}", "--config") from None
    members = {name.replace("-", "_"): value for name, value in members.items()}
    if unknown := unknown_names(members, settings, "setting"):
        raise BadOption(unknown, path)
    return {name: settings[name].read(_simplify(value), called=f"{path}: {name}") for name, value in members.items()}


def _simplify(value: Any) -> Any:
    """Return the text that the option of the command line would get: TOML has types for numbers and times."""
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value

"""Creates a world from its settings, given as texts or values: for the command line, tests and the control API."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from mockserver.settings import (
    GROUPS,
    BadOption,
    Beginning,
    By,
    Setting,
    Settings,
    declarations,
    random_seed,
    read_settings,
    unknown_settings,
)
from mockserver.settings.config_file import read_config
from mockserver.state.clock import Clock, ManualClock, SystemClock, today
from mockserver.state.world import World


def new_world(values: Mapping[str, Any]) -> World:
    """Create a world with these settings: those of `Settings`, `clock` and `start_time`.

    `clock` may be a Clock. Without a seed, the world gets a random one. Raises BadOption for an invalid value,
    TypeError for an unknown setting.
    """
    if unknown := unknown_settings(values, [*declarations(Settings), "clock", "start_time"], "setting"):
        raise TypeError(unknown)
    settings = read_settings(Settings, {"seed": random_seed()} | with_today(values))
    clock = values.get("clock", declarations(Beginning)["clock"].default)
    if not isinstance(clock, Clock):
        clock = _clock(values, settings.as_of)
    return World(clock, settings)


def with_today(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values, with today's date if `as_of` is `today`."""
    as_of = values.get("as_of")
    is_today = isinstance(as_of, str) and as_of.strip().lower() == "today"
    return dict(values) | ({"as_of": today()} if is_today else {})


@dataclass(frozen=True, slots=True)
class Given:
    """The value of a setting, and where it comes from: an option, a variable, a file, "default"."""

    value: Any
    source: str


def read_options(
    options: Mapping[str, str | None], environment: Mapping[str, str], *, needs_list: bool = True
) -> dict[str, Any]:
    """Read the settings of `mockserver serve` by name: see `find_options`."""
    found = find_options(options, environment, needs_list=needs_list)
    return {name: given.value for name, given in found.items()}


def find_options(
    options: Mapping[str, str | None], environment: Mapping[str, str], *, needs_list: bool = True
) -> dict[str, Given]:
    """Find the settings of `mockserver serve` in its options, else in variables, else in the file `--config`.

    An empty variable counts as unset. With `needs_list`, strict authentication needs a list of credentials. Raises
    BadOption, which names the option, the variable or the file.
    """
    settings = declarations(*GROUPS, by=By.SERVE)
    path = options.get("config") or environment.get(settings["config"].variable)
    in_file = {name: it for name, it in settings.items() if name != "config"}
    config = read_config(path, in_file) if path else {}
    found: dict[str, Given] = {}
    for name, it in settings.items():
        if (text := options.get(name)) is not None:
            found[name] = _read_text(it, text, it.flag)
        elif text := environment.get(it.variable):
            found[name] = _read_text(it, text, it.variable)
        elif name in config:
            found[name] = Given(config[name], str(path))
        elif it.serve_default:
            found[name] = Given(it.read(it.serve_default), "default")
    auth, accepted = found.get("auth"), found.get("accepted_credentials")
    if needs_list and auth and auth.value == "strict" and not (accepted and accepted.value):
        raise BadOption("strict accepts only listed credentials, so list them with --credential", "--auth")
    return found


def _read_text(setting: Setting, text: str, source: str) -> Given:
    return Given(setting.read_option(with_today({setting.name: text})[setting.name], called=source), source)


def _clock(values: Mapping[str, Any], as_of: date | None) -> Clock:
    """Create the clock. It starts at `start_time`, else at noon of the as-of day, else now."""
    beginning = read_settings(Beginning, {name: values[name] for name in ("clock", "start_time") if name in values})
    start, name = beginning.start_time, "start_time"
    if start is None and as_of is not None and as_of != today():
        start, name = datetime.combine(as_of, time(12), tzinfo=UTC), "as_of"
    try:
        return SystemClock(beginning.clock, start) if beginning.clock else ManualClock(start)
    except ValueError as error:
        raise BadOption(str(error), name) from None

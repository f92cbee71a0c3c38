"""Creates a world from its settings, given as texts or values: for the command line, tests and the control API."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from mockserver.settings import (
    GROUPS,
    BadOption,
    Beginning,
    By,
    Settings,
    declarations,
    random_seed,
    read_settings,
    unknown_names,
)
from mockserver.state.clock import Clock, ManualClock, SystemClock, today
from mockserver.state.world import World


def new_world(values: Mapping[str, Any]) -> World:
    """Create a world with these settings: those of `Settings`, `clock` and `start_time`.

    `clock` may be a Clock. Without a seed, the world gets a random one. Raises BadOption for an invalid value, TypeError
    for an unknown setting.
    """
    if unknown := unknown_names(values, [*declarations(Settings), "clock", "start_time"], "setting"):
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


def read_options(options: Mapping[str, str | None], environment: Mapping[str, str]) -> dict[str, Any]:
    """Read the settings of `mockserver serve` from its options, else from environment variables, by name.

    An empty variable counts as unset. Raises BadOption, which names the option or the variable.
    """
    values = {}
    for name, it in declarations(*GROUPS, by=By.SERVE).items():
        text, source = options.get(name), it.flag
        if text is None:
            text, source = environment.get(it.variable) or it.serve_default or None, it.variable
        if text is not None:
            values[name] = it.read_option(with_today({name: text})[name], called=source)
    if values.get("auth") == "strict" and not values.get("accepted_credentials"):
        raise BadOption("strict accepts only listed credentials, so list them with --credential", "--auth")
    return values


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

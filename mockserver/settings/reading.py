"""Reads settings by their names, and explains names that are not known."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from mockserver.settings.declaration import PREFIX, By, declarations
from mockserver.settings.interception import PYTEST_ONLY, InterceptionSettings
from mockserver.settings.server import Serving
from mockserver.settings.world import Beginning, Settings

T = TypeVar("T")

OTHERS = ("MOCKSERVER_REAL_", "MOCKSERVER_URL", "MOCKSERVER_SERVICE_", "MOCKSERVER_PORT_")
"""How variables begin that are not for the server: those of the tests against the real services, the one that it sets
for programs, and those of Kubernetes for a service named mockserver.
"""

GROUPS = (Beginning, Settings, Serving, InterceptionSettings)


def read_settings(group: type[T], values: Mapping[str, Any]) -> T:
    """Return the group with these values and defaults for the rest.

    Raises BadOption for a value that is not allowed.
    """
    return group(**{name: values[name] for name in declarations(group) if name in values})


def unknown_names(names: Iterable[str], choices: Iterable[str], what: str) -> str:
    """Return a sentence about the first name that is not known, "" if all are."""
    choices = list(choices)
    for name in names:
        if name not in choices:
            near = nearest(name, choices)
            hint = f"did you mean {near!r}?" if near else f"the {what}s are {', '.join(choices)}"
            return f"there is no {what} {name!r}; {hint}"
    return ""


def unknown_settings(names: Iterable[str], choices: Iterable[str], what: str) -> str:
    """Return a sentence as `unknown_names` does. It says of a setting that another place takes which one that is."""
    choices = list(choices)
    for name in names:
        if name not in choices and (place := place_of(name)):
            return f"there is no {what} {name!r} here: it belongs to {place}"
    return unknown_names(names, choices, what)


def place_of(name: str) -> str:
    """Return where a setting is given in Python, or else on the command line; "" if there is none of this name."""
    setting = declarations(*GROUPS).get(name)
    if setting is None:
        return ""
    if name in PYTEST_ONLY:
        return "the pytest marker and the ini file alone"
    if name in {"host", "port", "grpc_port"}:
        return f"start({name}=...)"
    if name in declarations(Serving):
        return f"`mockserver serve {setting.flag}`"
    return f"intercepting({name}=...)" if name in declarations(InterceptionSettings) else f"MockServer({name}=...)"


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return the known name that somebody may have meant, "" if none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    return next(iter(get_close_matches(name, list(choices), 1)), "")


def unknown_variables(environment: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each MOCKSERVER_... variable that sets nothing."""
    variables = [it.variable for it in declarations(*GROUPS, by=By.SERVE).values()]
    for variable in sorted(environment):
        if variable.startswith(PREFIX) and variable not in variables and not variable.startswith(OTHERS):
            near = nearest(variable, variables)
            yield f"{variable} is not a setting" + (f"; did you mean {near}?" if near else "")


def random_seed() -> int:
    """Return a seed that nobody chose, short enough to be typed again."""
    return int.from_bytes(os.urandom(8)) % 1_000_000

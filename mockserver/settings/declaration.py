"""How a setting is declared: a field of a data class whose metadata say the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import Flag, auto
from functools import cache
from typing import Any

from mockserver.settings.types import SettingType, Switch

PREFIX = "MOCKSERVER_"
"""How the environment variable of a setting begins."""


class By(Flag):
    """Who may set a setting."""

    SERVE = auto()
    """The command line of `mockserver serve`, and a MOCKSERVER_... variable."""
    TEST = auto()
    """The marker and the ini file of pytest."""
    CONTROL = auto()
    """The control API, while the server runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The declaration of a setting.

    `help` is a phrase for `--help`, `more` are sentences that only the tables of the documents have. `option` is the
    name on the command line if it is not the setting's own. `serve_default` and `live_default` are what `mockserver
    serve` and the fixture `mockserver_live` start from instead of `default`; `absent` says what happens when nobody
    sets it. The control API never shows the value of a setting that `is_secret`.
    """

    name: str = ""
    kind: SettingType
    default: Any
    help: str
    more: str = ""
    by: By = By.SERVE | By.TEST | By.CONTROL
    option: str = ""
    metavar: str = ""
    serve_default: str = ""
    live_default: str = ""
    absent: str = ""
    is_secret: bool = False

    @property
    def is_flag(self) -> bool:
        """Whether the option of the command line takes no value."""
        return isinstance(self.kind, Switch)

    @property
    def flag(self) -> str:
        """The name on the command line. The option of a switch that is on by default turns it off."""
        name = (self.option or self.name).replace("_", "-")
        return f"--no-{name}" if self.is_flag and self.default else f"--{name}"

    @property
    def option_text(self) -> str:
        """What the option of the command line does."""
        return f"do not {self.help}" if self.is_flag and self.default else self.help

    @property
    def option_help(self) -> str:
        """The line of `--help`."""
        default = self.default_of(By.SERVE)
        return f"{self.option_text} (default: {default})" if default else self.option_text

    @property
    def test_help(self) -> str:
        """The line of `pytest --help`."""
        default = self.default_of(By.TEST)
        return f"{self.help} (default: {default})" if default else self.help

    def default_of(self, who: By) -> str:
        """Return what holds when nobody sets it, for people; "" if that is nothing."""
        text = self.serve_default if who is By.SERVE else ""
        if text or (self.absent and (self.default is None or who is By.SERVE)):
            return text or self.absent
        if self.default is None or self.default == frozenset() or (self.is_flag and who is By.SERVE):
            return ""
        return self.kind.text(self.default) + (
            f"; {self.live_default} for mockserver_live" if self.live_default else ""
        )

    @property
    def variable(self) -> str:
        """The name of the environment variable."""
        return PREFIX + self.flag[2:].upper().replace("-", "_")

    def read(self, value: object, *, called: str = "") -> Any:
        """Return the value that was meant. Raises BadOption, naming the setting as it was `called`."""
        if value is None and self.default is None:
            return None
        return self.kind.read_argument(value, called or self.name)

    def read_option(self, text: str, *, called: str) -> Any:
        """Return the value for what an option or a variable says: `yes` to --no-magic is no magic."""
        value = self.read(text, called=called)
        return value is not self.default if self.is_flag else value


def setting(kind: SettingType, help: str, *, default: Any, **more: Any) -> Any:
    """Return a field that declares a setting."""
    return field(default=default, metadata={"setting": Setting(default=default, kind=kind, help=help, **more)})


def declarations(*groups: Any, by: By | None = None) -> Mapping[str, Setting]:
    """Return the settings that these data classes declare, by name and in order; only those that somebody may set."""
    settings = {name: it for group in groups for name, it in _read_declarations(group).items()}
    return {name: it for name, it in settings.items() if by is None or by in it.by}


@cache
def _read_declarations(group: Any) -> Mapping[str, Setting]:
    return {it.name: replace(it.metadata["setting"], name=it.name) for it in fields(group)}


class Checked:
    """A data class whose values are read as they are declared, wherever they come from."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for it in declarations(type(self)).values():
            value = getattr(self, it.name)
            if value is not it.default:
                object.__setattr__(self, it.name, it.read(value))

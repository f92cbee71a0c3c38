"""The types of settings: which values each takes, and how a text is read."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

Json = dict[str, Any]

LONGEST_SECONDS = 31_536_000
"""The longest delay there is: a year. The world's clock jumps by it when a test owns the clock."""

FASTEST = 1e6
"""The highest factor of a clock: a day passes in a tenth of a second."""


class BadOption(ValueError):
    """A setting or an argument has an invalid value. `name` is the setting's, "" if it is about something else."""

    def __init__(self, sentence: str, name: str = "") -> None:
        super().__init__(f"{name}: {sentence}" if name else sentence)
        self.sentence = sentence
        self.name = name


class SettingType(ABC):
    """The values a setting takes: how a text is read, and what the one error sentence says is expected."""

    expected: str
    """The end of the sentence "'x' is not ..."."""
    metavar = "TEXT"
    annotation = "str"
    """The type of the keyword of `MockServer`."""

    @abstractmethod
    def read(self, value: object) -> Any:
        """Return the value that a text or a value stands for. Raises ValueError if there is none."""

    def read_argument(self, value: object, name: str) -> Any:
        """Return the value that was meant. Raises BadOption with the name of the argument."""
        try:
            return self.read(value)
        except (TypeError, ValueError, OverflowError):
            raise BadOption(f"{value!r} is not {self.expected}", name) from None

    def schema(self) -> Json:
        """Return the values as JSON Schema has them."""
        return {"type": "string"}

    def json(self, value: Any) -> Any:
        """Return the value in JSON."""
        return value

    def text(self, value: Any) -> str:
        """Return the value as somebody would type it."""
        return str(value)


class Text(SettingType):
    """Any text."""

    expected = "a text"

    def read(self, value: object) -> str:
        """Return it."""
        return _as(str, value)


class Word(SettingType):
    """One of a few words."""

    metavar = "WORD"

    def __init__(self, *words: str) -> None:
        self.words = words
        self.expected = f"one of {', '.join(words)}"
        self.annotation = "Literal[" + ", ".join(f'"{word}"' for word in words) + "]"

    def read(self, value: object) -> str:
        """Return it if it is one of them."""
        if value not in self.words:
            raise ValueError
        return str(value)

    def schema(self) -> Json:
        """Return an enumeration."""
        return {"type": "string", "enum": list(self.words)}


class Switch(SettingType):
    """On or off."""

    annotation = "bool | str"
    on, off = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
    expected = f"one of {', '.join(on + off)}"

    def read(self, value: object) -> bool:
        """Read a word for on or off."""
        if isinstance(value, bool):
            return value
        word = _as(str, value).strip().lower()
        if word not in self.on + self.off:
            raise ValueError
        return word in self.on

    def text(self, value: Any) -> str:
        """Return a word."""
        return "yes" if value else "no"

    def schema(self) -> Json:
        """Return a boolean."""
        return {"type": "boolean"}


class Whole(SettingType):
    """A whole number within bounds."""

    metavar = "N"
    annotation = "int | str"

    def __init__(self, least: int, most: int) -> None:
        self.least = least
        self.most = most
        self.expected = f"a whole number from {least} to {most}"

    def read(self, value: object) -> int:
        """Read an integer, or its digits."""
        number = int(value) if isinstance(value, str) else _as(int, value)
        if not self.least <= number <= self.most:
            raise ValueError
        return number

    def schema(self) -> Json:
        """Return an integer with its bounds."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


class Seconds(SettingType):
    """A duration."""

    metavar = "SECONDS"
    annotation = "float | str"
    expected = f"a number of seconds from 0 to {LONGEST_SECONDS}"

    def text(self, value: Any) -> str:
        """Return the number, without decimals if it is whole."""
        return f"{value:g}"

    def read(self, value: object) -> float:
        """Read a number, or its digits."""
        number = float(value) if isinstance(value, str | int) and not isinstance(value, bool) else _as(float, value)
        if not 0 <= number <= LONGEST_SECONDS:
            raise ValueError
        return number

    def schema(self) -> Json:
        """Return a number with its bounds."""
        return {"type": "number", "minimum": 0, "maximum": LONGEST_SECONDS}


class Speed(SettingType):
    """How fast a clock runs: a factor, 0 for one that a test moves."""

    metavar = "CLOCK"
    annotation = "Clock | str"
    expected = f"manual, real, or a factor up to {FASTEST:.0f}x such as 60x"

    def read(self, value: object) -> float:
        """Read a word or a factor."""
        word = value.strip().lower() if isinstance(value, str) else ""
        if word in ("manual", "real"):
            return float(word == "real")
        factor = float(word.removesuffix("x")) if word else _as(float, value)
        if not (0 < factor <= FASTEST or (factor == 0 and not word)):
            raise ValueError
        return factor

    def text(self, value: Any) -> str:
        """Return the word or the factor."""
        return {0.0: "manual", 1.0: "real"}.get(value, f"{value:g}x")


class Moment(SettingType):
    """A time; UTC unless it names its zone."""

    metavar = "TIME"
    annotation = "datetime | str"
    expected = "a date or time such as 2024-03-14 or 2024-03-14T15:09:26Z"

    def read(self, value: object) -> datetime:
        """Read ISO 8601."""
        if isinstance(value, datetime):
            return value
        moment = datetime.fromisoformat(_as(str, value))
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Day(SettingType):
    """A day."""

    metavar = "DATE"
    annotation = "date | str"
    expected = "today or a day such as 2024-03-14"

    def read(self, value: object) -> date:
        """Read ISO 8601. Whoever knows what day it is replaces `today` before."""
        if isinstance(value, datetime):
            return value.date()
        return value if isinstance(value, date) else date.fromisoformat(_as(str, value))

    def schema(self) -> Json:
        """Return a date."""
        return {"type": "string", "format": "date"}

    def json(self, value: Any) -> Any:
        """ISO 8601."""
        return value.isoformat()


class Folder(SettingType):
    """A directory that exists."""

    metavar = "DIR"
    annotation = "Path | str"
    expected = "an existing directory"

    def read(self, value: object) -> Path:
        """Return its path."""
        path = value if isinstance(value, Path) else Path(_as(str, value))
        if not path.is_dir():
            raise ValueError
        return path

    def json(self, value: Any) -> Any:
        """Return the path as text."""
        return str(value)


class Texts(SettingType):
    """Several texts, in one text with commas between them."""

    annotation = "Iterable[str] | str"
    expected = "a list of texts, or one text with commas between them"

    def read(self, value: object) -> frozenset[str]:
        """Read the list."""
        if isinstance(value, str):
            return frozenset(value.split(","))
        if not isinstance(value, Iterable):
            raise TypeError
        return frozenset(_as(str, each) for each in value)

    def schema(self) -> Json:
        """Return a list."""
        return {"type": "array", "items": {"type": "string"}}

    def json(self, value: Any) -> Any:
        """Return a list in order."""
        return sorted(value)


def _as(kind: type[T], value: object) -> T:
    """Return the value, if it is of that type. A boolean is not a number."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError
    return value

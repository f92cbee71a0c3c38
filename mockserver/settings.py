"""Every setting, declared once: name, type, default, help, who may set it, which values it takes.

The command line with its `--help`, the MOCKSERVER_... variables, the ini file, the marker, the control API, the
keywords of `MockServer` and the documents' tables are made from these fields. To add a setting, add a field here,
run `make settings` and write the code that reads it.

Settings of a world and the rest stand in one module below all others, so that a field is the whole declaration and
type checkers know the values. The pytest plugin loads it in every run of its users: it imports next to nothing.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime
from enum import Flag, auto
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

T = TypeVar("T")

Json = dict[str, Any]

PREFIX = "MOCKSERVER_"
OTHERS = ("MOCKSERVER_REAL_", "MOCKSERVER_SERVICE_", "MOCKSERVER_PORT_")
"""Variables that are not for the server: of the tests against the real services, and of Kubernetes for a service so named."""

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
        """The value that a text or a value stands for. Raises ValueError if there is none."""

    def read_argument(self, value: object, name: str) -> Any:
        """The value that was meant. Raises BadOption with the name of the argument."""
        try:
            return self.read(value)
        except (TypeError, ValueError, OverflowError):
            raise BadOption(f"{value!r} is not {self.expected}", name) from None

    def schema(self) -> Json:
        """The values as JSON Schema has them."""
        return {"type": "string"}

    def json(self, value: Any) -> Any:
        """The value in JSON."""
        return value

    def text(self, value: Any) -> str:
        """The value as somebody would type it."""
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
        """An enumeration."""
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
        """A word."""
        return "yes" if value else "no"

    def schema(self) -> Json:
        """A boolean."""
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
        """An integer with its bounds."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


class Seconds(SettingType):
    """A duration."""

    metavar = "SECONDS"
    annotation = "float | str"
    expected = f"a number of seconds from 0 to {LONGEST_SECONDS}"

    def text(self, value: Any) -> str:
        """The number, without decimals if it is whole."""
        return f"{value:g}"

    def read(self, value: object) -> float:
        """Read a number, or its digits."""
        number = float(value) if isinstance(value, str | int) and not isinstance(value, bool) else _as(float, value)
        if not 0 <= number <= LONGEST_SECONDS:
            raise ValueError
        return number

    def schema(self) -> Json:
        """A number with its bounds."""
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
        """The word or the factor."""
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
        """A date."""
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
        """The path as text."""
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
        """A list."""
        return {"type": "array", "items": {"type": "string"}}

    def json(self, value: Any) -> Any:
        """A list in order."""
        return sorted(value)


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

    `help` is a phrase for `--help`, `more` are sentences that only the tables of the documents have. `option` is the name
    on the command line if it is not the setting's own. `serve_default` and `live_default` are what `mockserver serve`
    and the fixture `mockserver_live` start from instead of `default`; `absent` says what happens when nobody sets it.
    The control API never shows the value of a setting that `is_secret`.
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
        """What holds when nobody sets it, for people; "" if that is nothing."""
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
        """The value that was meant. Raises BadOption, naming the setting as it was `called`."""
        if value is None and self.default is None:
            return None
        return self.kind.read_argument(value, called or self.name)

    def read_option(self, text: str, *, called: str) -> Any:
        """The value for what an option or a variable says: `yes` to --no-magic is no magic."""
        value = self.read(text, called=called)
        return value is not self.default if self.is_flag else value


def setting(kind: SettingType, help: str, *, default: Any, **more: Any) -> Any:
    """A field that declares a setting."""
    return field(default=default, metadata={"setting": Setting(default=default, kind=kind, help=help, **more)})


def declared(*groups: Any, by: By | None = None) -> Mapping[str, Setting]:
    """The settings that these data classes declare, by name and in order; only those that somebody may set."""
    found = {name: it for group in groups for name, it in _declared(group).items()}
    return {name: it for name, it in found.items() if by is None or by in it.by}


@cache
def _declared(group: Any) -> Mapping[str, Setting]:
    return {it.name: replace(it.metadata["setting"], name=it.name) for it in fields(group)}


class _Checked:
    """A data class whose values are read as they are declared, wherever they come from."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for it in declared(type(self)).values():
            value = getattr(self, it.name)
            if value is not it.default:
                object.__setattr__(self, it.name, it.read(value))


@dataclass(frozen=True, slots=True)
class Settings(_Checked):
    """How a world behaves. Values may be texts. Raises BadOption for a value that a setting does not take."""

    seed: int = setting(
        Whole(0, 2**63 - 1),
        "repeat ids, losses and answers exactly; another number gives others",
        absent="random, and printed",
        default=0,
    )
    auth: Literal["any", "off", "strict"] = setting(
        Word("any", "off", "strict"),
        "who may ask: any (some credential is required), off, strict (only the listed credentials)",
        more="A token that is an e-mail address stands for that user; a key owns what it creates.",
        metavar="MODE",
        default="any",
    )
    accepted_credentials: frozenset[str] = setting(
        Texts(),
        "the API keys and tokens that strict auth accepts, with commas between them",
        option="credential",
        is_secret=True,
        default=frozenset(),
    )
    default_user: str = setting(
        Text(),
        "the user whom a token that is not an e-mail address stands for",
        by=By.TEST | By.CONTROL,
        default="user@example.com",
    )
    as_of: date | None = setting(
        Day(),
        "behave as the service did on that day, or on all days at once: each base model as in its own time",
        more="Models, methods, defaults, limits and credentials are those of the day. `today` shows what old code meets now.",
        absent="all days",
        default=None,
    )
    metadata_refresh_seconds: float = setting(
        Seconds(),
        "simulated seconds between two refreshes of a tuning operation's metadata",
        more="The real service refreshes about once a minute; 0 shows every step.",
        option="metadata-refresh",
        default=61.0,
    )
    lenient_routes: bool = setting(
        Switch(),
        "serve tunedModels on /v1/ too, where the real service has none",
        default=False,
    )
    magic: bool = setting(
        Switch(),
        "obey words such as mock-fail-at-step-10 in names and prompts",
        more="Otherwise they are plain text.",
        default=True,
    )
    safety_ratings: Literal["always", "real"] = setting(
        Word("always", "real"),
        "when answers of Vertex AI have safety ratings: always, or as in real answers",
        more="In recorded answers, ratings are there when something was blocked or the client asked for them.",
        metavar="WHEN",
        default="always",
    )
    gcs_root: Path | None = setting(
        Folder(),
        "the directory where gs://bucket/object is DIR/bucket/object",
        more="Training data is read, checked and counted as by the service. `STORAGE_EMULATOR_HOST` names an emulator "
        "that is asked too. Without either, statistics are made up from the URI, the same ones each time.",
        by=By.SERVE | By.TEST,  # a directory of this machine is named by who starts the server, not by who reaches it
        default=None,
    )
    max_concurrent_jobs: int | None = setting(
        Whole(1, 10_000),
        "how many Vertex AI tuning jobs a project may run at once",
        absent="no limit",
        default=None,
    )
    over_quota: Literal["wait", "refuse"] = setting(
        Word("wait", "refuse"),
        "what happens to jobs over that limit: wait for their turn, or refuse with 429",
        metavar="WHAT",
        default="wait",
    )
    refuse_real_credentials: bool = setting(
        Switch(),
        "answer keys and tokens that look real with an error",
        more="Otherwise they are accepted, and never stored or printed.",
        default=False,
    )


@dataclass(frozen=True, slots=True)
class Beginning(_Checked):
    """When a world's clock starts, how fast it runs, and what the world is told to answer."""

    clock: float = setting(
        Speed(),
        "how fast time runs: manual (it stands still until it is moved), real, or a factor: at 60x an hour passes in a minute",
        by=By.SERVE | By.TEST,
        serve_default="30x",
        live_default="60x",
        default=0.0,
    )
    start_time: datetime | None = setting(
        Moment(),
        "the date or time the clock starts at, such as 2024-03-14T15:00:00Z",
        by=By.SERVE | By.TEST,
        absent="now, or noon of the as-of day",
        default=None,
    )
    answers: str | None = setting(
        Text(),
        "a YAML or JSON file of scripted answers and faults",
        by=By.SERVE | By.TEST,
        metavar="FILE",
        default=None,
    )


@dataclass(frozen=True, slots=True)
class Serving(_Checked):
    """How `mockserver serve` serves."""

    host: str = setting(
        Text(),
        "the address to listen on",
        by=By.SERVE,
        metavar="ADDRESS",
        default="127.0.0.1",
    )
    port: int = setting(
        Whole(0, 65535),
        "the port to listen on; 0 takes a free one",
        by=By.SERVE,
        metavar="PORT",
        default=8765,
    )
    grpc_port: int | None = setting(
        Whole(0, 65535),
        "the port to serve gRPC on too; 0 takes a free one",
        by=By.SERVE,
        metavar="PORT",
        absent="no gRPC",
        default=None,
    )
    grpc_certificate: str | None = setting(
        Text(),
        "the server's certificate (PEM), to serve gRPC over TLS",
        by=By.SERVE,
        metavar="FILE",
        absent="gRPC in plaintext",
        default=None,
    )
    grpc_key: str | None = setting(
        Text(),
        "the private key of that certificate (PEM)",
        by=By.SERVE,
        metavar="FILE",
        default=None,
    )
    control_token: str | None = setting(
        Text(),
        "the token that programs need to control the server under /_mock/",
        by=By.SERVE,
        absent="none if only this machine can connect, else a random one",
        default=None,
    )
    allow_host: frozenset[str] = setting(
        Texts(),
        "a name under which requests and web pages may reach the server, beside this machine's and Google's; several"
        " with commas, * for all",
        by=By.SERVE,
        metavar="NAME",
        absent="none if only this machine can connect, else all",
        default=frozenset(),
    )
    quiet: bool = setting(
        Switch(),
        "print no line for each request",
        by=By.SERVE,
        default=False,
    )


@dataclass(frozen=True, slots=True)
class Interception(_Checked):
    """What the fixtures do to the test's own process."""

    sleep: Literal["virtual", "real"] = setting(
        Word("virtual", "real"),
        "what sleeping does: virtual (time.sleep and asyncio.sleep move the clock), real (they wait)",
        by=By.TEST,
        default="virtual",
    )
    block_network: bool = setting(
        Switch(),
        "refuse to connect to other machines",
        more="This holds for whatever goes through Python's sockets; gRPC and uvloop have their own.",
        by=By.TEST,
        default=False,
    )
    leaks: Literal["ignore", "warn", "fail"] = setting(
        Word("ignore", "warn", "fail"),
        "what a test is told at its end about leftovers: ignore them, warn, fail",
        more="Leftovers are unfinished jobs, undeleted models, and answers and faults that were never used.",
        by=By.TEST,
        default="ignore",
    )


GROUPS = (Beginning, Settings, Serving, Interception)


def read_settings(group: type[T], values: Mapping[str, Any]) -> T:
    """The group with these values and defaults for the rest. Raises BadOption for a value that is not allowed."""
    return group(**{name: values[name] for name in declared(group) if name in values})


def unknown_names(names: Iterable[str], known: Iterable[str], what: str) -> str:
    """A sentence about the first name that is not known, "" if all are."""
    known = list(known)
    for name in names:
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near!r}?" if near else f"the {what}s are {', '.join(known)}"
            return f"there is no {what} {name!r}; {hint}"
    return ""


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that somebody may have meant, "" if none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    return next(iter(get_close_matches(name, list(known), 1)), "")


def unknown_variables(environment: Iterable[str]) -> Iterator[str]:
    """A sentence for each MOCKSERVER_... variable that sets nothing."""
    known = [it.variable for it in declared(*GROUPS, by=By.SERVE).values()]
    for variable in sorted(environment):
        if variable.startswith(PREFIX) and variable not in known and not variable.startswith(OTHERS):
            near = nearest(variable, known)
            yield f"{variable} is not a setting" + (f"; did you mean {near}?" if near else "")


def random_seed() -> int:
    """A seed that nobody chose, short enough to be typed again."""
    return int.from_bytes(os.urandom(8)) % 1_000_000


def _as(kind: type[T], value: object) -> T:
    """The value, if it is of that type. A boolean is not a number."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError
    return value

"""Every setting, declared once: name, type, default, help, who may set it, which values it takes.

The command line with its `--help`, the MOCKSERVER_... variables, the ini file, the marker, the control API, the
keywords of `MockServer` and the documents' tables are made from these fields. To add a setting, add a field here,
run `make settings` and write the code that reads it.

Settings of a world and the rest stand in one room below all others, so that a field is the whole declaration and
type checkers know the values. The pytest plugin loads it in every run of its users: it imports next to nothing.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from mockserver.settings.declaration import PREFIX, By, Checked, Setting, declarations, setting
from mockserver.settings.types import (
    FASTEST,
    LONGEST_SECONDS,
    BadOption,
    Day,
    Folder,
    Moment,
    Seconds,
    SettingType,
    Speed,
    Switch,
    Text,
    Texts,
    Whole,
    Word,
)

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
    "random_seed",
    "read_settings",
    "unknown_names",
    "unknown_variables",
]

T = TypeVar("T")

OTHERS = ("MOCKSERVER_REAL_", "MOCKSERVER_URL", "MOCKSERVER_SERVICE_", "MOCKSERVER_PORT_")
"""Variables that are not for the server: of the tests against the real services, the one that it sets for programs, and of
Kubernetes for a service so named."""


@dataclass(frozen=True, slots=True)
class Settings(Checked):
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
        more="A token that is an e-mail address stands for that user. What a key creates, any other token may see and change too, unless auth is strict.",
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
        "behave as the service did on that day; without a day, all base models are there, and each behaves as it did when the service had it",
        more="Models, methods, defaults, limits and credentials are those of the day. `today` is the service as it is now.",
        absent="no day: all base models",
        default=None,
    )
    metadata_refresh_seconds: float = setting(
        Seconds(),
        "simulated seconds between two refreshes of a tuning operation's metadata",
        more="The real service refreshes about once a minute; with 0 every request sees the newest step.",
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
        more="In recorded answers, ratings are there when something was blocked, the client asked for them or the model is "
        "of 1.x. With real, the Developer API's answers have none from 2025-09 on.",
        metavar="WHEN",
        default="always",
    )
    gcs_root: Path | None = setting(
        Folder(),
        "the directory where gs://bucket/object is DIR/bucket/object",
        more="Training data is read, checked and counted as by the service, and what clients upload is written there. "
        "Without it, the world keeps what they upload. `STORAGE_EMULATOR_HOST` names an emulator that is asked too. "
        "For a bucket that does not exist, statistics are made up from the URI, the same ones each time.",
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
    recordings: Path | None = setting(
        Folder(),
        "a directory of recordings: a recorded request gets the recorded answer",
        more="The formats are those that `mockserver check` reads: transcripts of `mockserver record`, cassettes of VCR and"
        " vcrpy and others. Requests match by method, resource and message; ids, times and keys may differ.",
        by=By.SERVE | By.TEST,  # as above
        default=None,
    )
    recordings_mode: Literal["fallback", "strict"] = setting(
        Word("fallback", "strict"),
        "what happens to a request that is not recorded: fallback (it is answered as without recordings), strict (501)",
        metavar="MODE",
        default="fallback",
    )
    requests_per_minute: int | None = setting(
        Whole(0, 10**9),
        "how many requests a minute a project may send to a model",
        more="One more gets the service's 429, which says when to come again.",
        absent="no limit",
        default=None,
    )
    tokens_per_minute: int | None = setting(
        Whole(0, 10**12),
        "how many tokens of input a minute a project may send to a model",
        absent="no limit",
        default=None,
    )
    requests_per_day: int | None = setting(
        Whole(0, 10**9),
        "how many requests a day a project may send to a model; a day ends at 8:00 UTC",
        absent="no limit",
        default=None,
    )
    tokens_per_day: int | None = setting(
        Whole(0, 10**12),
        "how many tokens of input a day a project may send to a model",
        absent="no limit",
        default=None,
    )
    refuse_real_credentials: bool = setting(
        Switch(),
        "answer keys and tokens that look real with an error",
        more="Otherwise they are accepted, and never stored or printed.",
        default=False,
    )


@dataclass(frozen=True, slots=True)
class Beginning(Checked):
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
class Serving(Checked):
    """How `mockserver serve` serves."""

    config: str | None = setting(
        Text(),
        "a TOML file with settings by name, such as `seed = 7`; options and variables win",
        more="`mockserver config` prints each setting, where it comes from, and writes such a file.",
        by=By.SERVE,
        metavar="FILE",
        default=None,
    )
    host: str = setting(
        Text(),
        "the address to listen on; :: is every address of this machine, those of IPv4 too",
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
    port_file: str | None = setting(
        Text(),
        "a file that says, as JSON, where the server listens, as long as it does",
        more="It has `url`, `grpc`, `pid` and `token`: the header for the control token and the file that holds it."
        " `mockserver health --wait 10` reads it.",
        by=By.SERVE,
        metavar="FILE",
        default=None,
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
    store: str = setting(
        Text(),
        "where everything is stored: memory:, sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE",
        more="A database needs the extra `[sql]`. Servers with the same database are one server. What it has stored"
        " holds when a server starts again, except options that are given.",
        by=By.SERVE,
        metavar="URL",
        is_secret=True,
        default="memory:",
    )
    data_dir: str | None = setting(
        Text(),
        "store everything in a SQLite file in this directory, which is created if need be",
        by=By.SERVE,
        metavar="DIR",
        absent="the store above",
        default=None,
    )
    workers: int = setting(
        Whole(1, 64),
        "how many processes serve; more than one needs a store that they can share, such as --data-dir",
        by=By.SERVE,
        default=1,
    )
    control_token: str | None = setting(
        Text(),
        "the token that programs need to control the server under /_mock/",
        by=By.SERVE,
        absent="none if only this machine can connect, else a random one",
        is_secret=True,
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
    watch: bool = setting(
        Switch(),
        "read the answers file again when it changes",
        more="Its answers and faults replace all there are; resources in it are added at the start only. A file with a"
        " mistake changes nothing, and the log says what is wrong.",
        by=By.SERVE,
        default=False,
    )
    shutdown_seconds: int = setting(
        Whole(0, 3600),
        "how many seconds requests and streams may take to end when the server is stopped",
        more="gRPC has as many again. A second signal ends the server at once.",
        by=By.SERVE,
        metavar="SECONDS",
        default=4,
    )
    quiet: bool = setting(
        Switch(),
        "print no line for each request",
        by=By.SERVE,
        default=False,
    )
    log_format: Literal["text", "json"] = setting(
        Word("text", "json"),
        "how lines of the log are written to standard error: as text, or each as a JSON object",
        more="Lines that nobody reads are dropped and counted; no request waits for them.",
        by=By.SERVE,
        metavar="FORMAT",
        default="text",
    )


@dataclass(frozen=True, slots=True)
class InterceptionSettings(Checked):
    """What the fixtures do to the test's own process."""

    sleep: Literal["virtual", "virtual+clock", "real"] = setting(
        Word("virtual", "virtual+clock", "real"),
        "what sleeping does: virtual (it moves the clock), real (it waits)",
        more="With virtual+clock, time.time, time.monotonic, datetime.now and asyncio's timers follow the clock too.",
        by=By.TEST,
        default="virtual",
    )
    busy_polling: Literal["fail", "advance", "ignore"] = setting(
        Word("fail", "advance", "ignore"),
        "what happens if code polls an unfinished job again and again while the clock stands still: it gets an error that"
        " names the line (fail), each poll moves the clock by a second (advance), nothing (ignore)",
        by=By.TEST,
        default="fail",
    )
    fake_api_key: bool = setting(
        Switch(),
        "put a made-up GOOGLE_API_KEY into the environment where there is no key",
        more="Some libraries prefer a key to the credentials that Vertex AI needs: instructor, for one, is then refused"
        " with 401.",
        by=By.TEST,
        default=True,
    )
    block_network: bool = setting(
        Switch(),
        "refuse to connect to other machines",
        more="This holds for Python's sockets, uvloop, curl and Twisted; gRPC has its own.",
        by=By.TEST,
        default=False,
    )
    misses: Literal["ignore", "warn", "fail"] = setting(
        Word("ignore", "warn", "fail"),
        "what a test is told at its end about misses: ignore them, warn, fail",
        more="These are calls to methods that are not there, calls that a hint explains, and hosts of Google's that were"
        " refused. Code may have caught the error.",
        by=By.TEST,
        default="ignore",
    )
    leaks: Literal["ignore", "warn", "fail"] = setting(
        Word("ignore", "warn", "fail"),
        "what a test is told at its end about leftovers: ignore them, warn, fail",
        more="Leftovers are unfinished jobs, undeleted models, and answers and faults that were never used.",
        by=By.TEST,
        default="ignore",
    )


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

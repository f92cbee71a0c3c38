"""The settings of a world: how it behaves, and how it begins."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from mockserver.settings.declaration import By, Checked, setting
from mockserver.settings.types import Day, Folder, Moment, Seconds, Speed, Switch, Text, Texts, Whole, Word


@dataclass(frozen=True, slots=True)
class Settings(Checked):
    """How a world behaves. Values may be texts. Raises BadOption for a value that a setting does not take."""

    seed: int = setting(
        Whole(0, 2**63 - 1),
        "repeat ids, losses and answers exactly; another number gives others",
        more="Without it, `mockserver serve` and `MockServer()` choose a random one; the fixtures have 0.",
        absent="random, and printed",
        default=0,
    )
    auth: Literal["any", "off", "strict"] = setting(
        Word("any", "off", "strict"),
        "who may ask: any (some credential is required), off, strict (only the listed credentials)",
        more="A token that is an e-mail address stands for that user. What a key creates, any other token may see and change too,"
        " unless auth is strict.",
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
        "behave as the service did on that day; without a day, there are base models of all dates, and each behaves as it"
        " did while the service offered it",
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
        "when answers have safety ratings: always, or as in real answers",
        more="In recorded answers, ratings are there when something was blocked, the client asked for them or the model is "
        "of 1.x. With real, answers of the Developer API that nothing was blocked in have none from 2025-09 on, those of "
        "2.0 from 2025-03-22 on, and those of 2.5 never; a request with safety settings gets them until October 2025.",
        metavar="WHEN",
        default="always",
    )
    gcs_root: Path | None = setting(
        Folder(),
        "the directory where gs://bucket/object is DIR/bucket/object",
        more="Training data is read, checked and counted as by the service, and what clients upload is written there. "
        "Without it, the world keeps what they upload. `STORAGE_EMULATOR_HOST` names an emulator that is asked too. "
        "For a bucket that is not known here, statistics are made up from the URI, the same ones each time.",
        by=By.SERVE | By.TEST,  # a directory of this machine is named by who starts the server, not by who reaches it
        default=None,
    )
    unknown_buckets: Literal["exist", "missing"] = setting(
        Word("exist", "missing"),
        "how to treat a bucket that was never created, used or deleted: exist (requests to it succeed) or missing (404)",
        more="The bucket of a program is usually older than the program, so it exists: it is found, and tuning with a gs://"
        " URI in it succeeds with made-up statistics; the first upload creates it. With missing, uploads to it are answered 404"
        " too, and tuning with it fails, so that a misspelt name shows: a test creates its buckets with"
        " `mockserver.create_bucket`, or by an object in `mockserver.objects`. With gcs_root, a bucket exists if its"
        " directory does; uploads create the directory unless this is missing.",
        metavar="WHAT",
        default="exist",
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
        more="With a store that has a world already, it is not read: what is stored holds.",
        by=By.SERVE | By.TEST,
        metavar="FILE",
        default=None,
    )

"""The settings of the fixtures: what they do to the test's own process."""

from dataclasses import dataclass
from typing import Literal

from mockserver.settings.declaration import By, Checked, setting
from mockserver.settings.types import Switch, Word

PYTEST_ONLY = frozenset({"misses", "leaks"})
"""What a fixture tells its test at the end: `intercepting()` has no such option."""


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
        more="These are calls to methods that are not there, calls that a hint explains, hosts of Google's that were"
        " refused, and errors of busy polling. Code may have caught the error.",
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

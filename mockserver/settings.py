"""The words people set a server up with, in a shell, a variable or a marker, and what they mean."""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from mockserver.state.clock import FASTEST, LONGEST_SECONDS, Clock, ManualClock, SystemClock, checked, to_nanos
from mockserver.state.world import Settings


class BadOption(ValueError):
    """A value that means nothing; the message is a sentence for the person who typed it."""


def parse_clock(text: str, start: datetime | None = None) -> Clock:
    """`real`, `manual`, or a factor such as `60x`: an hour passes in a minute."""
    word = text.strip().lower()
    if word == "manual":
        return ManualClock(start)
    if word == "real":
        return SystemClock(start=start)
    return SystemClock(_factor(word, text), start)


def _factor(word: str, text: str) -> float:
    try:
        factor = float(word.removesuffix("x"))
    except ValueError:
        factor = 0.0
    if not factor > 0:
        raise BadOption(f"clock: {text!r} is none of real, manual, or a factor such as 60x")
    if factor > FASTEST:
        raise BadOption(f"clock: {text!r} is faster than {FASTEST:.0f}x")
    return factor


def parse_moment(text: str) -> datetime:
    """A date or a time of ISO 8601; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        msg = f"start-time: {text!r} is no date or time such as 2024-03-14 or 2024-03-14T15:09:26Z"
        raise BadOption(msg) from None
    return _possible("start-time", moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _possible(name: str, moment: datetime) -> datetime:
    """The moment, if a clock can start there."""
    try:
        checked(to_nanos(moment))
    except ValueError as error:
        raise BadOption(f"{name}: {error}") from None
    return moment


def parse_as_of(text: str, today: date) -> date:
    """A day of ISO 8601, or `today`."""
    if text.strip().lower() == "today":
        return today
    try:
        return date.fromisoformat(text)
    except ValueError:
        msg = f"as-of: {text!r} is neither today nor a day such as 2024-03-14"
        raise BadOption(msg) from None


def start_of(as_of: date | None, start: datetime | None, today: date) -> datetime | None:
    """Where the clock starts: as told, else at noon of the day the server is as of, else now."""
    if start is not None or as_of is None or as_of == today:
        return start
    return _possible("as-of", datetime.combine(as_of, time(12), tzinfo=UTC))


def any_seed() -> int:
    """A seed nobody chose, short enough to be typed again."""
    return random.SystemRandom().randrange(1_000_000)


def whole_number(name: str, text: str, least: int, most: int) -> int:
    """An integer within bounds."""
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        msg = f"{name}: {text!r} is no whole number from {least} to {most}"
        raise BadOption(msg)
    return number


def seconds(name: str, text: str) -> float:
    """A number of seconds, not negative, up to a year."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= LONGEST_SECONDS:
        msg = f"{name}: {text!r} is no number of seconds"
        raise BadOption(msg)
    return number


def one_of(name: str, text: str, words: tuple[str, ...]) -> Any:
    """One of the words."""
    if text not in words:
        msg = f"{name}: {text!r} is none of {', '.join(words)}"
        raise BadOption(msg)
    return text


def yes_or_no(name: str, text: str) -> bool:
    """A word for yes or for no."""
    return bool(one_of(name, text.strip().lower(), YES + NO) in YES)


def folder(name: str, text: str) -> Path:
    """A folder that is there."""
    path = Path(text)
    if not path.is_dir():
        msg = f"{name}: {text!r} is no folder"
        raise BadOption(msg)
    return path


YES, NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")

# What each word of a command line, a variable or a marker becomes; names are those of Settings.
_READERS: Mapping[str, Callable[[str], Any]] = {
    "seed": lambda text: whole_number("seed", text, 0, 2**63 - 1),
    "auth": lambda text: one_of("auth", text, ("any", "off", "strict")),
    "accepted_credentials": lambda text: frozenset(text.split(",")),
    "metadata_refresh_seconds": lambda text: seconds("metadata-refresh", text),
    "safety_ratings": lambda text: one_of("safety-ratings", text, ("always", "real")),
    "gcs_root": lambda text: folder("gcs-root", text),
    "max_concurrent_jobs": lambda text: whole_number("max-concurrent-jobs", text, 1, 10_000),
    "over_quota": lambda text: one_of("over-quota", text, ("wait", "refuse")),
    "default_user": str,
    "lenient_routes": lambda text: yes_or_no("lenient-routes", text),
    "magic": lambda text: yes_or_no("magic", text),
    "refuse_real_credentials": lambda text: yes_or_no("refuse-real-credentials", text),
}


def parse_setting(name: str, text: str) -> Any:
    """What a text means for the setting of that name."""
    return _READERS[name](text)


def parse_settings(texts: Mapping[str, str | None], **ready: Any) -> Settings:
    """Settings from texts by name of the setting, None where nothing was said; a fresh seed if none."""
    read = {name: parse_setting(name, text) for name, text in texts.items() if text is not None}
    if read.get("auth") == "strict" and not read.get("accepted_credentials"):
        msg = "auth: strict takes only listed credentials, so list them with --credential"
        raise BadOption(msg)
    return Settings(**{"seed": any_seed()} | read | ready)

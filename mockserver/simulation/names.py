"""Generates the ids that the services assign: model ids, operation ids, the numbers of Vertex AI.

Every function takes its random generator, so that a seeded world assigns the same ids in every run.
"""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random

Nanos = int

BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
LETTERS = BASE36[10:]

TUNED_MODEL_ID = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
"""What a `tunedModelId` must match as a whole (tuned_model.proto)."""

_MAX_LENGTH = 40
_RANDOM_LENGTH = 12
_MIN_RANDOM = 5  # the fewest random characters seen: fitnesschatpromptcompletiondataset-fglgk


def tuned_model_id(display_name: str, rng: Random, *, fill: bool = False) -> str:
    """Generate the id of a tuned model that was created with a display name and without an id.

    It is a slug of the name, a hyphen and random characters, 40 in all at most: 12 random ones, as until early
    2025, or with `fill` as many as fit, as since then. Fits all 24 recorded pairs of name and id.
    """
    slug = _slug(display_name)
    if not slug:
        return rng.choice(LETTERS) + _random(rng, _RANDOM_LENGTH - 1)  # our choice: not seen
    room = _MAX_LENGTH - len(slug) - 1
    return f"{slug}-{_random(rng, room if fill else min(room, _RANDOM_LENGTH))}"


def is_tuned_model_id(text: str) -> bool:
    """Return whether a caller may choose this id."""
    return TUNED_MODEL_ID.fullmatch(text) is not None


def operation_id(rng: Random) -> str:
    """Generate the last part of an operation's name: 12 of a-z0-9, as in `operations/bvl8dymw0fhw`."""
    return _random(rng, 12)


def permission_id(rng: Random) -> str:
    """Generate the last part of a permission's name. Digits are our choice: no real one was seen."""
    return str(rng.randrange(10**11, 10**12))


def tuning_job_id(rng: Random) -> str:
    """Generate the number of a tuning job: a multiple of 2**33 of 18 or 19 digits (15 of 15 recorded)."""
    return _multiple(rng, 33, 63)


def model_id(rng: Random) -> str:
    """Generate the number of a tuned model on Vertex AI: a multiple of 2**39 of 18 or 19 digits."""
    return _multiple(rng, 39, 63)


def endpoint_id(rng: Random) -> str:
    """Generate the number of an endpoint, by the rule for models."""
    return _multiple(rng, 39, 63)


def operation_number(rng: Random) -> str:
    """Generate the number of a long-running operation: a multiple of 2**32 of 18 or 19 digits (8 of 8)."""
    return _multiple(rng, 32, 63)


@lru_cache(maxsize=1024)
def project_number(project_id: str) -> str:
    """Return the project number that responses contain: twelve digits derived from the id.

    A caller who named the project by its number gets that number.
    """
    if project_id.isascii() and project_id.isdigit():
        return project_id
    digest = int.from_bytes(hashlib.sha256(project_id.encode()).digest()[:8])
    return str(10**11 + digest % (9 * 10**11))


def tuned_display_name(base: str, rng: Random) -> str:
    """Generate Vertex AI's name for a tuned model without one: `gemini-1.5-pro-002-` and a version 4 UUID."""
    digits = f"{rng.getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) % 4]
    uuid = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
    return f"{base}-{uuid}"


@lru_cache(maxsize=1024)
def experiment_id(moment: Nanos) -> str:
    """Return `tuning-experiment-YYYYMMDDHHMMSSffffff`, in US-Pacific time."""
    return f"tuning-experiment-{_pacific(moment):%Y%m%d%H%M%S%f}"


def _slug(display_name: str) -> str:
    """Join the words of the name in lower case by hyphens, each reduced to a-z0-9.

    A word in brackets is dropped: "generate-num-5443 (sdk)" became `generatenum5443-...`.
    """
    words = (word for word in display_name.lower().split(" ") if not word.startswith("("))
    slug = "-".join(re.sub("[^a-z0-9]", "", word) for word in words)
    if not slug.strip("-"):
        return ""
    if not slug[0].isalpha():
        slug = f"model-{slug}"  # our choice: not seen (an id has to begin with a letter)
    return slug[: _MAX_LENGTH - 1 - _MIN_RANDOM]


def _random(rng: Random, length: int) -> str:
    return "".join(rng.choices(BASE36, k=length))


def _multiple(rng: Random, zeros: int, bits: int) -> str:
    """Generate a multiple of 2**zeros below 2**bits, of 18 digits or more."""
    least = -(-(10**17) >> zeros)
    span = (1 << (bits - zeros)) - least
    # As `randrange`, in a third of the time.
    while (number := rng.getrandbits(span.bit_length())) >= span:
        pass
    return str(least + number << zeros)


def _pacific(moment: Nanos) -> datetime:
    """Convert to the time in Los Angeles, by the rule since 2007; needs no time zone database."""
    utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment // 1000)
    summer_start = _find_sunday(utc.year, 3, 8).replace(hour=10)  # second Sunday of March, 2:00 standard time
    summer_end = _find_sunday(utc.year, 11, 1).replace(hour=9)  # first Sunday of November, 2:00 summer time
    return utc - timedelta(hours=7 if summer_start <= utc < summer_end else 8)


def _find_sunday(year: int, month: int, day: int) -> datetime:
    """Return the first Sunday on or after this day."""
    date = datetime(year, month, day, tzinfo=UTC)
    return date + timedelta(days=6 - date.weekday())

"""Names the service gives: model ids, operation ids, the numbers of Vertex AI.

Every minting function takes the generator it draws from, so that a seeded world names the same
things the same way each time.
"""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from random import Random

Nanos = int

BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
LETTERS = BASE36[10:]

TUNED_MODEL_ID = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
"""What a `tunedModelId` must match as a whole (tuned_model.proto)."""

_LONGEST = 40
_RANDOM = 12
_LEAST_RANDOM = 5  # the fewest random characters seen: fitnesschatpromptcompletiondataset-fglgk


def tuned_model_id(display_name: str, rng: Random, *, fill: bool = False) -> str:
    """The id of a tuned model created with a display name and no id of its own.

    A slug of the name, a hyphen and random characters, 40 at most: 12 random ones, as until early
    2025, or with `fill` as many as fit, as since. Fits all 24 recorded pairs of name and id.
    """
    slug = _slug(display_name)
    if not slug:
        return rng.choice(LETTERS) + _random(rng, _RANDOM - 1)  # our choice: not seen
    room = _LONGEST - len(slug) - 1
    return f"{slug}-{_random(rng, room if fill else min(room, _RANDOM))}"


def is_tuned_model_id(text: str) -> bool:
    """Whether a caller may choose this id."""
    return TUNED_MODEL_ID.fullmatch(text) is not None


def operation_id(rng: Random) -> str:
    """The last part of an operation's name: 12 of a-z0-9, as in `operations/bvl8dymw0fhw`."""
    return _random(rng, 12)


def permission_id(rng: Random) -> str:
    """The last part of a permission's name. Digits are our choice: no real one was seen."""
    return str(rng.randrange(10**11, 10**12))


def tuning_job_id(rng: Random) -> str:
    """The number of a tuning job: a multiple of 2**33 of 18 or 19 digits (15 of 15 recorded)."""
    return _number(rng, 33, 63)


def model_id(rng: Random) -> str:
    """The number of a tuned model on Vertex AI: a multiple of 2**39 of 18 or 19 digits."""
    return _number(rng, 39, 63)


def endpoint_id(rng: Random) -> str:
    """The number of an endpoint: made like a model's."""
    return _number(rng, 39, 63)


def operation_number(rng: Random) -> str:
    """The number of a long-running operation: a multiple of 2**32 of 18 or 19 digits (8 of 8)."""
    return _number(rng, 32, 63)


def project_number(project_id: str) -> str:
    """The number Google's answers call a project by: twelve digits that belong to its id.

    A caller who named the project by its number hears that number.
    """
    if project_id.isascii() and project_id.isdigit():
        return project_id
    digest = int.from_bytes(hashlib.sha256(project_id.encode()).digest()[:8])
    return str(10**11 + digest % (9 * 10**11))


def tuned_display_name(base: str, rng: Random) -> str:
    """What Vertex AI calls a tuned model nobody named: `gemini-1.5-pro-002-` and a version 4 UUID."""
    digits = f"{rng.getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) % 4]
    uuid = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
    return f"{base}-{uuid}"


def experiment_id(moment: Nanos) -> str:
    """`tuning-experiment-YYYYMMDDHHMMSSffffff`: stamped by a clock on US-Pacific time."""
    return f"tuning-experiment-{_pacific(moment):%Y%m%d%H%M%S%f}"


def _slug(display_name: str) -> str:
    """The words of the name in lower case, each stripped to a-z0-9, joined by hyphens.

    A word in brackets leaves no trace: "generate-num-5443 (sdk)" became `generatenum5443-...`.
    """
    words = (word for word in display_name.lower().split(" ") if not word.startswith("("))
    slug = "-".join(re.sub("[^a-z0-9]", "", word) for word in words)
    if not slug.strip("-"):
        return ""
    if not slug[0].isalpha():
        slug = f"model-{slug}"  # our choice: not seen (an id has to begin with a letter)
    return slug[: _LONGEST - 1 - _LEAST_RANDOM]


def _random(rng: Random, length: int) -> str:
    return "".join(rng.choices(BASE36, k=length))


def _number(rng: Random, zeros: int, bits: int) -> str:
    """A multiple of 2**zeros below 2**bits, of 18 digits or more."""
    least = -(-(10**17) >> zeros)
    return str(rng.randrange(least, 1 << (bits - zeros)) << zeros)


def _pacific(moment: Nanos) -> datetime:
    """Wall time in Los Angeles, by the rule since 2007; the machine need not know time zones."""
    utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment // 1000)
    begins = _sunday(utc.year, 3, 8).replace(hour=10)  # second Sunday of March, 2:00 standard time
    ends = _sunday(utc.year, 11, 1).replace(hour=9)  # first Sunday of November, 2:00 summer time
    return utc - timedelta(hours=7 if begins <= utc < ends else 8)


def _sunday(year: int, month: int, day: int) -> datetime:
    """The first Sunday on or after this day."""
    date = datetime(year, month, day, tzinfo=UTC)
    return date + timedelta(days=6 - date.weekday())

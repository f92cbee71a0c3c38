"""How answers differ by the generation of the model, as data.

1.0     four ratings and STOP on everything, promptFeedback always, no usage
1.5     usage, by modality since February 2025, and the model's version; no promptFeedback, no index
2.0     usage by modality, and an id of the response
2.5     the index again, counts that grow as a stream goes on, no ratings
"""

from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from mockserver.catalog.base_model import Shape

# The days from which answers of every model have these members; each was seen missing before and present afterwards.
USAGE_SINCE = date(2024, 6, 1)
VERSION_SINCE = date(2024, 9, 1)  # and avgLogprobs
# Of 1.5: missing on 2024-11-18, in the last event of a stream on 2025-02-17, everywhere from 2025-03-04 on.
DETAILS_SINCE = date(2025, 2, 1)
RESPONSE_ID_SINCE = date(2025, 6, 1)
# Answers that nothing was blocked in have no ratings from these days on, unless the request has safety settings: none
# of 595 by 2.0 Flash, and none of 1,500 by 2.5 Flash at any time. The day of models before 2.0 is our choice: not seen.
UNRATED_SINCE = {Shape.V2_5: date.min, Shape.V2_0: date(2025, 3, 22)}
UNRATED_AT_LAST = date(2025, 9, 1)
# With safety settings: rated until 2025-10-13, by 2.0 and by 2.5; not on 2025-12-19 nor 2026-08-05.
NEVER_RATED_SINCE = date(2025, 11, 1)
# Missing in 68 function calls until 2025-09-24, there in all 290 from 2025-10-24 on, and in two of 2025-08-16.
FINISH_MESSAGE_SINCE = date(2025, 10, 1)
SERVICE_TIER_SINCE = date(2026, 5, 1)  # missing on 2026-04-02, in all 330 answers from 2026-05-06 on

_OLD_ORDER = ("SEXUALLY_EXPLICIT", "HATE_SPEECH", "HARASSMENT", "DANGEROUS_CONTENT")
_NEW_ORDER = ("HATE_SPEECH", "DANGEROUS_CONTENT", "HARASSMENT", "SEXUALLY_EXPLICIT")


@dataclass(frozen=True, slots=True)
class Era:
    """The members of a generation's answers. `categories` are the rated ones in their order.

    `has_ratings`, also where all are NEGLIGIBLE, and `first_rated`: in the first event of a stream too; `index` of a
    lone candidate; `feedback` on a prompt that was not blocked; `finishing`: STOP and the ratings in every event of a
    stream; `usage`; the model's `version`; `details` and
    `candidate_details` of the usage by modality; `running`: counts that grow with every event; `default_threshold` of
    a category that the client does not set; `finish_message`: that the candidate is function calls; `service_tier`:
    that of the usage.
    """

    categories: tuple[str, ...] = _NEW_ORDER
    has_ratings: bool = True
    first_rated: bool = False
    index: bool = False
    feedback: bool = False
    finishing: bool = False
    usage: bool = True
    version: bool = True
    details: bool = False
    candidate_details: bool = False
    running: bool = False
    response_id: bool = False
    avg_logprobs: bool = True
    finish_message: bool = False
    service_tier: bool = False
    default_threshold: str = "BLOCK_MEDIUM_AND_ABOVE"


ERAS = {
    Shape.V1_0: Era(
        categories=_OLD_ORDER,
        index=True,
        feedback=True,
        finishing=True,
        usage=False,
        version=False,
        avg_logprobs=False,
    ),
    Shape.V1_5: Era(),
    Shape.V2_0: Era(details=True, candidate_details=True, response_id=True, default_threshold="OFF"),
    Shape.V2_5: Era(
        categories=_OLD_ORDER,
        has_ratings=False,
        first_rated=True,
        index=True,
        details=True,
        running=True,
        response_id=True,
        avg_logprobs=False,
        default_threshold="OFF",
        finish_message=True,  # of 2.5 and later; of the models before it is our choice: not seen
        service_tier=True,
    ),
}


def is_rated(shape: Shape, day: date, *, asked: bool) -> bool:
    """Return whether real answers had ratings on a day where nothing was blocked; `asked`: with safety settings."""
    return day < UNRATED_SINCE.get(shape, UNRATED_AT_LAST) or (asked and day < NEVER_RATED_SINCE)


@lru_cache(maxsize=64)
def era_of(shape: Shape, as_of: date | None, day: date, *, rated: bool) -> Era:
    """Return the era of a model of that shape; `as_of` None is its own time. Raises KeyError for PaLM.

    `day` is that of the call; `rated`: whether it has ratings, which depends on the request too (`is_rated`).
    """
    era = replace(ERAS[shape], has_ratings=rated)
    if shape is Shape.V1_5 and day >= DETAILS_SINCE:
        era = replace(era, details=True, candidate_details=True)
    if day < SERVICE_TIER_SINCE:
        era = replace(era, service_tier=False)
    if as_of is None:
        return era
    return replace(
        era,
        usage=era.usage and as_of >= USAGE_SINCE,
        version=era.version and as_of >= VERSION_SINCE,
        avg_logprobs=era.avg_logprobs and as_of >= VERSION_SINCE,
        response_id=era.version and as_of >= RESPONSE_ID_SINCE,
        finish_message=era.finish_message and as_of >= FINISH_MESSAGE_SINCE,
    )

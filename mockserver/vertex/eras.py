"""How answers of Vertex AI differ by their time, as data.

1.0, 1.5    four ratings with scores, and three counts; nothing that identifies the answer
2.0         the time and the id of the answer, the model's version, mean log probabilities, counts by modality, the kind
            of traffic; no ratings
2.5, 3.x    the tokens of thoughts too
"""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from mockserver.catalog.base_model import Shape

# The days from which answers of every model have these members; each was seen missing before and present afterwards.
VERSION_SINCE = date(2024, 9, 1)  # and avgLogprobs
IDENTITY_SINCE = date(2025, 1, 1)  # createTime, responseId and counts by modality; ratings only on request
TRAFFIC_SINCE = date(2025, 6, 1)


@dataclass(frozen=True, slots=True)
class Era:
    """The members of answers of a time.

    `rated`: ratings although nobody asked, in a stream from the second event on; `version`: the model's version and
    mean log probabilities; `identity`: createTime, responseId and counts by modality; `traffic`: the kind of traffic.
    """

    has_ratings: bool
    version: bool
    identity: bool
    traffic: bool


_FIRST = Era(has_ratings=True, version=False, identity=False, traffic=False)
NEWEST = Era(has_ratings=False, version=True, identity=True, traffic=True)
_BY_SHAPE = {Shape.V1_0: _FIRST, Shape.V1_5: _FIRST}


@lru_cache(maxsize=64)
def era_of(shape: Shape | None, as_of: date | None) -> Era:
    """Return the era of a model of that shape on a day; None is the model's own time."""
    if as_of is None:
        return NEWEST if shape is None else _BY_SHAPE.get(shape, NEWEST)
    return Era(
        has_ratings=as_of < IDENTITY_SINCE,
        version=as_of >= VERSION_SINCE,
        identity=as_of >= IDENTITY_SINCE,
        traffic=as_of >= TRAFFIC_SINCE,
    )

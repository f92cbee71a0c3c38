"""The ranges of the numbers in a generation config, by service, model and day.

They are the rows of `ranges.json`, in the order in which they are tried: the first that fits service, model and day
holds. Where nothing is documented or seen, there is no row, and every value is accepted. `source` and `date` say where
a row comes from.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

import orjson

from mockserver.catalog.base_model import BaseModel, Shape

Json = dict[str, Any]

DATA = Path(__file__).parent / "ranges.json"

ServiceName = Literal["vertex", "developer"]
Refusal = Literal["range", "one", "enabled"]


@dataclass(frozen=True, slots=True)
class Range:
    """The values of a field that a model accepts: from `least` to less than `below`, and those in `accepted`.

    `field` has the proto's name; the range of a repeated field is that of its length. `below` is None if there is no
    upper bound. `refusal` is the kind of sentence for a value that is too large: of its range, that there can be only
    one, or that the model cannot do it.
    """

    field: str
    least: float
    below: float | None
    accepted: tuple[float, ...]
    refusal: Refusal

    def holds(self, value: float) -> bool:
        """Return whether the model accepts the value."""
        return value in self.accepted or (value >= self.least and (self.below is None or value < self.below))


@cache
def rows() -> tuple[Json, ...]:
    """Return the rows of the table."""
    return tuple(orjson.loads(DATA.read_bytes()))


@lru_cache(maxsize=512)  # services, models and days of a server are few
def ranges(service: ServiceName, base: BaseModel, as_of: date | None) -> Mapping[str, Range]:
    """Return the ranges of a model by field. Without a day, they are those of the model's own time, its last days."""
    result: dict[str, Range] = {}
    for row in rows():
        if row["field"] not in result and _fits(row, service, base, as_of):
            result[row["field"]] = Range(
                field=row["field"],
                least=row["least"],
                below=_bound(row["below"], base),
                accepted=tuple(row.get("accepted", ())),
                refusal=row.get("refusal", "range"),
            )
    return result


def violations(
    values: Mapping[str, Any], service: ServiceName, base: BaseModel, as_of: date | None
) -> Iterator[tuple[Range, float]]:
    """Yield every number out of range, by the proto's name of its field, with its range; a list's length counts."""
    limits = ranges(service, base, as_of)
    for name, value in values.items():
        number = len(value) if isinstance(value, list | tuple) else value
        if name in limits and not limits[name].holds(number):
            yield limits[name], number


def _fits(row: Json, service: ServiceName, base: BaseModel, as_of: date | None) -> bool:
    return (
        _is_in_force(row, as_of)
        and row.get("service", service) == service
        and base.shape is not Shape.PALM
        and base.shape.value in row.get("shapes", [base.shape.value])
        and any(fnmatchcase(base.id, pattern) for pattern in row.get("models", ["*"]))
    )


def _is_in_force(row: Json, as_of: date | None) -> bool:
    if as_of is None:
        return "until" not in row
    return (
        date.fromisoformat(row.get("since", "0001-01-01")) <= as_of < date.fromisoformat(row.get("until", "9999-12-31"))
    )


def _bound(below: float | str | None, base: BaseModel) -> float | None:
    """Return the first value that is too large; a limit of the model itself is the last that is not."""
    if below == "output_token_limit":
        return base.output_token_limit + 1
    if below == "max_temperature":
        return (base.max_temperature or 1.0) + 0.0001
    return below if isinstance(below, int | float) else None

"""The base models of a day, or of all days at once.

Without a day (`as_of=None`) there is every model that ever was, so that any document about the API can be followed;
with a day, the models of that day.

The models are the rows of `base_models.json`, in the order of lists. A row has the members of `BaseModel`. It inherits
missing members from the row that `like` names: the row of that id that is not `dated`. `note` says where a value comes
from, or that it is our choice.
"""

from collections.abc import Mapping
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import orjson

from mockserver.catalog.base_model import BaseModel, Shape, VertexTuning

Json = dict[str, Any]

DATA = Path(__file__).parent / "base_models.json"

_NOT_INHERITED = {"id", "like", "note", "dated", "listed_until"}


@cache
def rows() -> tuple[BaseModel, ...]:
    """Return all rows, in the order of lists."""
    return parse_rows(orjson.loads(DATA.read_bytes()))


def parse_rows(table: list[Json]) -> tuple[BaseModel, ...]:
    """Parse the models of a table. ValueError names the invalid row and the problem."""
    default_rows: dict[str, Json] = {}
    for row in table:
        if row.get("dated"):
            continue
        if row["id"] in default_rows:
            raise ValueError(f"base model {row['id']!r}: two rows without 'dated'")
        default_rows[row["id"]] = row
    models = []
    for row in table:
        try:
            members = _inherit(row, default_rows)
            models.append(_base_model({name: members[name] for name in members.keys() - {"like", "note"}}))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"base model {row['id']!r}: {error}") from error
    return tuple(models)


def _inherit(row: Json, default_rows: Mapping[str, Json], children: tuple[str, ...] = ()) -> Json:
    """Return the row with the members that it inherits."""
    if "like" not in row:
        return row
    parent = row["like"]
    if parent not in default_rows:
        raise ValueError(f"'like' names no row: {parent!r}")
    if parent in children:
        raise ValueError(f"'like' goes in a circle: {' -> '.join((*children, parent))}")
    inherited = _inherit(default_rows[parent], default_rows, (*children, parent))
    return {name: value for name, value in (inherited | row).items() if name in row or name not in _NOT_INHERITED}


def _base_model(members: Json) -> BaseModel:
    tuning = members.get("vertex")
    return BaseModel(
        **members
        | {
            "methods": tuple(members["methods"]),
            "shape": Shape(members["shape"]),
            "released": date.fromisoformat(members["released"]),
            "retired": _day(members.get("retired")),
            "listed_until": _day(members.get("listed_until")),
            "tunable_from": _day(members.get("tunable_from")),
            "tunable_until": _day(members.get("tunable_until")),
            "vertex": _vertex_tuning(tuning) if tuning else None,
        }
    )


def _vertex_tuning(members: Json) -> VertexTuning:
    return VertexTuning(
        **members
        | {
            "since": date.fromisoformat(members["since"]),
            "until": _day(members["until"]),
            "adapter_sizes": tuple(members["adapter_sizes"]),
        }
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


@lru_cache(maxsize=64)  # a server has one as-of day, rarely two
def models(as_of: date | None, *, vertex: bool = False) -> tuple[BaseModel, ...]:
    """Return the models that the Developer API, or Vertex AI, lists on that day, in the order of lists."""
    return tuple(
        model for model in rows() if model.listed(as_of) and (model.vertex_api if vertex else model.developer_api)
    )


def find(model_id: str, as_of: date | None, *, vertex: bool = False) -> BaseModel | None:
    """Return the model of that id (`gemini-2.0-flash`, without `models/`) if it answers on that day."""
    model = find_listed(model_id, as_of, vertex=vertex)
    return model if model is not None and model.available(as_of) else None


def find_listed(model_id: str, as_of: date | None, *, vertex: bool = False) -> BaseModel | None:
    """Return the model of that id if it is listed on that day: it may have been retired."""
    return _by_id(as_of, vertex=vertex).get(model_id)


@lru_cache(maxsize=64)
def _by_id(as_of: date | None, *, vertex: bool) -> Mapping[str, BaseModel]:
    """Return the first model of each id."""
    return {model.id: model for model in reversed(models(as_of, vertex=vertex))}

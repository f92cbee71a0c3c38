"""Everything that a database of stores holds, as one JSON document."""

import json
from typing import Any

from mockserver.state.call_batches import join_batch, parse_batch, size_of
from mockserver.state.database import Database, decode_key, encode_key
from mockserver.state.sql_calls import queue_of
from mockserver.state.sql_schema import MIGRATIONS, ON_CONFLICT, TABLES
from mockserver.state.stored_calls import StoredCall, tree_of

FORMAT = "mockserver state"

Json = dict[str, Any]

_KEYS = {("spaces", "name"), ("records", "name"), ("counters", "name")}
_JSON = ("records", "record")

_BATCHES, _CALLS = "call_batches", "calls"
"""In the document each call of a batch stands by itself: its space, number and time, its size, its JSON."""


def export_state(database: Database) -> Json:
    """Return everything that is stored, as it is at one moment."""
    queue_of(database).settle_counters(database)
    with database.transaction(write=False):
        database.allow_long_statements()
        tables = {table: _export(database, table) for table in TABLES}
    tables[_CALLS] = [call for batch in tables.pop(_BATCHES) for call in _split(*batch)]
    return {"format": FORMAT, "schema": len(MIGRATIONS), "tables": tables}


def _export(database: Database, table: str) -> list[list[Any]]:
    copies = "SELECT id FROM spaces WHERE kind = 'copy'"  # nobody needs them after this process
    where = {"meta": "name <> 'schema'", "spaces": "kind <> 'copy'"}.get(table, f"space NOT IN ({copies})")
    columns = TABLES[table]
    rows = database.run(f"SELECT {', '.join(columns)} FROM {table} WHERE {where} ORDER BY {columns[0]}, {columns[1]}")  # noqa: S608 - our own tables
    return [[_to_json(table, *cell) for cell in zip(columns, row, strict=True)] for row in rows]


def _split(space: int, number: int, _count: int, _size: int, calls: str) -> list[list[Any]]:
    batch = parse_batch(number, calls)
    return [[space, place, call.time, size_of([call]), tree_of(call)] for place, call in batch.items()]


def import_state(database: Database, document: Any) -> None:
    """Store what was exported, also by an older version. ValueError for another document, or a store with something."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError("the file is not an export of `mockserver state`")
    if document["schema"] not in range(1, len(MIGRATIONS) + 1):
        raise ValueError(
            f"the file has version {document['schema']} of the schema, but this program knows {len(MIGRATIONS)}"
        )
    tables = dict(document["tables"])
    tables[_BATCHES] = [_to_batch(*call) for call in tables.pop(_CALLS)]
    with database.transaction():
        database.allow_long_statements()
        database.new_revisions(1)
        if database.run("SELECT id FROM spaces WHERE kind <> 'copy'"):
            raise ValueError("the store is not empty: import into a new one")
        for table in TABLES:
            rows = [_to_row(table, row) for row in tables[table]]
            if rows:
                names, values = ", ".join(rows[0]), ", ".join(f":{column}" for column in rows[0])
                conflict = ON_CONFLICT.get(table, "")
                database.run_many(f"INSERT INTO {table} ({names}) VALUES ({values}){conflict}", rows)  # noqa: S608 - our own tables
        database.run(
            "UPDATE spaces SET call_bytes = coalesce((SELECT sum(size) FROM call_batches WHERE space = spaces.id), 0)"
        )


def _to_batch(space: int, number: int, time: int, _size: int, call: Any) -> list[Any]:
    """Return the row of a call that is a batch of its own."""
    stored = StoredCall(time, json.dumps(call, separators=(",", ":")))
    return [space, number, 1, size_of([stored]), join_batch([stored])]


def _to_row(table: str, row: list[Any]) -> Json:
    columns = TABLES[table][: len(row)]
    return {column: _from_json(table, column, value) for column, value in zip(columns, row, strict=True)}


def _to_json(table: str, column: str, value: Any) -> Any:
    if (table, column) in _KEYS:
        return decode_key(value)
    return json.loads(value) if (table, column) == _JSON and value is not None else value


def _from_json(table: str, column: str, value: Any) -> Any:
    if (table, column) in _KEYS:
        return encode_key(value)
    return json.dumps(value, separators=(",", ":")) if (table, column) == _JSON and value is not None else value

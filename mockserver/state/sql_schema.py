"""The tables of a database of stores, and how those of an older version become those of today."""

MIGRATIONS = (
    (
        (
            "CREATE TABLE spaces (id BIGINT PRIMARY KEY, kind TEXT NOT NULL, owner BIGINT NOT NULL, name {key} NOT NULL,"
            " time BIGINT NOT NULL, epoch BIGINT NOT NULL, revision BIGINT NOT NULL, purged BIGINT NOT NULL,"
            " calls BIGINT NOT NULL, UNIQUE (kind, owner, name))"
        ),
        (
            "CREATE TABLE collections (space BIGINT NOT NULL, name TEXT NOT NULL, revision BIGINT NOT NULL,"
            " inserted BIGINT NOT NULL, PRIMARY KEY (space, name)){sorted}"
        ),
        (
            "CREATE TABLE records (space BIGINT NOT NULL, collection TEXT NOT NULL, name {key} NOT NULL,"
            " version BIGINT NOT NULL, ordinal BIGINT NOT NULL, record TEXT, PRIMARY KEY (space, collection, name))"
        ),
        "CREATE INDEX records_by_version ON records (space, version)",
        (
            "CREATE TABLE counters (space BIGINT NOT NULL, name {key} NOT NULL, value BIGINT NOT NULL,"
            " PRIMARY KEY (space, name)){sorted}"
        ),
        (
            "CREATE TABLE calls (space BIGINT NOT NULL, number BIGINT NOT NULL, time BIGINT NOT NULL,"
            " size BIGINT NOT NULL, call TEXT NOT NULL,"
            " PRIMARY KEY (space, number))"
        ),
        "CREATE TABLE writers (process TEXT PRIMARY KEY, since BIGINT NOT NULL)",
    ),
    (
        "ALTER TABLE spaces ADD COLUMN call_bytes BIGINT NOT NULL DEFAULT 0",
        "UPDATE spaces SET call_bytes = coalesce((SELECT sum(size) FROM calls WHERE space = spaces.id), 0)",
    ),
    (
        "ALTER TABLE counters ADD COLUMN holder TEXT",
        "ALTER TABLE counters ADD COLUMN asked BIGINT NOT NULL DEFAULT 0",
    ),
    (),  # the request of a call is written as its response is: older programs cannot read it
    (
        (
            "CREATE TABLE call_batches (space BIGINT NOT NULL, number BIGINT NOT NULL, count BIGINT NOT NULL,"
            " size BIGINT NOT NULL, calls TEXT NOT NULL, PRIMARY KEY (space, number))"
        ),
        (
            "INSERT INTO call_batches (space, number, count, size, calls)"
            " SELECT space, number, 1, size, '1\n' || CAST(time AS TEXT) || ' 0 0 ' || call FROM calls"
        ),
        "DROP TABLE calls",
    ),
)
"""The statements that lead from each version of the schema to the next. Version 0 has only the table `meta`.

A released migration never changes: add another one.
"""

TABLES = {
    "meta": ("name", "value"),
    "spaces": ("id", "kind", "owner", "name", "time", "epoch", "revision", "purged", "calls", "call_bytes"),
    "collections": ("space", "name", "revision", "inserted"),
    "records": ("space", "collection", "name", "version", "ordinal", "record"),
    "counters": ("space", "name", "value"),
    "call_batches": ("space", "number", "count", "size", "calls"),
}
"""The columns of every table for exports and copies: not of `writers`, which says who has calls to write yet, and not
those of `counters` that say who holds a block of numbers.

A column that is added comes last, and has a default: an older export lacks it.
"""

OF_A_SPACE = ("collections", "records", "counters", "call_batches")
"""The tables whose rows belong to a space."""


def words_of(*, is_sqlite: bool) -> dict[str, str]:
    """Return the words that stand in braces in the statements, for a kind of database."""
    # Rows of tables without row ids are in the index of the primary key, so that a commit writes fewer pages. Batches
    # of calls are too long for that.
    return {"key": "BLOB", "sorted": " WITHOUT ROWID"} if is_sqlite else {"key": "BYTEA", "sorted": ""}


ON_CONFLICT = {"counters": " ON CONFLICT (space, name) DO UPDATE SET value = excluded.value, holder = NULL, asked = 0"}
"""How a statement ends that copies or imports rows of a table, if others may add some of them meanwhile."""

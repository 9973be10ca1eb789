"""The tables of the journal, one schema for every database, and the ladder that lifts an older file to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import (
    Column,
    Connection,
    Double,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
    update,
)

from assay.errors import StoreError, StoreVersionError
from assay.version import __version__

__all__ = [
    "MIGRATIONS",
    "SCHEMA_VERSION",
    "create",
    "events",
    "leases",
    "lift",
    "snapshots",
    "stored_version",
]

SCHEMA_VERSION: Final = 1

Migration = Callable[[Connection], None]

# The step at n lifts a journal from version n to n + 1. A step is never edited once it has been released.
MIGRATIONS: Final[Mapping[int, Migration]] = {}

_tables = MetaData()

events = Table(
    "events",
    _tables,
    Column("study_id", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("time", Double, nullable=False),
    Column("kind", String, nullable=False),
    Column("payload", Text, nullable=False),
)

leases = Table(
    "leases",
    _tables,
    Column("study_id", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("owner", String, nullable=False),
    Column("host", String, nullable=False),
    Column("expiry", Double, nullable=False),
)

snapshots = Table(
    "snapshots",
    _tables,
    Column("study_id", String, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("payload", Text, nullable=False),
)

meta = Table(
    "meta",
    _tables,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)


def stored_version(connection: Connection) -> int | None:
    """The schema version of the journal; None when the database is empty.

    Raises:
        StoreError: when the database holds something else.
    """
    names = set(inspect(connection).get_table_names())
    if not names:
        return None
    if not {"meta", "events"} <= names:
        raise StoreError(f"the database holds no journal of assay but the tables {', '.join(sorted(names))}")
    text = connection.execute(select(meta.c.value).where(meta.c.key == "schema_version")).scalar_one_or_none()
    if text is None or not text.isdecimal():
        raise StoreError(f"the journal must name its schema_version as a whole number, got {text!r}")
    return int(text)


def create(connection: Connection) -> None:
    """Make the tables of an empty database."""
    _tables.create_all(connection)
    connection.execute(
        insert(meta),
        [
            {"key": "schema_version", "value": str(SCHEMA_VERSION)},
            {"key": "created_by", "value": f"assay {__version__}"},
        ],
    )


def lift(connection: Connection, version: int, target: int, migrations: Mapping[int, Migration]) -> None:
    """Climb from `version` to `target`, step by step, in the transaction of the connection.

    Raises:
        StoreVersionError: when the journal is newer than `target`.
    """
    if version > target:
        raise StoreVersionError(
            f"the journal has schema version {version} and this version of assay reads up to {target}; "
            "it was written by a newer one: upgrade assay"
        )
    for step in range(version, target):
        migrations[step](connection)
        connection.execute(update(meta).where(meta.c.key == "schema_version").values(value=str(step + 1)))

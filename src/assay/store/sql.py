"""The journal in a database: an SQLite file for one machine, PostgreSQL for several.

Made through `assay.store.location.open_store`, which imports this file, and SQLAlchemy with it, only when called.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, final

from sqlalchemy import (
    Connection,
    Engine,
    Table,
    bindparam,
    create_engine,
    delete,
    func,
    insert,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from assay.codec.events import decode_events, encode_event, event_kind
from assay.codec.plain import decode, encode
from assay.errors import StoreBusyError, StoreError, UsageError, missing_extra
from assay.records import Event
from assay.store import schema, sqlite
from assay.store.abstract import AbstractStore, Decision, Lease, StoredEvent

__all__ = ["SqlStore"]

_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's state for a lock that was not granted in time
# Rows decoded at once: one call of the JSON parser each, and few enough that what it makes dies young, which
# halves the time of a long replay (measured: 1.2 s instead of 2.4 s for 1e5 events, the rest was garbage
# collection).
_BATCH = 256
_BUSY_CODES = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


@final
class SqlStore(AbstractStore):
    """A journal behind SQLAlchemy; made by `at_path` or `at_url`, or more simply by `open_store`.

    It may be used from several threads, and on both sides of a fork: each process has its own connections.
    `decide` of `transact` runs while the write lock is held, so it must be quick and must not write to the
    store.
    """

    def __init__(self, name: str, make_engine: Callable[[], Engine]) -> None:
        self._name = name
        self._make_engine = make_engine
        # By process: a connection that came through a fork is neither used nor closed, only kept from being
        # freed.
        self._engines: dict[int, Engine] = {}
        self._closed = False
        self._require_present: Callable[[], None] = lambda: None

    @classmethod
    def at_path(cls, path: Path, *, create: bool = True) -> SqlStore:
        """The journal in an SQLite file."""
        path = path.absolute()  # a later change of the working directory must not lead elsewhere
        if path.is_dir() or not path.parent.is_dir():
            raise StoreError(f"the store {path} must be a file in a folder that exists")
        if not create and not path.exists():
            raise StoreError(f"the store {path} does not exist")
        store = cls(str(path), lambda: sqlite.make_engine(path))
        with _translated(store._name, OSError, sqlite3.Error):
            sqlite.check_file(path)
        store._bring_up_to_date(lambda: sqlite.prepare_file(path), create=create)
        before = sqlite.identity(path)

        def require_present() -> None:
            if sqlite.identity(path) != before:
                raise StoreError(
                    f"the store {path} must stay where it is while it is in use, and was removed or replaced"
                )

        store._require_present = require_present
        return store

    @classmethod
    def at_url(cls, url: str, *, create: bool = True) -> SqlStore:
        """The journal at an SQLAlchemy URL."""
        try:
            parsed = make_url(url)
        except ArgumentError:  # the text itself is not repeated: it may hold a password
            raise UsageError("the location of a store must be a file or an SQLAlchemy URL") from None
        backend = parsed.get_backend_name()
        if backend == "sqlite":
            if not parsed.database or parsed.database == ":memory:":
                raise UsageError(f"an SQLite URL must name a file (MemoryStore needs none), got {url!r}")
            if parsed.query:
                raise UsageError(f"an SQLite URL must name a file and nothing else, got {url!r}")
            return cls.at_path(Path(parsed.database), create=create)
        if backend != "postgresql":
            raise UsageError(f"the location of a store must be sqlite or postgresql, got {backend!r}")
        store = cls(parsed.render_as_string(hide_password=True), lambda: create_engine(parsed))
        store._bring_up_to_date(lambda: None, create=create)
        return store

    def study_ids(self) -> list[str]:
        events = schema.events
        query = (
            select(events.c.study_id).where(events.c.number == 1).order_by(events.c.time, events.c.study_id)
        )
        with self._reading() as connection:
            return list(connection.execute(query).scalars())

    def last_number(self, study_id: str) -> int:
        with self._reading() as connection:
            return _last_number(connection, study_id)

    def read(self, study_id: str, after: int = 0) -> list[StoredEvent]:
        with self._reading() as connection:
            return _read(connection, study_id, after)

    def append(self, study_id: str, events: Sequence[Event]) -> int:
        with self._writing(study_id) as connection:
            rows = _rows(study_id, _last_number(connection, study_id), time.time(), events)
            _insert(connection, schema.events, rows)
        return rows[-1]["number"] if rows else self.last_number(study_id)

    def transact(
        self, study_id: str, after: int, *decisions: Decision
    ) -> tuple[list[StoredEvent], list[StoredEvent]]:
        with self._writing(study_id) as connection:
            unseen = shown = _read(connection, study_id, after)
            last = unseen[-1].number if unseen else _last_number(connection, study_id)
            now, written, appended = time.time(), [], []
            for decide in decisions:
                rows = _rows(study_id, last + len(written), now, decide(shown))
                # As they will be read back, so that going on and replaying start from the same values.
                shown = _stored_events([(row["number"], now, row["payload"]) for row in rows])
                written += rows
                appended += shown
            _insert(connection, schema.events, written)
        return unseen, appended

    def renew_leases(self, study_id: str, leases: Sequence[Lease]) -> None:
        rows = [{"study_id": study_id, **asdict(lease)} for lease in leases]
        with self._writing(study_id) as connection:
            _delete_leases(connection, study_id, [(lease.number, lease.attempt) for lease in leases])
            _insert(connection, schema.leases, rows)

    def release_leases(self, study_id: str, keys: Collection[tuple[int, int]]) -> None:
        if keys:
            with self._writing(study_id) as connection:
                _delete_leases(connection, study_id, keys)

    def leases(self, study_id: str) -> list[Lease]:
        table = schema.leases
        query = (
            select(table.c.number, table.c.attempt, table.c.owner, table.c.host, table.c.expiry)
            .where(table.c.study_id == study_id)
            .order_by(table.c.number, table.c.attempt)
        )
        with self._reading() as connection:
            return [Lease(*row) for row in connection.execute(query)]

    def save_snapshot(self, study_id: str, number: int, snapshot: dict[str, Any]) -> None:
        table = schema.snapshots
        payload = encode(snapshot, what="the snapshot")
        newest = select(table.c.number).where(table.c.study_id == study_id)
        with self._writing(study_id) as connection:
            if number >= (connection.execute(newest).scalar() or 0):
                connection.execute(delete(table).where(table.c.study_id == study_id))
                connection.execute(
                    insert(table), {"study_id": study_id, "number": number, "payload": payload}
                )

    def load_snapshot(self, study_id: str) -> tuple[int, dict[str, Any]] | None:
        table = schema.snapshots
        query = select(table.c.number, table.c.payload).where(table.c.study_id == study_id)
        with self._reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else (row.number, decode(row.payload))

    def close(self) -> None:
        self._closed = True
        engine = self._engines.pop(os.getpid(), None)
        if engine is not None:
            engine.dispose()

    # -- connections ---------------------------------------------------------------------------------------

    def _engine(self) -> Engine:
        if self._closed:
            raise StoreError(f"the store {self._name} is closed")
        self._require_present()
        process = os.getpid()
        if process not in self._engines:
            try:
                self._engines.setdefault(process, self._make_engine())
            except NoSuchModuleError as error:
                raise UsageError(
                    f"the store {self._name} needs a driver that SQLAlchemy knows: {error}"
                ) from None
            except ModuleNotFoundError as error:
                raise missing_extra(error.name or "the driver of the database", "postgres") from error
        return self._engines[process]

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """One consistent view, which never waits for a writer."""
        with _translated(self._name, DBAPIError), self._engine().connect() as connection:
            connection = connection.execution_options(**{sqlite.READ_ONLY: True})
            with connection.begin():
                yield connection

    @contextmanager
    def _writing(self, study_id: str) -> Iterator[Connection]:
        """A transaction that holds the write lock (of the file, or of the study) from its first moment."""
        with _translated(self._name, DBAPIError), self._engine().begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SET LOCAL lock_timeout = '{sqlite.BUSY_TIMEOUT_SECONDS}s'"))
                connection.execute(select(func.pg_advisory_xact_lock(_lock_key(study_id))))
            yield connection

    def _bring_up_to_date(self, prepare: Callable[[], None], *, create: bool) -> None:
        with self._reading() as connection:
            version = schema.stored_version(connection)
        if version == schema.SCHEMA_VERSION:
            return
        if version is None:
            if not create:
                raise StoreError(f"the store {self._name} is empty")
            with _translated(self._name, OSError, sqlite3.Error):
                prepare()
        with self._writing("") as connection:
            version = schema.stored_version(connection)  # another process may have been quicker
            if version is None:
                schema.create(connection)
            else:
                schema.lift(connection, version, schema.SCHEMA_VERSION, schema.MIGRATIONS)


@contextmanager
def _translated(name: str, *kinds: type[Exception]) -> Iterator[None]:
    """Errors of these kinds as errors of the store of that name."""
    try:
        yield
    except kinds as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        reason = " ".join(str(cause).split())  # some drivers write a paragraph
        if _is_busy(cause):
            waited = sqlite.BUSY_TIMEOUT_SECONDS
            raise StoreBusyError(
                f"another process held the store {name} for over {waited} s: {reason}"
            ) from error
        raise StoreError(f"the store {name} could not be used: {reason}") from error


def _is_busy(error: BaseException | None) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _BUSY_CODES  # the rest of an extended code is detail
    return getattr(error, "sqlstate", None) == _LOCK_NOT_AVAILABLE


def _last_number(connection: Connection, study_id: str) -> int:
    events = schema.events
    return (
        connection.execute(select(func.max(events.c.number)).where(events.c.study_id == study_id)).scalar()
        or 0
    )


def _read(connection: Connection, study_id: str, after: int) -> list[StoredEvent]:
    events = schema.events
    query = (
        select(events.c.number, events.c.time, events.c.payload)
        .where(events.c.study_id == study_id, events.c.number > after)
        .order_by(events.c.number)
    )
    found: list[StoredEvent] = []
    for rows in connection.execute(query).yield_per(_BATCH).partitions():
        found += _stored_events(rows)
    return found


def _stored_events(rows: Sequence[Any]) -> list[StoredEvent]:
    decoded = decode_events([payload for _, _, payload in rows])
    return [
        StoredEvent(number, moment, event) for (number, moment, _), event in zip(rows, decoded, strict=True)
    ]


def _rows(study_id: str, last: int, now: float, events: Sequence[Event]) -> list[dict[str, Any]]:
    return [
        {
            "study_id": study_id,
            "number": number,
            "time": now,
            "kind": event_kind(event),
            "payload": encode_event(event),
        }
        for number, event in enumerate(events, start=last + 1)
    ]


def _insert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _delete_leases(connection: Connection, study_id: str, keys: Collection[tuple[int, int]]) -> None:
    table = schema.leases
    one = delete(table).where(
        table.c.study_id == study_id,
        table.c.number == bindparam("its_number"),
        table.c.attempt == bindparam("its_attempt"),
    )
    rows = [{"its_number": number, "its_attempt": attempt} for number, attempt in keys]
    if rows:
        connection.execute(one, rows)


def _lock_key(study_id: str) -> int:
    """A study's advisory lock: 64 bits of a hash, since PostgreSQL locks numbers."""
    digest = hashlib.blake2b(f"assay:{study_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)

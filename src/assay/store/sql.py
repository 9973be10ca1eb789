"""The journal in a database: an SQLite file for one machine, PostgreSQL for several.

Made through `assay.store.location.open_store`, which imports this file, and SQLAlchemy with it, only when called.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from sqlalchemy import Connection, Engine, create_engine, delete, func, insert, make_url, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from assay.codec.events import decode_events, encode_event, event_kind
from assay.codec.plain import decode, encode
from assay.errors import StoreBusyError, StoreError, UsageError, missing_extra
from assay.records import Event
from assay.store import schema, sqlite
from assay.store.abstract import AbstractStore, Lease, StoredEvent

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
        payloads = [encode_event(event) for event in events]
        with self._writing(study_id) as connection:
            last = _last_number(connection, study_id)
            _insert(connection, study_id, last, time.time(), events, payloads)
        return last + len(events)

    def transact(
        self, study_id: str, after: int, decide: Callable[[Sequence[StoredEvent]], Sequence[Event]]
    ) -> tuple[list[StoredEvent], list[StoredEvent]]:
        with self._writing(study_id) as connection:
            unseen = _read(connection, study_id, after)
            last = unseen[-1].number if unseen else _last_number(connection, study_id)
            events = decide(unseen)
            payloads = [encode_event(event) for event in events]
            now = time.time()
            _insert(connection, study_id, last, now, events, payloads)
        # As they will be read back, so that going on and replaying start from the same values.
        return unseen, _stored_events([(last + 1 + i, now, payload) for i, payload in enumerate(payloads)])

    def renew_lease(self, study_id: str, lease: Lease) -> None:
        table = schema.leases
        row = {
            "study_id": study_id,
            "number": lease.number,
            "attempt": lease.attempt,
            "owner": lease.owner,
            "host": lease.host,
            "expiry": lease.expiry,
        }
        with self._writing(study_id) as connection:
            connection.execute(_delete_lease(study_id, lease.number, lease.attempt))
            connection.execute(insert(table), row)

    def release_lease(self, study_id: str, number: int, attempt: int) -> None:
        with self._writing(study_id) as connection:
            connection.execute(_delete_lease(study_id, number, attempt))

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


def _insert(
    connection: Connection,
    study_id: str,
    last: int,
    now: float,
    events: Sequence[Event],
    payloads: Sequence[str],
) -> None:
    rows = [
        {"study_id": study_id, "number": number, "time": now, "kind": event_kind(event), "payload": payload}
        for number, (event, payload) in enumerate(zip(events, payloads, strict=True), start=last + 1)
    ]
    if rows:
        connection.execute(insert(schema.events), rows)


def _delete_lease(study_id: str, number: int, attempt: int) -> Any:
    table = schema.leases
    return delete(table).where(
        table.c.study_id == study_id, table.c.number == number, table.c.attempt == attempt
    )


def _lock_key(study_id: str) -> int:
    """A study's advisory lock: 64 bits of a hash, since PostgreSQL locks numbers."""
    digest = hashlib.blake2b(f"assay:{study_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)

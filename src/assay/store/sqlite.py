"""What is particular to SQLite: real transactions, durability, and file systems that cannot be trusted.

Two hooks make SQLAlchemy's transactions real ones. By default the driver begins a transaction only before the
first write, so that a decision made on what was read before it is lost to a race without any error.
"""

from __future__ import annotations

import logging
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event

from assay.errors import StoreError

__all__ = ["READ_ONLY", "check_file", "identity", "make_engine", "prepare_file", "write_ahead_log_obstacle"]

READ_ONLY: Final = "assay_read_only"
BUSY_TIMEOUT_SECONDS: Final = 60

_HEADER: Final = b"SQLite format 3\x00"
_CHECKPOINT_BYTES: Final = 4 * 2**20
_QUICK_CHECK_LIMIT_BYTES: Final = 16 * 2**20
# Several hosts see these, and the shared memory of a write-ahead log does not reach beyond one.
_NETWORK_FILE_SYSTEMS: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "fuse.sshfs",
     "fuse.glusterfs", "pvfs2", "afs", "9p"}
)  # fmt: skip

logger = logging.getLogger(__name__)


def make_engine(path: Path) -> Engine:
    """An engine whose transactions begin when they say so, and whose commits are on the disk."""
    log = path.with_name(path.name + "-wal")
    engine = create_engine(URL.create("sqlite", database=str(path)), max_overflow=-1)

    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # the driver keeps its hands off; `begin` below takes its place
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # `checkpoint` below takes its place

    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get(READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    def checkpoint(connection: sqlite3.Connection | None, _record: Any) -> None:
        if connection is not None and _size(log) > _CHECKPOINT_BYTES:
            _empty_log(connection, log)

    event.listen(engine, "connect", configure)
    event.listen(engine, "checkin", checkpoint)
    event.listen(engine, "begin", begin)
    return engine


def prepare_file(path: Path) -> None:
    """Choose the journal mode of a file that becomes a store: a write-ahead log where that is safe."""
    obstacle = write_ahead_log_obstacle(path.parent)
    if obstacle is not None:
        logger.warning(
            "%s is kept with a rollback journal, which is slower: %s; use it from one host only",
            path,
            obstacle,
        )
        return
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one of that name; None when there is none.

    An open connection goes on with a file that was removed or replaced, and everything it writes is lost.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def write_ahead_log_obstacle(folder: Path) -> str | None:
    """Why a write-ahead log would not work in this folder, as a clause; None when it works.

    A network file system is known by its name; others are tried, on a file of their own, since some answer
    that the log is on and fail at the first write.
    """
    kind = _file_system(folder)
    if kind in _NETWORK_FILE_SYSTEMS:
        return f"its folder is on a network file system ({kind})"
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".assay-probe-") as scratch:
            with closing(sqlite3.connect(Path(scratch) / "probe.db")) as writer:
                mode = writer.execute("PRAGMA journal_mode = WAL").fetchone()[0]
                with writer:
                    writer.execute("CREATE TABLE probe (value INTEGER)")
                with closing(sqlite3.connect(Path(scratch) / "probe.db")) as reader:
                    reader.execute("SELECT * FROM probe").fetchall()
            return None if mode == "wal" else f"SQLite answered with journal mode {mode!r}"
    except (sqlite3.Error, OSError) as error:
        return f"a trial in its folder failed with: {error}"


def check_file(path: Path) -> None:
    """Refuse a file that is not an intact SQLite database; large ones are only looked at from outside.

    Raises:
        StoreError: when it is not one, or is damaged.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        header = file.read(len(_HEADER))
    if header and header != _HEADER:
        raise StoreError(
            f"the store {path} must be an SQLite database, got a file that begins with {header!r}"
        )
    if path.stat().st_size > _QUICK_CHECK_LIMIT_BYTES:
        return
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS)) as connection:
        try:
            finding = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.OperationalError:  # held by somebody, or out of reach: says nothing about the content
            raise
        except sqlite3.DatabaseError as error:
            finding = str(error)
    if finding != "ok":
        finding = " ".join(finding.split())
        raise StoreError(f"the store {path} is damaged: {finding}; restore it from a copy")


def _empty_log(connection: sqlite3.Connection, log: Path) -> None:
    """Move what the write-ahead log holds into the file, and cut the log to nothing.

    SQLite's own automatic checkpoint runs beside writers, and before 3.51.3 (and 3.50.7, 3.44.6) one that
    starts while somebody else's commit resets the log can lose pages
    (https://sqlite.org/wal.html#walresetbug). In TRUNCATE mode a checkpoint holds the write lock from before
    it looks, so that no commit can come in between.
    """
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:  # what was committed is safe in the log: the next one may succeed
        logger.warning("the log %s could not be moved into its store: %s", log, error)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _file_system(folder: Path) -> str | None:
    """The kind of file system that the folder is on, where the system tells (Linux); None elsewhere."""
    try:
        lines = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return None
    resolved = folder.resolve()
    best: tuple[int, str | None] = (-1, None)
    for line in lines:
        _, mount_point, kind, *_ = line.split(" ")
        mounted_at = Path(mount_point.replace("\\040", " "))
        # `>=`: of two mounts at one place the later one lies on top.
        if resolved.is_relative_to(mounted_at) and len(mounted_at.parts) >= best[0]:
            best = len(mounted_at.parts), kind
    return best[1]

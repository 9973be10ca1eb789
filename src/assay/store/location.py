"""From the name of a place to a store."""

from __future__ import annotations

from pathlib import Path

from assay.errors import UsageError
from assay.store.abstract import AbstractStore

__all__ = ["open_store"]


def open_store(location: str | Path, *, create: bool = True) -> AbstractStore:
    """Open the journal at a place, and make it first where there is none.

    Use a file for one machine and a PostgreSQL URL for several.

    Arguments:
        location: the path of an SQLite file (usually `*.db`), or an SQLAlchemy URL
            (`postgresql+psycopg://user@host/database`, `sqlite:///relative.db`).
        create: whether a missing file is made; a face that only looks says False.

    Raises:
        UsageError: when the location is neither.
        MissingExtraError: when the driver of the database is not installed.
        StoreError: when it cannot be opened, is damaged or is something else.
        StoreVersionError: when a newer version of the package wrote it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = open_store(Path(folder) / "studies.db")
        ...     store.study_ids()
        ...     store.close()
        []
    """
    # SQLAlchemy takes a quarter of a second to import: only who opens a store pays for it.
    from assay.store.sql import SqlStore

    text = str(location)
    if "://" in text:
        return SqlStore.at_url(text, create=create)
    if not text or text == ":memory:" or "\0" in text:
        raise UsageError(
            f"the location of a store must be a file or a URL (MemoryStore needs neither), got {text!r}"
        )
    return SqlStore.at_path(Path(text), create=create)

"""From what the user names to a study: a study file, a store, or the only store of this folder."""

from __future__ import annotations

from pathlib import Path

from assay.errors import StudyError, UsageError
from assay.store.abstract import AbstractStore
from assay.study.study import Study, open_study

__all__ = ["open_target", "open_target_store"]


def open_target(target: str | None, study_id: str | None) -> Study:
    """The study of a study file or a store.

    Raises:
        StudyError: when it has not begun, or the store holds several and none was named.
        UsageError: when nothing is named and this folder does not hold exactly one store.
    """
    store, own_id = open_target_store(target)
    return open_study(store, study_id or own_id)


def open_target_store(target: str | None) -> tuple[AbstractStore, str | None]:
    """The store, and the study's id where a study file names it; a store is never made here."""
    from assay.store.location import open_store

    location: str | Path = _only_store() if target is None else target
    own_id = None
    if str(location).endswith(".toml"):
        from assay.study.file import read_study_file

        file = read_study_file(location)
        location, own_id = file.store, file.document.study.id
        if "://" not in str(location) and not Path(location).exists():
            raise StudyError(
                f"{target} has not begun, since {location} does not exist; begin with: assay run {target}"
            )
    return open_store(location, create=False), own_id


def _only_store() -> Path:
    found = sorted(Path().glob("*.assay.db"))
    if len(found) != 1:
        names = ", ".join(map(str, found)) or "none"
        raise UsageError(
            f"name a study file or a store, since this folder does not hold exactly one *.assay.db; it holds: {names}"
        )
    return found[0]

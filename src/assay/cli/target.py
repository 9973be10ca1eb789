"""From what the user names to a study: a study file, a store, or the only store of a folder, of this one unless another is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.errors import StudyError, UsageError
from assay.study.study import Study, open_study

__all__ = ["locate", "open_target", "writing"]


def open_target(target: str | None, study_id: str | None) -> Study:
    """The study of a study file or a store.

    Raises:
        StudyError: when it has not begun, or the store holds several and none was named.
        UsageError: when a folder, this one where nothing is named, does not hold exactly one store.
    """
    location, own_id = locate(target)
    return open_study(location, study_id or own_id)


def locate(target: str | None) -> tuple[str | Path, str | None]:
    """Where the store lies, and the study's id where a study file names it; a store is never made here.

    Raises:
        StudyError: when there is no such store yet.
        UsageError: as for `open_target`.
    """
    location: str | Path = Path() if target is None else target
    if "://" not in str(location) and Path(location).is_dir():
        location = _only_store(Path(location))
    own_id, cure = None, ""
    if str(location).endswith(".toml"):
        from assay.study.file import read_study_file

        file = read_study_file(location)
        location, own_id, cure = file.store, file.document.study.id, f"; begin with: assay run {target}"
    if "://" not in str(location) and not Path(location).is_file():
        raise StudyError(f"there is no store {location}{cure}")
    return location, own_id


@contextmanager
def writing(output: Path) -> Iterator[None]:
    """What the file system has against an output, as one sentence.

    Raises:
        UsageError: when the file cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise UsageError(f"the output {output} cannot be written: {error.strerror or error}") from None


def _only_store(folder: Path) -> Path:
    found = sorted(folder.glob("*.assay.db"))
    if len(found) != 1:
        names = ", ".join(map(str, found)) or "none"
        which = "this folder" if folder == Path() else f"the folder {folder}"
        raise UsageError(
            f"name a study file or a store, since {which} does not hold exactly one *.assay.db; it holds: {names}"
        )
    return found[0]

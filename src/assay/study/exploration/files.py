"""An exploration as a folder.

exploration.assay.db    the journal, which is the truth and all that is read back
exploration.json        the settings, for people
results.csv, queue.csv  what was evaluated and what waits, for people and other programs
readme.txt              the state in words
script.py, runs/        the script, and a folder for each of its runs
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.errors import StudyError, UsageError
from assay.store.abstract import AbstractStore
from assay.study.study import open_study
from assay.version import __version__

__all__ = ["SCRIPT", "SETTINGS", "STORE", "copy_journal", "load_settings", "write_tables"]

STORE = "exploration.assay.db"
SETTINGS = "exploration"  # the name of the saved state
SCRIPT = "script.py"


def copy_journal(source: AbstractStore, study_id: str, folder: Path) -> None:
    """See to it that the folder's journal holds every event of a study; what it holds already must be their beginning.

    Raises:
        UsageError: when it holds something else.
    """
    from assay.store.location import open_store  # SQLAlchemy is only needed here

    target = open_store(folder / STORE)
    try:
        events = source.read(study_id)
        there = target.read(study_id)
        if [stored.event for stored in there] != [stored.event for stored in events[: len(there)]]:
            raise UsageError(
                f"{folder} holds another exploration, or one that went on by itself; save to another folder"
            )
        missing = [stored.event for stored in events[len(there) :]]
        if missing:
            target.append(study_id, missing)
    finally:
        target.close()


def load_settings(folder: Path) -> tuple[Mapping[str, Any], int]:
    """The settings of the exploration in a folder, and its seed; where the script is gone, the copy takes its place.

    Raises:
        StoreError: when there is no journal.
        StudyError: when it is not one of an exploration.
    """
    study = open_study(folder / STORE)
    settings = study.state.saved.get(SETTINGS)
    if settings is None:
        raise StudyError(f"{folder / STORE} holds a study that is no exploration")
    script = settings["script"]
    if script is not None and not Path(script).is_file():
        script = str(folder / SCRIPT)
    return {**settings, "script": script}, study.seed


def write_tables(
    folder: Path, settings: Mapping[str, Any], results: Any, queue: Any, words: str, script: Path | None
) -> None:
    """Write what people read.

    Arguments:
        settings: plain data.
        results, queue: pandas tables.
        words: the state.
        script: the script that is the simulation.
    """
    _write_text(folder / "results.csv", results.to_csv(index=False))
    _write_text(folder / "queue.csv", queue.to_csv(index=False))
    text = json.dumps({"assay": __version__, **settings}, indent=2, default=str)
    _write_text(folder / "exploration.json", f"{text}\n")
    _write_text(folder / "readme.txt", f"{words}\n")
    if script is not None and script.parent != folder.resolve():
        _write_text(folder / SCRIPT, script.read_text(encoding="utf-8"))


def _write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)

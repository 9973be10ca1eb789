"""The outbox: a folder where a worker makes an outcome durable before it hands it over.

Whoever runs a study reads the folder at the start, so that an evaluation is not lost when its runner died in the
meantime. One file `<number>-<attempt>.json` for each outcome, described in `docs/formats.md`; it appears whole or not at all.
"""

from __future__ import annotations

import logging
import os
import re
import time
from pathlib import Path

from assay.codec.events import outcome_from_data, outcome_to_data
from assay.codec.plain import decode, encode
from assay.errors import StoreError, StoreVersionError
from assay.executors.abstract import AbstractEvaluator, Task
from assay.executors.evaluators import describe_exception
from assay.executors.pulse import with_pulse
from assay.records import Outcome

__all__ = [
    "evaluate_durably",
    "is_in_outbox",
    "keep_in_outbox",
    "read_from_outbox",
    "read_outbox",
    "remove_from_outbox",
    "write_to_outbox",
]

logger = logging.getLogger(__name__)

OUTBOX_VERSION = 1
_FILE_NAME = re.compile(r"(\d+)-(\d+)\.json")
_TORN_AFTER_SECONDS = 3600.0  # another runner's worker may be writing right now


def evaluate_durably(evaluator: AbstractEvaluator, task: Task) -> Outcome:
    """Evaluate, and leave the outcome in the task's outbox before returning it. Runs where the worker is."""
    if evaluator.makes_durable:
        return _evaluate(evaluator, task)
    with with_pulse(task):
        outcome = _evaluate(evaluator, task)
        keep_in_outbox(task, outcome)
    return outcome


def _evaluate(evaluator: AbstractEvaluator, task: Task) -> Outcome:
    try:
        return evaluator.evaluate(task)
    except Exception as error:  # noqa: BLE001 - an evaluator of a third party that breaks its promise costs one evaluation
        line, details = describe_exception(error)
        return Outcome("model_failure", error=line, details=details)


def keep_in_outbox(task: Task, outcome: Outcome) -> None:
    """Leave an outcome in the task's outbox, if it has one; a file system that refuses costs durability only."""
    if task.outbox is None:
        return
    try:
        write_to_outbox(task.outbox, task, outcome)
    except OSError as error:
        logger.warning("the outcome of suggestion %d could not be kept in its outbox: %s", task.number, error)


def is_in_outbox(task: Task) -> bool:
    """Whether the task's outbox holds its outcome, readable or not."""
    return task.outbox is not None and _path(task.outbox, task.number, task.attempt).exists()


def write_to_outbox(folder: Path, task: Task, outcome: Outcome) -> Path:
    """Write an outcome durably: a temporary file, fsync, rename, fsync of the folder.

    Raises:
        OSError: when the file system refuses.
    """
    content = {
        "version": OUTBOX_VERSION,
        "study_id": task.study_id,
        "number": task.number,
        "attempt": task.attempt,
        "outcome": outcome_to_data(outcome),
    }
    text = encode(content, what="the outcome")
    folder.mkdir(parents=True, exist_ok=True)
    path = _path(folder, task.number, task.attempt)
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync_folder(folder)
    return path


def read_outbox(folder: Path) -> list[tuple[int, int, Outcome]]:
    """Every outcome in the folder as (number, attempt, outcome), in order; empty when there is no folder.

    A temporary file was never handed over: it is passed by, and removed once nobody can be writing it any more.
    A file that cannot be read is left where it is, with a warning.
    """
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.suffix == ".tmp":
            _remove_when_torn(path)
        elif match := _FILE_NAME.fullmatch(path.name):
            number, attempt = int(match[1]), int(match[2])
            outcome = read_from_outbox(folder, number, attempt)
            if outcome is not None:
                found.append((number, attempt, outcome))
    return sorted(found, key=lambda entry: entry[:2])


def read_from_outbox(folder: Path, number: int, attempt: int) -> Outcome | None:
    """One outcome; None when it is not there, or (with a warning) cannot be read."""
    path = _path(folder, number, attempt)
    try:
        content = decode(path.read_text(encoding="ascii"))
        if content["version"] > OUTBOX_VERSION:
            raise StoreVersionError(
                f"it has version {content['version']}, and this package reads {OUTBOX_VERSION}"
            )
        return outcome_from_data(content["outcome"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StoreError) as error:
        logger.warning("the outbox file %s cannot be read and is passed by: %r", path, error)
        return None


def remove_from_outbox(folder: Path, number: int, attempt: int) -> None:
    """Remove an outcome that the store holds by now; no error when it is not there."""
    _path(folder, number, attempt).unlink(missing_ok=True)


def _path(folder: Path, number: int, attempt: int) -> Path:
    return folder / f"{number}-{attempt}.json"


def _remove_when_torn(path: Path) -> None:
    try:
        if time.time() - path.stat().st_mtime > _TORN_AFTER_SECONDS:
            path.unlink()
    except FileNotFoundError:  # renamed or removed in the meantime
        pass


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened, and the rename is as durable as it gets
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

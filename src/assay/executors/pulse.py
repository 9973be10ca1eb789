"""A sign of life from evaluations that take a while, for a runner that did not start them.

While it evaluates, a worker renews a file `<number>-<attempt>.running` beside the outcomes. A runner that is resumed finds
there what still runs although the one that began it is gone, and waits for its outcome instead of beginning again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from assay.executors.abstract import Task
from assay.executors.liveness import host_name, is_dead, process_name

__all__ = ["still_running", "with_pulse"]

logger = logging.getLogger(__name__)

FIRST_SECONDS = 1.0  # a shorter evaluation costs no file
BEAT_SECONDS = 10.0
# A file of another host that is older counts no more. File systems that hosts share may show it a minute late.
SILENT_SECONDS = 120.0
_FILE_NAME = re.compile(r"(\d+)-(\d+)\.running")


@contextmanager
def with_pulse(task: Task) -> Iterator[None]:
    """Show that the task is evaluated here, if it takes a while and has an outbox."""
    if task.outbox is None:
        yield
        return
    path = task.outbox / f"{task.number}-{task.attempt}.running"
    _heart.begin(path)
    try:
        yield
    finally:
        _heart.end(path)


def still_running(outbox: Path) -> set[tuple[int, int]]:
    """The attempts, as (number, attempt), that some living worker evaluates; files of dead ones are removed."""
    found = set()
    now = None
    for path in outbox.glob("*.running"):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            continue
        try:
            name = path.read_text(encoding="utf-8")
            if name.rsplit("/", 2)[0] != host_name():
                now = _file_system_time(outbox) if now is None else now
                if path.stat().st_mtime + SILENT_SECONDS < now:
                    continue
            elif is_dead(name):
                path.unlink(missing_ok=True)
                continue
        except FileNotFoundError:  # it has just ended
            continue
        found.add((int(match[1]), int(match[2])))
    return found


def _file_system_time(folder: Path) -> float:
    """Now, by the clock of whoever keeps the files: hosts may differ."""
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".tmp") as file:
        return os.fstat(file.fileno()).st_mtime


@final
class _Heart:
    """One thread for all evaluations of a process, started when the first of them begins."""

    def __init__(self) -> None:
        self._due: dict[Path, float] = {}
        self._changed = threading.Condition()
        self._process = 0

    def begin(self, path: Path) -> None:
        with self._changed:
            self._due[path] = time.monotonic() + FIRST_SECONDS
            if self._process != os.getpid():  # none yet, or it stayed behind at a fork
                self._process = os.getpid()
                threading.Thread(target=self._beat, name="assay-pulse", daemon=True).start()
            elif len(self._due) == 1:
                self._changed.notify()

    def end(self, path: Path) -> None:
        with self._changed:
            del self._due[path]
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _beat(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._due)
                now = time.monotonic()
                for path in [path for path, due in self._due.items() if due <= now]:
                    self._due[path] = now + BEAT_SECONDS
                    _renew(path)
                soonest = min(self._due.values())
            time.sleep(max(soonest - time.monotonic(), 0.0))


def _renew(path: Path) -> None:
    try:
        if path.exists():
            os.utime(path)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.tmp")
        temporary.write_text(process_name(), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:  # the evaluation goes on; if its runner dies, it may be begun again beside it
        logger.warning("no sign of life can be written to %s: %s", path, error)


_heart = _Heart()

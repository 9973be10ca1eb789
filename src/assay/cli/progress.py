"""How a run is shown while it goes on: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from assay.study.progress import Progress

__all__ = ["counting", "observing", "pace_line", "progress_line", "working"]

SECONDS_BETWEEN_LINES = 2.0


@contextmanager
def observing(
    name: str, line: Callable[[Progress], str] | None = None
) -> Iterator[Callable[[Progress], None]]:
    """An observer for `Study.run`, and a place where warnings do not tear the live line apart.

    Arguments:
        name: of what runs.
        line: what is said of its progress; None for `progress_line`.
    """
    if sys.stdout.isatty():
        with _live(name, line or progress_line) as observer:
            yield observer
    else:
        with _warnings_to(logging.StreamHandler()):
            yield _PlainLines(line or progress_line)


def progress_line(progress: Progress) -> str:
    """The best value, the rate, the time left and the failures, in one line.

    Example:
        >>> best = {"number": 3, "values": {"x": 0.5}, "objective": 0.25}
        >>> progress_line(Progress(5, 4, 1, 1, 10, best, None, seconds=10.0, done_here=5))
        'best 0.25 (no 3)  30.0 per min  10 s left  1 failed'
    """
    return "  ".join(filter(None, (_best(progress), pace_line(progress))))


def pace_line(progress: Progress) -> str:
    """The rate, the time left and the failures, in one line."""
    parts = []
    if progress.done_here:
        parts.append(_rate(progress.rate_per_second))
    if math.isfinite(progress.remaining_seconds):
        parts.append(f"{_duration(progress.remaining_seconds)} left")
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    return "  ".join(parts)


def _best(progress: Progress) -> str:
    if progress.best is None:  # of a driver that looks for no best point too
        return f"{progress.succeeded} succeeded" if progress.succeeded else "no success yet"
    return f"best {progress.best['objective']:.6g} (no {progress.best['number']})"


def _rate(per_second: float) -> str:
    for count, unit in ((1.0, "s"), (60.0, "min"), (3600.0, "h")):
        if per_second * count >= 1 or unit == "h":
            return f"{per_second * count:.1f} per {unit}"
    raise AssertionError("unreachable")


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


class _PlainLines:
    """A line now and then, and one for the last evaluation."""

    def __init__(self, line: Callable[[Progress], str]) -> None:
        self._line = line
        self._last = -math.inf

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.trial is None or (
            now - self._last < SECONDS_BETWEEN_LINES and progress.finished < progress.total
        ):
            return
        self._last = now
        total = f"/{progress.total:.0f}" if math.isfinite(progress.total) else ""
        typer.echo(f"{progress.finished}{total}  {self._line(progress)}")


@contextmanager
def _live(name: str, line: Callable[[Progress], str]) -> Iterator[Callable[[Progress], None]]:
    console = Console()
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
    )
    with (
        Bar(*columns, TextColumn("{task.fields[line]}"), console=console, transient=True) as bar,
        _warnings_to(RichHandler(console=console, show_path=False, show_time=False)),
    ):
        task = bar.add_task(name, total=None, line="")

        def observer(progress: Progress) -> None:
            total = progress.total if math.isfinite(progress.total) else None
            bar.update(task, completed=progress.finished, total=total, line=line(progress))

        yield observer


@contextmanager
def _warnings_to(handler: logging.Handler) -> Iterator[None]:
    """Our own warnings go to the handler while a run goes on; no other logger is touched."""
    logger = logging.getLogger("assay")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def working(what: str) -> Iterator[None]:
    """A spinner with the time that went by, on a terminal's standard error; elsewhere nothing.

    Arguments:
        what: goes on, in a few words.
    """
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        bar.add_task(what, total=None)
        yield


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar with the time that is left, on a terminal's standard error; elsewhere nothing.

    Arguments:
        what: is counted.
        total: at the end.
    """
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
    )
    times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    with Bar(*columns, *times, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)

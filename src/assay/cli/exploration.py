"""What `assay explore` does, and how it is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import typer

from assay.cli.progress import observing, pace_line
from assay.cli.target import writing
from assay.study.evaluation import ExecutorChoice
from assay.study.executor_choice import executor_maker, read_executor, workers_of
from assay.study.exploration.exploration import Exploration
from assay.study.progress import Progress
from assay.study.sections import ExecutorSection

__all__ = ["conclude", "draw", "evaluate", "place_of"]


def place_of(choice: str | None, parallel: int) -> tuple[ExecutorChoice, int]:
    """Where runs are started, and how many at once.

    Arguments:
        choice: "serial", "local" or "dask"; the path of a TOML file with the keys of a section [executor]; or None.
        parallel: runs at once, where no file says it.

    Raises:
        ConfigurationError: when the file breaks a rule.
    """
    if choice is None or choice in ("serial", "local", "dask"):
        return choice, parallel
    section = read_executor(choice, ExecutorSection())
    if section.workers is None and section.type != "serial":
        section = section.model_copy(update={"workers": parallel})
    return executor_maker(section, Path(choice).parent), workers_of(section)


def evaluate(exploration: Exploration, samples: int, *, batch: bool) -> None:
    """Come to so many evaluations in all, and show how it goes.

    Arguments:
        exploration: of a script.
        samples: how many, those included that are done.
        batch: whether all points are chosen together first.
    """
    typer.echo(repr(exploration))
    wanted = samples - len(exploration.evaluated)
    if wanted <= 0:
        return
    missing = wanted - len(exploration.queue)
    if batch and missing > 0:
        exploration.sample(missing)
    name = "exploration" if exploration.script is None else exploration.script.stem
    with observing(name, pace_line) as observer:

        def show(progress: Progress) -> None:
            observer(replace(progress, total=samples))

        exploration.run(wanted, observers=[show])


def conclude(exploration: Exploration, folder: Path) -> None:
    """Write the tables, and say what was seen."""
    exploration.save(folder)
    errors = [error for error in exploration.errors if error]
    counts = (
        f"{len(exploration.evaluated)} evaluated, {len(errors)} failed, {len(exploration.queue)} in the queue"
    )
    typer.echo(counts)
    if errors:
        typer.echo(f"  the last failure: {errors[-1]}")
    values = exploration.responses
    for place, name in enumerate(exploration.response_names):
        known = np.empty(0) if values is None else values[np.isfinite(values[:, place]), place]
        if known.size:
            typer.echo(f"  {name}: {known.min():.6g} to {known.max():.6g}, mean {known.mean():.6g}")
    typer.echo(f"tables, runs and journal: {folder}")


def draw(exploration: Exploration, path: Path) -> None:
    """Write the slices of what was learned."""
    picture = exploration.plot_gp()
    with writing(path):
        picture.write_html(path)
    typer.echo(f"slices: {path}")

"""`assay plot`: a picture of a study in a file."""

from __future__ import annotations

from pathlib import Path

import typer

from assay.cli.target import open_target
from assay.plots.of_study import draw, draw_interactive

__all__ = ["plot_target"]


def plot_target(kind: str, target: str | None, study_id: str | None, output: Path | None) -> None:
    """Draw the picture and say where it is."""
    study = open_target(target, study_id)
    place = output if output is not None else Path(f"{kind}.png")
    if place.suffix == ".html":
        draw_interactive(kind, study).write_html(place)
    else:
        draw(kind, study).savefig(place)
    typer.echo(f"{kind} of study {study.id!r}: {place}")

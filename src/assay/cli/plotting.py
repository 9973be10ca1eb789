"""`assay plot`: a picture of a study in a file."""

from __future__ import annotations

from pathlib import Path

import typer

from assay.cli.target import open_target, writing
from assay.errors import UsageError
from assay.plots.of_study import draw, draw_interactive

__all__ = ["plot_target"]

ENDINGS = (".png", ".svg", ".pdf", ".html")


def plot_target(
    kind: str, target: str | None, study_id: str | None, output: Path | None, quantity: str | None
) -> None:
    """Draw the picture and say where it is.

    Raises:
        UsageError: for an ending that is no format of pictures, or a file that cannot be written.
    """
    place = output if output is not None else Path(f"{kind}.png")
    if place.suffix not in ENDINGS:
        raise UsageError(f"the output of a picture must end in {', '.join(ENDINGS)}, got {place}")
    study = open_target(target, study_id)
    if place.suffix == ".html":
        picture = draw_interactive(kind, study, quantity).write_html
    else:
        picture = draw(kind, study, quantity).savefig
    with writing(place):
        picture(place)
    typer.echo(f"{kind} of study {study.id!r}: {place}")

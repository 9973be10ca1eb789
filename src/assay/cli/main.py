"""The command line. What a command needs is imported inside it, so that `assay --help` answers at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from assay.cli.atoms import app as atoms
from assay.cli.discovering import discover
from assay.cli.exploring import EXPLORE_HELP, explore
from assay.cli.hep import app as hep
from assay.errors import AssayError, UsageError
from assay.version import __version__

__all__ = ["app", "main"]

HELP = """Learn, explore and optimise expensive models with few evaluations.

A study is described in one file, STUDY.toml: the parameters, the model (a Python function or an external command), and
when to stop. Everything that happens is kept in a store beside it, NAME.assay.db, and nothing is ever lost: stop at any
moment, and go on later.

\b
    assay run STUDY.toml                            evaluate until a rule says stop
    assay show STUDY.toml                           the best point, the last evaluations
    assay plot convergence STUDY.toml -o best.png   a picture
    assay export STUDY.toml -o table.csv            every evaluation as a table
    assay resume STUDY.toml                         go on after an interruption
    assay explore SCRIPT.py --samples 20            what a script computes, over its parameters
    assay discover TABLE.csv                        the law behind a table
    assay atoms run STUDY.toml                      an interatomic potential from few labels
    assay hep limit WORKSPACE.json                  upper limits of a HistFactory workspace

Where a command takes TARGET, give the study file, the store, a folder that holds one store, or nothing for this folder.
"""

app = typer.Typer(
    name="assay",
    help=HELP,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class TableFormat(StrEnum):
    """The formats of `assay export`."""

    csv = "csv"
    parquet = "parquet"
    json = "json"


class PlotKind(StrEnum):
    """The pictures of `assay plot`."""

    convergence = "convergence"
    slices = "slices"
    parallel = "parallel"
    calibration = "calibration"
    acquisition = "acquisition"
    sobol = "sobol"
    minima = "minima"
    corner = "corner"
    scan = "scan"
    front = "front"


Target = Annotated[
    str | None, typer.Argument(metavar="[TARGET]", help="The study file, the store, or a database URL.")
]
StudyId = Annotated[str | None, typer.Option("--study", help="Its id, where the store holds several.")]
Store = Annotated[str | None, typer.Option(help="Keep the study here instead of where the file says.")]
ExecutorPlace = Annotated[
    str | None,
    typer.Option(
        "--executor",
        help="Evaluate elsewhere than the file says: serial, local, dask, or a TOML file with the keys of [executor].",
    ),
]
MaxEvaluations = Annotated[
    int | None,
    typer.Option(min=1, help="Stop after so many evaluations in all, instead of what is configured."),
]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"assay {__version__}")
        raise typer.Exit


@contextmanager
def _leaving_at_once() -> Iterator[None]:
    """What the second Ctrl-C says; typer itself would end without a word."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("assay: left at once; everything recorded is kept, and `assay resume` goes on", err=True)
        raise typer.Exit(130) from None


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def run(
    study_file: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study file.")],
    max_evaluations: MaxEvaluations = None,
    store: Store = None,
    executor: ExecutorPlace = None,
) -> None:
    """Evaluate until a stopping rule of the study file is met; goes on where an earlier run ended.

    Ctrl-C waits for the open evaluations and stops; a second one leaves at once. Nothing is lost either way.
    """
    with _leaving_at_once():
        from assay.cli.running import run_study_file

        run_study_file(study_file, store, max_evaluations, executor)


@app.command()
def resume(
    target: Target = None,
    max_evaluations: MaxEvaluations = None,
    study: StudyId = None,
    executor: ExecutorPlace = None,
) -> None:
    """Go on with a study that was begun by `assay run`; a store remembers its study file."""
    with _leaving_at_once():
        from assay.cli.running import resume_study

        resume_study(target, study, max_evaluations, executor)


@app.command()
def show(
    target: Target = None,
    study: StudyId = None,
    last: Annotated[int, typer.Option(min=0, help="How many of the last evaluations to list.")] = 10,
) -> None:
    """Show what a store holds: the studies, the best point observed, the last evaluations, the failures."""
    from assay.cli.showing import show_target

    show_target(target, study, last)


@app.command()
def export(
    target: Target = None,
    format: Annotated[
        TableFormat | None, typer.Option(help="Left out: by the ending of the output, else csv.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file; left out: the terminal.")
    ] = None,
    study: StudyId = None,
) -> None:
    """Write all evaluations as one table, in the columns that the manual's page on formats describes."""
    from assay.cli.exporting import export_target

    export_target(target, study, None if format is None else format.value, output)


PLOT_HELP = """Draw a study. KIND is one of:

\b
    convergence   the best value against the number of evaluations: is it still falling?
    parallel      all points across all parameters, the best on top
    slices        what the model believes along each parameter through the best point, with its uncertainty
    calibration   each observation beside its prediction from all others: can the model be trusted?
    acquisition   what the next look promises along each parameter: where will it go?
    sobol         the share of the variance that each parameter causes: which ones matter?
    minima        the local minima as a table, with values, widths, and whether an edge holds them
    corner        the posterior of each parameter and pair, for a fit or a reconstruction (draws for up to 2 minutes)
    scan          what the model believes about a vector at the best point, beside its target
    front         the compromises of several objectives, and their hypervolume over time

Those from slices to scan need a driver with a model, such as ActiveLearning and its presets.

\b
    assay plot convergence STUDY.toml -o best.png
    assay plot sobol STUDY.toml
    assay plot minima STUDY.toml --of width
    assay plot slices STUDY.toml -o slices.html
"""


@app.command(help=PLOT_HELP)
def plot(
    kind: Annotated[PlotKind, typer.Argument(help="What to draw.", show_choices=False, metavar="KIND")],
    target: Target = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="A .png, .svg or .pdf file, of convergence, slices and parallel also an interactive .html; "
            "left out: KIND.png.",
        ),
    ] = None,
    quantity: Annotated[
        str | None,
        typer.Option(
            "--of",
            metavar="NAME",
            help="The variable, surrogate or output that slices, sobol, minima, corner and scan are about; "
            "left out: the objective.",
        ),
    ] = None,
    study: StudyId = None,
) -> None:
    from assay.cli.plotting import plot_target

    plot_target(kind.value, target, study, output, quantity)


app.command(help=EXPLORE_HELP)(explore)
app.command()(discover)
app.add_typer(hep, name="hep")
app.add_typer(atoms, name="atoms")


@app.command()
def doctor() -> None:
    """Print the versions, the extras and the settings of this machine that matter; put it into a bug report."""
    from assay.cli.doctor import report

    for line in report():
        typer.echo(line)


def main() -> None:
    """The program `assay`: what is wrong is said in one sentence; 2 is the exit code for wrong use, 1 for the rest."""
    try:
        app()
    except AssayError as error:
        typer.echo(f"assay: {error}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)

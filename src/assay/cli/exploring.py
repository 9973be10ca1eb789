"""`assay explore`: a script as the simulation. What it needs is imported where it is used, so that help comes at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.errors import UsageError

__all__ = ["EXPLORE_HELP", "explore"]

EXPLORE_HELP = """Explore what a script computes over its parameters: sample, evaluate, learn, sample where little is known.

The script is a Python program like any other. Two lines mark where its parameters are made, and a variable `response`
is what it results in: a number, a list, or a dict of numbers by name. What it sets as `extra` is kept.

\b
    # ASSAY PARAMETERS START
    from assay import create_parameters
    parameters = create_parameters(["speed", "angle"], minimums=[1, 10], maximums=[9, 80])
    # ASSAY PARAMETERS END
    speed, angle = parameters["value"]["speed"], parameters["value"]["angle"]
    response = simulate(speed, angle)

Scripts with `# MED PARAMETERS START` and `medeq.create_parameters` run as they are.

\b
    assay explore model.py --samples 20                  twenty evaluations, one after the other
    assay explore model.py --samples 60 --parallel 4     forty more, four at once
    assay explore model.py --samples 60 --plot gp.html   nothing more, but a picture
    assay explore model.py -n 500 --executor slurm.toml  in jobs of SLURM
    assay show model.exploration                         the last evaluations

Everything is kept in the folder model.exploration beside the script: each run in `runs`, with what it printed; tables in
`results.csv` and `queue.csv`; and the journal, from which it goes on after any interruption.
"""


Interpreter = Annotated[
    str | None, typer.Option(help="The command of the Python that runs the script, such as 'srun python3'.")
]
Plot = Annotated[Path | None, typer.Option(help="Draw slices of what was learned into this .html file.")]
Responses = Annotated[
    str | None, typer.Option(help="Names of the responses, commas between, where the script sets a list.")
]
Timeout = Annotated[
    float | None, typer.Option(min=0, help="Seconds after which a run is ended, and counts as failed.")
]


def explore(
    script: Annotated[Path, typer.Argument(metavar="SCRIPT.py", help="The script.")],
    samples: Annotated[
        int, typer.Option("--samples", "-n", min=0, help="Evaluations in all; those that are done count.")
    ] = 20,
    parallel: Annotated[int, typer.Option("--parallel", "-p", min=1, help="Runs at once.")] = 1,
    sampler: Annotated[
        str | None,
        typer.Option(
            help="DiscrepancyVariance (left out), Sobol, Halton, LatinHypercube, Maximin, Grid or Random."
        ),
    ] = None,
    batch: Annotated[
        bool, typer.Option(help="Choose all points together first, in place of one as each run ends.")
    ] = False,
    executor: Annotated[
        str | None,
        typer.Option(
            help="Where runs are started: serial, local, dask, or a TOML file with the keys of a section [executor], whose "
            "workers are then the runs at once. Left out: this process for one run at a time, local ones for several."
        ),
    ] = None,
    responses: Responses = None,
    timeout: Timeout = None,
    retries: Annotated[int, typer.Option(min=0, help="Further attempts at a run that failed.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    directory: Annotated[
        Path | None, typer.Option("--directory", "-d", help="The folder, in place of SCRIPT.exploration.")
    ] = None,
    interpreter: Interpreter = None,
    plot: Plot = None,
) -> None:
    """Explore what a script computes over its parameters; `EXPLORE_HELP` is what `--help` prints."""
    if plot is not None and plot.suffix != ".html":
        raise UsageError(f"the picture of an exploration must end in .html, got {plot}")
    from assay.cli.exploration import conclude, draw, evaluate, place_of
    from assay.study.exploration.exploration import Exploration

    place, parallel = place_of(executor, parallel)
    exploration = Exploration(
        script,
        None if responses is None else [name.strip() for name in responses.split(",")],
        sampler,
        place,
        seed,
        parallel=parallel,
        directory=directory,
        interpreter=None if interpreter is None else interpreter.split(),
        timeout_seconds=float("inf") if timeout is None else timeout,
        retries=retries,
        verbose=0,
    )
    try:
        evaluate(exploration, samples, batch=batch)
    except KeyboardInterrupt:
        typer.echo("assay: left at once; everything recorded is kept, and the same command goes on", err=True)
        raise typer.Exit(130) from None
    conclude(exploration, directory or script.with_suffix(".exploration"))
    if plot is not None:
        draw(exploration, plot)

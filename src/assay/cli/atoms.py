"""`assay atoms`: campaigns of hyperactive learning. ASE and JAX are imported when a command runs."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from assay.errors import UsageError

__all__ = ["app"]

HELP = """Learn an interatomic potential: structures by biased dynamics, labels by any calculator of ASE.

A campaign is a study whose driver is HyperactiveLearning, described in a study file. It begins with structures as extended
XYZ and a calculator; what it learns is a potential that is linear in features of two, three and four bodies.

\b
    assay atoms new START.xyz --calculator module:function   write STUDY.toml and reference.py beside it
    assay atoms run STUDY.toml                     find structures, label them, until a rule says stop
    assay atoms evaluate STUDY.toml TEST.xyz       errors and calibration at labelled structures
    assay atoms plot walks STUDY.toml -o bias.png  scores, strength of the bias, what was picked
    assay atoms export STUDY.toml -o labels.xyz    every labelled structure
    assay atoms export STUDY.toml --potential potential.npz
    assay atoms label IN.xyz --calculator module:function -o labels.xyz

Labels in a file are called REF_energy (eV), REF_forces (eV/A) and REF_virial (eV, minus the volume times the stress). Stop at any
moment, and run again: it goes on with the same structures.
"""

PICTURES = (".png", ".svg", ".pdf")
CLOSEST, FARTHEST = 0.6, 1.0  # of dimers: covalent radii, and cutoffs
POINTS = 121

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)


class Picture(StrEnum):
    """The pictures of `assay atoms plot`."""

    walks = "walks"
    learning = "learning"
    calibration = "calibration"
    parity = "parity"
    dimers = "dimers"


Target = Annotated[str, typer.Argument(metavar="STUDY.toml", help="The study file, or the store.")]
TestFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="[TEST.xyz]",
        help="Structures with REF_energy, REF_forces and REF_virial; left out: those of the study.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]


@app.command()
def new(
    structures: Annotated[
        Path, typer.Argument(metavar="START.xyz", help="Where trajectories begin, as extended XYZ.")
    ],
    calculator: Annotated[
        str,
        typer.Option(
            help="module:function that makes a calculator of ASE, such as ase.calculators.emt:EMT; modules beside START.xyz are "
            "found."
        ),
    ],
    test: Annotated[
        Path | None,
        typer.Option(help="Labelled structures for errors; left out: a tenth of the campaign's own."),
    ] = None,
    labels: Annotated[int, typer.Option(min=1, help="How many labels the campaign may pay for.")] = 40,
) -> None:
    """Begin a campaign: write STUDY.toml and reference.py beside the structures, with what is worth knowing about each key."""
    from assay.atoms.campaign.beginning import begin_campaign

    sys.path.insert(0, str(structures.parent.resolve()))  # as the study will find them
    for written in begin_campaign(structures, calculator, test, labels):
        typer.echo(f"wrote {written}")
    typer.echo(f"next: assay atoms run {structures.parent / 'STUDY.toml'}")


@app.command()
def run(
    study_file: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study file.")],
    max_evaluations: Annotated[
        int | None,
        typer.Option(min=1, help="Stop after so many labels in all, instead of what is configured."),
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="Keep the study here instead of where the file says.")
    ] = None,
    executor: Annotated[
        str | None,
        typer.Option(
            help="Label elsewhere than the file says: serial, local, dask, or a TOML file with the keys of [executor]."
        ),
    ] = None,
) -> None:
    """Run a campaign, and print the errors at its test structures; goes on where an earlier run ended."""
    from assay.cli.running import run_study_file

    run_study_file(study_file, store, max_evaluations, executor)
    report = _report(store or str(study_file))
    if report.driver.test(report.study.history) and report.labelled():
        _print_errors(report.errors())


@app.command()
def evaluate(target: Target, test: TestFile = None, as_json: Json = False) -> None:
    """Print errors at structures that were not learnt from, and whether the predicted deviations are right."""
    report = _report(target)
    given = _structures(test)
    rows, calibrations = report.errors(given), report.calibration(given)
    if as_json:
        from dataclasses import asdict

        typer.echo(
            json.dumps(
                {
                    "errors": [asdict(row) for row in rows],
                    "calibration": {kind: asdict(found) for kind, found in calibrations.items()},
                }
            )
        )
        return
    _print_errors(rows)
    typer.echo("")
    typer.echo(f"{'calibration':12} {'labels':>7} {'factor':>8} {'in 68 %':>8} {'in 95 %':>8}")
    for kind, found in calibrations.items():
        inside = found.coverage
        typer.echo(f"{kind:12} {found.count:7d} {found.factor:8.3g} {inside[0.68]:8.1%} {inside[0.95]:8.1%}")


@app.command()
def plot(
    picture: Annotated[
        Picture,
        typer.Argument(
            help="What to draw: walks, learning, parity, calibration or dimers.",
            metavar="KIND",
            show_choices=False,
        ),
    ],
    target: Target,
    test: TestFile = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A .png, .svg or .pdf file; left out: KIND.png.")
    ] = None,
) -> None:
    """Draw a campaign.

    \b
    walks        score and strength of the bias along the walks, with what was labelled
    learning     the error of the forces of the test against the number of labels
    parity       predictions beside labels of the test: energies, forces, virials
    calibration  errors of the forces of the test over their predicted deviations, beside a normal distribution
    dimers       the energy of two atoms over their distance, for each pair of species: is there a hole?
    """
    from assay.cli.target import writing

    place = output or Path(f"{picture.value}.png")
    if place.suffix not in PICTURES:
        raise UsageError(f"a picture is written as {', '.join(PICTURES)}, got {place.name!r}")
    drawn = _drawn(picture, _report(target), _structures(test))
    figure = drawn if hasattr(drawn, "savefig") else drawn.figure
    with writing(place):
        figure.savefig(place)
    typer.echo(f"wrote {place}")


@app.command()
def export(
    target: Target,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file; left out: the terminal.")
    ] = None,
    potential: Annotated[
        Path | None, typer.Option(help="Write the potential into this .npz file instead of the structures.")
    ] = None,
) -> None:
    """Write every labelled structure as extended XYZ, with REF_energy, REF_forces and REF_virial; and the potential."""
    from assay.cli.target import writing

    if potential is not None:
        from assay.atoms.potential.storage import save_potential

        with writing(potential):
            save_potential(_report(target).fitted().potential, potential)
        typer.echo(f"wrote {potential}")
        return
    text = _report(target).text()
    if output is None:
        typer.echo(text, nl=False)
        return
    with writing(output):
        output.write_text(text, encoding="utf-8")
    typer.echo(f"wrote {output}")


@app.command()
def label(
    structures: Annotated[
        Path, typer.Argument(metavar="IN.xyz", help="Structures in any format that ASE reads.")
    ],
    calculator: Annotated[
        str,
        typer.Option(
            help="module:function that makes a calculator of ASE; modules of this folder are found."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The labelled structures, as extended XYZ.")],
    cache: Annotated[
        Path | None, typer.Option(help="A folder of labels that are paid for; it grows.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Labels at once.")] = 1,
) -> None:
    """Label structures by a calculator; what failed is said, and is not in the output."""
    from assay.atoms.campaign.labelling import label_structures
    from assay.atoms.structures import read_structures, write_structures
    from assay.cli.progress import observing
    from assay.cli.target import writing

    sys.path.insert(0, str(Path().resolve()))  # modules of this folder are found
    given = read_structures(structures)
    with observing(structures.name) as observer:
        labels, failures = label_structures(given, calculator, cache, workers, [observer])
    kept = [(atoms, found) for atoms, found in zip(given, labels, strict=True) if found is not None]
    with writing(output):
        write_structures(output, [atoms for atoms, _ in kept], [found for _, found in kept])
    for number, error in failures.items():
        typer.echo(f"structure {number} has no label: {error}", err=True)
    typer.echo(f"wrote {len(kept)} of {len(given)} to {output}")


def _report(target: str) -> Any:
    from assay.atoms.campaign.reports import CampaignReport
    from assay.cli.target import open_target

    return CampaignReport(open_target(target, None))


def _structures(path: Path | None) -> Any:
    if path is None:
        return None
    from assay.atoms.structures import read_structures

    return read_structures(path)


def _print_errors(rows: Any) -> None:
    """A table; energies and virials per atom in meV, which their errors are a few of."""
    typer.echo(f"{'errors':10} {'group':10} {'labels':>7} {'mean abs.':>10} {'rms':>10} {'largest':>10} unit")
    for row in rows:
        scale, unit = (1e3, "meV/atom") if row.unit == "eV/atom" else (1.0, row.unit)
        errors = (scale * value for value in (row.mean_absolute, row.root_mean_square, row.largest))
        numbers = " ".join(f"{error:10.4g}" for error in errors)
        typer.echo(f"{row.kind:10} {row.group:10} {row.count:7d} {numbers} {unit}")


def _drawn(picture: Picture, report: Any, test: Any) -> Any:
    from assay.plots.atoms import campaign_learning, dimers, parity, walks
    from assay.plots.style import new_figure

    if picture is Picture.walks:
        return walks(report.stories())
    if picture is Picture.dimers:
        return dimers(*_dimers(report))
    if picture is Picture.parity:
        units = {"energy": "eV/atom", "forces": "eV/A", "virial": "eV/atom"}
        return parity(
            {one.kind: (one.label, one.error, units[one.kind]) for one in report.standardised(test)}
        )
    axes = new_figure().subplots()
    if picture is Picture.learning:
        return campaign_learning(*report.learning_curve(), ax=axes)
    from assay.plots.calibration import standardised_residuals

    forces = next(one for one in report.standardised(test) if one.kind == "forces")
    return standardised_residuals(forces.error, [0.0] * len(forces.error), forces.deviation, ax=axes)


def _dimers(report: Any) -> tuple[Any, dict[str, Any]]:
    from itertools import combinations_with_replacement

    import numpy as np

    from assay.atoms.campaign.reports import dimer_curve

    potential, problem = report.fitted().potential, report.driver.problem
    met = report.pairs()
    pairs = [pair for pair in combinations_with_replacement(potential.descriptor.species, 2) if pair in met]
    distances = np.linspace(CLOSEST, FARTHEST * problem.settings.descriptor.pair_cutoff_A, POINTS)
    return distances, {
        "-".join(pair): dimer_curve(potential, pair, distances, problem.base) for pair in pairs
    }

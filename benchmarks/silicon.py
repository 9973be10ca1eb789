"""Fifteen labels of silicon: chosen by biased dynamics, by plain dynamics, by a loop in plain ASE, and by a person.

Each run has the same three start structures, the same fit and the same budget: twelve further labels by the potential of
Stillinger and Weber, at most 150 steps at 800 K for each. Errors are those at 25 structures each of trajectories of the
reference at 1000 K and 3000 K. The results of each run are kept, and are not computed again.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ase import units
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import thermalize_momenta
from examples.silicon import silicon

from assay.atoms.campaign.driver import HyperactiveLearning
from assay.atoms.campaign.reports import CampaignReport
from assay.atoms.potential.error_table import ErrorRow, error_table
from assay.atoms.potential.labelled import LabelledStructure
from assay.atoms.potential.potential import LinearPotential
from assay.atoms.structures import structure_text, structures_of
from benchmarks.reporting import COLOURS, figure, markdown_table, save_plot, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)

SEEDS = range(6)
LABELS = 12
RELATIVES = (0.0, 0.25, 0.5, 1.0, 2.0)
PLAIN, BIASED = "plain dynamics", "bias 2"


def campaign(relative: float, seed: int, test: list[Any]) -> tuple[tuple[ErrorRow, ...], int]:
    """Ours: errors, and steps of dynamics."""
    study = silicon.campaign(seed, relative)
    study.run(silicon.label)
    report = CampaignReport(study)
    return report.errors(test), sum(int(story.get("steps", 0)) for _, story in report.stories())


def ase_loop(seed: int, test: list[Any]) -> tuple[tuple[ErrorRow, ...], int]:
    """What a script does with ASE's own dynamics: run the potential, label where it ended, fit again."""
    driver = HyperactiveLearning.from_data(
        {"structures": structure_text(silicon.crystal()), "fit": silicon.FIT}
    )
    known = [labelled(atoms) for atoms in silicon.starts(seed)]
    chance = np.random.default_rng(seed)
    steps = silicon.DYNAMICS["steps"]
    for number in range(LABELS):
        atoms = silicon.starts(seed)[number % silicon.STARTS]
        atoms.calc = driver.problem.calculator(potential_of(driver, known))
        thermalize_momenta(atoms, temperature_K=silicon.DYNAMICS["temperature_K"], rng=chance)
        friction = silicon.DYNAMICS["friction_per_fs"] / units.fs
        temperature = silicon.DYNAMICS["temperature_K"]
        Langevin(atoms, units.fs, temperature_K=temperature, friction=friction, fixcm=False, rng=chance).run(
            steps
        )
        known.append(labelled(atoms.copy()))
    return error_table(potential_of(driver, known).prediction, tested(test)), LABELS * int(steps)


def by_hand(seed: int, test: list[Any]) -> tuple[tuple[ErrorRow, ...], int]:
    """Structures shaken as far as a person found to be good."""
    driver = HyperactiveLearning.from_data(
        {"structures": structure_text(silicon.crystal()), "fit": silicon.FIT}
    )
    known = [labelled(atoms) for atoms in (*silicon.starts(seed), *silicon.rattled(seed, LABELS))]
    return error_table(potential_of(driver, known).prediction, tested(test)), 0


def labelled(atoms: Any) -> LabelledStructure:
    """By the reference."""
    return LabelledStructure.by(silicon.stillinger_weber(), atoms)


def tested(test: list[Any]) -> list[LabelledStructure]:
    """The test structures with the labels that they carry."""
    return [LabelledStructure.of(atoms) for atoms in test]


def potential_of(driver: HyperactiveLearning, known: list[LabelledStructure]) -> LinearPotential:
    """The same fit for all."""
    return driver.fitted_to([driver.problem.learnt(one) for one in known]).potential


SCHEMES: dict[str, Callable[[int, list[Any]], tuple[tuple[ErrorRow, ...], int]]] = {
    **{
        (PLAIN if not relative else f"bias {relative:g}"): (
            lambda seed, test, r=relative: campaign(r, seed, test)
        )
        for relative in RELATIVES
    },
    "plain ASE loop": ase_loop,
    "rattled by hand": by_hand,
}


def kept(place: Path, scheme: str, seed: int, test: list[Any]) -> dict[str, Any]:
    """A run, computed where it is not there yet."""
    if not place.is_file():
        begun = time.process_time()
        rows, steps = SCHEMES[scheme](seed, test)
        errors = {f"{row.group} {row.kind}": row.root_mean_square for row in rows}
        found = {
            "scheme": scheme,
            "seed": seed,
            "steps": steps,
            "CPU_seconds": time.process_time() - begun,
            **errors,
        }
        place.write_text(json.dumps(found), encoding="utf-8")
        LOGGER.info("%s, seed %d: %.3f eV/A at 3000 K", scheme, seed, found["3000 K forces"])
    return json.loads(place.read_text(encoding="utf-8"))


def main(options: argparse.Namespace) -> None:
    """Run what is missing, then summarise."""
    raw = options.output / "raw" / "silicon"
    raw.mkdir(parents=True, exist_ok=True)
    test = structures_of(silicon.held_out_text())
    runs = {
        scheme: [
            kept(raw / f"{scheme.replace(' ', '_')}-{seed}.json", scheme, seed, test)
            for seed in (options.seeds or SEEDS)
        ]
        for scheme in SCHEMES
    }
    columns = ["1000 K energy", "1000 K forces", "3000 K energy", "3000 K forces"]
    rows = [
        [scheme, *(spread([1e3 * one[column] for one in found]) for column in columns), f"{np.median([one['steps'] for one in found]):.0f}",
         f"{np.median([one['CPU_seconds'] for one in found]):.1f}"]
        for scheme, found in runs.items()
    ]  # fmt: skip
    head = [
        "labels chosen by",
        *(f"{column}, {'meV/atom' if 'energy' in column else 'meV/Å'}" for column in columns),
    ]
    medians = {
        scheme: float(np.median([one["3000 K forces"] for one in found])) for scheme, found in runs.items()
    }
    text = markdown_table([*head, "steps", "CPU s"], rows)
    text += (
        f"\n\nMedians over the seeds (least to largest). Forces at 3000 K: plain dynamics has {medians[PLAIN] / medians[BIASED]:.1f} times "
        f"the error of {BIASED} (wanted: 3), which has {medians[BIASED] / medians['rattled by hand']:.2f} times that of structures rattled "
        "by hand (wanted: at most 1.1)."
    )
    folder = options.output / "silicon"
    write_report(folder, "Fifteen labels of silicon", text, {"runs": runs, "medians": medians})
    draw(folder, runs)


def spread(numbers: list[float]) -> str:
    return f"{np.median(numbers):.3g} ({min(numbers):.3g} to {max(numbers):.3g})"


def draw(folder: Path, runs: dict[str, list[dict[str, Any]]]) -> None:
    drawing = figure(8.0, 3.8)
    axes = drawing.subplots()
    for place, found in enumerate(runs.values()):
        axes.plot(
            [1e3 * one["3000 K forces"] for one in found],
            [place] * len(found),
            "o",
            color=COLOURS["assay"],
            alpha=0.7,
        )
    axes.set_yticks(range(len(runs)), list(runs))
    axes.set(xscale="log", xlabel="error of the forces at 3000 K (meV/Å), one dot for each seed")
    axes.invert_yaxis()
    save_plot(folder, drawing)

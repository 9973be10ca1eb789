"""What a step of biased dynamics and a row of a fit cost: CPU time of the body-ordered descriptor of silicon.

The unbiased step is one evaluation and one reverse pass of w . D. The biased one is E - tau * sigma with the exact
sigma = |R^-T D| of a posterior over the weights: the weights are known only after the evaluation, the reverse pass is
one. Both begin at the positions, neighbour lists included. Every repeat is another structure.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from scipy.linalg import solve_triangular

from assay.atoms.descriptors.body_ordered import BodyOrderedDescriptor
from assay.atoms.descriptors.pairs import PairFinder
from benchmarks.reporting import markdown_table, write_report

__all__ = ["main"]

logger = logging.getLogger(__name__)

REPEATS = 12
TAU = 0.5
DESCRIPTORS = {
    "168 functions": BodyOrderedDescriptor(("Si",)),
    "280 functions": BodyOrderedDescriptor(("Si",), radial_count=8, angular_count=5, pair_count=18),
}
CELLS = {"Si8": 1, "Si64": 2}
BUDGETS_MS = {
    ("280 functions", "Si64", "biased step"): 12.0,
    ("280 functions", "Si64", "design rows"): 250.0,
} | {(name, "Si8", "design rows"): 20.0 for name in DESCRIPTORS}


def main(options: argparse.Namespace) -> None:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, descriptor in DESCRIPTORS.items():
        found[name] = {}
        for cell, times in CELLS.items():
            found[name][cell] = measured(descriptor, times)
            logger.info("%s, %s: %s", name, cell, found[name][cell])
    quantities = list(found["168 functions"]["Si8"]["least_ms"])
    head = ["CPU ms, least (median)", *(f"{name}, {cell}" for name in DESCRIPTORS for cell in CELLS)]
    rows = [
        [quantity, *(entry_text(found, name, cell, quantity) for name in DESCRIPTORS for cell in CELLS)]
        for quantity in quantities
    ]
    ratios = {
        f"{name}, {cell}": entry["least_ms"]["biased step"] / entry["least_ms"]["unbiased step"]
        for name, cells in found.items()
        for cell, entry in cells.items()
    }
    text = (
        f"{REPEATS} structures each, after a warm-up; budgets in brackets.\n\n{markdown_table(head, rows)}\n\n"
        "Biased over unbiased step: " + "; ".join(f"{key} {value:.2f}" for key, value in ratios.items()) + "."
    )
    write_report(
        options.output / "atoms_descriptor",
        "Descriptor of atomic structures",
        text,
        {"cases": found, "biased_over_unbiased": ratios, "repeats": REPEATS},
    )


def measured(descriptor: BodyOrderedDescriptor, times: int) -> dict[str, Any]:
    """Least and median CPU time of each piece of work, in ms, and what the first of each cost."""
    generator = np.random.default_rng(0)
    structures = [silicon(times, generator) for _ in range(REPEATS)]
    mean = generator.standard_normal(descriptor.size)
    rows = descriptor.rows(structures[0])
    design = np.concatenate([rows.energy[None], rows.forces.reshape(-1, descriptor.size)])
    triangle = np.linalg.qr(np.concatenate([design, 0.1 * np.eye(descriptor.size)]), mode="r")

    def biased(atoms: Atoms) -> None:
        evaluation = descriptor.evaluate(atoms)
        whitened = solve_triangular(triangle, evaluation.values, trans="T")
        sigma = np.sqrt(whitened @ whitened)
        evaluation.contracted(mean - TAU / sigma * solve_triangular(triangle, whitened))

    work: dict[str, Callable[[Atoms], object]] = {
        "neighbours within 6 Å": PairFinder(6.0).pairs,
        "values": descriptor.evaluate,
        "unbiased step": lambda atoms: descriptor.evaluate(atoms).contracted(mean),
        "biased step": biased,
        "design rows": descriptor.rows,
    }
    result: dict[str, Any] = {"functions": descriptor.size, "least_ms": {}, "median_ms": {}}
    for name, one in work.items():
        one(structures[0])
        cpu_ms = []
        for atoms in structures:
            begin = time.process_time()
            one(atoms)
            cpu_ms.append(1000.0 * (time.process_time() - begin))
        result["least_ms"][name], result["median_ms"][name] = min(cpu_ms), float(np.median(cpu_ms))
    return result


def silicon(times: int, generator: np.random.Generator) -> Atoms:
    """A rattled crystal of 8 times^3 atoms."""
    atoms = bulk("Si", cubic=True) * (times, times, times)
    atoms.positions += generator.normal(0.0, 0.1, atoms.positions.shape)
    return atoms


def entry_text(found: dict[str, dict[str, dict[str, Any]]], name: str, cell: str, quantity: str) -> str:
    entry = found[name][cell]
    budget = BUDGETS_MS.get((name, cell, quantity))
    text = f"{entry['least_ms'][quantity]:.2f} ({entry['median_ms'][quantity]:.2f})"
    return text if budget is None else f"{text} [{budget:.0f}]"

"""A walk that a test kills: python cut_off.py CHECKPOINT learner|biased. It says each step on its standard output."""

from __future__ import annotations

import functools
import sys

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from tests.atoms.dynamics.learner import Learner

from assay.atoms.dynamics.monte_carlo import CellMoves, SwapMoves
from assay.atoms.dynamics.running import Run, run_walker
from assay.atoms.dynamics.schedule import Schedule
from assay.atoms.dynamics.step import Dynamics
from assay.atoms.dynamics.walk import Glance, Walk, Walker
from assay.atoms.selection.scores import RelativeForceUncertainty
from assay.atoms.selection.selector import AdaptiveThreshold, Selector


def learner_run(checkpoint: str | None) -> Run:
    atoms = Atoms("H2O2", positions=np.random.default_rng(0).normal(0.0, 0.2, (4, 3)))
    walk = Walk(
        Dynamics(1.0, Schedule((0, 100), (300.0, 900.0)), 0.05, swaps=SwapMoves(7)),
        100,
        RelativeForceUncertainty(0.1),
        Selector(AdaptiveThreshold(1.02, 0.1, 5), pick="peak"),
        relative=Schedule((0, 100), (0.0, 0.3)),
    )
    make = functools.partial(Learner, relative=0.1)
    return Run(atoms, make, walk, 7, checkpoint, checkpoint_interval=20)


def alloy_run(checkpoint: str | None) -> Run:
    """The cell is fixed, so ASE's neighbour lists grow old: a fresh calculator counts other pairs in their skin."""
    atoms = bulk("Cu", cubic=True).repeat((2, 1, 1))
    atoms.symbols[[0, 3]] = "Al"
    dynamics = Dynamics(4.0, 900.0, 0.02, swaps=SwapMoves(30))
    return Run(atoms, EMT, Walk(dynamics, 60, with_stress=True), 7, checkpoint, checkpoint_interval=20)


def biased_run(checkpoint: str | None) -> Run:
    """Biased dynamics of copper, whose mean is EMT and whose potential has no labels yet."""
    from assay.atoms.biased.calculator import BiasedCalculator
    from assay.atoms.biased.tau import TauControl
    from assay.atoms.descriptors.body_ordered import BodyOrderedDescriptor
    from assay.atoms.potential.potential import LabelNoise, LinearPotential

    atoms = bulk("Cu", cubic=True)
    descriptor = BodyOrderedDescriptor(("Cu",), cutoff_A=4.0, radial_count=2, angular_count=1, cubic_count=0)
    potential = LinearPotential.prior(descriptor, LabelNoise(0.005, 0.1, None), [atoms])
    control = TauControl(relative=0.3, history=10, burn_in=3)

    def make() -> BiasedCalculator:  # with a base of its own: that has neighbour lists too
        return BiasedCalculator(potential, base=EMT(), control=control)

    walk = Walk(
        Dynamics(2.0, 800.0, 0.02, 0.0, CellMoves(10)),
        60,
        RelativeForceUncertainty(0.2),
        Selector(AdaptiveThreshold(1.01, 0.1, 5)),
        relative=Schedule((0, 60), (0.1, 0.4)),
    )
    return Run(atoms, make, walk, 7, checkpoint, checkpoint_interval=10)


RUNS = {"learner": learner_run, "alloy": alloy_run, "biased": biased_run}


def say(_: Walker, glance: Glance) -> None:
    print(glance.step, flush=True)


if __name__ == "__main__":
    run_walker(RUNS[sys.argv[2]](sys.argv[1]), say)

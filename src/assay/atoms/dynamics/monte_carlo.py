"""Monte Carlo moves of the cell and of unlike atoms, with the acceptance that their proposals need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import scipy.linalg
from ase import units

from assay.atoms.dynamics.state import MoveCounts, Structure
from assay.errors import UsageError

__all__ = ["CellMoves", "SwapMoves", "log_cell_acceptance", "proposed_cell", "swapped"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class CellMoves:
    """How the cell is moved: a Metropolis walk at constant pressure beside the steps of the dynamics.

    The momenta are kept and the positions scale with the cell. The target is exp(-(U + P V) / k_B T) V^N dV over
    volumes (times the invariant measure over shapes of volume 1), so an ideal gas has <V> = (N + 1) k_B T / P.

    Arguments:
        interval: steps of dynamics between moves.
        shape: "isotropic", or "full" for all six components of strain: a volume and five that keep it. A liquid resists
            no shear, so its cell wanders off under "full".
        proposal: "log_volume" for steps that are uniform in ln V, "volume" for steps that are uniform in V.
        step: the largest change of volume, relative to that of the start, above 0; strains go up to a third of it.
        smallest_height_A: a move to a cell with a height below it is refused, so that a shape that nothing holds (a
            liquid's) cannot fold up.
        target_acceptance: what the burn-in adapts the step to.
        burn_in: steps of dynamics during which the step is adapted; what comes later samples exactly.
    """

    interval: int = 10
    shape: Literal["isotropic", "full"] = "isotropic"
    proposal: Literal["log_volume", "volume"] = "log_volume"
    step: float = 0.03
    smallest_height_A: float = 1.0
    target_acceptance: float = 0.4
    burn_in: int = 0

    def __post_init__(self) -> None:
        if self.interval < 1 or not self.step > 0.0 or not 0.0 < self.target_acceptance < 1.0:
            raise UsageError(
                "moves of a cell need an interval of at least 1, a step above 0 and a target_acceptance inside "
                f"(0, 1), got {self.interval}, {self.step} and {self.target_acceptance}"
            )
        if self.shape not in ("isotropic", "full") or self.proposal not in ("log_volume", "volume"):
            raise UsageError(
                "moves of a cell have a shape of 'isotropic' or 'full' and a proposal of 'log_volume' or 'volume', "
                f"got {self.shape!r} and {self.proposal!r}"
            )

    def counted(self, counts: MoveCounts, was_accepted: bool, step: int) -> MoveCounts:
        """The counts after a move; during the burn-in its step learns from it (Robbins and Monro)."""
        size = counts.step
        if step < self.burn_in:
            gain = 1.0 / math.sqrt(1.0 + counts.tried / 10.0)
            size *= math.exp(gain * (float(was_accepted) - self.target_acceptance))
        return MoveCounts(size, counts.tried + 1, counts.accepted + was_accepted)


@final
@dataclass(frozen=True)
class SwapMoves:
    """How atoms of unlike species exchange places: the positions are exchanged, each atom keeps its momentum.

    Arguments:
        interval: steps of dynamics between attempts.
        attempts: at each of them.
    """

    interval: int = 10
    attempts: int = 1

    def __post_init__(self) -> None:
        if self.interval < 1 or self.attempts < 1:
            raise UsageError(
                "swaps need an interval and a number of attempts of at least 1, got "
                f"{self.interval} and {self.attempts}"
            )


def proposed_cell(
    structure: Structure,
    moves: CellMoves,
    step: float,
    reference_volume_A3: float,
    generator: np.random.Generator,
) -> Structure | None:
    """A structure in a changed cell, its atoms at the same fractions of it; None where the cell would be too small.

    The volume takes a symmetric step in V or in ln V. A full move also strains the cell by exp(e) with e symmetric,
    traceless and drawn symmetrically, which keeps the volume and the invariant measure of shapes.

    Arguments:
        structure: the present one.
        moves: the kind of move.
        step: the largest relative change of volume.
        reference_volume_A3: what it is relative to where steps are uniform in V; the same for every move, since a
            proposal whose size followed the present volume would not be symmetric.
        generator: of this move.
    """
    shift = step * generator.uniform(-1.0, 1.0)
    if moves.proposal == "log_volume":
        ratio = math.exp(shift)
    else:
        ratio = 1.0 + shift * reference_volume_A3 / structure.volume_A3
    if not ratio > 0.0:
        return None
    change = np.eye(3) * ratio ** (1.0 / 3.0)
    if moves.shape == "full":
        drawn = generator.uniform(-1.0, 1.0, (3, 3))
        strain = (drawn + drawn.T) / 6.0
        strain -= np.eye(3) * np.trace(strain) / 3.0
        change = change @ scipy.linalg.expm(step * strain)
    cell = structure.cell @ change
    heights = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    if heights.min() < moves.smallest_height_A:
        return None
    return structure.moved(structure.positions @ change, cell)


def log_cell_acceptance(
    energy_change_eV: float,
    before: Structure,
    after: Structure,
    pressure_GPa: float,
    temperature_K: float,
    proposal: Literal["log_volume", "volume"],
) -> float:
    """ln of the ratio of Metropolis, -(dU + P dV) / k_B T + n ln(V' / V).

    n is the number of atoms N for proposals uniform in V, and N + 1 for those uniform in ln V, whose density in V
    is 1 / V.

    Source: Frenkel and Smit, Understanding Molecular Simulation, section 5.4.
    """
    count = len(before.positions) + (proposal == "log_volume")
    work = pressure_GPa * units.GPa * (after.volume_A3 - before.volume_A3)
    entropy = count * math.log(after.volume_A3 / before.volume_A3)
    return entropy - (energy_change_eV + work) / (units.kB * temperature_K)


def swapped(structure: Structure, generator: np.random.Generator) -> Structure | None:
    """Two atoms of unlike species, each pair as likely as any other, with their positions exchanged.

    None where all atoms are of one species.
    """
    numbers = structure.numbers
    first, second = np.nonzero(np.triu(numbers[:, None] != numbers[None, :]))
    if not len(first):
        return None
    chosen = generator.integers(len(first))
    pair = [first[chosen], second[chosen]]
    positions = structure.positions.copy()
    positions[pair] = positions[pair[::-1]]
    return structure.moved(positions)

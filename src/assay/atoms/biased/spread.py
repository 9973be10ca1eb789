"""How far apart the energies of a belief are at a structure: exactly, or by a committee.

Both are a quadratic form of the features, v = |M D|², and so is all that is needed of them: the gradient of v is that of the
linear energy with the weights 2 MᵀM D, one reverse pass for any number of members.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from assay.atoms.potential.potential import LinearPotential
from assay.errors import UsageError

__all__ = ["Committee", "CommitteeChoice", "Spread"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class CommitteeChoice:
    """Which committee: its size, its seed, and the centre that its spread is taken about.

    Arguments:
        size: members, at least 2.
        seed: of the random numbers; they stay the same as data come.
        centre: "posterior": the mean of the belief; "committee": that of the members.
    """

    size: int = 16
    seed: int = 0
    centre: Literal["posterior", "committee"] = "posterior"

    def __post_init__(self) -> None:
        if self.size < 2:
            raise UsageError(f"the size of a committee must be at least 2, got {self.size}")


@final
@dataclass(frozen=True)
class Committee:
    """Potentials drawn from a belief.

    Arguments:
        weights: (members, n).
        centre: (n,): one centre for the spread and for its gradient, or they would not belong together.
    """

    weights: Array
    centre: Array

    @staticmethod
    def of(potential: LinearPotential, choice: CommitteeChoice) -> Committee:
        """The members that a choice draws from a belief."""
        weights = potential.draws(choice.size, choice.seed)
        return Committee(weights, potential.weights if choice.centre == "posterior" else weights.mean(axis=0))


@final
@dataclass(frozen=True)
class Spread:
    """The variance v of the energy, as a quadratic form of the features of a structure.

    Arguments:
        matrix: (rows, n), M, in eV per unit of a feature: v = |M D|².
    """

    matrix: Array

    @staticmethod
    def exact(potential: LinearPotential) -> Spread:
        """That of the belief: M = R⁻ᵀ."""
        return Spread(np.ascontiguousarray(potential.looked.inverse_root.T))

    @staticmethod
    def of_committee(committee: Committee) -> Spread:
        """v = (1/K) Σ (E_k - E_centre)²."""
        return Spread((committee.weights - committee.centre) / math.sqrt(len(committee.weights)))

    def variance_direction(self, values: Array) -> tuple[float, Array]:
        """v in eV², and the weights (n,) whose energy has half its gradient.

        Arguments:
            values: (n,), the features of a structure.
        """
        whitened = self.matrix @ values
        return float(whitened @ whitened), self.matrix.T @ whitened

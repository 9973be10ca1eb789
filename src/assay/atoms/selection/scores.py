"""How much a structure could teach: one number from what a calculator or a descriptor says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from assay.errors import UsageError

__all__ = [
    "BiasForceRatio",
    "Novelty",
    "RelativeForceUncertainty",
    "ScaledFeatures",
    "Score",
    "atomic_uncertainties",
    "bias_force_ratio",
    "descriptor_novelty",
    "relative_force_uncertainty",
    "softmax_bias_force",
]

Array = np.ndarray
Score = Callable[[Atoms, Calculator], float]


def relative_force_uncertainty(
    force_uncertainties: Array, forces: Array, regulariser_eV_per_A: float
) -> float:
    """The largest uncertainty of a force beside the force, max_i s_i / (|F_i| + eps).

    When to use it: the default; it does not depend on the number of atoms, and s_i is exact for a linear model.

    Arguments:
        force_uncertainties: (atoms,) in eV/A, s_i^2 = tr Cov F_i.
        forces: (atoms, 3) in eV/A, of the unbiased model.
        regulariser_eV_per_A: eps; what counts as a small force, 0.1 to 0.2. A perfect crystal has no forces at all.

    Example:
        >>> relative_force_uncertainty(np.array([0.1, 0.3]), np.array([[0.0, 0, 0], [0.4, 0, 0]]), 0.2)
        0.5

    Source: van der Oord et al., npj Comput. Mater. 9, 168 (2023).
    """
    norms = np.linalg.norm(forces, axis=1)
    return float(np.max(force_uncertainties / (norms + regulariser_eV_per_A)))


def bias_force_ratio(bias_forces: Array, forces: Array, regulariser_eV_per_A: float) -> float:
    """The largest force of the bias beside the force, max_i |F_b,i| / (|F_i| + eps).

    When to use it: where the uncertainty of single forces costs too much; the gradient of the bias is there anyway.

    Arguments:
        bias_forces: (atoms, 3), of the bias without tau.
        forces: (atoms, 3), of the unbiased model.
        regulariser_eV_per_A: eps.

    Example:
        >>> bias_force_ratio(np.array([[0.3, 0.4, 0.0]]), np.array([[0.3, 0.0, 0.0]]), 0.2)
        1.0
    """
    return float(np.max(_ratios(bias_forces, forces, regulariser_eV_per_A)))


def softmax_bias_force(bias_forces: Array, forces: Array, regulariser_eV_per_A: float) -> float:
    """The largest share of the softmax over atoms of |F_b,i| / (|F_i| + eps).

    When to use it: to compare with programs that have it. It depends on the number of atoms (equal atoms give 1 / N, one
    atom always gives 1); prefer `relative_force_uncertainty`.

    Example:
        >>> float(softmax_bias_force(np.zeros((4, 3)), np.ones((4, 3)), 0.2))
        0.25
    """
    ratios = _ratios(bias_forces, forces, regulariser_eV_per_A)
    return float(1.0 / np.sum(np.exp(ratios - ratios.max())))


def atomic_uncertainties(atomic_values: Array, inverse_root: Array) -> Array:
    """The standard deviation of each atom's energy, |R^-T d_i|.

    Arguments:
        atomic_values: (atoms, n), the features of each atom.
        inverse_root: (n, n), R^-1 with R^-1 R^-T the covariance of the weights.

    Returns:
        (atoms,) in eV.

    Example:
        >>> atomic_uncertainties(np.array([[3.0, 4.0]]), np.eye(2)).tolist()
        [5.0]
    """
    return np.linalg.norm(atomic_values @ inverse_root, axis=1)


def descriptor_novelty(atomic_values: Array, known_values: Array) -> float:
    """How far the most novel atom is from every known one, max_i min_j |d_i - d_j|.

    When to use it: without a model, or where its uncertainty is not trusted. Scale the features beforehand.

    Arguments:
        atomic_values: (atoms, n).
        known_values: (known atoms, n), at least one.

    Example:
        >>> descriptor_novelty(np.array([[0.0], [3.0]]), np.array([[0.5], [1.0]]))
        2.0
    """
    if not len(known_values):
        raise UsageError("novelty is measured from at least one known atom, got none")
    from scipy.spatial.distance import cdist

    return float(cdist(atomic_values, known_values).min(axis=1).max())


@final
@dataclass(frozen=True)
class ScaledFeatures:
    """The features of atoms, each over its root mean square at known atoms, so that distances weigh them alike.

    Arguments:
        features: (atoms) to (atoms, n).
        scale: (n,), above 0.
    """

    features: Callable[[Atoms], Array]
    scale: Array

    @staticmethod
    def by(features: Callable[[Atoms], Array], known: Sequence[Atoms]) -> ScaledFeatures:
        """Scaled at the atoms of known structures, at least one; what is zero there has a millionth of the largest scale."""
        if not len(known):
            raise UsageError("features are scaled by at least one known structure, got none")
        scale = np.sqrt(np.mean(np.concatenate([features(atoms) for atoms in known]) ** 2, axis=0))
        return ScaledFeatures(features, np.maximum(scale, 1e-6 * scale.max()))

    def __call__(self, atoms: Atoms) -> Array:
        return self.features(atoms) / self.scale


@final
@dataclass(frozen=True)
class RelativeForceUncertainty:
    """`relative_force_uncertainty` of a calculator that knows `force_uncertainties`.

    Arguments:
        regulariser_eV_per_A: eps, above 0.
    """

    regulariser_eV_per_A: float = 0.2

    def __post_init__(self) -> None:
        _positive(self.regulariser_eV_per_A)

    def __call__(self, atoms: Atoms, calculator: Calculator) -> float:
        forces = _unbiased_forces(atoms, calculator)
        uncertainties = np.asarray(calculator.get_property("force_uncertainties", atoms))
        return relative_force_uncertainty(uncertainties, forces, self.regulariser_eV_per_A)


@final
@dataclass(frozen=True)
class BiasForceRatio:
    """`bias_force_ratio` of a calculator that knows `bias_forces`.

    Arguments:
        regulariser_eV_per_A: eps, above 0.
        is_softmax: whether it is `softmax_bias_force` instead, to compare with programs that have it.
    """

    regulariser_eV_per_A: float = 0.2
    is_softmax: bool = False

    def __post_init__(self) -> None:
        _positive(self.regulariser_eV_per_A)

    def __call__(self, atoms: Atoms, calculator: Calculator) -> float:
        forces = _unbiased_forces(atoms, calculator)
        bias = np.asarray(calculator.get_property("bias_forces", atoms))
        score = softmax_bias_force if self.is_softmax else bias_force_ratio
        return score(bias, forces, self.regulariser_eV_per_A)


@final
@dataclass(frozen=True)
class Novelty:
    """`descriptor_novelty` of the atoms, whatever the calculator.

    Arguments:
        features: (atoms) to (atoms, n).
        known_values: (known atoms, n).
    """

    features: Callable[[Atoms], Array]
    known_values: Array

    @staticmethod
    def beyond(features: Callable[[Atoms], Array], known: Sequence[Atoms]) -> Novelty:
        """The novelty beyond the atoms of known structures, at least one, in features scaled by their root mean square."""
        scaled = ScaledFeatures.by(features, known)
        return Novelty(scaled, np.concatenate([scaled(atoms) for atoms in known]))

    def __call__(self, atoms: Atoms, calculator: Calculator) -> float:  # noqa: ARG002 (a score sees both)
        return descriptor_novelty(self.features(atoms), self.known_values)


def _ratios(bias_forces: Array, forces: Array, regulariser: float) -> Array:
    return np.linalg.norm(bias_forces, axis=1) / (np.linalg.norm(forces, axis=1) + regulariser)


def _unbiased_forces(atoms: Atoms, calculator: Calculator) -> Array:
    known: Any = calculator.implemented_properties
    return np.asarray(calculator.get_property("mean_forces" if "mean_forces" in known else "forces", atoms))


def _positive(regulariser: float) -> None:
    if not (np.isfinite(regulariser) and regulariser > 0.0):
        raise UsageError(f"regulariser_eV_per_A of a score must be a number above 0, got {regulariser}")
